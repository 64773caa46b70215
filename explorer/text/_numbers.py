"""Numbers as text, and text that people typed as numbers; the style is stated in the package."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from ._names import quote

_DECIMAL = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)


def format_si(value: float) -> str:
    """Write a number with a decimal unit, to three significant digits; below ten thousand as the exact whole number.

    >>> format_si(7_058_024), format_si(384), format_si(25_690_112)
    ('7.06 M', '384', '25.7 M')

    Args:
        value: Any finite number; parts of a whole are rounded below ten thousand.

    Returns:
        Digits, a space, and k, M, G or T: 1_498_376_192 → '1.50 G'.
    """
    if abs(value) < 10_000:
        return format_decimal(value, 0)
    scaled = float(value)
    for unit in ("k", "M", "G", "T"):
        scaled /= 1000
        if abs(scaled) < 999.5 or unit == "T":
            break
    digits = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
    return f"{format_decimal(scaled, digits)} {unit}"


def format_bytes(count: float) -> str:
    """Write a number of bytes with a decimal unit (1 MB is 1,000,000 bytes).

    >>> format_bytes(1_234_567), format_bytes(512)
    ('1.23 MB', '512 B')

    Args:
        count: Bytes.

    Returns:
        As ``format_si``, with B: 48_319_168 → '48.3 MB'.
    """
    return f"{format_si(count)}{'B' if abs(count) >= 10_000 else ' B'}"


def format_count(value: int) -> str:
    """Write a whole number with every digit, in groups of three.

    Args:
        value: The number.

    Returns:
        1_234_567 → '1,234,567'.
    """
    return f"{value:,}".replace("-", "−")


def format_decimal(value: float, digits: int, *, signed: bool = False) -> str:
    """Write a number with a fixed number of digits behind the point.

    >>> format_decimal(-1234.56, 1), format_decimal(0.25, 2, signed=True)
    ('−1,234.6', '+0.25')

    Args:
        value: Any number.
        digits: Behind the point.
        signed: Whether a positive number gets a plus, as differences have it.

    Returns:
        The text; what is rounded to 0 has no sign.
    """
    text = f"{value:z,.{digits}f}".replace("-", "−")
    return f"+{text}" if signed and float(f"{value:.{digits}f}") > 0 else text


def format_signed(value: int) -> str:
    """Write a whole difference with its sign and every digit.

    Args:
        value: The difference.

    Returns:
        '+1,234', '−1,234' or '0'.
    """
    return format_decimal(value, 0, signed=True) if abs(value) < 2**53 else f"{value:+,}".replace("-", "−")


def format_number(value: float) -> str:
    """Write a measured number with four significant digits.

    >>> format_number(-0.45678), format_number(1234567.0), format_number(0.00001)
    ('−0.4568', '1.23e6', '1.00e−5')

    Args:
        value: Any number.

    Returns:
        Digits, with a power of ten below a thousandth and from a hundred thousand on; 'not finite' for what is none.
    """
    if not math.isfinite(value):
        return "not finite"
    if value and not 1e-3 <= abs(value) < 1e5:
        mantissa, _, power = f"{value:.2e}".partition("e")
        return f"{mantissa}e{int(power)}".replace("-", "−")
    rounded = float(f"{value:.4g}")
    return (f"{rounded:,.0f}" if abs(rounded) >= 1000 else f"{rounded:z.4g}").replace("-", "−")


def format_share(share: float, digits: int = 2) -> str:
    """Write a share in percent with a fixed number of digits, as accuracies have it.

    Args:
        share: From 0 to 1.
        digits: Behind the point.

    Returns:
        '88.15 %'.
    """
    return f"{format_decimal(100 * share, digits)} %"


def format_percent(part: float, whole: float) -> str:
    """Write a share in percent, without more digits than it is worth.

    Args:
        part: The share, in the unit of ``whole``.
        whole: What is 100 %.

    Returns:
        '61 %', '0.4 %' or '< 0.1 %'; '–' where ``whole`` is 0.
    """
    if not whole:
        return "–"
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 10 or share == 0 else f"{share:.1f} %" if share >= 0.1 else "< 0.1 %"


def format_coverage(touched: int, area: int) -> str:
    """Write the share of a box that is touched; what is nearly all of it is not all of it.

    >>> format_coverage(49, 169), format_coverage(9998, 9999), format_coverage(81, 81)
    ('29.0 %', '99.9 %', '100 %')

    Args:
        touched: Pixels that are touched.
        area: Pixels of the box.

    Returns:
        One digit behind the point, at most 99.9 %; '100 %' only where every pixel is touched, '–' for a box of nothing.
    """
    if not area:
        return "–"
    return "100 %" if touched == area else f"{min(99.9, 100 * touched / area):.1f} %"


def format_change(now: float, before: float) -> str:
    """Write a relative change in percent with its sign.

    Args:
        now: The number after the change.
        before: The number before it, in the same unit.

    Returns:
        '+3.0 %', '−12 %', '+0.004 %'; 'unchanged' for equal numbers, 'new' where ``before`` is 0.
    """
    if now == before:
        return "unchanged"
    if not before:
        return "new"
    ratio = 100 * (now - before) / before
    digits = 0 if abs(ratio) >= 9.95 else max(1, -math.floor(math.log10(abs(ratio))))  # a digit that is not 0
    return f"{format_decimal(ratio, digits, signed=True)} %"


def format_duration(seconds: float) -> str:
    """Write a duration as m:ss or h:mm:ss.

    Args:
        seconds: The duration, rounded to whole seconds.

    Returns:
        75.4 → '1:15', 3675 → '1:01:15'.
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_ordinal(place: int) -> str:
    """Write a place in an order.

    Args:
        place: From 1 on.

    Returns:
        Such as 1st, 12th or 1,003rd.
    """
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place:,}{ending}"


def format_shape(shape: Iterable[int], separator: str = " × ") -> str:
    """Write the numbers of a shape.

    Args:
        shape: Its numbers, in order.
        separator: What stands between two of them.

    Returns:
        (64, 56, 56) → '64 × 56 × 56', (1024, 1, 1) → '1,024 × 1 × 1'.
    """
    return separator.join(map(format_count, shape))


def compact_shape(shape: Iterable[int]) -> str:
    """Write the numbers of a shape without spaces, for the inside of a sentence.

    Args:
        shape: Its numbers, in order.

    Returns:
        (64, 56, 56) → '64×56×56'.
    """
    return format_shape(shape, "×")


def format_extent(pair: tuple[int, int]) -> str:
    """Write (height, width) as one number where both are equal.

    Args:
        pair: (height, width).

    Returns:
        (7, 7) → '7', (1, 7) → '1×7', (1311, 1311) → '1,311'.
    """
    return compact_shape(dict.fromkeys(pair))


def format_setting(value: object) -> str:
    """Write a setting of a node.

    Args:
        value: What a field of the node holds.

    Returns:
        A tuple as a shape without spaces, ((0, 1), (2, 2)) as 0+1×2, a whole number in groups of three, 1e−5 for what
        is very small, yes or no, anything else as ``str`` writes it.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return format_count(value)
    if isinstance(value, float):
        return re.sub(r"e-0*", "e−", f"{value:g}").replace("-", "−")
    if isinstance(value, tuple) and all(isinstance(each, tuple) for each in value):
        sides = [str(before) if before == behind else f"{before}+{behind}" for before, behind in value]
        return sides[0] if sides[0] == sides[1] else "×".join(sides)
    return compact_shape(value) if isinstance(value, tuple) else str(value)


_WHOLE = re.compile(r"[-\u2212]?(?:[0-9]+|[1-9][0-9]{0,2}(?:[,'\u2009\u202f\u00a0 ][0-9]{3})+)")


def parse_count(text: str) -> int:
    """Read a whole number as people type it and as it is printed, in groups of three or without.

    >>> parse_count("1,000"), parse_count("−3")
    (1000, -3)

    Args:
        text: What was typed.

    Returns:
        The number.

    Raises:
        ValueError: It is none; the message has no subject and follows the name of what was typed.
    """
    if len(text) > 40 or not _WHOLE.fullmatch(text.strip()):
        raise ValueError(f"{quote(text, 40)} must be a whole number, such as 1000 or 1,000")
    digits = re.sub(r"[^0-9]", "", text)
    return -int(digits) if text.strip()[0] in "-\u2212" else int(digits)


def parse_decimal(text: str) -> float:
    """Read a number as people type it, with a point or a comma before its decimals.

    Args:
        text: Such as ``0.01``, ``0,01`` or ``1e-3``; a true minus sign counts as one.

    Returns:
        The number.

    Raises:
        ValueError: It is none, or may be read in two ways, as ``1,000``.

    >>> parse_decimal("0,01"), parse_decimal(" 1e-3 ")
    (0.01, 0.001)
    """
    typed = text.strip().replace("\u2212", "-")
    if _THOUSANDS.fullmatch(typed):
        whole, _, rest = typed.partition(",")
        raise ValueError(f"{quote(text)} may be {whole}{rest} or {whole}.{rest}; type it as one of these")
    if not _DECIMAL.fullmatch(typed):
        raise ValueError(f"{quote(text)} is not a number such as 0.001 or 1e-3")
    return float(typed.replace(",", "."))
