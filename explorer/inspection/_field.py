"""The receptive field of one unit as a rectangle of the input, from the analysis alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..analysis import Analysis, ReceptiveField, analyze, projection_stride
from ..architecture import Architecture, walk
from ..datasets import Box, Placement
from ._paths import check_path


@dataclass(frozen=True, kw_only=True)
class UnitField:
    """The receptive field of one unit, in pixels of the network's input."""

    path: str
    """Path of the node."""
    unit: tuple[int, int]
    """(row, column) in the node's feature map."""
    box: Box
    """The receptive field of convolutions and poolings, clipped at the image's border."""
    unclipped: Box
    """The same including the padding."""
    whole_input: bool
    """True after attention, global pooling or flattening: the unit depends on every pixel, not on ``box`` alone."""
    aligned: bool
    """False where branches differ in stride or centre; ``box`` contains what each of them sees."""

    def in_image(self, placement: Placement) -> Box:
        """Convert ``box`` to pixels of the image from which the input was cropped."""
        return placement.to_image(self.box)


def unit_field(architecture: Architecture, path: str, unit: tuple[int, int]) -> UnitField:
    """Find the receptive field of one unit of a node's feature map.

    Args:
        architecture: The network.
        path: Of the node, such as ``inception_3a/branch_3x3``.
        unit: (row, column) in the node's feature map.

    Returns:
        The rectangle in pixels of the input, with and without clipping at the border.

    Raises:
        ValueError: There is no such node, it outputs a vector, or its feature map has no such unit.

    Source: Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
    """
    check_path(architecture, path)
    found = analyze(architecture)
    field, shape = node_output(architecture, found, path)
    if len(shape) != 3:
        raise ValueError(f"{path} outputs a vector, whose units have no position; choose a layer before it")
    if not all(0 <= index < extent for index, extent in zip(unit, shape[1:], strict=True)):
        raise ValueError(
            f"unit (={unit[0]}, {unit[1]}) is outside the feature map of {path}, which has {shape[1]}×{shape[2]} units"
        )
    (top, bottom), (left, right) = _Paths(architecture, found).seen(path, (unit[0], unit[0]), (unit[1], unit[1]))
    _, height, width = architecture.input_shape
    inside = Box(
        top=float(min(max(top, 0), height)),
        left=float(min(max(left, 0), width)),
        bottom=float(min(max(bottom + 1, 0), height)),
        right=float(min(max(right + 1, 0), width)),
    )
    return UnitField(
        path=path,
        unit=unit,
        box=inside,
        unclipped=Box(float(top), float(left), float(bottom + 1), float(right + 1)),
        whole_input=field.whole_input,
        aligned=field.aligned,
    )


def inner_units(architecture: Architecture, path: str) -> tuple[range, range]:
    """Find the units whose receptive field lies inside the picture, without padding.

    Args:
        architecture: The network.
        path: Of a node that outputs feature maps.

    Returns:
        Rows and columns of the node's feature map; all of an axis where no field fits into it.

    Raises:
        ValueError: There is no such node, or it outputs a vector.
    """
    check_path(architecture, path)
    found = analyze(architecture)
    _, shape = node_output(architecture, found, path)
    if len(shape) != 3:
        raise ValueError(f"{path} outputs a vector, whose units have no position; choose a layer before it")
    paths = _Paths(architecture, found)

    def inner(axis: int) -> range:
        spans = [paths.seen(path, (place, place), (place, place))[axis] for place in range(shape[1 + axis])]
        last = architecture.input_shape[1 + axis] - 1
        inside = [place for place, (first, end) in enumerate(spans) if first >= 0 and end <= last]
        return range(inside[0], inside[-1] + 1) if inside else range(shape[1 + axis])

    return inner(0), inner(1)


def node_output(architecture: Architecture, found: Analysis, path: str) -> tuple[ReceptiveField, tuple[int, ...]]:
    """Receptive field and shape of a node's output in inference.

    Layers and fusions have a row of the analysis. A sequence outputs what its last child outputs; an empty one, and an
    auxiliary head, output their input.
    """
    return _Paths(architecture, found).output(path)


class _Paths:
    """What lies before each node, on all paths from the image to it."""

    def __init__(self, architecture: Architecture, found: Analysis) -> None:
        self._nodes: dict[str, Any] = {"": architecture.trunk, **dict(walk(architecture))}
        self._found = found
        self._image = (ReceptiveField(), architecture.input_shape)

    def output(self, path: str) -> tuple[ReceptiveField, tuple[int, ...]]:
        """Receptive field and shape of a node's output."""
        node = self._nodes[path]
        if node.op == "sequence" and node.nodes:
            return self.output(f"{path}/{node.nodes[-1].name}")
        if node.op in ("sequence", "auxiliary"):
            return self._input(path)
        row = self._found.by_path[path]
        return row.receptive_field, row.output_shape

    def _input(self, path: str) -> tuple[ReceptiveField, tuple[int, ...]]:
        above, before = self._before(path)
        if before:
            return self.output(before[-1])
        return self._input(above) if above else self._image

    def _before(self, path: str) -> tuple[str, list[str]]:
        """(the node around this one, '' for the trunk; those that run before it there, in order)."""
        above, _, name = path.rpartition("/")
        around = self._nodes[above]
        if around.op not in ("sequence", "auxiliary"):
            return above, []
        names = [node.name for node in around.nodes]
        return above, [f"{above}/{each}" if above else each for each in names[: names.index(name)]]

    def seen(self, path: str, rows: _Span, columns: _Span) -> tuple[_Span, _Span]:
        """Rows and columns of the input that units of a node's output are reached from, those of padding included.

        Strides are followed backwards along each path: where branches differ in stride, no formula of the unit's
        index holds for all of them.
        """
        spans = self._through(path, (rows, columns))
        while path:
            path, before = self._before(path)
            for each in reversed(before):
                spans = self._through(each, spans)
        return spans

    def _through(self, path: str, spans: tuple[_Span, _Span]) -> tuple[_Span, _Span]:
        """From the output of a node to its input."""
        node = self._nodes[path]
        inside = [f"{path}/{child.name}" for child in node.nodes]
        if node.op == "auxiliary":
            return spans
        if node.op == "sequence":
            for each in reversed(inside):
                spans = self._through(each, spans)
            return spans
        if node.op == "parallel":
            return _hull([self._through(each, spans) for each in inside])
        row = self._found.by_path[path]
        if node.op == "residual":
            steps = projection_stride(row.input_shape[1:], row.output_shape[1:])
            rows, columns = [(first * step, last * step) for (first, last), step in zip(spans, steps, strict=True)]
            return _hull([self._through(inside[0], spans), (rows, columns)])
        fields = self._input(path)[0], row.receptive_field
        return _window(spans[0], *fields, 0), _window(spans[1], *fields, 1)


_Span = tuple[int, int]
"""First and last row, or column."""


def _window(span: _Span, before: ReceptiveField, after: ReceptiveField, axis: int) -> _Span:
    """The inputs of a span of a layer's outputs, from the fields before and after it (Araujo's recurrences solved)."""
    pixels = before.stride[axis]  # from one input of the layer to the next
    step = after.stride[axis] // pixels
    reach = (after.size[axis] - before.size[axis]) // pixels
    padding = (before.start[axis] - after.start[axis]) // pixels
    return span[0] * step - padding, span[1] * step - padding + reach


def _hull(spans: list[tuple[_Span, _Span]]) -> tuple[_Span, _Span]:
    (tops, bottoms), (lefts, rights) = (zip(*axis, strict=True) for axis in zip(*spans, strict=True))
    return (min(tops), max(bottoms)), (min(lefts), max(rights))
