"""Forward: what one unit of each layer sees of an image without borders, all layers in one pass."""

from __future__ import annotations

from collections.abc import Sequence

from ...architecture import Architecture, Geometry
from .._readings import Analysis
from .._walk import PIXEL, Field
from ._graph import Graph, Reading, spanning_sources
from ._regions import Region, Regions, TooMuchWorkError, products_of, smear
from ._supports import EXACT, TOO_MUCH_WORK, WHOLE_INPUT, LayerSupport

_UNEQUAL_STRIDES = (
    "branches of unequal stride meet at {path}: behind them no one pattern holds for all units, but each single unit "
    "has its answer"
)


def lay_out_patterns(architecture: Architecture, analysis: Analysis) -> dict[str, LayerSupport]:
    """The pattern of each layer of an analysis by path, in execution order."""
    graph = Graph(architecture, analysis)
    fields = {row[0]: row[9] for row in analysis.rows}
    patterns = _find_patterns(graph, fields)
    supports = {}
    for path, field in fields.items():
        pattern = patterns[graph.place[path]]
        supports[path] = (
            LayerSupport(path, field, pattern, ())
            if isinstance(pattern, str)
            else LayerSupport(path, field, WHOLE_INPUT if field[3] else EXACT, products_of(pattern))
        )
    return supports


def _find_patterns(graph: Graph, fields: dict[str, Field]) -> list[Region | str]:
    """For each map the pattern of its units, or the reason why there is none."""
    regions = Regions()
    found: list[Region | str] = [((1, 1),)]
    before: list[Field] = [PIXEL]
    for place, (path, sources) in enumerate(graph.maps[1:], 1):
        field = fields.get(path, PIXEL)  # a node from outside may have none, and no pattern either
        before.append(field)
        if place in graph.reasons:
            found.append(graph.reasons[place])
            continue
        if len(sources) == 1 and sources[0][1] is None:
            found.append(found[sources[0][0]])
            continue
        try:
            found.append(
                _widen(found[sources[0][0]], sources[0][1], before[sources[0][0]], field, regions)
                if len(sources) == 1
                else _join(path, sources, found, before, regions)
            )
        except TooMuchWorkError:
            found.append(TOO_MUCH_WORK)
    return found


def _widen(pattern: Region | str, reading: Reading, before: Field, behind: Field, regions: Regions) -> Region | str:
    """The pattern of a map that reads one other."""
    if isinstance(pattern, str):
        return pattern
    if not isinstance(reading, Geometry):  # all that is left of poolings to a fixed size and gates is the status
        return pattern
    kernel_h, kernel_w = reading.kernel
    if kernel_h == kernel_w == 1:
        return pattern
    step_h, step_w = reading.dilation[0] * before[0][1], reading.dilation[1] * before[1][1]
    extent = behind[0][0] + behind[1][0]
    if len(pattern) > 1 or isinstance(pattern, dict):
        return regions.move(
            pattern, (lambda bits: smear(bits, kernel_h, step_h), lambda bits: smear(bits, kernel_w, step_w)), extent
        )
    regions.spend(extent)
    ((rows, columns),) = pattern
    seen = smear(rows, kernel_h, step_h)
    if rows is columns and kernel_w == kernel_h and step_w == step_h:
        return ((seen, seen),)
    return ((seen, smear(columns, kernel_w, step_w)),)


def _join(
    path: str, sources: Sequence[tuple[int, Reading]], found: list[Region | str], fields: list[Field], regions: Regions
) -> Region | str:
    """The pattern of a map that reads several others, each at its place or, through a projection, at each few."""
    top, left = fields[-1][0][2], fields[-1][1][2]
    extent = fields[-1][0][0] + fields[-1][1][0]
    met: list[Region] = []
    strides = set()
    for source, reading in spanning_sources(tuple(sources)):
        pattern = found[source]
        if isinstance(pattern, str):
            return pattern
        (_, stride_h, first, _), (_, stride_w, before, _), _, _ = fields[source]
        step_h, step_w = reading.stride if isinstance(reading, Geometry) else (1, 1)
        strides.add((stride_h * step_h, stride_w * step_w))
        at_corner = first == top and before == left
        met.append(pattern if at_corner else regions.shift(pattern, first - top, before - left, extent))
    if len(strides) > 1:
        return _UNEQUAL_STRIDES.format(path=path)
    return regions.unite(met, extent)
