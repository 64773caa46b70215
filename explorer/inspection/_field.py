"""The receptive field of one unit of a model, as rectangles and pixels of its input."""

from __future__ import annotations

from dataclasses import dataclass

from ..analysis.support import WHOLE_INPUT, UnitSupport, find_inner_units, find_output_shape, find_unit_support
from ..architecture import Architecture
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
    """The least rectangle around the pixels that convolutions and poolings let it see; empty where it sees none."""
    unclipped: Box
    """The same including the padding."""
    whole_input: bool
    """True after attention, global pooling or flattening: the unit depends on more than ``box``, as a rule on all."""
    support: UnitSupport
    """The pixels themselves."""

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
        The rectangle in pixels of the input, with and without clipping at the border, and the pixels.

    Raises:
        ValueError: There is no such node, it outputs a vector, its feature map has no such unit, or it is not known
            what its units see.

    Source: Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
    """
    _check_map(architecture, path)
    support = find_unit_support(architecture, path, unit)
    if not support.known:
        raise ValueError(support.status)
    seen = support.convolutional or support
    assert seen.unclipped is not None  # every answer has it that is not the whole input's
    return UnitField(
        path=path,
        unit=unit,
        box=Box(*map(float, seen.box or (0, 0, 0, 0))),
        unclipped=Box(*map(float, seen.unclipped)),
        whole_input=support.status == WHOLE_INPUT,
        support=support,
    )


def inner_units(architecture: Architecture, path: str) -> tuple[range, range]:
    """Find the units whose receptive field lies inside the picture, without padding.

    Args:
        architecture: The network.
        path: Of a node that outputs feature maps.

    Returns:
        Rows and columns of the node's feature map; all of an axis where no field fits into it.

    Raises:
        ValueError: There is no such node, it outputs a vector, or it is not known what its units see.
    """
    height, width = _check_map(architecture, path)
    rows, columns = find_inner_units(architecture, path)
    return rows or range(height), columns or range(width)


def _check_map(architecture: Architecture, path: str) -> tuple[int, int]:
    """(height, width) of a node's feature map, which it must have."""
    check_path(architecture, path)
    shape = find_output_shape(architecture, path)
    if len(shape) != 3:
        raise ValueError(f"{path} outputs a vector, whose units have no position; choose a layer before it")
    return shape[1], shape[2]
