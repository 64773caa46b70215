"""A task that needs a large enough receptive field, and nothing else: which of two marks is above the other?

Every image is a flat grey square with two marks of one pixel in one column, ``distance`` rows apart: one lighter than
the ground, one equally much darker. Class 0 has the lighter mark on top, class 1 the darker.

**Units whose field does not contain both marks cannot solve it, however many there are.** Let a network compute at
each position of a grid of stride *s* some function of the w×w window there (zeros, or any constant, beyond the border),
and let the class depend only on the *multiset* of these values: global average or max pooling, then anything. If
w ≤ distance and s divides the distance, the network gives both classes the same answer, image by image:

1. The images come in twins that differ only in that the two marks are exchanged. Ground, contrast, column and rows are
   the same, so each twin pair has one image of either class.
2. A window that touches both marks has w ≥ distance + 1. So with w ≤ distance each window sees one mark or none.
3. The marks keep ``distance`` rows from the upper and the lower border. A window that touches a mark and reaches beyond
   one of these borders would have w ≥ distance + 2. So no window sees a mark and the upper or lower border; it may see
   the left or right border, but both marks stand in one column, so they have the same view of it.
4. So the windows around the upper mark's place, moved down by ``distance``, are the windows around the lower one's, and
   as s divides the distance the grid comes to lie on itself. Exchanging the marks exchanges these two equal sets of
   windows, and every other window sees no mark at all and stays as it was. The multisets of the twins are equal.

As both twins always lie in the same split, such a network has exactly 50 % accuracy on every split, however it was
trained (up to the rounding of a sum taken in another order). With w ≥ distance + 1 one window holds both marks, and a
single linear unit tells them apart: the threshold is sharp.

What would break the proof is left out. Noise in the ground would allow overlapping windows to be matched by the noise
that they share; marks close to the border would be distinguished by their surroundings; a kind of mark that determines
the class alone would need a small field only; "two marks of the same kind or not" would show in the counts.
For the same reason images must be neither scaled, nor cropped, nor flipped upside down (left to right is harmless), and
a network must not flatten its last feature map, which tells it where each window was.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from ..text import quote
from ._arrays import ImageArrays
from ._card import DatasetCard
from ._errors import DatasetError
from ._random import permutation

NAME = "long-range"
CLASSES = ("light above dark", "dark above light")
DISTANCES = range(4, 65, 4)
"""Distances that are offered: multiples of 4, so that strides of 1, 2 and 4 divide them."""
LISTED_DISTANCES = (8, 16, 32)
SAMPLES = 6_000
TEST_PART = 6
"""One twin pair in six is for testing."""
_MAX_SIZE = 512
_GROUND = range(96, 161, 4)
_CONTRAST = range(48, 96, 4)
PATTERN = re.compile(rf"{NAME}(?:-(\d{{1,3}}))?")


def generate_long_range(
    distance: int = 8, size: int | None = None, samples: int = SAMPLES, seed: int = 0
) -> ImageArrays:
    """Generate the images of the task. A network needs a vertical receptive field of ``distance`` + 1 pixels.

    Args:
        distance: of the marks in rows, a multiple of 4 from 4 to 64.
        size: side of the images in pixels, at least 3 × distance + 1; default: 4 × distance, so that networks of stride
            4 and 8 fit.
        samples: number of images, five sixths for training; a multiple of 12.
        seed: the same images for the same seed, on every machine.

    Returns:
        uint8 images (N, 1, size, size) without duplicates, the classes exactly balanced.

    Raises:
        DatasetError: a value out of its range.
    """
    size = 4 * distance if size is None else size
    if distance not in DISTANCES:
        raise DatasetError(f"distance (={distance}) must be a multiple of 4 from {DISTANCES[0]} to {DISTANCES[-1]}")
    if not 3 * distance + 1 <= size <= _MAX_SIZE:
        raise DatasetError(f"size (={size}) must be from {3 * distance + 1} (3 × distance + 1) to {_MAX_SIZE}")
    scenes = count_scenes(distance, size)
    if samples % (2 * TEST_PART) or not 0 < samples <= 2 * scenes:
        raise DatasetError(f"samples (={samples}) must be a multiple of {2 * TEST_PART} up to {2 * scenes:,}")
    chosen = permutation(scenes, seed)[: samples // 2]
    test = len(chosen) // TEST_PART
    train_images, train_labels = draw(chosen[test:], distance, size)
    test_images, test_labels = draw(chosen[:test], distance, size)
    return ImageArrays(
        name=f"{NAME}-{distance}",
        classes=CLASSES,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        notes=notes(distance),
    )


def notes(distance: int) -> tuple[str, ...]:
    """What a person must know to interpret a result."""
    return (
        f"A network whose receptive field is at most {distance} rows high, and whose strides divide {distance}, cannot "
        "do better than 50 % if it ends in global pooling: the patches of both classes are the same.",
        "Use it at its own size, without cropping, vertical flips or scaling: they would move the marks.",
    )


def count_scenes(distance: int, size: int) -> int:
    """How many twin pairs there are: rows × columns × grounds × contrasts."""
    return (size - 3 * distance) * size * len(_GROUND) * len(_CONTRAST)


def draw(scenes: NDArray[np.int64], distance: int, size: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (2N, 1, size, size) and labels (2N,) of N scenes given by number, each scene's twins together."""
    rest, row = np.divmod(scenes, size - 3 * distance)
    rest, column = np.divmod(rest, size)
    contrast, ground = np.divmod(rest, len(_GROUND))
    level = np.asarray(_GROUND)[ground]
    difference = np.asarray(_CONTRAST)[contrast]
    images = np.empty((len(scenes), 2, size, size), dtype=np.uint8)
    images[:] = level[:, None, None, None]
    here = np.arange(len(scenes))
    upper, lower = row + distance, row + 2 * distance
    for label, sign in ((0, 1), (1, -1)):
        images[here, label, upper, column] = level + sign * difference
        images[here, label, lower, column] = level - sign * difference
    labels = np.tile(np.array([0, 1], dtype=np.int64), len(scenes))
    return images.reshape(-1, 1, size, size), labels


def parse_distance(name: str) -> int | None:
    """The distance in a name such as 'long-range-16', 8 for 'long-range', None for any other name.

    Raises DatasetError for a distance that is not offered.
    """
    match = PATTERN.fullmatch(name)
    if not match:
        return None
    distance = int(match[1] or LISTED_DISTANCES[0])
    if distance not in DISTANCES:
        raise DatasetError(
            f"{quote(name)}: the distance must be a multiple of 4 from {DISTANCES[0]} to {DISTANCES[-1]}"
        )
    return distance


def get_card(distance: int) -> DatasetCard:
    """The card of the task with marks so many rows apart."""
    test = SAMPLES // TEST_PART
    side = 4 * distance
    return DatasetCard(
        name=f"{NAME}-{distance}",
        title=f"Two marks, {distance} apart",
        summary=(
            f"Which of two marks {distance} rows apart is on top? A network with global pooling learns it exactly when "
            f"its receptive field is more than {distance} rows high; below, it stays at 50 %."
        ),
        train_count=SAMPLES - test,
        test_count=test,
        classes=CLASSES,
        shape=(1, side, side),
        source="generated by this program, the same images on every machine",
        licence="MIT, as the program",
        size_bytes=SAMPLES * side * side,
        available=True,
        path=None,
        notes=notes(distance),
    )
