"""Which part of a picture a unit can see, from the analysis alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..analysis import Analysis, ReceptiveField, analyze
from ..architecture import Architecture, walk
from ._paths import check_path
from ._preprocessing import Box, Placement


@dataclass(frozen=True, kw_only=True)
class UnitField:
    """The input of one unit, in pixels of the network's input."""

    path: str
    unit: tuple[int, int]
    """(row, column) in the node's feature map."""
    box: Box
    """What the convolutions and poolings let it see, clipped at the image's border."""
    unclipped: Box
    """The same with the padding that it also sees."""
    whole_input: bool
    """Attention, global pooling or flattening came before: beside ``box``, the unit depends on every pixel."""
    aligned: bool
    """False where branches differ in stride or centre; ``box`` then contains what each of them sees."""

    def in_image(self, placement: Placement) -> Box:
        """``box`` in the pixels of the picture that the input was cut from."""
        return placement.to_image(self.box)


def unit_field(architecture: Architecture, path: str, unit: tuple[int, int]) -> UnitField:
    """The rectangle of the input that one unit of a node's feature map can depend on (Araujo et al. 2019).

    Raises ValueError where the node gives no feature map, or has no such unit.
    """
    check_path(architecture, path)
    found = analyze(architecture)
    field, shape = node_output(architecture, found, path)
    if len(shape) != 3:
        raise ValueError(f"{path} gives a vector, in which no unit has a place; choose a layer before it")
    if not all(0 <= index < extent for index, extent in zip(unit, shape[1:], strict=True)):
        raise ValueError(f"{path} has {shape[1]}×{shape[2]} units a channel; there is none at {unit[0]}, {unit[1]}")
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
    """Field and shape of what a node gives, as it is in inference.

    Layers and fusions have a row of the analysis. A sequence gives what its last child gives; an empty one, and an
    auxiliary head, give what they get.
    """
    nodes: dict[str, Any] = dict(walk(architecture))

    def given_by(path: str) -> tuple[ReceptiveField, tuple[int, ...]]:
        node = nodes[path]
        if node.op == "sequence" and node.nodes:
            return given_by(f"{path}/{node.nodes[-1].name}")
        if node.op in ("sequence", "auxiliary"):
            return given_to(path)
        row = found.by_path[path]
        return row.receptive_field, row.output_shape

    def given_to(path: str) -> tuple[ReceptiveField, tuple[int, ...]]:
        above, _, name = path.rpartition("/")
        around = nodes[above] if above else architecture.trunk
        before = [node.name for node in around.nodes].index(name) - 1
        if around.op in ("sequence", "auxiliary") and before >= 0:
            return given_by(f"{above}/{around.nodes[before].name}" if above else around.nodes[before].name)
        return given_to(above) if above else (ReceptiveField(), architecture.input_shape)

    return given_by(path)
