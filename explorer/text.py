"""Numbers and names as text, the same everywhere: the ground floor on which every package may stand.

Numbers are rounded to three significant digits with a decimal unit; names that people typed are quoted, shortened, or
escaped for what reads them (Markdown, HTML, a spreadsheet).
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#.|$~:@&!])")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


# ---- numbers --------------------------------------------------------------------------------------------------------


def format_si(value: float) -> str:
    """A number with a decimal unit: 1_498_376_192 → '1.50 G'; below ten thousand the exact whole number.

    >>> format_si(7_058_024), format_si(384), format_si(25_690_112)
    ('7.06 M', '384', '25.7 M')
    """
    if abs(value) < 10_000:
        return f"{value:,.0f}".replace(",", " ")
    scaled = float(value)
    for unit in ("k", "M", "G", "T"):
        scaled /= 1000
        if abs(scaled) < 999.5 or unit == "T":
            break
    digits = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
    return f"{scaled:.{digits}f} {unit}"


def format_bytes(count: float) -> str:
    """Bytes with a decimal unit (1 MB is 1,000,000 bytes): 48_319_168 → '48.3 MB'.

    >>> format_bytes(1_234_567), format_bytes(512)
    ('1.23 MB', '512 B')
    """
    return f"{format_si(count)}{'B' if abs(count) >= 10_000 else ' B'}"


def format_count(value: int) -> str:
    """Every digit, in groups of three: 1_234_567 → '1,234,567'."""
    return f"{value:,}"


def format_percent(part: float, whole: float) -> str:
    """Share in percent, without false precision: '61 %', '0.4 %'; '–' of nothing."""
    if not whole:
        return "–"
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 10 or share == 0 else f"{share:.1f} %" if share >= 0.1 else "< 0.1 %"


def format_change(now: float, before: float) -> str:
    """Relative change with its sign: '+3.0 %', '−12 %', '+0.004 %', 'unchanged'."""
    if now == before:
        return "unchanged"
    if not before:
        return "new"
    ratio = 100 * (now - before) / before
    digits = 0 if abs(ratio) >= 9.95 else max(1, -math.floor(math.log10(abs(ratio))))  # a digit that is not 0
    return f"{'+' if ratio > 0 else '−'}{abs(ratio):,.{digits}f} %"


def format_duration(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss: 75.4 → '1:15'."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_shape(shape: Iterable[int], separator: str = " × ") -> str:
    """The numbers of a shape: (64, 56, 56) → '64 × 56 × 56'."""
    return separator.join(map(str, shape))


def compact_shape(shape: Iterable[int]) -> str:
    """The numbers of a shape within a sentence: (64, 56, 56) → '64×56×56'."""
    return format_shape(shape, "×")


def format_extent(pair: tuple[int, int]) -> str:
    """(height, width) as one number where both are equal: (7, 7) → '7', (1, 7) → '1×7'."""
    return compact_shape(dict.fromkeys(pair))


def format_setting(value: object) -> str:
    """A setting of a node: a tuple as a shape, anything else as Python writes it."""
    return compact_shape(value) if isinstance(value, tuple) else str(value)


# ---- names ----------------------------------------------------------------------------------------------------------


def shorten(text: str, limit: int = 60) -> str:
    """At most ``limit`` characters; an ellipsis stands for what is left out."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def quote(value: object, limit: int = 60) -> str:
    """A value as Python writes it, for a message: text in quotes, control characters as escapes, shortened.

    >>> quote("a" * 100, limit=8)
    "'aaaaaa…"
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an int of thousands of digits, or nesting beyond measure
        text = f"a {type(value).__name__} too large to show"
    return shorten(text, limit)


def quote_path(path: object) -> str:
    """A path for a message, in quotes; longer than other names may be."""
    return quote(str(path), 300)


def escape_markdown(text: str) -> str:
    """Text within a line, of which Markdown shows exactly the characters."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def escape_html(text: str, *, quotes: bool = True) -> str:
    """Text of which HTML shows exactly the characters, between tags and, with ``quotes``, in attributes."""
    return html.escape(text, quote=quotes)


def escape_csv(text: str) -> str:
    """Text that a spreadsheet takes for text: an apostrophe stands before what could begin a formula.

    Source: OWASP, "CSV Injection".
    """
    return f"'{text}" if text.startswith(_FORMULA) else text
