"""What each browser tab did on the Design page, kept for its next load: a reload ends a session, but not the work.

A tab names itself by a random number that it keeps over reloads and nothing else (assets/commands.js). Designs are kept
as compressed text, since a history is hundreds of them; the tabs that were used longest ago are forgotten first.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from functools import lru_cache
from threading import Lock
from typing import NamedTuple
from weakref import WeakValueDictionary

import streamlit as st

from explorer.architecture import Architecture, from_json, to_json
from explorer.editor import History

MAX_BYTES = 64_000_000
"""Of all tabs together."""


class Kept(NamedTuple):
    """The design of a tab."""

    history: History
    baseline: Architecture
    addressed: bool
    """Whether the address bar holds it."""


class _Packed(NamedTuple):
    past: list[bytes]
    current: bytes
    future: list[bytes]
    baseline: bytes
    addressed: bool

    @property
    def size_bytes(self) -> int:
        return sum(map(len, (*self.past, self.current, *self.future, self.baseline)))


class _Store:
    """The tabs of all sessions, the one used last at the end."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.tabs: OrderedDict[str, _Packed] = OrderedDict()
        self.size_bytes = 0

    def put(self, tab: str, packed: _Packed) -> None:
        with self.lock:
            self._drop(tab)
            self.tabs[tab] = packed
            self.size_bytes += packed.size_bytes
            while self.size_bytes > MAX_BYTES:
                self._drop(next(iter(self.tabs)))

    def get(self, tab: str) -> _Packed | None:
        with self.lock:
            return self.tabs.get(tab)

    def _drop(self, tab: str) -> None:
        gone = self.tabs.pop(tab, None)
        self.size_bytes -= gone.size_bytes if gone else 0


@st.cache_resource(max_entries=1, show_spinner=False)
def _store() -> _Store:
    return _Store()


def keep(tab: str, kept: Kept) -> None:
    """Remember the design of a tab."""
    history = kept.history
    past, future = [_pack(each) for each in history.past], [_pack(each) for each in history.future]
    _store().put(tab, _Packed(past, _pack(history.current), future, _pack(kept.baseline), kept.addressed))


def find(tab: str) -> Kept | None:
    """The design that a tab had; None where it is not known or was forgotten."""
    packed = _store().get(tab)
    if packed is None:
        return None
    past, future = tuple(map(_unpack, packed.past)), tuple(map(_unpack, packed.future))
    return Kept(History(_unpack(packed.current), past, future), _unpack(packed.baseline), packed.addressed)


_unpacked: WeakValueDictionary[bytes, Architecture] = WeakValueDictionary()
"""Designs that somebody still has: right after a reload that is the session before it."""


@lru_cache(maxsize=512)  # each step of a history is packed once
def _pack(value: Architecture) -> bytes:
    text = zlib.compress(to_json(value).encode(), 1)
    _unpacked[text] = value
    return text


def _unpack(text: bytes) -> Architecture:
    return _unpacked.get(text) or from_json(zlib.decompress(text))
