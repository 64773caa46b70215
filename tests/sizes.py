"""What `make test` leaves to `make test-all`: most random examples, and relatives of a case that it runs."""

import os

import pytest

ALL = os.environ.get("EXPLORER_TESTS") == "all"
SHARE = 0.1
FEWEST = 5
THOROUGH = pytest.mark.thorough
"""Marks a case of which `make test` runs a relative: ``pytest.param(..., marks=THOROUGH)``."""


def examples(count: int) -> int:
    """The number to draw where ``count`` are drawn in all; the first ones of the same derandomized sequence."""
    return count if ALL else max(min(count, FEWEST), round(SHARE * count))
