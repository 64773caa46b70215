"""The number of paths from each pixel to a unit."""

from __future__ import annotations

from math import log2
from typing import Any, NamedTuple

from ...architecture import Architecture, Geometry
from ._axes import pool_span
from ._graph import Reading, Repeated, WholePlane, find_place
from ._supports import Size, Unit
from ._units import check_unit, open_graph
from ._walks import UnansweredError, walk_back

MAX_ADDITIONS, MAX_EXACT_ADDITIONS = 3 * 10**8, 3 * 10**7
"""Additions of float64, or of 64 bits in exact integers, that one answer may take: some seconds."""


def count_paths(
    architecture: Architecture,
    path: str,
    unit: Unit = (0, 0),
    *,
    exact: bool = False,
    source: str = "",
    input_shape: tuple[int, int, int] | None = None,
) -> Any:
    """Count the paths that lead from each pixel to a unit: what a gradient would be if each weight were 1.

    Each tap of a window is a step, each branch a way of its own; channels are not told apart, and attention counts as a
    gate that passes its input on, a single path.

    Args:
        architecture: The network.
        path: As for ``find_unit_support``.
        unit: (row, column) in the node's feature map.
        exact: Count in integers of any size; else in float64, whose error is about 1e-16 of the number a layer;
            inf is more than it can hold.
        source: Path of an earlier node, from whose units paths are counted instead; '' for the image.
        input_shape: (channels, height, width) in place of the architecture's own.

    Returns:
        An array (height, width) of float64; with ``exact`` of Python integers.

    Raises:
        ArchitectureError: Layers do not fit together, or ``input_shape`` is not allowed.
        ValueError: There is no such node or unit, ``path`` does not depend on ``source``, or the paths cannot be
            counted.
    """
    import numpy as np

    graph = open_graph(architecture, input_shape)
    target, end = find_place(graph, path), find_place(graph, source, image=True)
    unit = check_unit(graph, target, path, unit)
    counter = _Counter(exact)
    one = np.ones((1, 1), dtype=counter.dtype)
    try:
        with np.errstate(over="ignore"):  # inf says it
            found = walk_back(graph, {target: [_Counts(unit, one, 1)]}, end, counter.pull, counter.join)
    except UnansweredError as reason:
        raise ValueError(f"the paths to {path} cannot be counted: {reason}") from None
    if found is None:
        raise ValueError(f"{path} does not depend on {source}: no path leads from the one to the other")
    (top, left), part, _ = found
    counts = np.zeros(graph.sizes[end], dtype=counter.dtype)
    if part.size:  # else padding alone is seen, which may lie beyond the map
        counts[top : top + part.shape[0], left : left + part.shape[1]] = part
    return counts


class _Counts(NamedTuple):
    """The counts on the part of a map where there are any."""

    corner: Unit
    """(row, column) of the part."""
    part: Any
    """Counts, (height, width)."""
    bits: float
    """A bound of the bits of each."""


class _Counter:
    """Carries counts from maps to those that they read, as far as time and memory allow."""

    def __init__(self, exact: bool) -> None:
        self.exact = exact
        self.dtype: Any = object if exact else float
        self._left = MAX_EXACT_ADDITIONS if exact else MAX_ADDITIONS

    def pull(self, counts: _Counts, reading: Reading, made: Size, read: Size) -> _Counts:
        """From a map to one that it reads."""
        corner, part, bits = list(counts.corner), counts.part, counts.bits
        if isinstance(reading, WholePlane):
            return counts
        for axis in (0, 1):
            if not part.size:
                break
            part = part.swapaxes(0, axis)
            if isinstance(reading, Repeated):
                if read[axis] == 1:
                    corner[axis], part = 0, part.sum(0, keepdims=True, dtype=self.dtype)
                    bits += log2(made[axis])
            elif isinstance(reading, Geometry):
                corner[axis], part = self._pull_window(corner[axis], part, reading, axis, read[axis])
                bits += log2(reading.kernel[axis])
            else:
                corner[axis], part = self._pull_pooling(corner[axis], part, read[axis], made[axis])
                bits += log2(made[axis])
            part = part.swapaxes(0, axis)
        self._spend(part.size, bits)
        return _Counts((corner[0], corner[1]), part, bits)

    def join(self, met: list[_Counts], _: Size) -> _Counts:
        """The sum of those that meet at one map."""
        import numpy as np

        met = [each for each in met if each.part.size] or met[:1]
        if len(met) == 1:
            return met[0]
        corner = min(each.corner[0] for each in met), min(each.corner[1] for each in met)
        height, width = (
            max(each.corner[axis] + each.part.shape[axis] for each in met) - corner[axis] for axis in (0, 1)
        )
        bits = max(each.bits for each in met) + log2(len(met))
        self._spend(height * width * len(met), bits)
        total = np.zeros((height, width), dtype=self.dtype)
        for each in met:
            top, left = each.corner[0] - corner[0], each.corner[1] - corner[1]
            total[top : top + each.part.shape[0], left : left + each.part.shape[1]] += each.part
        return _Counts(corner, total, bits)

    def _pull_window(self, first: int, part: Any, window: Geometry, axis: int, read: int) -> tuple[int, Any]:
        import numpy as np

        kernel, stride, dilation, before, behind = (side[axis] for side in window)
        if (kernel, stride, before, behind) == (1, 1, 0, 0):
            return first, part
        start, reach = first * stride - before, (len(part) - 1) * stride + 1
        height = reach + dilation * (kernel - 1)
        self._spend(part.size * kernel + height * part.shape[1], 1)
        seen = np.zeros((height, part.shape[1]), dtype=self.dtype)
        for tap in range(0, dilation * kernel, dilation):
            seen[tap : tap + reach : stride] += part
        low, high = max(0, -start), min(height, read - start)
        return max(start, 0), seen[low : max(low, high)]

    def _pull_pooling(self, first: int, part: Any, read: int, made: int) -> tuple[int, Any]:
        import numpy as np

        start = pool_span(first, read, made)[0]
        seen = np.zeros((pool_span(first + len(part) - 1, read, made)[1] - start, part.shape[1]), dtype=self.dtype)
        for unit, counts in enumerate(part, first):
            low, high = pool_span(unit, read, made)
            self._spend((high - low) * part.shape[1], 1)
            seen[low - start : high - start] += counts
        return start, seen

    def _spend(self, additions: int, bits: float) -> None:
        self._left -= int(additions * (1 + bits / 64 if self.exact else 1)) + 1000
        if self._left < 0:
            raise UnansweredError("there are too many places and layers to count on")
