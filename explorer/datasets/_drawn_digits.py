"""Digits drawn by a program: ten figures in several hands, turned, slanted and shaken, with pens of several widths.

They are no handwriting of people. They stand for what somebody draws on a pad, no network of ours learns from them, and
so they show at once, without a download, what a network that knows digits makes of strokes that it has never seen.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ._arrays import ImageArrays
from ._card import DatasetCard
from ._classes import DIGITS
from ._random import bits
from ._strokes import PEN, Stroke, draw_strokes

NAME = "drawn-digits"
COUNTS = (100, 400)
_SIDE_PX = 28
_SEED = 28
_NUMBERS = 50_000
_Points = list[tuple[float, float]]


def _arc(x: float, y: float, wide: float, high: float, start: float, end: float) -> _Points:
    """Part of an ellipse, in degrees: 0 is right, 90 below."""
    turns = np.radians(np.linspace(start, end, max(3, int(abs(end - start) / 15))))
    return [(x + wide * math.cos(turn), y + high * math.sin(turn)) for turn in turns]


@lru_cache(maxsize=1)
def list_hands() -> tuple[tuple[tuple[Stroke, ...], ...], ...]:
    """For each digit the ways in which it is written, each as strokes on a pad of side 1."""
    top3, low3 = _arc(0.48, 0.31, 0.2, 0.19, 200, 440), _arc(0.47, 0.68, 0.24, 0.2, -80, 150)
    return (
        ((_arc(0.5, 0.5, 0.22, 0.36, -80, 280),), (_arc(0.5, 0.5, 0.3, 0.36, -110, 250),)),
        (([(0.5, 0.13), (0.5, 0.87)],), ([(0.37, 0.28), (0.52, 0.13), (0.52, 0.87)],)),
        (
            ([*_arc(0.48, 0.34, 0.22, 0.2, 190, 390), (0.27, 0.86), (0.75, 0.86)],),
            ([*_arc(0.48, 0.34, 0.22, 0.2, 190, 400), (0.36, 0.76), *_arc(0.33, 0.82, 0.06, 0.05, 240, 20),
              (0.45, 0.82), (0.76, 0.84)],),
        ),
        (([*top3, *low3],), ([(0.28, 0.15), (0.7, 0.15), (0.46, 0.44), *_arc(0.46, 0.65, 0.24, 0.21, -75, 150)],)),
        (
            ([(0.34, 0.13), (0.27, 0.56), (0.76, 0.56)], [(0.62, 0.2), (0.6, 0.88)]),
            ([(0.62, 0.88), (0.62, 0.13), (0.24, 0.62), (0.8, 0.62)],),
        ),
        (
            ([(0.36, 0.14), (0.33, 0.45), *_arc(0.47, 0.65, 0.23, 0.22, -125, 145)], [(0.36, 0.14), (0.72, 0.14)]),
            ([(0.72, 0.15), (0.37, 0.15), (0.34, 0.47), *_arc(0.46, 0.66, 0.24, 0.2, -110, 140)],),
        ),
        (
            ([(0.62, 0.13), (0.42, 0.35), *_arc(0.5, 0.67, 0.2, 0.2, 190, 540)],),
            ([*_arc(0.6, 0.5, 0.3, 0.37, 270, 185), *_arc(0.5, 0.68, 0.2, 0.19, 180, -170)],),
        ),
        (
            ([(0.26, 0.15), (0.74, 0.15), (0.42, 0.87)],),
            ([(0.26, 0.16), (0.74, 0.14), (0.44, 0.87)], [(0.38, 0.5), (0.7, 0.5)]),
        ),
        (
            ([*_arc(0.5, 0.31, 0.18, 0.18, -60, -270), *_arc(0.5, 0.68, 0.22, 0.19, -90, 270),
              *_arc(0.5, 0.31, 0.18, 0.18, 90, -60)],),
            (_arc(0.5, 0.31, 0.19, 0.18, -90, 270), _arc(0.5, 0.68, 0.23, 0.19, -90, 270)),
        ),
        (
            ([*_arc(0.48, 0.34, 0.2, 0.2, 0, -360), (0.68, 0.4), (0.66, 0.88)],),
            ([*_arc(0.48, 0.34, 0.21, 0.2, -30, -380), (0.68, 0.5), *_arc(0.46, 0.62, 0.22, 0.25, 0, 80)],),
        ),
    )  # fmt: skip


class _Chance:
    """Random numbers that are the same in every version of every library."""

    def __init__(self, seed: int) -> None:
        self._left = iter((bits(_NUMBERS, seed) / 2**64).tolist())

    def uniform(self, low: float, high: float) -> float:
        share: float = next(self._left)
        return low + (high - low) * share

    def array(self, low: float, high: float, *shape: int) -> NDArray[np.float64]:
        return np.array([self.uniform(low, high) for _ in range(math.prod(shape))]).reshape(shape)


def draw_digit(digit: int, hand: int, draw: _Chance | None = None) -> list[Stroke]:
    """One digit as strokes: as it stands, or turned, slanted, stretched and shaken by chance."""
    strokes = list_hands()[digit][hand]
    if draw is None:
        return list(strokes)
    turn, slant = draw.uniform(-0.2, 0.2), draw.uniform(-0.25, 0.25)
    stretch = np.array([draw.uniform(0.75, 1.2), 1.0])
    cosine, sine = math.cos(turn), math.sin(turn)
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ np.array([[1.0, slant], [0.0, 1.0]])
    return [_shake((np.asarray(stroke) - 0.5) * stretch @ matrix.T + 0.5, draw) for stroke in strokes]


def _shake(points: NDArray[np.float64], draw: _Chance) -> list[tuple[float, float]]:
    """Points every twentieth of the pad or so, moved by slow waves: a hand does not tremble from point to point."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], steps.cumsum()])
    places = np.linspace(0, along[-1], max(2, round(along[-1] / 0.05)))
    x, y = (np.interp(places, along, column) for column in points.T)
    phase, pace = draw.array(0, 2 * math.pi, 2, 2), draw.array(3, 9, 2, 2)
    waves = 0.012 * np.sin(pace[..., None] * places + phase[..., None]).sum(1)
    return list(zip((x + waves[0]).tolist(), (y + waves[1]).tolist(), strict=True))


def load() -> ImageArrays:
    """100 digits for training and 400 for testing, as many of each class; the same on every machine."""
    train, test = (_draw(count, seed) for count, seed in zip(COUNTS, (_SEED, _SEED + 1), strict=True))
    return ImageArrays(
        name=NAME, classes=DIGITS, train_images=train[0], train_labels=train[1], test_images=test[0],
        test_labels=test[1], notes=_NOTES,
    )  # fmt: skip


def _draw(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    draw = _Chance(seed)
    labels = np.arange(count, dtype=np.int64) % len(DIGITS)
    images = np.empty((count, 1, _SIDE_PX, _SIDE_PX), np.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        strokes = draw_digit(label, int(draw.uniform(0, len(list_hands()[label]))), draw)
        image[0] = draw_strokes(strokes, _SIDE_PX, pen=PEN * draw.uniform(0.7, 1.4))[..., 0]
    return images, labels


_NOTES = (
    "Drawn by a program, not by people: accuracy here says how a network copes with strokes, not with handwriting.",
)


def get_card() -> DatasetCard:
    """The card of the drawn digits."""
    return DatasetCard(
        name=NAME,
        title="Drawn digits",
        summary="Digits drawn by a program in several hands, scaled and centred as MNIST's are: a test for strokes "
        "that no model has seen.",
        train_count=COUNTS[0],
        test_count=COUNTS[1],
        classes=DIGITS,
        shape=(1, _SIDE_PX, _SIDE_PX),
        source="generated by this program, the same images on every machine",
        licence="MIT, as the program",
        size_bytes=sum(COUNTS) * _SIDE_PX**2,
        available=True,
        path=None,
        notes=_NOTES,
    )
