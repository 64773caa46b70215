"""Two ways to compute something, timed in turns, so that whatever else the machine does falls on both alike."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

_WARM_UP = 3
"""Runs of each that are not timed: the first ones lay out memory."""
_LEAST, _MOST = 10, 400
"""Runs of each."""


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """Times of two ways, taken in turns in one process."""

    before_seconds: float
    """Median of the first."""
    after_seconds: float
    """Median of the second."""
    ratio: float
    """Median, over the turns, of the second one's time as a share of the first one's: below 1 it is quicker."""
    interval: tuple[float, float]
    """95 % interval of that median, by the order of the turns: no distribution is assumed."""
    runs: int
    """Of each."""

    def describe(self) -> str:
        """Write it for people, without what was run where.

        Returns:
            Such as '3.1 ms instead of 4 ms, 0.78 times as long (95 % interval 0.77 to 0.79; 120 runs in turns)'.
        """
        low, high = self.interval
        return (
            f"{1e3 * self.after_seconds:.3g} ms instead of {1e3 * self.before_seconds:.3g} ms, {self.ratio:.2f} times "
            f"as long (95 % interval {low:.2f} to {high:.2f}; {self.runs:,} runs in turns)"
        )


def time_side_by_side(before: Callable[[], object], after: Callable[[], object], seconds: float = 2.0) -> SideBySide:
    """Time two ways in turns; which of them is first in a turn changes from turn to turn.

    Args:
        before: Does it one way; it has done it when it returns.
        after: Does it the other way.
        seconds: How long, at least 10 runs of each and at most 400.

    Returns:
        Medians, and the ratio with its interval.
    """
    ways = (before, after)
    for way in ways:
        for _ in range(_WARM_UP):
            way()
    spent: tuple[list[float], list[float]] = ([], [])
    begun = time.perf_counter()
    while len(spent[0]) < _LEAST or (time.perf_counter() - begun < seconds and len(spent[0]) < _MOST):
        for which in (0, 1) if len(spent[0]) % 2 else (1, 0):
            start = time.perf_counter()
            ways[which]()
            spent[which].append(time.perf_counter() - start)
    ratios = sorted(later / earlier for earlier, later in zip(*spent, strict=True))
    # The ranks between which the median lies: of n signs, binomial(n, ½), all but 2.5 % at either end.
    count = len(ratios)
    first = max(0, math.floor((count - 1.96 * math.sqrt(count)) / 2))
    return SideBySide(
        before_seconds=statistics.median(spent[0]), after_seconds=statistics.median(spent[1]),
        ratio=statistics.median(ratios), interval=(ratios[first], ratios[count - 1 - first]), runs=count,
    )  # fmt: skip
