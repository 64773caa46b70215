"""Numbers as pictures: which pixel is which number, what colours stand for, and that equal steps look equal."""

from __future__ import annotations

import base64
import io
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from explorer import figures
from explorer.figures._colour_maps import LEVELS, diverging, oklab, sequential
from explorer.figures._maps import BAD, draw_map, levels, shrunk

NUMBERS = st.one_of(
    st.floats(-1e6, 1e6, width=32), st.floats(0, 5, width=32), st.sampled_from([0.0, math.nan, math.inf, -math.inf])
)
MAPS = arrays.arrays(np.float32, arrays.array_shapes(min_dims=3, max_dims=3, max_side=9), elements=NUMBERS)


def opened(png: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The levels of a palette PNG."""
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    assert image.mode == "P"
    return np.asarray(image)


@given(MAPS, st.booleans(), st.integers(1, 5), st.randoms())
def test_each_pixel_of_a_sheet_is_the_number_it_stands_for(
    values: np.ndarray[Any, Any], shared: bool, limit: int, random: Any
) -> None:
    channels = random.sample(range(len(values)), random.randint(1, len(values)))
    found = figures.draw_map_grid(values, channels, shared=shared, limit=limit)
    json.loads(json.dumps(found, allow_nan=False))  # what the browser can read
    pixels, factor = opened(found["png"]), found["factor"]
    assert max(found["width"], found["height"]) <= limit
    _, height, width = values.shape
    signed = bool((values[np.isfinite(values)] < 0).any())
    for index, channel in enumerate(channels):
        told = found["maps"][index]
        assert told["channel"] == channel
        among = values if shared else values[channel]
        most = float(np.abs(among[np.isfinite(among)]).max(initial=0))
        assert told["high"] == pytest.approx(most, rel=1e-5)
        assert told["low"] == (pytest.approx(-most, rel=1e-5) if signed else 0)
        for row in range(0, height, factor):
            for column in range(0, width, factor):
                with np.errstate(invalid="ignore"):  # infinity less infinity
                    mean = values[channel, row : row + factor, column : column + factor].astype(np.float64).mean()
                line, place = divmod(index, found["columns"])
                level = pixels[line * found["height"] + row // factor, place * found["width"] + column // factor]
                if not math.isfinite(mean):
                    assert level == BAD
                elif most:
                    share = mean / most * 0.5 + 0.5 if signed else mean / most
                    assert abs(level - share * (LEVELS - 1)) <= 0.5 + 1e-6
                else:
                    assert level == 0


@given(MAPS)
def test_the_large_map_carries_the_numbers_themselves(values: np.ndarray[Any, Any]) -> None:
    one = values[0]
    found = draw_map(one, *figures.find_color_range(one))
    given_back = np.frombuffer(base64.b64decode(found["values"]), "<f4").reshape(found["rows"], found["columns"])
    np.testing.assert_array_equal(given_back, one)
    assert (found["height"], found["width"]) == one.shape
    low, high = figures.find_color_range(one)
    np.testing.assert_array_equal(opened(found["png"]), levels(one, low, high))


SIDES = st.tuples(st.integers(1, 20), st.integers(1, 20))


@given(arrays.arrays(np.float32, SIDES, elements=st.floats(-1, 1, width=32)))
def test_shrinking_keeps_the_mean(values: np.ndarray[Any, Any]) -> None:
    small = shrunk(values, 3)
    sizes = np.outer(*(np.diff([*range(0, side, 3), side]) for side in values.shape))
    assert (small * sizes).sum() == pytest.approx(values.astype(np.float64).sum(), abs=1e-4)


def test_zero_has_one_colour_however_the_range_falls() -> None:
    assert levels(np.array([-5.0, 0.0, 5.0]), -5, 5).tolist() == [0, LEVELS // 2, LEVELS - 1]
    assert levels(np.array([0.0, 2.0]), 0, 2).tolist() == [0, LEVELS - 1]
    # all of a node's maps have one kind of colours, also a channel of it that is never negative
    found = figures.draw_map_grid(np.array([[[-1.0]], [[4.0]]]), [1], shared=False)
    assert (found["maps"][0]["low"], found["maps"][0]["high"]) == (-4.0, 4.0)


def test_constant_maps_and_maps_of_zero() -> None:
    found = figures.draw_map_grid(np.zeros((3, 2, 2), np.float32), [0, 1, 2], shared=False)
    assert (opened(found["png"]) == 0).all()
    found = figures.draw_map_grid(np.full((1, 2, 2), 7.0, np.float32), [0], shared=True)
    assert (opened(found["png"]) == LEVELS - 1).all()


@pytest.mark.parametrize("colours", [sequential(), diverging()])
def test_equal_steps_look_equal(colours: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    assert colours.shape == (LEVELS, 3)
    lab = oklab(colours / 255)
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    # Over stretches of eight, because eight bits a channel round every single one.
    long = np.add.reduceat(steps[: len(steps) // 8 * 8], np.arange(0, len(steps) // 8 * 8, 8))
    assert long.max() < 1.25 * long.min()


def test_lightness_alone_tells_numbers_apart() -> None:
    rising = oklab(sequential() / 255)[:, 0]
    assert (np.diff(rising) > -0.004).all()
    assert rising[-1] - rising[0] > 0.7
    either = oklab(diverging() / 255)[:, 0]
    assert either.argmax() == LEVELS // 2
    assert abs(either[0] - either[-1]) < 0.05


def test_heat_is_a_picture_of_its_size_with_its_scale() -> None:
    found = figures.draw_heatmap(np.array([[0.0, 1.0], [0.5, 0.25]]))
    pixels = opened(found["src"].removeprefix("data:image/png;base64,"))
    assert pixels.tolist() == [[0, 254], [127, 64]]
    assert (found["scale"]["low"], found["scale"]["high"]) == (0.0, 1.0)


def test_filters_of_three_channels_are_colours_around_grey() -> None:
    weights = np.zeros((2, 3, 2, 2), np.float32)
    weights[1, 0] = 0.5  # red
    found = figures.draw_filters(weights)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(found["png"]))))
    assert pixels[0, 0].tolist() == [128, 128, 128]
    assert pixels[0, 2].tolist() == [255, 128, 128]
    assert (found["scale"]["low"], found["scale"]["high"]) == (-0.5, 0.5)
    assert not figures.draw_filters(weights[:, :1])["colours"]
    assert not figures.draw_filters(np.zeros((2, 5, 1, 1)))["colours"]


@pytest.mark.parametrize("shape", [(5, 7, 3), (5, 7), (384, 20, 3)])
def test_a_small_picture_is_shown_exactly(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    source = figures.encode_photo(pixels)
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(base64.b64decode(source.removeprefix("data:image/png;base64,"))))), pixels
    )


def test_a_large_picture_is_shown_smaller() -> None:
    source = figures.encode_photo(np.zeros((3000, 1500, 3), np.uint8))
    image = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
    assert image.size == (512, 1024)
