"""What a receptive field is, step by step."""

from __future__ import annotations


def show() -> None:
    """All lessons, one below the other."""
