"""Drawing by hand: strokes of a pen as text, which fits into an address, and as a picture in the manner of MNIST."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Stroke = Sequence[tuple[float, float]]
"""Points (x, y) that a pen passes without being lifted: 0 is the left or upper edge of the pad, 1 the other."""

MNIST_SIDE_PX = 28
DRAWING_SIDE_PX = 4 * MNIST_SIDE_PX
"""Of a drawn picture: four times as fine as MNIST's."""
PEN = 2.4 / 28
"""Width of the pen's line, as share of the picture's side."""
BOX = 20 / 28
"""Side of the square that holds the drawing, as share of the picture's side, as MNIST's digits were fitted."""
_LEAST_EXTENT = 0.05
"""Of the pad. What is smaller, such as a dot, is enlarged as if it were so large."""
_STEPS = 511
_NUMBERS = 2**20
"""That are computed at a time."""
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LETTERS_A_POINT = 3
MAX_STROKES_LETTERS = 1500
"""Of a text of strokes: some 500 points."""


def format_strokes(strokes: Sequence[Stroke]) -> str:
    """Write strokes as a short text for addresses, to a 511th of the pad.

    Args:
        strokes: What was drawn; strokes without a point are left out.

    Returns:
        Three letters a point, a full stop between two strokes.
    """
    return ".".join("".join(_letters(*point) for point in stroke) for stroke in strokes if len(stroke))


def parse_strokes(text: str) -> list[list[tuple[float, float]]]:
    """Read what ``format_strokes`` wrote.

    Args:
        text: Of at most ``MAX_STROKES_LETTERS`` letters.

    Returns:
        The strokes; each has a point at least.

    Raises:
        ValueError: The text is longer, or was not written by it.
    """
    if len(text) > MAX_STROKES_LETTERS:
        raise ValueError(f"a drawing of {len(text):,} letters is too long; the most are {MAX_STROKES_LETTERS:,}")
    strokes = text.split(".")
    if not all(stroke and len(stroke) % _LETTERS_A_POINT == 0 and set(stroke) <= set(_LETTERS) for stroke in strokes):
        raise ValueError("the text describes no drawing; draw one on the pad of the Inspect page")
    return [
        [_point(stroke[at : at + _LETTERS_A_POINT]) for at in range(0, len(stroke), _LETTERS_A_POINT)]
        for stroke in strokes
    ]


def draw_strokes(
    strokes: Sequence[Stroke], side_px: int = DRAWING_SIDE_PX, *, pen: float = PEN
) -> NDArray[np.uint8]:
    """Draw strokes as MNIST's digits are: white on black, scaled to fit into 20 of 28 parts of the side without
    distortion, and their centre of mass in the middle.

    Args:
        strokes: What was drawn; where and how large it was drawn on the pad does not matter.
        side_px: Side of the picture in pixels, 8 to 1,024.
        pen: Width of the line as share of the side; it is not scaled with the drawing.

    Returns:
        RGB, uint8 (side_px, side_px, 3), as ``decode`` gives pictures.

    Raises:
        ValueError: There is no point, or a number is out of its range or not finite.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits": "the images were centered in a
    28x28 image by computing the center of mass of the pixels".
    """
    if not 8 <= side_px <= 1024:
        raise ValueError(f"side_px (={side_px}) must be from 8 to 1,024")
    if not 0 < pen < BOX:
        raise ValueError(f"pen (={pen}) must be above 0 and below {BOX:.2f}")
    lines = [np.asarray(stroke, np.float64).reshape(-1, 2) for stroke in strokes if len(stroke)]
    if not lines or not all(np.isfinite(line).all() for line in lines):
        raise ValueError("there is nothing to draw; give a stroke with a point at least, all of them finite")
    low, high = np.concatenate(lines).min(0), np.concatenate(lines).max(0)
    scale = (BOX - pen) / max(*(high - low), _LEAST_EXTENT)
    placed = [(line - (low + high) / 2) * scale + 0.5 for line in lines]
    ink = _ink(placed, MNIST_SIDE_PX, pen)
    # The margin of 4 parts is what the centre of mass may move the drawing: no ink leaves the picture.
    room = (1 - BOX) / 2
    middle = (np.arange(MNIST_SIDE_PX) + 0.5) / MNIST_SIDE_PX
    mass = np.array([ink.sum(0) @ middle, ink.sum(1) @ middle]) / ink.sum()
    moved = np.clip(0.5 - mass, -room, room)
    grey = np.rint(255 * _ink([line + moved for line in placed], side_px, pen)).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _ink(lines: Sequence[NDArray[np.float64]], side_px: int, pen: float) -> NDArray[np.float32]:
    """How much of each pixel the pen covers, 0 to 1 (side, side), by the distance of its middle from a line."""
    starts = np.concatenate([line[:-1] if len(line) > 1 else line for line in lines]).astype(np.float32)
    along = np.concatenate([line[1:] if len(line) > 1 else line for line in lines]).astype(np.float32) - starts
    x, y = np.meshgrid(*[((np.arange(side_px) + 0.5) / side_px).astype(np.float32)] * 2)
    nearest = np.full(x.shape, np.inf, np.float32)
    pieces = max(1, _NUMBERS // x.size)
    for at in range(0, len(starts), pieces):
        (a, b), (u, v) = (each[at : at + pieces].T[:, :, None, None] for each in (starts, along))
        share = ((x - a) * u + (y - b) * v) / np.maximum(u * u + v * v, 1e-12)
        np.clip(share, 0, 1, out=share)
        np.minimum(nearest, np.sqrt(((x - a - share * u) ** 2 + (y - b - share * v) ** 2).min(0)), out=nearest)
    covered: NDArray[np.float32] = np.clip((pen / 2 - nearest) * side_px + 0.5, 0, 1)
    return covered


def _letters(x: float, y: float) -> str:
    number = 0
    for share in (x, y):
        number = number * (_STEPS + 1) + min(_STEPS, max(0, round(share * _STEPS)))
    return "".join(_LETTERS[number >> shift & 63] for shift in (12, 6, 0))


def _point(letters: str) -> tuple[float, float]:
    number = 0
    for letter in letters:
        number = number * 64 + _LETTERS.index(letter)
    return number // (_STEPS + 1) / _STEPS, number % (_STEPS + 1) / _STEPS
