"""Numbers as people read them: three significant digits, a unit, never a lone digit string of nine places."""

from __future__ import annotations

import math


def si(value: float) -> str:
    """1_498_376_192 → '1.50 G'; below ten thousand the exact whole number.

    >>> si(7_058_024), si(384), si(25_690_112)
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


def size(count: int) -> str:
    """Bytes with decimal units: 48_319_168 → '48.3 MB'."""
    if count < 10_000:
        return f"{count:,} B".replace(",", " ")
    text = si(count)
    return f"{text[:-1]}{text[-1].replace('k', 'k')}B"


def exact(value: int) -> str:
    """Every digit, in groups of three."""
    return f"{value:,}"


def percent(part: float, whole: float) -> str:
    """Share in percent, without false precision: '61 %', '0.4 %'; '–' of nothing."""
    if not whole:
        return "–"
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 10 or share == 0 else f"{share:.1f} %" if share >= 0.1 else "< 0.1 %"


def change(now: float, before: float) -> str:
    """Relative change with its sign: '+3.0 %', '−12 %', '+0.004 %', 'unchanged'."""
    if now == before:
        return "unchanged"
    if not before:
        return "new"
    ratio = 100 * (now - before) / before
    digits = 0 if abs(ratio) >= 9.95 else max(1, -math.floor(math.log10(abs(ratio))))  # a digit that is not 0
    return f"{'+' if ratio > 0 else '−'}{abs(ratio):,.{digits}f} %"


def times(shape: tuple[int, ...]) -> str:
    """(64, 56, 56) → '64 × 56 × 56'."""
    return " × ".join(map(str, shape))


def extent(pair: tuple[int, int]) -> str:
    """(7, 7) → '7', (1, 7) → '1×7'."""
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}×{pair[1]}"
