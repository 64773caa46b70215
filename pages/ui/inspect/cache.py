"""What models have answered lately, for all sessions: keyed by digests, bounded in number and bytes.

The key holds the digests of the model and of the picture and everything else that decides the value; so what is found
is right whoever asked first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

MAX_ENTRIES, MAX_BYTES = 512, 256 * 2**20
_Value = TypeVar("_Value")
_values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
_lock = threading.Lock()


def get_or_compute(key: Hashable, make: Callable[[], _Value]) -> _Value:
    """The value of a key, made if it is not there. Two who ask at once may both make it; that is harmless."""
    found = lookup(key)
    if found is None:
        found = make()
        store(key, found)
    return found  # type: ignore[no-any-return]


def lookup(key: Hashable) -> Any:
    """The value of a key; None if it is not there."""
    with _lock:
        if key not in _values:
            return None
        _values.move_to_end(key)
        return _values[key][0]


def store(key: Hashable, value: Any) -> None:
    """Keep a value; the ones that were not asked for longest give way."""
    with _lock:
        _values[key] = value, _bytes(value)
        _values.move_to_end(key)
        while len(_values) > MAX_ENTRIES or (
            len(_values) > 1 and sum(size for _, size in _values.values()) > MAX_BYTES
        ):
            _values.popitem(last=False)


def _bytes(value: Any) -> int:
    """Of the tensors and arrays in a value, nearly."""
    if hasattr(value, "nbytes"):
        return int(value.nbytes)
    if isinstance(value, dict):
        return sum(_bytes(each) for each in value.values())
    if isinstance(value, list | tuple):
        return sum(_bytes(each) for each in value)
    return sum(_bytes(each) for each in vars(value).values()) if hasattr(value, "__dict__") else 200
