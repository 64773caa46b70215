"""What `make test` leaves to `make test-all`: most random examples, and relatives of a case that it runs."""

import os

import pytest

ALL = os.environ.get("EXPLORER_TESTS") == "all"
SHARE = 0.1
FEWEST = 5
THOROUGH = pytest.mark.thorough
"""Marks a case of which `make test` runs a relative of the same test: ``pytest.param(..., marks=THOROUGH)``."""


def thorough(relative: str) -> pytest.MarkDecorator:
    """Leave a whole test to `make test-all`.

    Args:
        relative: The test of `make test` that meets the same code by a cheaper way, as ``tests/file.py::function``;
            tests/test_sizes.py holds that it is there.
    """
    return pytest.mark.thorough(relative=relative)


def examples(count: int) -> int:
    """The number to draw where ``count`` are drawn in all; the first ones of the same derandomized sequence."""
    return count if ALL else max(min(count, FEWEST), round(SHARE * count))
