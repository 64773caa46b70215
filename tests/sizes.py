"""What `make test` leaves to `make test-all`: most random examples, and relatives of a case that it runs."""

import os
from collections.abc import Iterable
from typing import Any

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


def first(count: int, cases: Iterable[Any]) -> list[Any]:
    """Cases of one kind, such as texts that a field refuses: `make test` runs the first ``count``.

    Where each opens a page or starts a program; what it is refused by has tests of its own.
    """
    parts = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [pytest.param(*part, marks=THOROUGH if place >= count else ()) for place, part in enumerate(parts)]


def examples(count: int) -> int:
    """The number to draw where ``count`` are drawn in all; the first ones of the same derandomized sequence."""
    return count if ALL else max(min(count, FEWEST), round(SHARE * count))
