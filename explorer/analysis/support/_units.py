"""On the real image, borders included: what one unit depends on, and which units one pixel reaches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from operator import index
from typing import Any, NamedTuple

from ...architecture import Architecture, Geometry, edit
from ...text import quote_path, suggest
from .._analyze import analyze
from ._axes import pool_span, pull_pooling, pull_window, push_pooling, push_window
from ._graph import Graph, Map, Pooling, Reading, Size, Unknown, WholePlane
from ._layers import EXACT, TOO_MUCH_WORK, WHOLE_INPUT
from ._regions import Product, Region, Regions, TooMuchWorkError, count_cells, paint, products_of, spans_of
from ._walks import UnansweredError, walk_back, walk_forth

Unit = tuple[int, int]


class Box(NamedTuple):
    """A rectangle of pixels or units; ``bottom`` and ``right`` are the first row and column that are not in it."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def area(self) -> int:
        """Pixels in it."""
        return (self.bottom - self.top) * (self.right - self.left)


@dataclass(frozen=True, kw_only=True)
class UnitSupport:
    """The places of one map that one place of another depends on, or reaches; the union over all channels of both."""

    path: str
    """Path of the node whose unit it is; with a branch's name behind it where it was followed through that alone."""
    unit: Unit
    """(row, column) of the unit; in a projective field, of the pixel."""
    source: str
    """Path of the node on whose map the support lies; '' for the image."""
    shape: Size
    """(height, width) of that map; (1, 1) for a vector."""
    status: str
    """'exact'; 'whole input' where attention, global pooling or flattening on the way has it depend on all of a map;
    else the reason why there is no answer. Both of the former are exact pixel by pixel."""
    products: tuple[Product, ...] = ()
    """The support as a union of products (rows, columns): bit b of an integer is row, or column, b of the map."""
    unclipped: Box | None = None
    """The box of an exact support with the padding that is seen. Paths that padding cuts off on the way count too."""
    convolutional: UnitSupport | None = None
    """Beside 'whole input': what convolutions and pooling windows alone see. Attention counts as a gate that passes
    its input on; of all that global pooling or flattening reads, the middle unit is followed."""

    @property
    def known(self) -> bool:
        """Whether there is an answer."""
        return self.status in (EXACT, WHOLE_INPUT)

    @cached_property
    def box(self) -> Box | None:
        """The least rectangle around what is touched; None where nothing is, or nothing is known."""
        spans = spans_of(self.products)
        return None if spans is None else Box(*spans)

    @cached_property
    def touched(self) -> int | None:
        """Pixels that are touched; None where there is no answer."""
        return count_cells(self.products) if self.known else None

    @property
    def coverage(self) -> float | None:
        """The share of ``box`` that is touched, at most 1; None where there is no box."""
        return None if self.box is None or self.touched is None else self.touched / self.box.area

    @property
    def clipped_to(self) -> Box | None:
        """What the border of the map leaves of ``unclipped``; None where it cuts nothing off."""
        if self.unclipped is None:
            return None
        (top, left, bottom, right), (height, width) = self.unclipped, self.shape
        top, bottom = (min(max(each, 0), height) for each in (top, bottom))
        left, right = (min(max(each, 0), width) for each in (left, right))
        inside = Box(top, left, bottom, right)
        return None if inside == self.unclipped else inside

    @cached_property
    def mask(self) -> Any:
        """The support as a bool array, (height, width) of the map.

        Raises:
            ValueError: There is no answer; the message says why.
        """
        if not self.known:
            raise ValueError(self.status)
        return paint(self.products, *self.shape)


def find_unit_support(
    architecture: Architecture,
    path: str,
    unit: Unit = (0, 0),
    *,
    source: str = "",
    input_shape: tuple[int, int, int] | None = None,
) -> UnitSupport:
    """Find exactly which pixels of the real image one unit depends on: holes, borders and padding on the way included.

    Args:
        architecture: The network.
        path: Of a node, such as ``inception_3a/branch_3x3``; also of one in an auxiliary head.
        unit: (row, column) in the node's feature map; a vector counts as a map of one unit, (0, 0).
        source: Path of an earlier node on whose map the support is found instead; '' for the image.
        input_shape: (channels, height, width) in place of the architecture's own.

    Returns:
        The support. Where there is none, its ``status`` says why.

    Raises:
        ArchitectureError: Layers do not fit together, or ``input_shape`` is not allowed.
        ValueError: There is no such node or unit, or ``path`` does not depend on ``source``.
    """
    graph = Graph(architecture, analyze(architecture, input_shape))
    target = find_place(graph, path)
    unit = check_unit(graph, target, path, unit)
    return _find_seen(graph, target, [(target, None)], unit, path, source)


def find_branch_supports(
    architecture: Architecture,
    path: str,
    unit: Unit = (0, 0),
    *,
    source: str = "",
    input_shape: tuple[int, int, int] | None = None,
) -> dict[str, UnitSupport]:
    """Find which pixels one unit depends on through each branch of a block; all together are the unit's support.

    Args:
        architecture: The network.
        path: Of a parallel or residual node.
        unit: (row, column) in the node's feature map.
        source: As for ``find_unit_support``.
        input_shape: As for ``find_unit_support``.

    Returns:
        The support through each branch by its name, in order; that through a residual's shortcut is 'shortcut'.

    Raises:
        ArchitectureError: Layers do not fit together, or ``input_shape`` is not allowed.
        ValueError: There is no such node or unit, it has no branches, or it does not depend on ``source``.
    """
    graph = Graph(architecture, analyze(architecture, input_shape))
    target = find_place(graph, path)
    unit = check_unit(graph, target, path, unit)
    node = edit.find(architecture, path)
    if node.op not in ("parallel", "residual"):
        raise ValueError(f"{path} has no branches; only parallel and residual nodes have")
    names = [each.name for each in node.nodes] + (["shortcut"] if node.op == "residual" else [])
    sources = graph.maps[target].sources
    if any(isinstance(reading, Unknown) for _, reading in sources):  # of a block in a head that does not fit
        sources = sources[:1] * len(names)
    return {
        name: _find_seen(graph, target, [start], unit, f"{path}/{name}", source)
        for name, start in zip(names, sources, strict=True)
    }


def find_projective_field(
    architecture: Architecture,
    pixel: Unit,
    path: str,
    *,
    source: str = "",
    input_shape: tuple[int, int, int] | None = None,
) -> UnitSupport:
    """Find the reverse: which units of a node's map depend on one pixel.

    Args:
        architecture: The network.
        pixel: (row, column) of the image, or of the map of ``source``.
        path: Of the node whose units are found.
        source: Path of an earlier node whose unit is meant instead of a pixel of the image.
        input_shape: (channels, height, width) in place of the architecture's own.

    Returns:
        The units as a support on the node's map: its ``path`` is ``source``, its ``source`` is ``path``.

    Raises:
        ArchitectureError: Layers do not fit together, or ``input_shape`` is not allowed.
        ValueError: There is no such node or pixel, or ``path`` does not depend on ``source``.
    """
    graph = Graph(architecture, analyze(architecture, input_shape))
    target, start = find_place(graph, path), find_place(graph, source, image=True)
    pixel = check_unit(graph, start, source, pixel)

    def find(carrier: _Carrier) -> tuple[Region, None]:
        begun: Region = [(1 << pixel[0], 1 << pixel[1])]
        region = walk_forth(graph, begun, start, target, carrier.push, carrier.join)
        if region is None:
            raise ValueError(f"{path} does not depend on {source}: no path leads from the one to the other")
        return region, None

    return _answer(find, path=source, unit=pixel, source=path, shape=graph.maps[target].size)


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


def check_unit(graph: Graph, place: int, path: str, unit: Unit) -> Unit:
    """A unit as plain integers.

    Raises:
        ValueError: It is not on the map.
    """
    (row, column), (height, width) = map(index, unit), graph.maps[place].size
    if 0 <= row < height and 0 <= column < width:
        return row, column
    where = f"the feature map of {path}" if path else "the image"
    what = "units" if path else "pixels"
    raise ValueError(f"unit (={row}, {column}) is outside {where}, which has {height}×{width} {what}")


def _find_seen(
    graph: Graph, target: int, starts: list[tuple[int, Reading]], unit: Unit, path: str, source: str
) -> UnitSupport:
    """The support of a unit of the map at ``target``, followed from it through ``starts`` alone."""
    end = find_place(graph, source, image=True)
    row, column = unit

    def follow(pull: Any, join: Any, state: Any) -> Any:
        states: dict[int, list[Any]] = {}
        for place, reading in starts:
            if isinstance(reading, Unknown):
                raise UnansweredError(reading.reason)
            begun = state if reading is None else pull(state, reading, graph.maps[target], graph.maps[place])
            states.setdefault(place, []).append(begun)
        found = walk_back(graph, states, end, pull, join)
        if found is None:
            raise ValueError(f"{path} does not depend on {source}: no path leads from the one to the other")
        return found

    def find(carrier: _Carrier) -> tuple[Region, Box | None]:
        region = follow(carrier.pull, carrier.join, [(1 << row, 1 << column)])
        if carrier.whole:
            return region, None
        return region, follow(partial(_pull_box, carrier.middle), _enclose, Box(row, column, row + 1, column + 1))

    return _answer(find, path=path, unit=unit, source=source, shape=graph.maps[end].size)


def _answer(find: Callable[[_Carrier], tuple[Region, Box | None]], **about: Any) -> UnitSupport:
    """What a walk finds; where that is the whole input, what it finds with gates open and poolings at their middle."""

    def answer(middle: bool) -> UnitSupport:
        carrier = _Carrier(middle)
        region, box = find(carrier)
        return UnitSupport(
            status=WHOLE_INPUT if carrier.whole else EXACT,
            products=products_of(region),
            unclipped=box,
            convolutional=answer(True) if carrier.whole else None,
            **about,
        )

    try:
        return answer(False)
    except UnansweredError as reason:
        return UnitSupport(status=str(reason), **about)
    except TooMuchWorkError:
        return UnitSupport(status=TOO_MUCH_WORK, **about)


class _Carrier:
    """Carries regions. With ``middle`` the middle unit of a pooling stands for all, and gates pass their input on."""

    def __init__(self, middle: bool) -> None:
        self.middle = middle
        self.whole = False
        """Whether a whole map was read by one unit on the way."""
        self._regions = Regions()

    def pull(self, region: Region, reading: Reading, made: Map, read: Map) -> Region:
        """From a map to one that it reads."""
        extent = sum(read.size)
        if isinstance(reading, Geometry):
            extent += made.size[0] * reading.stride[0] + made.size[1] * reading.stride[1]
            pulls = [pull_window(reading, axis, read.size[axis]) for axis in (0, 1)]
            return self._regions.move(region, pulls, extent)
        self._note_whole(reading, read)
        if isinstance(reading, Pooling):
            pulls = [pull_pooling(made.size[axis], read.size[axis], self.middle) for axis in (0, 1)]
            return self._regions.move(region, pulls, extent)
        return self._fill(region, read)

    def push(self, region: Region, reading: Reading, made: Map, read: Map) -> Region:
        """From a map to one that reads it."""
        extent = sum(read.size)
        if isinstance(reading, Geometry):
            extent += 2 * sum(reading.pad)
            pushes = [push_window(reading, axis, made.size[axis]) for axis in (0, 1)]
            return self._regions.move(region, pushes, extent)
        self._note_whole(reading, read)
        if isinstance(reading, Pooling):
            pushes = [push_pooling(made.size[axis], read.size[axis], self.middle) for axis in (0, 1)]
            return self._regions.move(region, pushes, extent)
        return self._fill(region, made)

    def join(self, regions: list[Region], at: Map) -> Region:
        """What meets at one map."""
        return self._regions.unite(regions, sum(at.size))

    def _note_whole(self, reading: Reading, read: Map) -> None:
        if self.middle or read.size == (1, 1):
            return
        if isinstance(reading, WholePlane):
            self.whole = True
        elif isinstance(reading, Pooling):
            self.whole |= all(made == 1 or each == 1 for made, each in zip(reading.size, read.size, strict=True))

    def _fill(self, region: Region, at: Map) -> Region:
        """Through attention: the whole plane, of which its gate is made."""
        if self.middle or not region:
            return region
        return [((1 << at.size[0]) - 1, (1 << at.size[1]) - 1)]


def _pull_box(middle: bool, box: Box, reading: Reading, made: Map, read: Map) -> Box:
    """A box with the padding that is seen, from a map to one that it reads."""
    ends = []
    for axis, (first, end) in enumerate(((box.top, box.bottom), (box.left, box.right))):
        if isinstance(reading, Geometry):
            start = first * reading.stride[axis] - reading.pad[axis]
            reach = reading.dilation[axis] * (reading.kernel[axis] - 1)
            ends.append((start, start + (end - first - 1) * reading.stride[axis] + reach + 1))
        elif isinstance(reading, Pooling):
            spans = [pool_span(unit, read.size[axis], made.size[axis], middle) for unit in (first, end - 1)]
            ends.append((spans[0][0], spans[1][1]))
        else:
            ends.append((first, end))
    return Box(ends[0][0], ends[1][0], ends[0][1], ends[1][1])


def _enclose(boxes: list[Box], _: Map) -> Box:
    tops, lefts, bottoms, rights = zip(*boxes, strict=True)
    return Box(min(tops), min(lefts), max(bottoms), max(rights))
