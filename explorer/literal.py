"""Text that people typed, written so that what reads it shows exactly its characters."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#.|$~:@&!])")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def literal(text: str) -> str:
    """Text within a line, of which Markdown shows exactly the characters."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def no_formula(text: str) -> str:
    """Text that a spreadsheet takes for text: an apostrophe stands before what could begin a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
