"""One measurement at a time in this process: of two at once, each would be in the other's times."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_TICK = 0.2
_guard = threading.Lock()
_numbers = itertools.count()
_queue: list[tuple[int, str]] = []
"""(number, what is measured) of everybody who measures or waits; the first one measures."""


@contextmanager
def wait_for_turn(what: str, waiting: Callable[[str], None]) -> Iterator[None]:
    """Wait until no other measurement runs, and be the one that runs until the end of the block.

    Args:
        what: Names the measurement for those who wait behind it.
        waiting: Called several times a second with one sentence, why it has to wait; what it raises ends the waiting.

    Yields:
        None, once it is this measurement's turn.
    """
    entry = (next(_numbers), what)
    with _guard:
        _queue.append(entry)
    try:
        while ahead := _ahead(entry):
            waiting(_why(ahead))
            time.sleep(_TICK)
        yield
    finally:
        with _guard:
            _queue.remove(entry)


def _ahead(entry: tuple[int, str]) -> list[str]:
    with _guard:
        return [what for _, what in _queue[: _queue.index(entry)]]


def _why(ahead: list[str]) -> str:
    others = len(ahead) - 1
    line = f", and {others} more {'wait' if others > 1 else 'waits'} before you" if others else ""
    return (
        f"Waiting: another visitor is measuring {ahead[0]}{line}. Two measurements at once would falsify each other; "
        f"yours begins by itself"
    )
