"""Two ways timed in turns: the ratio that they have, with an interval that holds it."""

from __future__ import annotations

import time

from explorer.profiling import time_side_by_side


def spin(seconds: float) -> None:
    end = time.thread_time() + seconds  # of this thread alone: other programs on the machine do not shorten it
    while time.thread_time() < end:
        pass


def test_the_ratio_is_within_its_interval_and_right() -> None:
    found = time_side_by_side(lambda: spin(0.002), lambda: spin(0.001), seconds=0.2)
    low, high = found.interval
    assert low <= found.ratio <= high
    assert 0.3 < found.ratio < 0.8
    assert 10 <= found.runs <= 400
    assert f"{found.ratio:.2f} times as long" in found.describe()


def test_what_is_equal_is_not_told_apart() -> None:
    found = time_side_by_side(lambda: spin(0.001), lambda: spin(0.001), seconds=0.1)
    assert found.interval[0] <= found.interval[1]
    assert 0.6 < found.ratio < 1.6
