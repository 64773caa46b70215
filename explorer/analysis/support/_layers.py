"""Forward: what one unit of each layer sees of an image without borders, all layers in one pass."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...architecture import Architecture, Geometry
from .._analyze import analyze
from .._readings import Analysis
from .._walk import PIXEL, Axis
from ._graph import POINTWISE, Graph, Map, Unknown
from ._regions import (
    Product,
    Region,
    Regions,
    Spread,
    TooMuchWorkError,
    count_cells,
    paint,
    products_of,
    smear,
)

EXACT = "exact"
WHOLE_INPUT = "whole input"
TOO_MUCH_WORK = "the field is too large, or too irregular, to be told pixel by pixel"


class LayerSupport(NamedTuple):
    """The pixels that one unit of a layer depends on, borders left aside: one pattern for all units of the layer.

    The unit at index i sees the pattern with its corner at ``start + stride·i`` of an axis. It is the union over all
    channels of the layer.
    """

    path: str
    """Path of the layer."""
    size: tuple[int, int]
    """(height, width) of the box around the pattern, in pixels, as in the analysis."""
    stride: tuple[int, int]
    """(rows, columns) from the pattern of one unit to that of the next."""
    start: tuple[int, int]
    """(row, column) of the corner of the first unit's box; negative where padding is seen."""
    status: str
    """'exact'; 'whole input' after attention, global pooling or flattening, where the pattern is that of convolutions
    and pooling windows alone; else the reason why there is no pattern."""
    products: tuple[Product, ...] = ()
    """The pattern as a union of products (rows, columns): bit b of an integer is row, or column, b of the box."""

    @property
    def known(self) -> bool:
        """Whether there is a pattern."""
        return self.status in (EXACT, WHOLE_INPUT)

    @property
    def touched(self) -> int | None:
        """Pixels of the pattern; None where there is none."""
        return count_cells(self.products) if self.known else None

    @property
    def coverage(self) -> float | None:
        """The share of the box that the pattern touches, at most 1; None where there is no pattern."""
        touched = self.touched
        return None if touched is None else touched / (self.size[0] * self.size[1])

    def mask(self) -> Any:
        """Draw the pattern.

        Returns:
            A bool array of the box, (height, width).

        Raises:
            ValueError: There is no pattern; the message says why.
        """
        if not self.known:
            raise ValueError(self.status)
        return paint(self.products, *self.size)


def find_layer_supports(
    architecture: Architecture, input_shape: tuple[int, int, int] | None = None, *, analysis: Analysis | None = None
) -> dict[str, LayerSupport]:
    """Find what one unit of each layer depends on, holes included and borders left aside, in one pass.

    Behind branches of unequal stride no one pattern holds for all units; ``find_unit_support`` answers there.

    Args:
        architecture: The network.
        input_shape: (channels, height, width) in place of the architecture's own.
        analysis: The network's analysis for this shape, where there is one already.

    Returns:
        The support of each layer by path, in execution order.

    Raises:
        ArchitectureError: Layers do not fit together, or ``input_shape`` is not allowed.
    """
    found = analysis or analyze(architecture, input_shape)
    graph = Graph(architecture, found)
    fields = {row[0]: row[9] for row in found.rows}
    patterns = _find_patterns(graph, [PIXEL, *[fields[each.path] for each in graph.maps[1:]]])
    supports = {}
    for path, field in fields.items():
        axis_h, axis_w, _, whole = field
        pattern = patterns[graph.place[path]]
        size, stride, start = (axis_h[0], axis_w[0]), (axis_h[1], axis_w[1]), (axis_h[2], axis_w[2])
        supports[path] = (
            LayerSupport(path, size, stride, start, pattern)
            if isinstance(pattern, str)
            else LayerSupport(path, size, stride, start, WHOLE_INPUT if whole else EXACT, pattern)
        )
    return supports


def _find_patterns(graph: Graph, fields: list[Any]) -> list[tuple[Product, ...] | str]:
    """For each map the pattern of its units as products, or the reason why there is none."""
    regions = Regions()
    found: list[Region | str] = [[(1, 1)]]
    for made, field in zip(graph.maps[1:], fields[1:], strict=True):
        try:
            found.append(_find_pattern(made, field, found, fields, regions))
        except TooMuchWorkError:
            found.append(TOO_MUCH_WORK)
    return [each if isinstance(each, str) else products_of(each) for each in found]


def _find_pattern(
    made: Map, field: Any, found: list[Region | str], fields: list[Any], regions: Regions
) -> Region | str:
    """The pattern of one map from those of the maps that it reads."""
    ends = field[0], field[1]
    extent = ends[0][0] + ends[1][0]
    seen: list[Region] = []
    strides = set()
    for source, reading in made.sources:
        pattern = found[source]
        if isinstance(pattern, str):
            return pattern
        if isinstance(reading, Unknown):
            return reading.reason
        window = reading if isinstance(reading, Geometry) else POINTWISE
        steps = [
            _widen(fields[source][axis], ends[axis], window.kernel[axis], window.dilation[axis], window.pad[axis])
            for axis in (0, 1)
        ]
        strides.add((fields[source][0][1] * window.stride[0], fields[source][1][1] * window.stride[1]))
        seen.append(pattern if steps == [None, None] else regions.move(pattern, steps, extent))
    if len(strides) > 1:
        return (
            f"branches of unequal stride meet at {made.path}: behind them no one pattern holds for all units; "
            "a single unit is answered exactly"
        )
    return regions.unite(seen, extent)


def _widen(axis: Axis, whole: Axis, kernel: int, dilation: int, before: int) -> Spread:
    """What a window does to the bit set of one axis: from the box ``axis`` before it to the box ``whole`` behind it."""
    _, stride, start, _ = axis
    step, shift = dilation * stride, start - before * stride - whole[2]
    if kernel == 1:
        return (lambda bits: bits << shift) if shift else None
    return lambda bits: smear(bits, kernel, step) << shift
