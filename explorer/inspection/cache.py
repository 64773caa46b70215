"""Results of inspection that were computed lately, by a key that decides them; bounded in number and bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

_Value = TypeVar("_Value")
_OBJECT_BYTES = 200
"""What a value without arrays is taken to occupy."""


class ResultCache:
    """A cache that several threads may share. Imports no torch.

    A key holds the digests of the model and of the image and everything else that decides the value; so what is found
    is right whoever asked first.

    Args:
        max_entries: values that are kept at most.
        max_bytes: bytes of arrays, tensors and texts in them, in all; the newest value is kept however large it is.
    """

    def __init__(self, *, max_entries: int = 512, max_bytes: int = 256 * 2**20) -> None:
        self.max_entries, self.max_bytes = max_entries, max_bytes
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get_or_compute(self, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """Find the value of a key; make it if it is not there.

        Two who ask at once may both make it; that is harmless. What ``make`` raises is raised, and nothing is stored.
        """
        found = self.lookup(key)
        if found is None:
            found = make()
            self.store(key, found)
        return found  # type: ignore[no-any-return]

    def lookup(self, key: Hashable) -> Any:
        """Find the value of a key; None if it is not there."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def store(self, key: Hashable, value: Any) -> None:
        """Keep a value; the ones that were not asked for longest give way."""
        with self._lock:
            self._values[key] = value, _count_bytes(value)
            self._values.move_to_end(key)
            while len(self._values) > self.max_entries or (
                len(self._values) > 1 and sum(size for _, size in self._values.values()) > self.max_bytes
            ):
                self._values.popitem(last=False)


def _count_bytes(value: Any) -> int:
    """Of the tensors, arrays and texts in a value, nearly."""
    if hasattr(value, "nbytes"):
        return int(value.nbytes)
    if isinstance(value, str):
        return len(value) + _OBJECT_BYTES
    if isinstance(value, dict):
        return sum(map(_count_bytes, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_count_bytes, value))
    return sum(map(_count_bytes, vars(value).values())) if hasattr(value, "__dict__") else _OBJECT_BYTES
