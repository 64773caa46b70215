"""To come."""

from __future__ import annotations

from .state import Entry


def show(entries: tuple[Entry, ...]) -> None:
    """Nothing yet."""
