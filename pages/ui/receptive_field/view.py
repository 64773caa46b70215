"""A node of a network and the map on which its field lies, with the places on both."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from explorer import figures
from explorer.architecture import Architecture
from pages.ui.field import Place


class View(NamedTuple):
    """What one frame of the drawing looks at."""

    architecture: Architecture
    path: str
    """Of the node whose units they are."""
    source: str
    """Of the node on whose map fields lie; '' for the image."""

    @property
    def lattice(self) -> figures.Lattice:
        """How the units lie over that map."""
        return _find_lattice(self.architecture, self.path, self.source)

    @property
    def extent(self) -> Place:
        """Rows and columns of that map."""
        if self.source:
            return _find_lattice(self.architecture, self.source, self.source).size
        _, rows, columns = self.architecture.input_shape
        return rows, columns

    def clip_unit(self, unit: Place | None) -> Place:
        """The nearest unit that there is; the middle one for none."""
        rows, columns = self.lattice.size
        return (rows // 2, columns // 2) if unit is None else _clip(unit, (rows, columns))

    def clip_pixel(self, pixel: Place) -> Place:
        """The nearest pixel that there is."""
        return _clip(pixel, self.extent)

    def carry(self, place: tuple[float, float], other: View) -> Place:
        """The pixel that lies on the other view's map where this one lies on ours, as a share of its sides."""
        row, column = (
            round((place[axis] + 0.5) * other.extent[axis] / self.extent[axis] - 0.5) for axis in (0, 1)
        )
        return row, column


def _clip(place: Place, size: Place) -> Place:
    row, column = (min(max(each, 0), count - 1) for each, count in zip(place, size, strict=True))
    return row, column


@lru_cache(maxsize=128)
def _find_lattice(architecture: Architecture, path: str, source: str) -> figures.Lattice:
    """Cached for all sessions: a walk over a map asks for it with every step."""
    return figures.find_lattice(architecture, path, source)
