"""What the questions about support are answered with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from .._walk import Field
from ._regions import Product, count_cells, paint, spans_of

Size = tuple[int, int]
Unit = tuple[int, int]

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
    field: Field
    """What the analysis says of the box, per axis; ``size``, ``stride``, ``start`` and ``min_size`` read it."""
    status: str
    """'exact'; 'whole input' after attention, global pooling or flattening, where the pattern is that of convolutions
    and pooling windows alone; else the reason why there is no pattern."""
    products: tuple[Product, ...]
    """The pattern as a union of products (rows, columns): bit b of an integer is row, or column, b of the box."""

    @property
    def known(self) -> bool:
        """Whether there is a pattern."""
        return self.status in (EXACT, WHOLE_INPUT)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the box around the pattern, in pixels, as in the analysis."""
        return self.field[0][0], self.field[1][0]

    @property
    def stride(self) -> tuple[int, int]:
        """(rows, columns) from the pattern of one unit to that of the next."""
        return self.field[0][1], self.field[1][1]

    @property
    def start(self) -> tuple[int, int]:
        """(row, column) of the corner of the first unit's box; negative where padding is seen."""
        return self.field[0][2], self.field[1][2]

    @property
    def min_size(self) -> tuple[int, int]:
        """(height, width) of the box on the shortest path."""
        return self.field[0][3], self.field[1][3]

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
