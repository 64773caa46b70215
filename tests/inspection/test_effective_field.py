"""Effective receptive fields against plain loops, captum, binomial theory and the exact field."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import Saliency
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from explorer import catalog, datasets
from explorer.analysis import problems
from explorer.analysis.support import WHOLE_INPUT, find_default_node, find_output_shape
from explorer.architecture import (
    ActivationKind,
    Architecture,
    Attention,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    Sequence,
    edit,
)
from explorer.datasets import CancelledError, Preprocessing, import_images
from explorer.inspection._gaussian import fit_gaussian
from explorer.inspection.effective_field import (
    THRESHOLD,
    EffectiveField,
    draw_test_images,
    find_effective_field,
    find_effective_fields,
    make_noise,
)
from explorer.inspection.hooks import get_module
from explorer.inspection.models import NetworkState
from explorer.inspection.opening import open_initial
from explorer.training import TrainConfig
from explorer.training.state import State
from tests.datasets.test_streaming import draw
from tests.sizes import examples
from tests.strategies import architectures
from tests.training.parts import network as tiny

from .parts import shaken, tiny_model
from .test_inside import paths_that_run


def chain(depth: int, activation: ActivationKind = "none") -> Architecture:
    """64×64 pixels of one channel through ``depth`` 3×3 convolutions."""
    layers = [
        Conv(name=f"c{n}", out_channels=1, kernel_size=3, bias=False, activation=activation) for n in range(depth)
    ]
    return Architecture(name="chain", input_shape=(1, 64, 64), trunk=Sequence(name="trunk", children=tuple(layers)))


def weigh(model: NetworkState, *weights: float) -> NetworkState:
    """All weights of a chain's layers, layer by layer; one number for all."""
    for place, parameter in enumerate(model.network.parameters()):
        parameter.data.fill_(weights[place % len(weights)])
    return model


def unit_value(model: NetworkState, x_BCHW: Tensor, path: str, unit: tuple[int, int], channel: int | None) -> Tensor:
    """The unit of each image, computed by the whole network in float64."""
    network, kept = copy.deepcopy(model.network).double(), []
    get_module(network, path).register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    network(x_BCHW)
    units_BC = kept[0][:, :, unit[0], unit[1]] if kept[0].ndim == 4 else kept[0]
    return units_BC.sum(1) if channel is None else units_BC[:, channel]


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(architectures(), st.data())
def test_any_unit_of_any_network(architecture: Architecture, data: st.DataObject) -> None:
    """Against a loop over images, and zero outside the exact field; units at the border and vectors too."""
    assume(not problems(architecture))
    paths = paths_that_run(architecture)
    assume(paths)
    path = data.draw(st.sampled_from(paths))
    shape = find_output_shape(architecture, path)
    unit = tuple(data.draw(st.integers(0, side - 1)) for side in shape[1:]) if len(shape) == 3 else (0, 0)
    channel = data.draw(st.none() | st.integers(0, shape[0] - 1))
    model = open_initial(architecture, 3)
    shaken(model.network)
    images = make_noise(architecture, 3, seed=5)
    found = find_effective_field(model, images, path, unit, channel=channel)
    total = torch.zeros(architecture.input_shape[1:], dtype=torch.float64)
    for image in images:
        x = image[None].double().requires_grad_()
        (gradient,) = torch.autograd.grad(unit_value(model, x, path, unit, channel).sum(), x)
        total += gradient[0].abs().mean(0) / len(images)
    peak = float(total.max())
    assert (found.images, found.left_out, found.unit) == (3, 0, unit)
    assert not found.values[~found.exact].any()
    if peak:
        assert found.log10_peak == pytest.approx(math.log10(peak), abs=1e-9)
        np.testing.assert_allclose(found.values, total / peak, rtol=1e-5, atol=1e-7)
    else:
        assert not found.values.any()
        assert found.log10_peak == -math.inf
        assert found.pixels == 0


@pytest.mark.parametrize("channel", [None, 2])
def test_captum(channel: int | None) -> None:
    model = tiny_model()
    images = make_noise(model.architecture, 20)
    found = find_effective_field(model, images, "residual", (2, 3), channel=channel)
    saliency = Saliency(lambda x: unit_value(model, x, "residual", (2, 3), channel))
    expected = saliency.attribute(images.double().requires_grad_(), abs=True).mean((0, 1))
    np.testing.assert_allclose(found.values, expected / expected.max(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("depth", [10, 30])
def test_a_chain_of_equal_weights_is_binomial(depth: int) -> None:
    """Each 3×3 kernel of ones adds a variance of (3² - 1) / 12 an axis: n of them give σ = √(2n/3), nearly Gaussian."""
    sigma = math.sqrt(depth * (3**2 - 1) / 12)
    model = weigh(open_initial(chain(depth)), 1.0)
    found = find_effective_field(model, make_noise(model.architecture, 2), f"c{depth - 1}")
    fit = found.gaussian
    assert fit is not None
    assert fit.r_squared > 0.999
    assert fit.sigma_px == pytest.approx((sigma, sigma), rel=0.02)
    assert fit.centre == pytest.approx((32, 32))
    assert found.exact_size_px == 2 * depth + 1
    assert found.size_px == pytest.approx(math.sqrt(-2 * math.pi * math.log(THRESHOLD)) * sigma, rel=0.05)
    assert found.radius_px(0.5) == pytest.approx(1.1774 * sigma, rel=0.1)
    assert found.radius_px(0.9) == pytest.approx(2.1460 * sigma, rel=0.1)
    assert found.centre == pytest.approx((32, 32))


@pytest.mark.parametrize(("weights", "log10"), [((1e-30,), -30.0), ((1e-30,) * 20 + (1e30,) * 20, 0.0), ((1e3,), 3.0)])
def test_scales_that_no_number_holds(weights: tuple[float, ...], log10: float) -> None:
    ones, other = (weigh(open_initial(chain(40)), *each) for each in ((1.0,), weights))
    plain, scaled = (find_effective_field(each, make_noise(ones.architecture, 1), "c39") for each in (ones, other))
    np.testing.assert_allclose(scaled.values, plain.values, rtol=1e-5)
    assert scaled.log10_peak - plain.log10_peak == pytest.approx(40 * log10, abs=1e-4)


def test_images_of_very_different_scales_are_weighed_as_they_are() -> None:
    """The mean of gradients of 1 and of 1e-200 is half the first, whichever comes first; beside it the other is 0."""
    architecture = chain(1, activation="relu")
    model = weigh(open_initial(architecture), 1.0)
    seen, unseen = torch.ones(1, 1, 64, 64), -torch.ones(1, 1, 64, 64)
    for images in (torch.cat([seen, unseen]), torch.cat([unseen, seen])):
        found = find_effective_field(model, images, "c0")
        assert found.log10_peak == pytest.approx(math.log10(0.5))
        assert found.images == 2
    assert find_effective_field(model, unseen, "c0").gaussian is None


def test_numbers_that_are_none_are_told() -> None:
    model = tiny_model()
    images = make_noise(model.architecture, 4)
    images[1, 0, 3, 3] = math.nan
    found = find_effective_field(model, images, "residual")
    assert (found.images, found.left_out) == (3, 1)
    kept = find_effective_field(model, images[[0, 2, 3]], "residual")
    np.testing.assert_allclose(found.values, kept.values, rtol=1e-6)
    with pytest.raises(ValueError, match="not a finite number for any of the 1 images"):
        find_effective_field(model, images[1:2], "residual")
    broken = weigh(open_initial(chain(3)), math.inf)
    with pytest.raises(ValueError, match="check the weights"):
        find_effective_field(broken, make_noise(broken.architecture, 2), "c2")


def test_the_whole_input() -> None:
    """Behind attention and in a vector every pixel counts; without a fit where the field is flat."""
    head = (GlobalPool(name="pool"), Flatten(name="flat"), Linear(name="fc", out_features=3))
    children = (Conv(name="a", out_channels=32), Attention(name="se", kind="se"), *head)
    net = Architecture(name="whole", input_shape=(3, 9, 9), trunk=Sequence(name="trunk", children=children))
    model, images = open_initial(net), make_noise(net, 2)
    attended = find_effective_field(model, images, "se", (4, 4))
    assert attended.status == WHOLE_INPUT
    assert attended.exact.all()
    assert (attended.values > 0).all()
    score = find_effective_field(model, images, "fc", channel=1)
    assert score.unit == (0, 0)
    assert score.exact.all()
    assert score.filled > 0.5
    assert find_effective_field(model, images, "a").filled == 1  # one pixel of one
    assert find_default_node(net) == "se"


def test_what_there_is_not_is_refused() -> None:
    model = tiny_model()
    images = make_noise(model.architecture, 1)
    for path, unit, channel, text in (
        ("mixd", None, None, "did you mean mixed"),
        ("mixed", (99, 0), None, "outside the feature map"),
        ("mixed", (-1, 0), None, "outside the feature map"),
        ("mixed", None, 8, "channels are numbered from 0 to 7"),
        ("fc", (1, 0), None, "outside the feature map of fc"),
    ):
        with pytest.raises(ValueError, match=text):
            find_effective_field(model, images, path, unit, channel=channel)
    with pytest.raises(ValueError, match="at least one image"):
        find_effective_field(model, images[:0], "mixed")


def test_more_images_than_memory_has_are_refused() -> None:
    net = edit.replace(catalog.get("dilated-cnn"), "", input_shape=(3, 1000, 1000))
    with pytest.raises(ValueError, match="90 images of 3×1,000×1,000 are too many at a time; take at most 89"):
        make_noise(net, 90)


def test_the_shared_network_stays_as_it_is() -> None:
    model = tiny_model()
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    find_effective_field(model, make_noise(model.architecture, 1), "mixed")
    for name, value in model.network.state_dict().items():
        assert value.dtype == before[name].dtype
        assert torch.equal(value, before[name])
    assert not any(module._forward_hooks for module in model.network.modules())


def test_progress_and_cancel() -> None:
    model = tiny_model()
    images, told = make_noise(model.architecture, 20), []
    states = [("a", lambda: model), ("b", lambda: model)]
    found = list(find_effective_fields(states, images, "mixed", progress=lambda *each: told.append(each)))
    assert [name for name, _ in found] == ["a", "b"]
    assert told == [(8, 40), (16, 40), (20, 40), (28, 40), (36, 40), (40, 40)]
    ready: list[tuple[str, EffectiveField]] = []
    with pytest.raises(CancelledError):
        list(find_effective_fields(states, images, "mixed", cancel=lambda: True))
    calls = iter([False, False, False, False, True])
    with pytest.raises(CancelledError):
        ready.extend(find_effective_fields(states, images, "mixed", cancel=lambda: next(calls)))
    assert [name for name, _ in ready] == ["a"]


def test_initial_weights_are_those_of_a_run() -> None:
    net = tiny(classes=10)
    state = State(net, TrainConfig(dataset="digits", seed=7), torch.device("cpu"))
    random_state = torch.random.get_rng_state()
    ours = open_initial(net, 7).network.state_dict()
    assert torch.equal(random_state, torch.random.get_rng_state())
    assert all(torch.equal(value, ours[name]) for name, value in state.model.state_dict().items())
    assert open_initial(net, 7).weights_sha256 != open_initial(net, 8).weights_sha256


def test_noise_does_not_depend_on_its_count() -> None:
    net = tiny()
    assert torch.equal(make_noise(net, 5, 3)[:2], make_noise(net, 2, 3))
    assert not torch.equal(make_noise(net, 2, 3), make_noise(net, 2, 4))


def test_images_of_a_set_that_stays_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn by the seed, and the same as from an import of that folder; of a streamed set no other is read."""
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    folder = draw(tmp_path / "pets", "PNG")
    sets = [datasets.load(import_images(folder, size=(16, 16), stream=stream).name) for stream in (False, True)]
    how = Preprocessing(shape=(3, 12, 12), mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    stored, streamed = ([draw_test_images(how, each, count, seed) for count, seed in ((3, 0), (2, 0), (3, 1))]
                        for each in sets)  # fmt: skip
    assert all(torch.equal(*each) for each in zip(stored, streamed, strict=True))
    assert torch.equal(stored[0][:2], stored[1])
    assert not torch.equal(stored[0], stored[2])
    with pytest.raises(CancelledError):
        draw_test_images(how, sets[1], 3, cancel=lambda: True)
    empty = replace(sets[0], test_images=sets[0].test_images[:0], test_labels=sets[0].test_labels[:0])
    with pytest.raises(ValueError, match="has no test images; choose another one, or noise"):
        draw_test_images(how, empty, 3)


@settings(max_examples=examples(60))
@given(
    st.floats(0.8, 6), st.floats(0.8, 6), st.floats(-2, 30), st.floats(0, 20), st.floats(1e-6, 1e6), st.integers(0, 5)
)
def test_a_gaussian_is_found_again(
    sigma_y: float, sigma_x: float, row: float, column: float, height: float, offset: int
) -> None:
    """Whatever its width, also where the border cuts it off."""
    y, x = np.indices((34, 26), dtype=np.float64)
    values = height * np.exp(-((y - row) ** 2) / 2 / sigma_y**2 - (x - column) ** 2 / 2 / sigma_x**2)
    fit = fit_gaussian(values, slice(offset, 34), slice(0, 26))
    inside = offset - sigma_y <= row
    assume(inside)
    assert fit is not None
    assert fit.r_squared > 0.999
    assert fit.sigma_px == pytest.approx((sigma_y, sigma_x), rel=1e-3)
    assert fit.centre == pytest.approx((row, column), abs=1e-2)
    assert fit.height == pytest.approx(height, rel=1e-2)


def test_what_is_no_gaussian_has_none() -> None:
    everything = slice(None), slice(None)
    assert fit_gaussian(np.ones((9, 9)), *everything) is None
    assert fit_gaussian(np.zeros((9, 9)), *everything) is None
    assert fit_gaussian(np.ones((2, 9)) * np.arange(9), *everything) is None
    noise = fit_gaussian(np.random.default_rng(0).random((30, 30)), *everything)
    assert noise is None or noise.r_squared < 0.2


def test_a_published_form_at_its_border() -> None:
    """GoogLeNet for small images, at its first unit: cut off by the image, and nothing beyond its box."""
    net = catalog.get("googlenet-96")
    model = open_initial(net)
    found = find_effective_field(model, make_noise(net, 1), "inception_3a", (0, 0))
    assert found.values[~found.exact].max(initial=0) == 0
    assert 0 < found.filled <= 1
    assert found.centre is not None
    assert max(found.centre) < 40
