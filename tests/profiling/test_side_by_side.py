"""Two ways timed in turns: the ratio that they have, with an interval that holds it.

On a clock of the test's own, which the ways alone advance: on that of a busy machine the ratio is anything.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from explorer.profiling import side_by_side, time_side_by_side


class Clock:
    """Seconds that pass only where somebody spends them."""

    def __init__(self) -> None:
        self.now = 0.0
        self._chance = random.Random(0)

    def spend(self, seconds: float) -> Callable[[], None]:
        """A way that takes so long, give or take a half, and sometimes ten times as long."""

        def way() -> None:
            self.now += seconds * self._chance.uniform(0.5, 1.5) * (10 if self._chance.random() < 0.1 else 1)

        return way


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(side_by_side, "time", SimpleNamespace(perf_counter=lambda: made.now))
    return made


def test_the_ratio_is_within_its_interval_and_right(clock: Clock) -> None:
    found = time_side_by_side(clock.spend(0.002), clock.spend(0.001), seconds=1.0)
    low, high = found.interval
    assert low <= found.ratio <= high
    assert low < 0.5 < high
    assert 0.4 < found.ratio < 0.6
    assert 100 <= found.runs <= 400
    assert f"{found.ratio:.2f} times as long" in found.describe()


def test_what_is_equal_is_not_told_apart(clock: Clock) -> None:
    found = time_side_by_side(clock.spend(0.001), clock.spend(0.001), seconds=1.0)
    assert found.interval[0] < 1.0 < found.interval[1]
    assert 0.9 < found.ratio < 1.1


def test_at_least_ten_turns_however_long_they_take(clock: Clock) -> None:
    assert time_side_by_side(clock.spend(60.0), clock.spend(60.0), seconds=1.0).runs == 10


def test_no_more_than_four_hundred_however_short(clock: Clock) -> None:
    assert time_side_by_side(clock.spend(1e-9), clock.spend(1e-9), seconds=1.0).runs == 400
