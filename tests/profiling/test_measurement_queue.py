"""One measurement at a time in a process, in the order of asking."""

from __future__ import annotations

import threading
import time

import pytest

from explorer.profiling import wait_for_turn


def test_one_measurement_at_a_time() -> None:
    told: list[str] = []
    inside, leave, order = threading.Event(), threading.Event(), []

    def first() -> None:
        with wait_for_turn("A on cpu", told.append):
            inside.set()
            leave.wait(10)
            order.append("first")

    def second() -> None:
        with wait_for_turn("B on cpu", told.append):
            order.append("second")

    def gives_up(_: str) -> None:
        raise InterruptedError

    threads = [threading.Thread(target=first)]
    threads[0].start()
    assert inside.wait(10)
    with pytest.raises(InterruptedError), wait_for_turn("C on cpu", gives_up):
        raise AssertionError
    threads.append(threading.Thread(target=second))
    threads[1].start()
    deadline = time.monotonic() + 10
    while not told and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "another visitor is measuring A on cpu" in told[0]
    assert "falsify" in told[0]
    assert order == []
    leave.set()
    for thread in threads:
        thread.join(10)
    assert order == ["first", "second"]
