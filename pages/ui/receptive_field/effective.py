"""The effective receptive field: how strongly a unit depends on each pixel."""

from __future__ import annotations


def show() -> None:
    """The chosen unit of the chosen node."""
