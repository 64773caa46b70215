"""Sets of pixels as unions of products of two bit sets, with exact operations.

Every window of a network is a product of two one-dimensional sets of taps, so a *product* (rows, columns) of two
integers used as bit sets stays one through any chain of layers. Only a union over branches breaks it: 1×3 beside 3×1 is
a cross. A *region* is therefore a tuple of products of which none holds another. Where more than ``MAX_PRODUCTS`` would
be needed it is a dict with one bit set of columns for each row that has any: exact all the same, only slower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

Product = tuple[int, int]
Region = tuple[Product, ...] | dict[int, int]
Spread = Callable[[int], int] | None
"""What a step does to the bit set of one axis: it must distribute over unions. None leaves it as it is."""

MAX_PRODUCTS = 64
MAX_WORK = 10**8
"""Bits that one answer may touch, about half a second: far more than any network of the literature needs."""
_STEP_WORK = 100
"""What an operation costs beside the bits that it touches."""


class TooMuchWorkError(Exception):
    """The answer would take more time and memory than any real network needs."""


class Regions:
    """The operations on regions for one answer, with the work that is left for it."""

    def __init__(self) -> None:
        self.left = MAX_WORK

    def spend(self, bits: int) -> None:
        """Note that so many bits are going to be touched.

        Raises:
            TooMuchWorkError: More than ``MAX_WORK`` in all.
        """
        self.left -= bits + _STEP_WORK
        if self.left < 0:
            raise TooMuchWorkError

    def move(self, region: Region, steps: Sequence[Spread], extent: int) -> Region:
        """Take a region through a step.

        Args:
            region: The region.
            steps: What the step does to rows, and to columns.
            extent: Bits of the result on both axes together.

        Returns:
            The region behind it.
        """
        rows, columns = steps
        if isinstance(region, dict):
            return self._move_rows(region, rows, columns, extent)
        self.spend(len(region) * extent)
        moved = tuple([_step(rows, columns, product) for product in region])
        return moved if len(moved) == 1 and moved[0][0] and moved[0][1] else self._prune(moved, extent)

    def shift(self, region: Region, down: int, right: int, extent: int) -> Region:
        """Move a region as a whole, down and to the right; ``extent`` is as for ``move``."""
        self.spend(len(region) * extent)
        if isinstance(region, dict):
            return {row + down: columns << right for row, columns in region.items()}
        return tuple([(rows << down, columns << right) for rows, columns in region])

    def _move_rows(self, region: dict[int, int], rows: Spread, columns: Spread, extent: int) -> Region:
        moved: dict[int, int] = {}
        known: dict[int, int] = {}
        for row, cells in region.items():
            if cells not in known:
                self.spend(extent)
                known[cells] = cells if columns is None else columns(cells)
            cells = known[cells]
            if cells:
                self.spend(extent)
                for other in bits_of(1 << row if rows is None else rows(1 << row)):
                    self.spend(0)
                    moved[other] = moved.get(other, 0) | cells
        return self._gather(moved, extent)

    def unite(self, regions: Sequence[Region], extent: int) -> Region:
        """Unite regions on one grid.

        Args:
            regions: At least one region.
            extent: Bits of the result on both axes together.

        Returns:
            Their union.
        """
        if len(regions) == 1:
            return regions[0]
        products: list[Product] = []
        for region in regions:
            if isinstance(region, dict):
                return self._gather(self._rows_of(regions, extent), extent)
            products += region
        return self._prune(products, extent)

    def _prune(self, products: Iterable[Product], extent: int) -> Region:
        rest = sorted(set(products), reverse=True)  # a product never comes before one that it lies in
        self.spend(len(rest) ** 2 * (extent // 64 + 32))
        kept: list[Product] = []
        for product in rest:
            rows, columns = product
            if not rows or not columns:
                continue
            for rows_2, columns_2 in kept:
                if rows | rows_2 == rows_2 and columns | columns_2 == columns_2:
                    break
            else:
                kept.append(product)
        found = tuple(kept)
        return self._gather(self._rows_of([found], extent), extent) if len(found) > MAX_PRODUCTS else found

    def _rows_of(self, regions: Iterable[Region], extent: int) -> dict[int, int]:
        found: dict[int, int] = {}
        for region in regions:
            for row, columns in _each_row(region):
                self.spend(extent // 16)
                found[row] = found.get(row, 0) | columns
        return found

    def _gather(self, rows: dict[int, int], extent: int) -> Region:
        """The rows that are alike put together, if few products are left then."""
        classes: dict[int, int] = {}
        for row, columns in rows.items():
            if columns not in classes and len(classes) == MAX_PRODUCTS:
                return rows
            classes[columns] = classes.get(columns, 0) | 1 << row
        return self._prune([(rows, columns) for columns, rows in classes.items()], extent)


def _step(rows: Spread, columns: Spread, product: Product) -> Product:
    """A product behind a step. Most windows and regions are alike on both axes, which halves the work."""
    r, c = product
    moved = r if rows is None else rows(r)
    if rows is columns and r == c:
        return moved, moved
    return moved, c if columns is None else columns(c)


def _each_row(region: Region) -> Iterable[tuple[int, int]]:
    if isinstance(region, dict):
        return region.items()
    return ((row, columns) for rows, columns in region for row in bits_of(rows))


def bits_of(number: int) -> Iterator[int]:
    """The places of the bits that are set, from the lowest on."""
    text = bin(number)[:1:-1]
    place = text.find("1")
    while place >= 0:
        yield place
        place = text.find("1", place + 1)


def smear(bits: int, count: int, step: int) -> int:
    """The union of a bit set and its copies shifted up by ``step``, 2·``step``, …: ``count`` in all."""
    done = 1
    while done < count:
        more = min(done, count - done)
        bits |= bits << more * step
        done += more
    return bits


def smear_down(bits: int, count: int, step: int) -> int:
    """The same, shifted down."""
    done = 1
    while done < count:
        more = min(done, count - done)
        bits |= bits >> more * step
        done += more
    return bits


def spread(bits: int, step: int) -> int:
    """Each bit b at b·``step``."""
    return int(("0" * (step - 1)).join(bin(bits)[2:]), 2) if step > 1 else bits


def thin(bits: int, step: int) -> int:
    """The bits at multiples of ``step``, each at its quotient."""
    return int(bin(bits)[:1:-1][::step][::-1], 2) if step > 1 else bits


def products_of(region: Region) -> tuple[Product, ...]:
    """A region as products: of rows, one for each."""
    return tuple((1 << row, columns) for row, columns in sorted(region.items())) if isinstance(region, dict) else region


def count_cells(products: Sequence[Product]) -> int:
    """Pixels of the union of products: its rows are split into classes that have the same columns."""
    if len(products) == 1:
        return products[0][0].bit_count() * products[0][1].bit_count()
    every = 0
    for rows, _ in products:
        every |= rows
    if sum(rows.bit_count() for rows, _ in products) == every.bit_count():  # no row twice: nothing to split
        return sum(rows.bit_count() * columns.bit_count() for rows, columns in products)
    classes = [(every, 0)]
    for rows, columns in products:
        split = []
        for inside, seen in classes:
            if both := inside & rows:
                split.append((both, seen | columns))
            if rest := inside & ~rows:
                split.append((rest, seen))
        classes = split
    return sum(rows.bit_count() * columns.bit_count() for rows, columns in classes)


def spans_of(products: Sequence[Product]) -> tuple[int, int, int, int] | None:
    """(top, left, bottom, right) of the least rectangle around a union, the latter two exclusive; None if empty."""
    every_row = every_column = 0
    for rows, columns in products:
        every_row |= rows
        every_column |= columns
    if not every_row:
        return None
    return _lowest(every_row), _lowest(every_column), every_row.bit_length(), every_column.bit_length()


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def paint(products: Sequence[Product], height: int, width: int) -> Any:
    """A union of products as a bool array (height, width)."""
    import numpy as np

    def flags(bits: int, count: int) -> Any:
        packed = np.frombuffer(bits.to_bytes(-(-count // 8), "little"), dtype=np.uint8)
        return np.unpackbits(packed, count=count, bitorder="little").view(bool)

    mask = np.zeros((height, width), dtype=bool)
    for rows, columns in products:
        mask[flags(rows, height)] |= flags(columns, width)
    return mask
