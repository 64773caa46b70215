"""A few images of each class, to look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from . import _images, _store
from ._errors import ImageError
from ._members import MemberError
from ._sources import Source

_SAMPLES = 48
_CLASSES = 12
_OF_CLASS = 8
TILE_PX = 96

_Key = TypeVar("_Key")
Sample = tuple[str, NDArray[np.uint8]]
"""A class, and one of its images, uint8 (96, 96, 3)."""


def decode_samples(source: Source, classes: Sequence[str], pairs: Iterable[tuple[str, int]]) -> tuple[Sample, ...]:
    """Samples of a source: of its (path, label) pairs."""
    samples = []
    for label, names in _choose(classes, pairs).items():
        for name in names:
            try:
                pixels = _images.decode(source.read(name), at_least=TILE_PX).pixels
            except (MemberError, ImageError):
                continue
            samples.append((classes[label], _images.scale_to(pixels, TILE_PX, TILE_PX)))
    return tuple(samples)


def sample_images(name: str) -> tuple[Sample, ...]:
    """Some training images of an imported set, as they are stored.

    Args:
        name: Its identifier.

    Returns:
        A few of each class, of the first twelve classes where there are more; each (96, 96, 3), its middle if it is not
        square. Only these are read from the disk.

    Raises:
        DatasetError: There is no such set, or its file is damaged.
    """
    facts = _store.read_facts(name)
    classes = facts.classes
    if facts.streamed:
        index = _store.open_index(name)
        chosen = _choose(classes, enumerate(index.labels[: index.train_count].tolist()))
        return tuple((classes[label], _tile(index.read(row))) for label, rows in chosen.items() for row in rows)
    images, labels = _store.map_training_images(name)
    chosen = _choose(classes, enumerate(labels.tolist()))
    return tuple((classes[label], _tile(images[row])) for label, rows in chosen.items() for row in rows)


def draw_sheet(samples: Sequence[Sample]) -> NDArray[np.uint8]:
    """Samples as one picture, a row for each class.

    Args:
        samples: At least one.

    Returns:
        uint8 (H, W, 3), white where a class has fewer samples than others.
    """
    rows: dict[str, list[NDArray[np.uint8]]] = {}
    for name, tile in samples:
        rows.setdefault(name, []).append(tile)
    step = TILE_PX + 4
    sheet = np.full((step * len(rows) - 4, step * max(map(len, rows.values())) - 4, 3), 255, dtype=np.uint8)
    for y, tiles in enumerate(rows.values()):
        for x, tile in enumerate(tiles):
            sheet[y * step : y * step + TILE_PX, x * step : x * step + TILE_PX] = tile
    return sheet


def _tile(image_CHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    pixels = np.repeat(image_CHW, 3 // image_CHW.shape[0], axis=0).transpose(1, 2, 0)
    return _images.scale_to(np.ascontiguousarray(pixels), TILE_PX, TILE_PX)


def _choose(classes: Sequence[str], pairs: Iterable[tuple[_Key, int]]) -> dict[int, list[_Key]]:
    """The first few of each class, by label."""
    shown = min(len(classes), _CLASSES)
    most = max(1, min(_OF_CLASS, _SAMPLES // shown))
    found: dict[int, list[_Key]] = {label: [] for label in range(shown)}
    for key, label in pairs:
        if label in found and len(found[label]) < most:
            found[label].append(key)
    return found
