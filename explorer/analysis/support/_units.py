"""On the real image, borders included: what one unit depends on, and which units one pixel reaches."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from operator import index
from typing import Any

from ...architecture import Architecture, edit
from .._analyze import analyze
from ._carry import Carrier, enclose, pull_box
from ._graph import READINGS, Graph, Reading, find_place
from ._regions import Region, TooMuchWorkError, products_of
from ._supports import EXACT, TOO_MUCH_WORK, WHOLE_INPUT, Box, Size, Unit, UnitSupport
from ._walks import UnansweredError, check_known, walk_back, walk_forth


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
    graph = open_graph(architecture, input_shape)
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
    graph = open_graph(architecture, input_shape)
    target = find_place(graph, path)
    unit = check_unit(graph, target, path, unit)
    node = edit.find(architecture, path)
    if node.op not in ("parallel", "residual"):
        raise ValueError(f"{path} has no branches; only parallel and residual nodes have")
    names = [each.name for each in node.nodes] + (["shortcut"] if node.op == "residual" else [])
    sources = graph.maps[target].sources
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
    graph = open_graph(architecture, input_shape)
    target, start = find_place(graph, path), find_place(graph, source, image=True)
    pixel = check_unit(graph, start, source, pixel)

    def find(carrier: Carrier) -> tuple[Region, None]:
        begun: Region = ((1 << pixel[0], 1 << pixel[1]),)
        region = walk_forth(_walked(graph, carrier), begun, start, target, carrier.push, carrier.join)
        if region is None and carrier.middle:  # through a gate alone
            return (), None
        if region is None:
            raise ValueError(f"{path} does not depend on {source}: no path leads from the one to the other")
        return region, None

    return _answer(find, path=source, unit=pixel, source=path, shape=graph.sizes[target])


def find_output_shape(
    architecture: Architecture, path: str, *, input_shape: tuple[int, int, int] | None = None
) -> tuple[int, ...]:
    """Find the shape of any node's output: of sequences too, which have no row in the analysis.

    Args:
        architecture: The network.
        path: Of a node; an auxiliary head passes its input on.
        input_shape: (channels, height, width) in place of the architecture's own.

    Returns:
        (channels, height, width), or (features,) of a vector.

    Raises:
        ArchitectureError: Layers do not fit together, or ``input_shape`` is not allowed.
        ValueError: There is no such node.
    """
    graph = open_graph(architecture, input_shape)
    return graph.shapes[find_place(graph, path)]


def find_default_node(architecture: Architecture, *, input_shape: tuple[int, int, int] | None = None) -> str:
    """Find the node to begin with: the last of the trunk that outputs maps of more than one unit.

    Args:
        architecture: The network.
        input_shape: (channels, height, width) in place of the architecture's own.

    Returns:
        Its path; '' where there is none.

    Raises:
        ArchitectureError: Layers do not fit together, or ``input_shape`` is not allowed.
    """
    graph = open_graph(architecture, input_shape)
    names = [node.name for node in architecture.trunk.nodes]
    return next((name for name in reversed(names) if graph.sizes[graph.place[name]] != (1, 1)), "")


def find_inner_units(
    architecture: Architecture, path: str, *, input_shape: tuple[int, int, int] | None = None
) -> tuple[range, range]:
    """Find the units whose box lies inside the image, so that no padding is seen.

    Args:
        architecture: The network.
        path: Of a node.
        input_shape: (channels, height, width) in place of the architecture's own.

    Returns:
        Rows and columns of the node's map. Behind attention, global pooling and flattening the box is that of the
        convolutional support.

    Raises:
        ArchitectureError: Layers do not fit together, or ``input_shape`` is not allowed.
        ValueError: There is no such node, or it is not known what its units see.
    """
    graph = open_graph(architecture, input_shape)
    target, walked = find_place(graph, path), graph.ungated

    def find_ends(axis: int, place: int) -> tuple[int, int]:
        begun = Box(place, place, place + 1, place + 1)
        try:
            box = walk_back(walked, {target: [begun]}, 0, partial(pull_box, True), lambda boxes, _: enclose(boxes))
        except UnansweredError as reason:
            raise ValueError(f"it is not known what the units of {path} see: {reason}") from None
        assert box is not None  # every node is behind the image
        return box[axis], box[axis + 2]

    def find_inner(axis: int) -> range:
        count, side = graph.sizes[target][axis], graph.sizes[0][axis]
        first = bisect_left(range(count), True, key=lambda place: find_ends(axis, place)[0] >= 0)
        end = bisect_left(range(count), True, key=lambda place: find_ends(axis, place)[1] > side)
        return range(first, max(first, end))

    return find_inner(0), find_inner(1)


def open_graph(architecture: Architecture, input_shape: Sequence[int] | None) -> Graph:
    """The graph of a network for an input; kept, because whoever asks for one unit soon asks for its neighbour.

    Raises:
        ArchitectureError: Layers do not fit together, or ``input_shape`` is not allowed.
    """
    return _open(architecture, None if input_shape is None else tuple(input_shape), tuple(READINGS))


@lru_cache(maxsize=8)
def _open(architecture: Architecture, input_shape: Any, kinds: tuple[str, ...]) -> Graph:  # noqa: ARG001
    return Graph(architecture, analyze(architecture, input_shape))


def check_unit(graph: Graph, place: int, path: str, unit: Unit) -> Unit:
    """A unit as plain integers.

    Raises:
        ValueError: It is not on the map.
    """
    (row, column), (height, width) = map(index, unit), graph.sizes[place]
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

    def follow(carrier: Carrier, pull: Any, join: Any, state: Any) -> Any:
        states: dict[int, list[Any]] = {}
        for place, reading in starts:
            if place != target:
                check_known(graph, target)
            begun = state if reading is None else pull(state, reading, graph.sizes[target], graph.sizes[place])
            states.setdefault(place, []).append(begun)
        found = walk_back(_walked(graph, carrier), states, end, pull, join)
        if found is None and carrier.middle:  # through a gate alone
            return (), None
        if found is None:
            raise ValueError(f"{path} does not depend on {source}: no path leads from the one to the other")
        return found

    def find(carrier: Carrier) -> tuple[Region, Box | None]:
        def pull(state: tuple[Region, Box], *step: Any) -> tuple[Region, Box]:
            return carrier.pull(state[0], *step), pull_box(carrier.middle, state[1], *step)

        def join(states: list[tuple[Region, Box]], at: Size) -> tuple[Region, Box]:
            regions, boxes = zip(*states, strict=True)
            return carrier.join(regions, at), enclose(boxes)

        region, box = follow(carrier, pull, join, (((1 << row, 1 << column),), Box(row, column, row + 1, column + 1)))
        return region, None if carrier.whole else box

    return _answer(find, path=path, unit=unit, source=source, shape=graph.sizes[end])


def _walked(graph: Graph, carrier: Carrier) -> Graph:
    """The graph that a carrier walks: what convolutions and pooling windows alone see passes by no gate."""
    return graph.ungated if carrier.middle else graph


def _answer(find: Callable[[Carrier], tuple[Region, Box | None]], **about: Any) -> UnitSupport:
    """What a walk finds; where that is the whole input, what it finds with gates open and poolings at their middle."""

    def answer(middle: bool) -> UnitSupport:
        carrier = Carrier(middle)
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
