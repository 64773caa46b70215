"""Perturbations: each against torchvision or a formula, and curves against a loop in plain torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2

from explorer import catalog
from explorer.inspection import PERTURBATIONS, check_perturbation
from explorer.inspection.models import Model
from explorer.inspection.perturbation import perturb, perturb_input, trace_perturbation
from tests.inspection.parts import input_for, model_with


def image(channels: int = 3, height: int = 24, width: int = 30) -> Tensor:
    torch.manual_seed(3)
    coarse = torch.rand(1, channels, 6, 6)
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    return (255 * fine[0]).round().to(torch.uint8)


@pytest.fixture(scope="module")
def model() -> Model:
    return model_with(catalog.get("mnist-inception"))


def rotated(x: Tensor, value: float) -> Tensor:
    fill = torch.cat([x[:, 0], x[:, -1], x[:, 1:-1, 0], x[:, 1:-1, -1]], 1).mean(1).tolist()
    return v2.functional.rotate(x, -value, InterpolationMode.BILINEAR, fill=fill)  # counterclockwise there


def shifted(x: Tensor, value: float) -> Tensor:
    columns = round(value / 100 * x.shape[2])
    fill = torch.cat([x[:, 0], x[:, -1], x[:, 1:-1, 0], x[:, 1:-1, -1]], 1).mean(1)[:, None, None].expand_as(x)
    if not columns:
        return x
    parts = [fill[:, :, :columns], x[:, :, :-columns]] if columns > 0 else [x[:, :, -columns:], fill[:, :, columns:]]
    return torch.cat(parts, 2)


def covered(x: Tensor, value: float) -> Tensor:
    out, side = x.clone(), round(value / 100 * min(x.shape[1:]))
    top, left = round(x.shape[1] / 2 - side / 2), round(x.shape[2] / 2 - side / 2)
    out[:, top : top + side, left : left + side] = 0.5
    return out


EXPECTED = {
    "rotate": rotated,
    "right": shifted,
    "brightness": lambda x, value: (x * value / 100).clamp(0, 1),
    "contrast": lambda x, value: v2.functional.adjust_contrast(x, value / 100),
    "noise": lambda x, value: (
        x + value / 100 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    ).clamp(0, 1),
    "cover": covered,
}
VALUES = {"rotate": (-90, -20, 45), "right": (-50, 20, 40), "brightness": (0, 40, 200), "contrast": (0, 50, 180),
          "noise": (10, 50), "cover": (12, 40, 80)}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in VALUES.items() for value in values])
@pytest.mark.parametrize("channels", [1, 3])
def test_each_is_what_torchvision_or_its_formula_gives(name: str, value: float, channels: int) -> None:
    pixels = image(channels, 24, 24 if name == "rotate" else 30)
    before = pixels.clone()
    expected = (255 * EXPECTED[name](pixels.float() / 255, value)).round().to(torch.int16)
    away = (perturb(pixels, {name: value}) - expected).abs()
    assert away.max() <= (2 if name == "rotate" else 1)
    assert torch.equal(pixels, before)


def test_scaling_by_two_shows_the_middle_half() -> None:
    pixels = image(1, 28, 28)
    middle = torch.nn.functional.interpolate(pixels[None, :, 7:21, 7:21].float(), (28, 28), mode="bilinear")[0]
    away = (perturb(pixels, {"scale": 200}) - middle).abs()
    assert away[:, 2:-2, 2:-2].max() <= 1


def test_blur_is_a_gaussian_of_the_stated_deviation() -> None:
    pixels = torch.zeros(1, 41, 41, dtype=torch.uint8)
    pixels[:, :, 21:] = 255
    edge = perturb(pixels, {"blur": 5})[0, 20] / 255  # a deviation of 2.05 pixels
    expected = torch.special.ndtr((torch.arange(41) - 20.5) / 2.05)
    assert (edge - expected).abs().max() < 0.015


@given(st.dictionaries(st.sampled_from(sorted(PERTURBATIONS)), st.floats(0, 1), max_size=4))
def test_any_mixture_is_a_picture_of_the_same_shape(shares: dict[str, float]) -> None:
    settings = {
        name: PERTURBATIONS[name].low + share * (PERTURBATIONS[name].high - PERTURBATIONS[name].low)
        for name, share in shares.items()
    }
    for shape in ((1, 28, 28), (3, 9, 17)):
        out = perturb(image(*shape), settings)
        assert out.dtype == torch.uint8
        assert out.shape == shape


def test_neutral_is_the_picture_itself(model: Model) -> None:
    (x_CHW,) = input_for(model)
    pixels = perturb_input(model, x_CHW, {name: each.neutral for name, each in PERTURBATIONS.items()})
    assert torch.equal(model.normalise(pixels[None])[0], model.normalise(perturb_input(model, x_CHW, {})[None])[0])
    assert np.array_equal(pixels.numpy().squeeze(), model.preprocessing.restore_pixels(x_CHW.numpy()))


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_a_curve_is_a_loop_in_plain_torch(name: str, model: Model) -> None:
    (x_CHW,) = input_for(model)
    others = {"brightness": 130.0, "right": 10.0}
    found = trace_perturbation(model, x_CHW, name, others)
    of = PERTURBATIONS[name]
    assert (found.values[0], found.values[-1]) == (of.low, of.high)
    assert of.neutral in found.values
    mean, std = (torch.tensor(each).view(-1, 1, 1) for each in model.preprocessing.normalisation)
    pixels = (255 * (x_CHW * std + mean)).round().clamp(0, 255).to(torch.uint8)
    network = model.network.eval()
    for place in range(0, len(found.values), 5):
        changed = perturb(pixels, {**others, name: found.values[place]}, cover=model.preprocessing.normalisation[0])
        with torch.no_grad():
            expected = network(((changed.float() / 255 - mean) / std)[None]).softmax(1)[0]
        assert torch.allclose(found.probabilities[place], expected, atol=1e-5)
    assert set(found.find_classes(3)) <= set(range(10))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"turn": 3}, "no perturbation 'turn'"), ({"rotate": 91}, r"rotate \(=91\) must be from −90 to 90"),
     ({"scale": 0}, "scale"), ({"blur": math.nan}, "blur"), ({"noise": math.inf}, "noise")],
)  # fmt: skip
def test_what_there_is_not_is_told(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_perturbation(settings)
    with pytest.raises(ValueError, match=message):
        perturb(image(), settings)
