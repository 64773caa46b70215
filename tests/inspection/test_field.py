"""Where the field of a unit is drawn, against gradients, and against the picture's own pixels."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as reference
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from explorer import catalog
from explorer.analysis import problems
from explorer.analysis.support import find_output_shape
from explorer.architecture import Architecture, Conv, Parallel, Residual, Sequence, edit
from explorer.datasets._preprocessing import MAX_ASPECT_RATIO
from explorer.inspection import Box, Preprocessing, inner_units, unit_field
from explorer.inspection.hooks import get_module
from tests.analysis.test_receptive_field import linearised
from tests.sizes import examples
from tests.strategies import feature_architectures
from tests.training.parts import network as tiny

from .test_inside import paths_that_run

MANY = [HealthCheck.too_slow, HealthCheck.filter_too_much]


def touched(architecture: Architecture, path: str, unit: tuple[int, int]) -> tuple[list[int], list[int]]:
    """Rows and columns of the real image by which a unit can be changed, in float64."""
    network, kept = linearised(architecture), []
    get_module(network, path).register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    image = torch.ones((1, *architecture.input_shape), dtype=torch.float64, requires_grad=True)
    network(image)
    (gradient,) = torch.autograd.grad(kept[0][0, :, unit[0], unit[1]].sum(), image)
    pixels: Tensor = gradient[0].sum(0) > 0
    return pixels.any(1).nonzero()[:, 0].tolist(), pixels.any(0).nonzero()[:, 0].tolist()


@settings(max_examples=examples(60), suppress_health_check=MANY)
@given(feature_architectures(high=3), st.data())
def test_a_unit_sees_nothing_beyond_its_box(architecture: Architecture, data: st.DataObject) -> None:
    assume(not problems(architecture))
    path = data.draw(st.sampled_from(paths_that_run(architecture)))
    check_box(architecture, path, data)


def check_box(architecture: Architecture, path: str, data: st.DataObject) -> None:
    shape = find_output_shape(architecture, path)
    unit = (data.draw(st.integers(0, shape[1] - 1)), data.draw(st.integers(0, shape[2] - 1)))
    given_one = unit_field(architecture, path, unit)
    assume(not given_one.whole_input)
    rows, columns = touched(architecture, path, unit)
    assert (rows == []) == (columns == [])
    assert given_one.box == ((rows[0], columns[0], rows[-1] + 1, columns[-1] + 1) if rows else (0, 0, 0, 0))
    whole, (height, width) = given_one.unclipped, architecture.input_shape[1:]
    if whole.top >= 0 and whole.left >= 0 and whole.bottom <= height and whole.right <= width:
        assert whole == given_one.box


@st.composite
def uneven(draw: st.DrawFn) -> Architecture:
    """Branches of unequal strides that give maps of one size, between convolutions."""
    image = draw(st.integers(12, 24))
    stem = Conv(name="stem", out_channels=2, kernel_size=3, stride=draw(st.sampled_from((1, 2))), padding=1)
    size = (image - 1) // stem.stride + 1
    windows: dict[int, list[dict[str, int]]] = {}
    for kernel, stride, padding, dilation in itertools.product((1, 2, 3, 5), (1, 2, 3, 4), (0, 1, 2), (1, 2)):
        room = size + 2 * padding - dilation * (kernel - 1) - 1
        if room >= 0:
            form = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
            windows.setdefault(room // stride + 1, []).append(form)
    reachable = sorted(made for made, forms in windows.items() if len({form["stride"] for form in forms}) > 1)
    forms = windows[draw(st.sampled_from(reachable))]
    chosen = draw(st.lists(st.sampled_from(forms), min_size=2, max_size=3))
    assume(len({form["stride"] for form in chosen}) > 1)
    branches = tuple(Conv(name=f"b{number}", out_channels=2, **form) for number, form in enumerate(chosen))
    last = Conv(name="last", out_channels=2, kernel_size=3, dilation=draw(st.sampled_from((1, 2))))
    block: Any = Parallel(name="block", branches=branches)
    if draw(st.booleans()):
        block = Residual(name="around", body=block, shortcut="projection")
    return Architecture(
        name="uneven", input_shape=(1, image, image), trunk=Sequence(name="trunk", children=(stem, block, last))
    )


@settings(max_examples=examples(60), suppress_health_check=MANY)
@given(uneven(), st.data())
def test_the_box_contains_what_branches_of_unequal_strides_see(architecture: Architecture, data: st.DataObject) -> None:
    assume(not problems(architecture))
    path = data.draw(st.sampled_from((architecture.trunk.nodes[1].name, "last")))
    check_box(architecture, path, data)


def test_a_known_unit() -> None:
    """3×3 at stride 2 with padding 1, then 3×3: 7 pixels wide, every 2 pixels, from -3."""
    given_one = unit_field(tiny(), "mixed/threes", (2, 5))
    assert given_one.unclipped == Box(1, 7, 8, 14)
    assert given_one.box == Box(1, 7, 8, 12)
    assert not given_one.whole_input
    assert unit_field(tiny(), "pool", (0, 0)).whole_input


@pytest.mark.parametrize("name", ["mnist-inception", "cifar10-inception"])
def test_inner_units_are_those_whose_field_is_not_clipped(name: str) -> None:
    architecture = catalog.get(name)
    for path in ("conv1", *edit.blocks(architecture)):
        shape = find_output_shape(architecture, path)
        rows, columns = inner_units(architecture, path)
        _, height, width = architecture.input_shape
        fields = {(row, column): unit_field(architecture, path, (row, column)).unclipped
                  for row in range(shape[1]) for column in range(shape[2])}  # fmt: skip
        fits = {at for at, box in fields.items()
                if box.top >= 0 and box.left >= 0 and box.bottom <= height and box.right <= width}  # fmt: skip
        chosen = {(row, column) for row in rows for column in columns}
        assert chosen == fits or (not fits and chosen == set(fields))
    with pytest.raises(ValueError, match="outputs a vector"):
        inner_units(architecture, "fc")


@pytest.mark.parametrize(
    ("path", "unit", "said"),
    [
        ("fc", (0, 0), "outputs a vector"),
        ("stem", (6, 0), "unit (=6, 0) is outside the feature map of stem, which has 6×6 units"),
        ("stem", (0, -1), "unit (=0, -1) is outside"),
        ("stam", (0, 0), "did you mean stem"),
    ],
)
def test_mistakes_are_one_sentence(path: str, unit: tuple[int, int], said: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        unit_field(tiny(), path, unit)
    assert said in str(caught.value)


# ---- the picture ----------------------------------------------------------------------------------------------------


@settings(max_examples=examples(60))
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([(24, 32), (30, 30), (32, 40)]))
def test_pixels_are_those_of_torchvisions_preset(height: int, width: int, sides: tuple[int, int]) -> None:
    side, cover = sides
    assume(max(height, width) <= MAX_ASPECT_RATIO * min(height, width))
    picture = np.random.default_rng(height * 100 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    theirs = reference.center_crop(reference.resize(Image.fromarray(picture), [cover]), [side])
    given_one = Preprocessing(shape=(3, side, side), cover=(cover, cover)).pixels(picture)
    assert np.array_equal(given_one, np.asarray(theirs).transpose(2, 0, 1))


@settings(max_examples=examples(100))
@given(st.tuples(*[st.integers(1, 400)] * 2), st.tuples(*[st.integers(8, 64)] * 2), st.integers(0, 30))
def test_what_is_cut_out_lies_in_the_picture(
    picture: tuple[int, int], size: tuple[int, int], margin: int
) -> None:
    assume(max(picture) <= MAX_ASPECT_RATIO * min(picture))
    cover = (size[0] + margin, size[1] + margin)
    place = Preprocessing(shape=(3, *size), cover=cover).placement(*picture)
    assert 0 <= place.top <= place.scaled_size[0] - size[0]
    assert 0 <= place.left <= place.scaled_size[1] - size[1]
    assert any(scaled == side for scaled, side in zip(place.scaled_size, cover, strict=True)), "it just covers"
    box = place.to_image(Box(0, 0, *size))
    assert 0 <= box.top < box.bottom <= picture[0]
    assert 0 <= box.left < box.right <= picture[1]


def test_a_box_is_drawn_where_the_pixels_are() -> None:
    """A white square in a large picture comes to lie in the box that is drawn back over it."""
    picture = np.zeros((400, 600, 3), dtype=np.uint8)
    picture[100:140, 220:260] = 255
    how = Preprocessing(shape=(3, 100, 100), cover=(120, 120))
    bright = how.pixels(picture)[0] > 127
    rows, columns = bright.any(1).nonzero()[0], bright.any(0).nonzero()[0]
    box = Box(float(rows[0]), float(columns[0]), float(rows[-1] + 1), float(columns[-1] + 1))
    back = how.placement(400, 600).to_image(box)
    assert np.allclose(back, (100, 220, 140, 260), atol=400 / 120)


def test_grey_networks_see_luma_and_threads_are_refused() -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    assert np.array_equal(Preprocessing(shape=(1, 16, 16)).pixels(grey)[0], grey[..., 0])
    with pytest.raises(ValueError, match="50 times as long"):
        Preprocessing(shape=(3, 224, 224)).pixels(np.zeros((1, 51, 3), dtype=np.uint8))
    with pytest.raises(ValueError, match="an image has 1 or 3 channels"):
        Preprocessing(shape=(4, 16, 16))
    with pytest.raises(ValueError, match="mean"):
        Preprocessing(shape=(3, 16, 16), mean=(0.5, 0.5))
    assert len(Preprocessing(shape=(1, 16, 16), transform_input=True).steps()) == 5
