"""How many random examples a test draws: a good share in `make test`, all of them in `make test-all`."""

import os

ALL = os.environ.get("EXPLORER_TESTS") == "all"
SHARE = 0.3


def examples(count: int) -> int:
    """The number to draw where ``count`` are drawn in all; the first ones of the same derandomized sequence."""
    return count if ALL else max(1, round(SHARE * count))
