"""A network as a list of maps, each with the windows through which it reads earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from ...architecture import Architecture, Geometry, Windowed, pair, walk
from ...architecture import Sequence as Sequential
from ...text import quote_path, suggest
from .._containers import projection_stride
from .._readings import Analysis
from ._channels import find_narrow_slices
from ._supports import Size


class Pooling(NamedTuple):
    """Adaptive pooling of a map to ``size``: unit i of o reads ⌊i·n/o⌋ to ⌈(i+1)·n/o⌉ - 1 of n."""

    size: Size
    """(height, width) of the output."""


class WholePlane(NamedTuple):
    """Each unit reads its own place and, by a gate, the whole plane."""


class Repeated(NamedTuple):
    """A map of height 1, width 1 or both, repeated along these axes: each unit reads the one that there is."""


_POINTWISE = Geometry((1, 1), (1, 1), (1, 1), (0, 0), (0, 0))

Reading = Geometry | Pooling | WholePlane | Repeated | None
"""How the units of one map read another. None: each unit the one at its place."""


def _read_conv(node: Any) -> Reading | list[Reading]:
    window = None if node.geometry == _POINTWISE else node.geometry
    return [window, WholePlane()] if node.norm == "group" else window


READINGS: dict[str, Callable[[Any], Reading | list[Reading]]] = {
    "conv": _read_conv,
    "pool": lambda node: None if node.geometry == _POINTWISE else node.geometry,
    "global_pool": lambda node: Pooling(pair(node.output_size)),
    "flatten": lambda _: Pooling((1, 1)),
    "linear": lambda _: None,
    "dropout": lambda _: None,
    "local_response_norm": lambda _: None,
    "norm": lambda node: WholePlane() if node.kind == "group" else None,
    "scale": lambda _: None,
    "slice": lambda _: None,
    "channel_shuffle": lambda _: None,
    "activation": lambda _: None,
    "attention": lambda _: WholePlane(),
}
"""For each op of a leaf how its units read its input, or several such steps; a vector counts as a map of 1×1.

A kind from outside is entered here by its ``op``; the support of one that is not is refused with a reason.
"""


_FROM_OUTSIDE = "the node kind {op!r} is from outside, and analysis.support.READINGS does not say what its units read"


class Map(NamedTuple):
    """One feature map, or the image."""

    path: str
    """Path of the node that made it; '' for the image."""
    sources: tuple[tuple[int, Reading], ...]
    """The maps that it reads, by their place in the list, which is before its own, and how."""


class Graph:
    """The maps of a network in execution order, the image first. A sequence's is that of its last child.

    Args:
        architecture: The network.
        analysis: Its analysis; the image has the shape of that.
    """

    def __init__(self, architecture: Architecture, analysis: Analysis) -> None:
        layout = _lay_out(architecture.trunk, tuple(READINGS))
        self.maps = layout.maps
        self.place: Mapping[str, int] = layout.place
        """The place of each node's output in ``maps``, by path."""
        self.reasons: Mapping[int, str] = layout.reasons
        """Why it is not known how a map reads, by its place; those that are known are not in it."""
        self._analysis = analysis
        if layout.projections or layout.combined or layout.sized:
            self.maps = [*self.maps]
            self._project(layout.projections)
            self._repeat(layout.combined)
            self._pad(layout.sized)
        if layout.has_slices:
            narrow = {self.place[path]: why for path, why in find_narrow_slices(architecture, analysis).items()}
            self.reasons = {**self.reasons, **narrow}
        misfits = {head.path: head.describe() for head in analysis.auxiliary if not head.fits}
        if misfits:
            absent = {place: why for path, why in misfits.items() for place in layout.heads[path]}
            self.reasons = {**self.reasons, **absent}

    def _project(self, places: Sequence[int]) -> None:
        """State the strides of shortcuts, which follow from the sizes of the maps."""
        for place in places:
            path, (*body, (source, _)) = self.maps[place]
            step = projection_stride(self.sizes[source], self.sizes[place])
            self.maps[place] = Map(path, (*body, (source, _POINTWISE._replace(stride=step))))

    def _pad(self, places: Sequence[tuple[int, Any]]) -> None:
        """State the windows whose padding follows from the sizes of the maps."""
        for place, node in places:
            path, ((source, _),) = self.maps[place]
            self.maps[place] = Map(path, ((source, node.geometry_on(self.sizes[source])),))

    def _repeat(self, places: Sequence[int]) -> None:
        """State which branches of fusions element by element are repeated, which follows from the sizes, too."""
        for place in places:
            path, sources = self.maps[place]
            made = self.sizes[place]
            if any(self.sizes[source] != made for source, _ in sources):
                read = [(source, None if self.sizes[source] == made else Repeated()) for source, _ in sources]
                self.maps[place] = Map(path, tuple(read))

    @cached_property
    def ungated(self) -> Graph:
        """The same without the branches that are repeated over others: they are gates, as attention has one."""
        if not any(isinstance(reading, Repeated) for _, sources in self.maps for _, reading in sources):
            return self
        graph = copy(self)
        graph.maps = [Map(path, spanning_sources(sources)) for path, sources in self.maps]
        return graph

    @cached_property
    def shapes(self) -> list[tuple[int, ...]]:
        """(channels, height, width) of each map; (features,) of a vector."""
        known = {row[0]: row[3] for row in self._analysis.rows}
        found: list[tuple[int, ...]] = [self._analysis.input_shape]
        for path, sources in self.maps[1:]:  # a node from outside may have no row
            found.append(known.get(path) or found[sources[0][0]])
        return found

    @cached_property
    def sizes(self) -> list[Size]:
        """(height, width) of each map; (1, 1) of a vector."""
        return [(shape[1], shape[2]) if len(shape) == 3 else (1, 1) for shape in self.shapes]


def spanning_sources(sources: tuple[tuple[int, Reading], ...]) -> tuple[tuple[int, Reading], ...]:
    """The maps that a map reads, without those that are repeated over others."""
    return tuple(each for each in sources if not isinstance(each[1], Repeated)) or sources


@lru_cache(maxsize=64)
def _lay_out(trunk: Sequential, kinds: tuple[str, ...]) -> _Layout:  # noqa: ARG001  (another table, another layout)
    """What is the same for every input, worked out once a network."""
    return _Layout(trunk)


class _Layout:
    """The maps of a network without their sizes, and what depends on these."""

    def __init__(self, trunk: Sequential) -> None:
        self.maps = [Map("", ())]
        self.place = {"": 0}
        self.reasons: dict[int, str] = {}
        self.projections: list[int] = []
        self.combined: list[int] = []
        """Places of fusions element by element."""
        self.sized: list[tuple[int, Any]] = []
        """Windows whose padding depends on the size of their map."""
        self.heads: dict[str, range] = {}
        self.has_slices = False
        source = 0
        for node in trunk.children:
            source = self._add(node, node.name, source)

    def _add(self, node: Any, path: str, source: int) -> int:
        """Add what a node makes of the map at ``source``; the place of its output."""
        op, place = node.op, source
        reads = READINGS.get(op)
        if reads:
            steps, first = reads(node), len(self.maps)
            for step in steps if isinstance(steps, list) else [steps]:
                place = self._append(path, (place, step))
            if isinstance(node, Windowed) and node.is_sized:
                self.sized.append((first, node))
            if op == "slice":
                self.has_slices = True
        elif op == "sequence":
            for child in node.children:
                place = self._add(child, f"{path}/{child.name}", place)
        elif op == "parallel":
            ends = [self._add(branch, f"{path}/{branch.name}", source) for branch in node.branches]
            place = self._append(path, *((end, None) for end in ends))
            if node.fuse != "concat" and len(ends) > 1:
                self.combined.append(place)
        elif op == "residual":
            body = self._add(node.body, f"{path}/{node.body.name}", source)
            if node.norm_kind == "group":
                shortcut = self._append(path, (source, None))
                self.projections.append(shortcut)
                place = self._append(path, (body, None), (shortcut, WholePlane()))
            else:
                place = self._append(path, (body, None), (source, None))
                if node.shortcut == "projection":
                    self.projections.append(place)
        elif op == "auxiliary":
            first, inside = len(self.maps), source
            for child in node.children:
                inside = self._add(child, f"{path}/{child.name}", inside)
            self.heads[path] = range(first, len(self.maps))
        else:
            for inner, _ in [*walk(node, path), (path, node)]:
                place = self.place[inner] = self._append(inner, (source, None))
                self.reasons[place] = _FROM_OUTSIDE.format(op=op)
        self.place[path] = place
        return place

    def _append(self, path: str, *sources: tuple[int, Reading]) -> int:
        self.maps.append(Map(path, sources))
        return len(self.maps) - 1


def find_place(graph: Graph, path: str, *, image: bool = False) -> int:
    """The place of a node's output in a graph; of the image where that is meant by ''.

    Raises:
        ValueError: There is no such node; the message has the nearest paths.
    """
    if path in graph.place and (path or image):
        return graph.place[path]
    known = [each for each in graph.place if each]
    near = suggest(path, known, f"it has {', '.join(known[:3])} …" if known else "it has no nodes")
    raise ValueError(f"the network has no node {quote_path(path)}; {near}")
