"""The receptive field of one unit as a rectangle of the input, from the analysis alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..analysis import Analysis, ReceptiveField, analyze
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
    """False where branches differ in stride or centre; ``box`` then contains the field of each branch."""

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
    ends = [
        (start + stride * index, start + stride * index + size)
        for start, stride, index, size in zip(field.start, field.stride, unit, field.size, strict=True)
    ]
    (top, bottom), (left, right) = ends
    _, height, width = architecture.input_shape
    inside = Box(
        top=float(min(max(top, 0), height)),
        left=float(min(max(left, 0), width)),
        bottom=float(min(max(bottom, 0), height)),
        right=float(min(max(right, 0), width)),
    )
    return UnitField(
        path=path,
        unit=unit,
        box=inside,
        unclipped=Box(float(top), float(left), float(bottom), float(right)),
        whole_input=field.whole_input,
        aligned=field.aligned,
    )


def node_output(architecture: Architecture, found: Analysis, path: str) -> tuple[ReceptiveField, tuple[int, ...]]:
    """Receptive field and shape of a node's output in inference.

    Layers and fusions have a row of the analysis. A sequence outputs what its last child outputs; an empty one, and an
    auxiliary head, output their input.
    """
    nodes: dict[str, Any] = dict(walk(architecture))

    def output(path: str) -> tuple[ReceptiveField, tuple[int, ...]]:
        node = nodes[path]
        if node.op == "sequence" and node.nodes:
            return output(f"{path}/{node.nodes[-1].name}")
        if node.op in ("sequence", "auxiliary"):
            return input_(path)
        row = found.by_path[path]
        return row.receptive_field, row.output_shape

    def input_(path: str) -> tuple[ReceptiveField, tuple[int, ...]]:
        above, _, name = path.rpartition("/")
        around = nodes[above] if above else architecture.trunk
        before = [node.name for node in around.nodes].index(name) - 1
        if around.op in ("sequence", "auxiliary") and before >= 0:
            return output(f"{above}/{around.nodes[before].name}" if above else around.nodes[before].name)
        return input_(above) if above else (ReceptiveField(), architecture.input_shape)

    return output(path)
