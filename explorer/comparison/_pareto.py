"""The Pareto front: the points that no other point beats in one metric without losing in another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from ..analysis import Direction


def pareto_front(rows: Sequence[Sequence[float]], directions: Sequence[Direction]) -> list[int]:
    """Find the rows that are not dominated: no other is at least as good in every metric and better in one.

    Sorted by the first metric, a row can only be dominated by those before it; with two metrics one pass over the
    sorted rows is enough, with more each row is compared with the front so far.

    Args:
        rows: One row of numbers for each point.
        directions: For each metric whether the least or the most is best.

    Returns:
        Indices of the rows in rising order; equal rows stay or go together.

    Raises:
        ValueError: A row has another number of metrics.
    """
    if any(len(row) != len(directions) for row in rows):
        raise ValueError(f"every row needs {len(directions)} numbers, one for each metric")
    signs = [1 if direction == "least" else -1 for direction in directions]
    points = sorted(([sign * value for sign, value in zip(signs, row, strict=True)], index)
                    for index, row in enumerate(rows))  # fmt: skip
    kept: list[int] = []
    best: list[list[float]] = []
    for point, group in groupby(points, key=lambda each: each[0]):
        rivals = best[-1:] if len(directions) == 2 else best
        # Earlier points are better or equal in the first metric and not equal in all, so no worse anywhere is enough.
        if any(all(a <= b for a, b in zip(rival, point, strict=True)) for rival in rivals):
            continue
        best.append(point)
        kept += [index for _, index in group]
    return sorted(kept)
