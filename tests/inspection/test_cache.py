"""The cache of results: bounded in number and bytes, and nothing is made twice."""

from __future__ import annotations

import numpy as np
import torch

from explorer.inspection import ResultCache


def test_it_is_bounded_in_number_and_bytes() -> None:
    cache = ResultCache(max_entries=4, max_bytes=4 * 1000)
    for number in range(10):
        cache.store(("many", number), torch.zeros(1))
    assert [cache.lookup(("many", number)) is not None for number in range(10)] == [False] * 6 + [True] * 4
    for number in range(3):
        cache.store(("large", number), {"values": (torch.zeros(300), np.zeros(10)), "text": "x" * 600})
    assert cache.lookup(("large", 0)) is None
    assert cache.lookup(("large", 2)) is not None
    made: list[int] = []
    assert cache.get_or_compute(("large", 2), lambda: made.append(1)) is not None
    assert made == []


def test_what_was_asked_for_lately_stays() -> None:
    cache = ResultCache(max_entries=2)
    cache.store("first", 1)
    cache.store("second", 2)
    assert cache.lookup("first") == 1
    cache.store("third", 3)
    assert (cache.lookup("first"), cache.lookup("second"), cache.lookup("third")) == (1, None, 3)
