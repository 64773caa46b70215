"""What a window does to the bit set of one axis of the real image, from its outputs to its inputs and forth."""

from __future__ import annotations

from functools import lru_cache

from ...architecture import Geometry
from ._regions import Spread, bits_of, smear, smear_down, spread, thin
from ._supports import Size


@lru_cache(maxsize=1024)  # a network has a handful of windows on a handful of sizes
def pull_windows(window: Geometry, read: Size) -> tuple[Spread, Spread]:
    """``pull_window`` of rows and of columns; where both are alike it is one function, which can be asked once."""
    rows = pull_window(window, 0, read[0])
    alike = read[0] == read[1] and all(height == width for height, width in window)
    return rows, rows if alike else pull_window(window, 1, read[1])


def pull_window(window: Geometry, axis: int, read: int) -> Spread:
    """From outputs of a window to those of its ``read`` inputs that they see; None where nothing changes."""
    kernel, stride, dilation, before, behind = (side[axis] for side in window)
    if (kernel, stride, before, behind) == (1, 1, 0, 0):
        return None
    every = (1 << read) - 1
    return lambda bits: (smear(spread(bits, stride), kernel, dilation) >> before) & every


def push_window(window: Geometry, axis: int, made: int) -> Spread:
    """From inputs of a window to those of its ``made`` outputs that see them; None where nothing changes."""
    kernel, stride, dilation, before, behind = (side[axis] for side in window)
    if (kernel, stride, before, behind) == (1, 1, 0, 0):
        return None
    every = (1 << made) - 1
    return lambda bits: thin(smear_down(bits << before, kernel, dilation), stride) & every


def pool_span(unit: int, read: int, made: int, middle: bool = False) -> tuple[int, int]:
    """(first, behind the last) of ``read`` inputs that one of ``made`` outputs of adaptive pooling sees.

    With ``middle`` the middle one of them.
    """
    first, end = unit * read // made, -(-(unit + 1) * read // made)
    if middle:
        first = (first + end - 1) // 2
        end = first + 1
    return first, end


def pull_pooling(made: int, read: int, middle: bool) -> Spread:
    """From outputs of adaptive pooling to the inputs that they see."""

    def pull(bits: int) -> int:
        seen = 0
        for unit in bits_of(bits):
            seen |= _inputs(unit, read, made, middle)
        return seen

    return pull


def push_pooling(made: int, read: int, middle: bool) -> Spread:
    """From inputs of adaptive pooling to the outputs that see them."""
    inputs = [_inputs(unit, read, made, middle) for unit in range(made)]
    return lambda bits: sum(1 << unit for unit, seen in enumerate(inputs) if seen & bits)


def pull_repeated(read: int) -> Spread:
    """From units to those of a repeated map that they read; None where the axis is not repeated."""
    return (lambda bits: 1 if bits else 0) if read == 1 else None


def push_repeated(made: int, read: int) -> Spread:
    """From units of a repeated map to those that read them."""
    every = (1 << made) - 1
    return (lambda bits: every if bits else 0) if read == 1 else None


def _inputs(unit: int, read: int, made: int, middle: bool) -> int:
    first, end = pool_span(unit, read, made, middle)
    return (1 << end) - (1 << first)
