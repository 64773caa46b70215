"""Names that people typed: quoted, shortened, suggested, or escaped for what reads them."""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Iterable, Mapping

_MARKUP = re.compile(
    r"[\\`*{}\[\]<>#|$~]"  # always
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis, but not within a word such as inception_3a
    r"|:(?=\S)|@(?=\w)|(?<=[A-Za-z])\.(?=[A-Za-z])"  # what would be made an address, a mention or an icon
    r"|&(?=[\w#])"  # an entity
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def shorten(text: str, limit: int = 60) -> str:
    """Cut a text to a length; an ellipsis stands for what is left out.

    Args:
        text: Any text.
        limit: Characters at most, the ellipsis included.

    Returns:
        The text, of at most ``limit`` characters.
    """
    return text if len(text) <= limit else text[: limit - 1] + "…"


def quote(value: object, limit: int = 60) -> str:
    """Write a value for a message as Python writes it: text in quotes, control characters as escapes, shortened.

    >>> quote("a" * 100, limit=8)
    "'aaaaaa…"

    Args:
        value: Anything, however large.
        limit: Characters at most.

    Returns:
        Its ``repr``, shortened; 'a list too large to show' and the like where Python cannot write it.
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an int of thousands of digits, or nesting beyond measure
        text = f"a {type(value).__name__} too large to show"
    return shorten(text, limit)


def suggest(given: str, known: Iterable[str] | Mapping[str, str], otherwise: str = "") -> str:
    """Write what somebody may have meant by a name that is none.

    >>> suggest("quik", ["course", "quick"]), suggest("x", ["course", "quick"])
    ('did you mean quick?', 'known: course, quick')

    Args:
        given: What was typed; upper and lower case are the same.
        known: The names that there are; or names by which something is found, and what is to be typed for each.
        otherwise: What to say where nothing is near; default: all known names.

    Returns:
        The end of a sentence that says that there is no such name.
    """
    typed, meant = given.lower()[:200], dict(known) if isinstance(known, Mapping) else {each: each for each in known}
    by_lower = {name.lower(): write for name, write in meant.items()}
    close = [name for name in by_lower if len(typed) > 2 and typed in name][:3]
    close = close or difflib.get_close_matches(typed, by_lower, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(dict.fromkeys(by_lower[name] for name in close))}?"
    return otherwise or f"known: {', '.join(dict.fromkeys(meant.values()))}"


def quote_path(path: object) -> str:
    """Write a path for a message, in quotes; it may be longer than other names.

    Args:
        path: A path or its text.

    Returns:
        The path in quotes, of at most 300 characters.
    """
    return quote(str(path), 300)


def escape_markdown(text: str) -> str:
    """Escape a text for Markdown, which then shows exactly its characters within a line.

    Args:
        text: Any text.

    Returns:
        The text in one line; spaces and line breaks between words become one space.
    """
    return _MARKUP.sub(r"\\\g<0>", " ".join(text.split()))


def escape_html(text: str, *, quotes: bool = True) -> str:
    """Escape a text for HTML, which then shows exactly its characters.

    Args:
        text: Any text.
        quotes: Whether quotation marks are escaped too, which attributes need.

    Returns:
        The text for between tags and, with ``quotes``, in attributes.
    """
    return html.escape(text, quote=quotes)


def escape_csv(text: str) -> str:
    """Mark a text that a spreadsheet would read as a formula: an apostrophe is put before it.

    Args:
        text: The content of a cell, not yet quoted for CSV.

    Returns:
        The text, with an apostrophe before it where it begins like a formula.

    Source: OWASP, "CSV Injection".
    """
    return f"'{text}" if text.startswith(_FORMULA) else text
