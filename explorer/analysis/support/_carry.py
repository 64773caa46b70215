"""What is carried along the walks on the real image: regions, and the box with its padding."""

from __future__ import annotations

from collections.abc import Sequence

from ...architecture import Geometry
from ._axes import (
    pool_span,
    pull_pooling,
    pull_repeated,
    pull_windows,
    push_pooling,
    push_repeated,
    push_window,
)
from ._graph import Pooling, Reading, Repeated, WholePlane
from ._regions import Region, Regions
from ._supports import Box, Size


class Carrier:
    """Carries regions. With ``middle`` the middle unit of a pooling stands for all, and gates pass their input on."""

    def __init__(self, middle: bool) -> None:
        self.middle = middle
        self.whole = False
        """Whether a whole map was read by one unit on the way."""
        self._regions = Regions()

    def pull(self, region: Region, reading: Reading, made: Size, read: Size) -> Region:
        """From a map to one that it reads."""
        extent = sum(read)
        if isinstance(reading, Geometry):
            extent += made[0] * reading.stride[0] + made[1] * reading.stride[1]
            return self._regions.move(region, pull_windows(reading, read), extent)
        self._note_whole(reading, read)
        if isinstance(reading, Pooling):
            pulls = [pull_pooling(made[axis], read[axis], self.middle) for axis in (0, 1)]
            return self._regions.move(region, pulls, extent)
        if isinstance(reading, Repeated):
            return self._regions.move(region, [pull_repeated(read[axis]) for axis in (0, 1)], extent)
        return self._fill(region, read)

    def push(self, region: Region, reading: Reading, made: Size, read: Size) -> Region:
        """From a map to one that reads it."""
        extent = sum(read)
        if isinstance(reading, Geometry):
            extent += 2 * sum(reading.pad)
            pushes = [push_window(reading, axis, made[axis]) for axis in (0, 1)]
            return self._regions.move(region, pushes, extent)
        self._note_whole(reading, read)
        if isinstance(reading, Pooling):
            pushes = [push_pooling(made[axis], read[axis], self.middle) for axis in (0, 1)]
            return self._regions.move(region, pushes, extent)
        if isinstance(reading, Repeated):
            pushes = [push_repeated(made[axis], read[axis]) for axis in (0, 1)]
            return self._regions.move(region, pushes, extent + sum(made))
        return self._fill(region, made)

    def join(self, regions: Sequence[Region], at: Size) -> Region:
        """What meets at one map."""
        return self._regions.unite(regions, sum(at))

    def _note_whole(self, reading: Reading, read: Size) -> None:
        if self.middle:
            return
        if isinstance(reading, Repeated):
            self.whole = True
        elif read == (1, 1):
            return
        elif isinstance(reading, WholePlane):
            self.whole = True
        elif isinstance(reading, Pooling):
            self.whole |= all(made == 1 or each == 1 for made, each in zip(reading.size, read, strict=True))

    def _fill(self, region: Region, at: Size) -> Region:
        """Through attention: the whole plane, of which its gate is made."""
        if self.middle or not region:
            return region
        return (((1 << at[0]) - 1, (1 << at[1]) - 1),)


def pull_box(middle: bool, box: Box, reading: Reading, made: Size, read: Size) -> Box:
    """A box with the padding that is seen, from a map to one that it reads."""
    top, left, bottom, right = box
    if isinstance(reading, Geometry):
        (tall, wide), (down, along), (apart, aside), (above, before), _ = reading
        return Box(
            top * down - above,
            left * along - before,
            (bottom - 1) * down - above + apart * (tall - 1) + 1,
            (right - 1) * along - before + aside * (wide - 1) + 1,
        )
    if isinstance(reading, Pooling):
        return Box(
            pool_span(top, read[0], made[0], middle)[0],
            pool_span(left, read[1], made[1], middle)[0],
            pool_span(bottom - 1, read[0], made[0], middle)[1],
            pool_span(right - 1, read[1], made[1], middle)[1],
        )
    if isinstance(reading, Repeated):
        bottom, right = (1 if side == 1 else end for side, end in zip(read, (bottom, right), strict=True))
        return Box(0 if read[0] == 1 else top, 0 if read[1] == 1 else left, bottom, right)
    return box


def enclose(boxes: Sequence[Box]) -> Box:
    """The box around boxes."""
    tops, lefts, bottoms, rights = zip(*boxes, strict=True)
    return Box(min(tops), min(lefts), max(bottoms), max(rights))
