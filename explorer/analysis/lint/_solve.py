"""One axis of a chain: which dilations leave no hole, found without trying them all."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement, count
from math import prod
from typing import Any, NamedTuple

from ._hdc import Coin, fills

_MOST_STEPS = 20_000
"""Steps of the search for the fewest changes; beyond it any solution does."""


_Farthest = tuple[int, tuple[tuple["Window", int], ...]]


class Window(NamedTuple):
    """A window of a chain on one axis, whose dilation may change."""

    times: int
    """Its taps less one."""
    jump: int
    """Distance between neighbouring positions of its input, in positions of what goes into the chain."""
    dilation: int
    """What it has."""
    allowed: tuple[int, ...]
    """What it may have, in ascending order."""

    def coin(self, dilation: int) -> Coin:
        """(distance between taps, taps less one) with a dilation."""
        return dilation * self.jump, self.times


class _TooManyStepsError(Exception):
    pass


def solve(windows: Sequence[Window], fixed: Sequence[Coin], need: int, *, exact: bool = False) -> list[int] | None:
    """Find dilations for a chain such that its field has no hole on this axis.

    Args:
        windows: What may change.
        fixed: The windows that may not.
        need: How far the field must reach beyond its first position.
        exact: It must reach exactly so far, not at least.

    Returns:
        A dilation for each window: as few as possible differ from what they have, and of those with as few the least
        field; among equal windows the smaller ones come first. None if there are none, which is certain.
    """
    best = _reach_most(windows, fixed)
    if best is None or best[0] < need:
        return None
    kinds = sorted(set(windows))
    held = Counter(windows)
    steps = count()
    found: list[tuple[int, dict[Window, list[int]]]] = []
    try:
        for many in range(len(windows) + 1):
            for chosen in combinations_with_replacement(kinds, many):
                taken = Counter(chosen)
                if any(number > held[kind] for kind, number in taken.items()):
                    continue
                kept = [kind.coin(kind.dilation) for kind, number in (held - taken).items() for _ in range(number)]
                coins = sorted([*fixed, *kept])
                for values in _assignments(list(chosen), coins, need, exact, steps):
                    total = sum(kind.jump * kind.times * value for kind, value in values)
                    found.append((total + sum(distance * times for distance, times in coins), _group(values)))
            if found:
                break
    except _TooManyStepsError:
        if not found and not exact:
            return _trim(windows, fixed, need, best[1])
    return _place(windows, min(found, key=_rank)[1]) if found else None


def _rank(found: tuple[int, dict[Window, list[int]]]) -> tuple[Any, ...]:
    """The least field first, then the smallest largest dilation."""
    reach, changed = found
    values = sorted(value for each in changed.values() for value in each)
    return reach, values[-1:], values, sorted(changed.items())


def _group(values: Sequence[tuple[Window, int]]) -> dict[Window, list[int]]:
    grouped: dict[Window, list[int]] = {}
    for window, value in values:
        grouped.setdefault(window, []).append(value)
    return grouped


def _place(windows: Sequence[Window], changed: dict[Window, list[int]]) -> list[int]:
    """The values in the order of the windows: of equal ones the first get the smallest."""
    held = Counter(windows)
    left = {
        kind: sorted(changed.get(kind, []) + [kind.dilation] * (number - len(changed.get(kind, []))))
        for kind, number in held.items()
    }
    return [left[window].pop(0) for window in windows]


def _absorb(reach: int, coins: Sequence[Coin], start: int) -> tuple[int, int]:
    """(reach, index of the first that does not join) after all coins that leave no hole, the smallest first."""
    while start < len(coins) and coins[start][0] <= reach + 1:
        reach += coins[start][0] * coins[start][1]
        start += 1
    return reach, start


def _assignments(
    open_windows: list[Window], coins: list[Coin], need: int, exact: bool, steps: Iterator[int]
) -> Iterator[list[tuple[Window, int]]]:
    """Every way to give windows a new dilation such that nothing is missing, those of the least field for each."""
    total = sum(distance * times for distance, times in coins)

    def go(reach: int, start: int, left: list[Window], sum_so_far: int, done: list[tuple[Window, int]]) -> Iterator[
        list[tuple[Window, int]]
    ]:
        if next(steps) > _MOST_STEPS:
            raise _TooManyStepsError
        reach, start = _absorb(reach, coins, start)
        if not left:
            if start == len(coins) and (sum_so_far == need if exact else sum_so_far >= need):
                yield done
            return
        for index, window in enumerate(left):
            if window in left[:index]:
                continue
            rest = left[:index] + left[index + 1 :]
            for value in window.allowed:
                distance = value * window.jump
                if distance > reach + 1:
                    break
                if value == window.dilation:
                    continue
                grown = distance * window.times
                found = False
                for each in go(reach + grown, start, rest, sum_so_far + grown, [*done, (window, value)]):
                    found = True
                    yield each
                if found and not rest:
                    break  # a larger last one only makes the field larger

    yield from go(0, 0, open_windows, total, [])


def count_states(windows: Sequence[Window]) -> int:
    """Count the ways to have set some of the windows already, equal ones not told apart: the work of ``solve``."""
    return prod(number + 1 for number in Counter(windows).values())


def _reach_most(windows: Sequence[Window], fixed: Sequence[Coin]) -> _Farthest | None:
    """(the farthest reach without a hole, dilations that give it); None if there is always one.

    At each step the largest distance that leaves no hole is at least as good as any other of the same window, and of
    two ways to set the same windows the one that reaches farther is at least as good.
    """
    kinds = sorted(set(windows))
    held = Counter(windows)
    coins = sorted(fixed)
    best: dict[tuple[int, ...], tuple[int, int, tuple[tuple[Window, int], ...]]] = {}
    best[(0,) * len(kinds)] = (*_absorb(0, coins, 0), ())
    for _ in windows:
        after: dict[tuple[int, ...], tuple[int, int, tuple[tuple[Window, int], ...]]] = {}
        for used, (reach, start, done) in best.items():
            for index, kind in enumerate(kinds):
                if used[index] == held[kind]:
                    continue
                fitting = bisect_right(kind.allowed, (reach + 1) // kind.jump)
                if not fitting:
                    continue
                value = kind.allowed[fitting - 1]
                grown = _absorb(reach + value * kind.jump * kind.times, coins, start)
                now = (*used[:index], used[index] + 1, *used[index + 1 :])
                if now not in after or grown[0] > after[now][0]:
                    after[now] = (*grown, (*done, (kind, value)))
        best = after
    found = next(iter(best.values()), None)
    return (found[0], found[2]) if found is not None and found[1] == len(coins) else None


def _trim(
    windows: Sequence[Window], fixed: Sequence[Coin], need: int, values: tuple[tuple[Window, int], ...]
) -> list[int]:
    """Lower dilations, the largest distances first, as long as nothing is missing and the field is large enough."""
    now = sorted(values, key=lambda each: -each[0].coin(each[1])[0])
    for index, (window, _) in enumerate(now):
        for lower in window.allowed:
            tried = [*now[:index], (window, lower), *now[index + 1 :]]
            coins = [*fixed, *(each.coin(value) for each, value in tried)]
            if sum(distance * times for distance, times in coins) >= need and fills(coins):
                now = tried
                break
    return _place(windows, _group(now))
