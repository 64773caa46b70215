"""The same answers on every device of this machine, and which of them is chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer import datasets
from explorer.architecture import to_json
from explorer.inspection import _device, choose_device
from explorer.inspection.attribution import grad_cam, integrated_gradients, occlusion
from explorer.inspection.contributions import branch_contributions
from explorer.inspection.effective_field import find_effective_field, make_noise
from explorer.inspection.evaluation import evaluate
from explorer.inspection.features import feature_maps, first_filters
from explorer.inspection.opening import open_initial
from explorer.inspection.predict import predict
from explorer.runs import Device, Manager
from explorer.training import open_manager
from tests.datasets.makers import pixels
from tests.training.parts import SHAPE, config, network
from tests.training.test_devices import GPUS

from .parts import input_for, tiny_model

everywhere = pytest.mark.parametrize("device", ["cpu", *GPUS])


@pytest.fixture(autouse=True)
def _exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without TensorFloat-32, which has ten bits where float32 has 23."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def close(there: Any, here: Any, device: str) -> None:
    """On the CPU the same bits, elsewhere what another order of sums allows."""
    there, here = (torch.as_tensor(each) for each in (there, here))
    assert there.device.type == "cpu"
    exact = device == "cpu"
    torch.testing.assert_close(there, here, rtol=0 if exact else 1e-3, atol=0 if exact else 1e-4)


@everywhere
def test_predictions_and_evaluations(device: str) -> None:
    there, here = tiny_model(device=device), tiny_model()
    assert there.device == next(there.network.parameters()).device == torch.device(device)
    assert (there.digest, there.weights_sha256) == (here.digest, here.weights_sha256)
    images = [pixels(seed, 20, 16, 3) for seed in range(5)]
    for ours, theirs in zip(predict(there, images), predict(here, images), strict=True):
        close(ours.input, theirs.input, "cpu")
        close([each.logit for each in ours.top], [each.logit for each in theirs.top], device)
    digits = datasets.load("digits", SHAPE)
    data = replace(digits, classes=tuple("abcd"), test_labels=digits.test_labels % 4)
    ours, theirs = evaluate(there, data), evaluate(here, data)
    close(ours.losses, theirs.losses, device)
    close(ours.confidences, theirs.confidences, device)
    assert (ours.predictions != theirs.predictions).sum() <= (0 if device == "cpu" else 2)


@everywhere
def test_effective_fields(device: str) -> None:
    there, here = open_initial(network(), device=device), open_initial(network())
    assert there.weights_sha256 == here.weights_sha256
    images = make_noise(network(), 9)
    ours, theirs = (find_effective_field(each, images, "residual") for each in (there, here))
    close(ours.values, theirs.values, device)
    assert ours.log10_peak == pytest.approx(theirs.log10_peak, abs=1e-5)


@everywhere
def test_what_is_inside(device: str) -> None:
    there, here = tiny_model(device=device), tiny_model()
    x_CHW, reference_BCHW = input_for(here)[0], input_for(here, 6, seed=3)
    block = "mixed"
    for path, maps in feature_maps(there, x_CHW, [block, "residual"]).items():
        close(maps.values, feature_maps(here, x_CHW, [path])[path].values, device)
    close(first_filters(there)[1], first_filters(here)[1], "cpu")
    close(grad_cam(there, x_CHW, "residual", 2), grad_cam(here, x_CHW, "residual", 2), device)
    ours, theirs = (occlusion(model, x_CHW, 2, window=4, stride=2) for model in (there, here))
    close(ours.values, theirs.values, device)
    ours, theirs = (integrated_gradients(model, x_CHW, 2, steps=20) for model in (there, here))
    close(ours.values, theirs.values, device)
    close(ours.completeness_gap, theirs.completeness_gap, device)
    for given in (None, reference_BCHW):
        ours, theirs = (branch_contributions(model, x_CHW, block, 2, given) for model in (there, here))
        close([each.logit for each in ours], [each.logit for each in theirs], device)


def test_a_device_that_cannot_hold_the_network_is_named() -> None:
    with pytest.raises(ValueError, match=r"moved to the device cuda:99 .*choose the device cpu"):
        tiny_model(device="cuda:99")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = open_manager(tmp_path)
    yield made
    made.close()


def train_on(manager: Manager, device: str, processes: int = 1) -> None:
    """A row of a run that occupies a device; its worker does not exist."""
    settings = config(device=device, processes=processes)
    run = manager.create("one", to_json(network(classes=10)), settings.model_dump_json())
    manager.store.update(run.id, status="running", device=device)


def test_the_best_idle_device_is_chosen(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_device(None, "cpu") == "cpu"
    known = [Device(name=name, title=name, memory_bytes=2**34) for name in ("cuda:0", "cuda:1", "cuda:2", "cpu")]
    monkeypatch.setattr(_device, "devices", lambda: tuple(known))
    assert choose_device(None) == choose_device(manager) == "cuda:0"
    train_on(manager, "cuda:0", processes=2)
    assert choose_device(manager) == "cuda:2"
    assert choose_device(manager, "cuda:1") == "cuda:1"  # what was named is not argued about
    train_on(manager, "cuda:2")
    assert choose_device(manager) == "cpu"
    with pytest.raises(ValueError, match="no device mps; it has cuda:0, cuda:1, cuda:2, cpu"):
        choose_device(manager, "mps")
