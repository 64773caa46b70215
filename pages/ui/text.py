"""Text that people typed, made safe to show where Streamlit reads Markdown."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|$~:&])")


def literal(text: str) -> str:
    """``text`` so that Markdown shows exactly its characters: no emphasis, links, math, emoji codes or HTML."""
    return _SPECIAL.sub(r"\\\1", text).replace("\n", " ")
