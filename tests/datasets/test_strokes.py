"""Strokes: as text and back, and as pictures in MNIST's manner, against Pillow and by properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from explorer import datasets
from explorer.datasets import MAX_STROKES_LETTERS, draw_strokes, format_strokes, parse_strokes

SHARES = st.floats(0, 1)
STROKES = st.lists(st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=20), min_size=1, max_size=5)
PEN = 2.4 / 28


@given(STROKES)
def test_text_brings_strokes_back(strokes: list[list[tuple[float, float]]]) -> None:
    text = format_strokes(strokes)
    back = parse_strokes(text)
    assert [len(stroke) for stroke in back] == [len(stroke) for stroke in strokes]
    pairs = zip((p for s in strokes for p in s), (p for s in back for p in s), strict=True)
    assert all(math.dist(ours, theirs) < 0.002 for ours, theirs in pairs)
    assert format_strokes(back) == text


@pytest.mark.parametrize("text", ["", ".", "AA", "AAAA", "AAA.", "A A", "ÄÄÄ", "<b>", "A" * 3000])
def test_other_text_is_no_drawing(text: str) -> None:
    with pytest.raises(ValueError, match="drawing"):
        parse_strokes(text)


@given(STROKES, st.sampled_from((28, 56, 112)))
def test_a_drawing_fits_the_box_and_its_mass_is_in_the_middle(
    strokes: list[list[tuple[float, float]]], side_px: int
) -> None:
    picture = draw_strokes(strokes, side_px)
    assert picture.shape == (side_px, side_px, 3)
    assert picture.dtype == np.uint8
    grey = picture[..., 0].astype(float)
    assert (picture == picture[..., :1]).all()
    rows, columns = (np.flatnonzero(grey.max(axis) > 127) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) <= 20 / 28 * side_px
    middle = (np.arange(side_px) + 0.5) / side_px
    mass = grey.sum(1) @ middle / grey.sum(), grey.sum(0) @ middle / grey.sum()
    # Moved by the mass, but never so far that ink leaves the picture.
    inside = rows[0] > 0.5 and columns[0] > 0.5 and max(rows[-1], columns[-1]) < side_px - 1.5
    assert not inside or max(abs(each - 0.5) for each in mass) < 0.6 / 28


@given(STROKES, st.floats(0.2, 0.9), SHARES, SHARES)
def test_place_and_size_on_the_pad_do_not_matter(
    strokes: list[list[tuple[float, float]]], size: float, right: float, down: float
) -> None:
    points = [point for stroke in strokes for point in stroke]
    extent = max(max(p[axis] for p in points) - min(p[axis] for p in points) for axis in (0, 1))
    if extent * size < 0.06:  # below, drawings are not enlarged
        return
    moved = [[(size * x + right, size * y + down) for x, y in stroke] for stroke in strokes]
    assert np.abs(draw_strokes(moved, 28).astype(int) - draw_strokes(strokes, 28)).max() <= 2


def test_lines_are_pillows() -> None:
    """The same lines, drawn much larger by Pillow and scaled down."""
    points = [(0.2, 0.2), (0.8, 0.3), (0.3, 0.8)]
    ours = draw_strokes([points], 112)[..., 0].astype(float)
    big = 8 * 112
    low, high = np.array(points).min(0), np.array(points).max(0)
    placed = ((np.array(points) - (low + high) / 2) * (20 / 28 - PEN) / (high - low).max() + 0.5) * big
    image = Image.new("L", (big, big))
    pen = ImageDraw.Draw(image)
    pen.line([tuple(point) for point in placed], 255, round(PEN * big), joint="curve")
    for x, y in placed:
        pen.ellipse((x - PEN * big / 2, y - PEN * big / 2, x + PEN * big / 2, y + PEN * big / 2), 255)
    theirs = np.asarray(image.resize((112, 112), Image.Resampling.BOX)).astype(float)
    # Ours lies where its mass is in the middle: the same picture at another place.
    shift = [round(np.average(np.arange(112), weights=each.sum(axis))) for each in (theirs, ours) for axis in (1, 0)]
    moved = np.roll(theirs, (shift[2] - shift[0], shift[3] - shift[1]), (0, 1))
    assert abs(ours.sum() / theirs.sum() - 1) < 0.02
    assert np.abs(moved - ours).mean() < 4


@pytest.mark.parametrize(
    ("strokes", "options", "message"),
    [
        ([], {}, "nothing to draw"), ([[]], {}, "nothing to draw"), ([[(0.5, math.nan)]], {}, "finite"),
        ([[(0.5, 0.5)]], {"side_px": 4}, "side_px"), ([[(0.5, 0.5)]], {"pen": 0}, "pen"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_told(strokes: list[list[tuple[float, float]]], options: dict[str, float],
                                      message: str) -> None:  # fmt: skip
    with pytest.raises(ValueError, match=message):
        draw_strokes(strokes, **options)  # type: ignore[arg-type]


def test_the_longest_text_is_drawn() -> None:
    text = ".".join(["AAA_-0"] * (MAX_STROKES_LETTERS // 7))
    assert draw_strokes(parse_strokes(text)).max() == 255


def test_the_drawn_digits_are_the_same_everywhere_and_all_classes_alike() -> None:
    found = datasets.load("drawn-digits")
    card = datasets.get_card("drawn-digits")
    assert (len(found.train_labels), len(found.test_labels)) == (card.train_count, card.test_count) == (100, 400)
    assert found.test_labels.bincount().tolist() == [40] * 10
    assert found.stored_shape == card.shape
    assert datasets.load("drawn-digits").fingerprint == found.fingerprint
    assert len({image.numpy().tobytes() for image in found.test_images}) == 400
