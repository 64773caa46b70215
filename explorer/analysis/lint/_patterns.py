"""Holes and periods of patterns that are unions of products (rows, columns), each a bit set."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Product = tuple[int, int]

LONGEST_PERIOD = 1024
"""Positions after which a pattern is no longer looked at for repeating itself: as many as an image may have."""


def has_holes(products: Sequence[Product]) -> bool:
    """Whether a position inside the outline of the pattern is not in it."""
    return count_holes(products) > 0


def count_holes(products: Sequence[Product]) -> int:
    """Count the positions inside the outline that are not in the pattern.

    The outline is the smallest set around it whose rows and columns have no gaps: missing corners are outside.
    """
    if len(products) == 1:
        ((high, wide),) = products
        return _span(high).bit_count() * _span(wide).bit_count() - high.bit_count() * wide.bit_count()
    heights, rows = _bands(products)
    filled = rows
    while True:
        spans = [_span(row) for row in filled]
        grown = [row | (above & below) for row, above, below in zip(spans, _joined(spans), _joined(spans[::-1])[::-1],
                                                                    strict=True)]  # fmt: skip
        if grown == filled:
            break
        filled = grown
    return sum(
        height * (full.bit_count() - row.bit_count()) for height, full, row in zip(heights, filled, rows, strict=True)
    )


def _bands(products: Sequence[Product]) -> tuple[list[int], list[int]]:
    """(heights, columns as bit sets) of the bands of neighbouring rows that hold the same columns."""
    heights: list[int] = []
    rows: list[int] = []
    last = max(rows_of.bit_length() for rows_of, _ in products)
    cuts = {0, last}
    for bits, _ in products:
        edges = bits ^ (bits << 1)  # a set bit wherever a stretch of rows begins or ends
        while edges:
            cuts.add((edges & -edges).bit_length() - 1)
            edges &= edges - 1
    marks = sorted(cuts)
    for start, end in pairwise(marks):
        heights.append(end - start)
        rows.append(0)
        for bits, columns in products:
            if bits >> start & 1:
                rows[-1] |= columns
    return heights, rows


def _span(bits: int) -> int:
    """All bits from the lowest to the highest."""
    return (1 << bits.bit_length()) - (bits & -bits) if bits else 0


def _joined(rows: list[int]) -> list[int]:
    """For each row the union of all rows up to it."""
    seen, joined = 0, []
    for row in rows:
        seen |= row
        joined.append(seen)
    return joined


def find_period(sets: Sequence[int], size: int) -> int | None:
    """Find the shift after which bit sets of a size repeat themselves.

    None where none up to half of the size, and up to ``LONGEST_PERIOD``, does.
    """
    for shift in range(1, min(size // 2, LONGEST_PERIOD) + 1):
        if all(bits >> shift == bits & ((1 << (size - shift)) - 1) for bits in sets):
            return shift
    return None
