"""Numbers and names as text, the same everywhere: the ground floor on which every package may stand.

Numbers have one style, which the section "numbers" of assets/common.js has for the browser too:

- a point before the decimals, and from 1,000 on a comma between thousands: 1,234,567;
- a true minus, −3; a difference has its sign, +3 or −3, and nothing before 0;
- a space before a unit and before %: 61 %, 7 px, 48.3 MB; units are decimal, with k, M, G and T;
- × between the sides of a shape: 64 × 56 × 56 alone, 3×3 within a sentence;
- accuracies with two digits behind the point, probabilities with one;
- – where there is no number.

Years, seeds and other names that consist of digits stay as they are, and so does what stands in a field to be typed
over, in a link, in JSON and in CSV: that is for machines.

Names that people typed are quoted, shortened, or escaped for what reads them (Markdown, HTML, a spreadsheet).
"""

from ._names import escape_csv, escape_html, escape_markdown, quote, quote_path, shorten, suggest
from ._numbers import (
    compact_shape,
    format_bytes,
    format_change,
    format_count,
    format_coverage,
    format_decimal,
    format_duration,
    format_extent,
    format_number,
    format_ordinal,
    format_percent,
    format_setting,
    format_shape,
    format_share,
    format_si,
    format_signed,
    parse_count,
    parse_decimal,
)

__all__ = [
    "compact_shape",
    "escape_csv",
    "escape_html",
    "escape_markdown",
    "format_bytes",
    "format_change",
    "format_count",
    "format_coverage",
    "format_decimal",
    "format_duration",
    "format_extent",
    "format_number",
    "format_ordinal",
    "format_percent",
    "format_setting",
    "format_shape",
    "format_share",
    "format_si",
    "format_signed",
    "parse_count",
    "parse_decimal",
    "quote",
    "quote_path",
    "shorten",
    "suggest",
]
