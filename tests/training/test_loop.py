"""The loop: two resumed halves equal the whole, and what it computes is what torch computes."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from explorer.architecture import Architecture, Flatten, Linear, Sequence, edit
from explorer.training import checkpoint
from explorer.training._fit import pixel_share, training_window
from explorer.training.data import make_generator, normalise_images
from explorer.training.evaluation import evaluate
from explorer.training.loop import Batch, learning_rate, make_autocast, steps_per_epoch, train
from explorer.training.recording import Diverged, Recorder
from explorer.training.state import State
from tests.sizes import THOROUGH

from .parts import CPU, MemorySink, config, network, run, tensors, without_norm


class Halt(Exception):
    """Where a test ends a training on purpose."""


def equal(a: Any, b: Any) -> bool:
    """Whether two nested values are the same, bit for bit."""
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return bool(a == b)


EVERYTHING = {
    "crop": 2,
    "flip": True,
    "rotate": 10.0,
    "zoom": 0.1,
    "cutout": 4,
    "mixup": 0.4,
    "label_smoothing": 0.1,
    "ema_decay": 0.9,
    "accumulate": 3,
    "clip_norm": 1.0,
    "validation": 0.2,
    "weight_decay": 1e-3,
    "schedule": "cosine",
    "warmup_epochs": 0.5,
    "window": 0.75,
    "flip_average": True,
    "resized_crop": 0.5,
    "brightness": 0.3,
    "contrast": 0.2,
    "saturation": 0.4,
    "hue": 0.1,
    "rand_augment": 2,
}


@pytest.mark.parametrize("halves", [1, pytest.param(2, marks=THOROUGH), 4, pytest.param(6, marks=THOROUGH)])
@pytest.mark.parametrize(
    "fields",
    [
        {"precision": "fp32"},
        pytest.param({"precision": "bf16", "optimizer": "sgd", "nesterov": True, "lr": 0.05}, marks=THOROUGH),
        pytest.param({"precision": "fp32", **EVERYTHING}, marks=THOROUGH),
        {"precision": "bf16", "optimizer": "adamw", **EVERYTHING},
    ],
    ids=["adam", "sgd-bf16", "adam-everything", "adamw-bf16-everything"],
)
def test_two_resumed_halves_equal_the_whole(tmp_path: Path, fields: dict[str, Any], halves: int) -> None:
    """Batch norm, dropout, drop path, fused optimizers, average, mixup, accumulation; halted in and between epochs."""
    settings, architecture = config(**fields), network(heads=True, drop_path=0.3)
    whole = MemorySink()
    expected = run(architecture, settings, whole)

    parts, calls = MemorySink(), itertools.count(1)
    first = State(architecture, settings, CPU)
    log = Recorder(CPU, parts)

    def halt(state: State) -> None:
        if next(calls) == halves:
            log.flush(state)
            checkpoint.save(tmp_path, "run", 1, state.capture())
            raise Halt

    with pytest.raises(Halt):
        train(first, tensors(settings), settings, log, halt)
    torch.manual_seed(12345)  # whatever else happened meanwhile
    captured, problems = checkpoint.load_newest(tmp_path, "run")
    assert captured is not None
    assert problems == []
    second = State(architecture, settings, CPU)
    second.restore(captured)
    log = Recorder(CPU, parts)
    train(second, tensors(settings), settings, log)
    log.flush(second)

    assert equal(expected.model.state_dict(), second.model.state_dict())
    assert equal(expected.optimizer.state_dict(), second.optimizer.state_dict())
    if expected.ema_model is not None:
        assert second.ema_model is not None
        assert equal(expected.ema_model.state_dict(), second.ema_model.state_dict())
    timing = {"images_per_second", "data_share", "memory", "memory_peak"}
    assert {k: v for k, v in whole.values.items() if k not in timing} == {
        k: v for k, v in parts.values.items() if k not in timing
    }
    assert whole.documents == parts.documents


def test_the_plain_loop_is_what_a_student_would_write() -> None:
    """Without augmentation the losses are those of eight lines of plain torch on the same batches."""
    settings = config(precision="fp32", channels_last=False, normalise="half")
    sink = MemorySink()
    architecture = network(heads=True, dropout=0.0)
    run(architecture, settings, sink)

    state, data = State(architecture, settings, CPU), tensors(settings)
    plain = torch.optim.Adam(state.model.parameters(), lr=settings.lr)
    losses = []
    for epoch in range(2):
        for rows in torch.randperm(128, generator=make_generator(settings.seed, epoch)).split(32):
            output = state.model((data.train.images[rows].float() / 255 - 0.5) / 0.5)
            loss = nn.functional.cross_entropy(output.logits, data.train.labels[rows])
            for weight, scores in output.auxiliary:
                loss = loss + weight * nn.functional.cross_entropy(scores, data.train.labels[rows])
            plain.zero_grad()
            loss.backward()
            plain.step()
            losses.append(loss.item())
    assert list(sink.values["train/loss"]) == list(range(1, 9))
    assert list(sink.values["train/loss"].values()) == pytest.approx(losses, rel=2e-4)


def test_windows_are_what_the_network_sees_at_first() -> None:
    """9×9 for the first half of the steps, then whole images; evaluation always sees whole ones."""
    settings = config(window=0.75, window_share=0.5, accumulate=1)
    state, seen = State(network(), settings, CPU), []
    state.model.register_forward_pre_hook(lambda module, given: seen.append((module.training, *given[0].shape[2:])))
    train(state, tensors(settings), settings, Recorder(CPU, MemorySink()))
    assert [size[1:] for size in seen if size[0]] == [(9, 9)] * 4 + [(12, 12)] * 4
    assert {size[1:] for size in seen if not size[0]} == {(12, 12)}


def test_a_network_for_one_size_sees_whole_images() -> None:
    free, bound = network(), near_linear()
    assert training_window(free, config(window=0.75)) == (9, 9)
    assert training_window(free, config()) is None
    assert training_window(bound, config(window=0.75)) is None
    assert pixel_share(bound, config(window=0.75)) == 1
    # 40 % of the training on nine sixteenths of the pixels
    assert pixel_share(free, config(window=0.75, window_share=0.4)) == pytest.approx(0.6 + 0.4 * 9 / 16)


def test_flip_average_is_the_mean_of_two_answers() -> None:
    settings = config(flip_average=True, precision="fp32")
    state, data = State(network(), settings, CPU), tensors(settings)
    test = data.evaluated["test"]
    state.model.eval()
    with torch.no_grad():
        shares = [state.model(normalise_images(x, data, channels_last=True)).softmax(1) for x in both(test.images)]
    mean = (shares[0] + shares[1]) / 2
    found = evaluate(state.model, test, data, settings, make_autocast(CPU, settings))
    assert found.accuracy == (mean.argmax(1) == test.labels).float().mean().item()
    assert found.loss == pytest.approx(nn.functional.nll_loss(mean.log(), test.labels).item(), rel=1e-5)
    mirrored = replace(test, images=test.images.flip(3))
    assert evaluate(state.model, mirrored, data, settings, make_autocast(CPU, settings)).loss == pytest.approx(
        found.loss
    )


def both(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return images, images.flip(3)


def near_linear() -> Architecture:
    """A network whose last layer has a weight for every pixel."""
    layers = (Flatten(name="flat"), Linear(name="fc", out_features=4))
    return edit.replace(network(), "", trunk=Sequence(name="trunk", children=layers))


def test_accumulation_changes_nothing_but_memory() -> None:
    """Without batch norm's statistics the gradient of the parts is that of the whole."""
    architecture = without_norm(network(dropout=0.0))
    sinks = [MemorySink(), MemorySink()]
    for sink, parts in zip(sinks, (1, 5), strict=True):
        run(architecture, config(precision="fp32", accumulate=parts), sink)
    one, many = (list(sink.values["train/loss"].values()) for sink in sinks)
    assert many == pytest.approx(one, rel=1e-4)


def test_it_learns_and_records_everything() -> None:
    sink = MemorySink()
    settings = config(epochs=8, lr=0.01, validation=0.25, schedule="one_cycle", ema_decay=0.9, precision="fp32")
    run(network(), settings, sink)
    assert sink.values["epoch/test/accuracy"][24] > 0.9
    steps = set(range(1, 25))
    for series in ("train/loss", "train/accuracy", "lr"):
        assert set(sink.values[series]) == steps
    for series in (
        "gradient_norm/stem",
        "gradient_norm/residual",
        "update_ratio/fc",
        "activation_scale/stem",
        "activation_scale/fc",
        "epoch/train/loss",
        "epoch/validation/accuracy",
        "memory_peak",
    ):
        assert set(sink.values[series]) == set(range(3, 25, 3))
        assert all(value > 0 for value in sink.values[series].values())
    assert all(0 <= share <= 1 for share in sink.values["data_share"].values())
    assert set(sink.values["dead_relus/stem"]) == set(range(3, 25, 3))
    assert all(0 <= share <= 1 for share in sink.values["dead_relus/stem"].values())
    assert "dead_relus/fc" not in sink.values  # it has no ReLU
    table = sink.documents["confusion/test", 24]
    assert [sum(row) for row in table] == [16] * 4
    right = sum(table[k][k] for k in range(4))
    assert right / 64 == sink.values["epoch/test/accuracy"][24]
    assert sum(map(sum, sink.documents["confusion/validation", 24])) == 32


def test_a_loss_that_is_no_number_ends_it_within_one_interval() -> None:
    sink = MemorySink()
    with pytest.raises(Diverged, match=r"loss became (nan|inf) at step \d+"):
        run(
            without_norm(network()),
            config(optimizer="sgd", lr=1000.0, weight_decay=10.0, epochs=50, precision="fp32"),
            sink,
        )
    assert all(map(math.isfinite, sink.values["train/loss"].values()))


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine", "one_cycle"])
def test_schedules(schedule: str) -> None:
    settings = config(schedule=schedule, epochs=10, warmup_epochs=2.0, step_epochs=4, lr=0.5)
    rates = [learning_rate(settings, step, 10) for step in range(100)]
    assert rates[:20] == sorted(rates[:20])
    assert 0 < rates[0] < 0.03
    assert max(rates) == pytest.approx(0.5)
    assert all(rate > 0 for rate in rates)
    end = {"constant": 0.5, "step": 0.005, "cosine": 0.0, "one_cycle": 0.0}[schedule]
    assert rates[-1] == pytest.approx(end, abs=1e-3)


def test_steps_of_an_epoch() -> None:
    assert steps_per_epoch(128, config()) == 4
    assert steps_per_epoch(130, config()) == 5
    assert steps_per_epoch(129, config()) == 4  # batch norm cannot use a batch of one
    assert steps_per_epoch(133, config(accumulate=3)) == 4
    assert steps_per_epoch(5, config()) == 1
    assert steps_per_epoch(128 + 11, config(accumulate=3, processes=2)) == 4
    with pytest.raises(ValueError, match="5 training images cannot be cut into 6 parts"):
        steps_per_epoch(5, config(accumulate=3, processes=2))


@given(st.integers(1, 80), st.integers(1, 12))
def test_no_part_of_a_batch_is_smaller_than_it_must_be(images: int, count: int) -> None:
    """Thirteen images in four parts are 4, 3, 3, 3: batch norm cannot use a part of one."""
    whole = Batch(x_BCHW=torch.arange(images)[:, None], target=torch.arange(images))
    parts = whole.split(count)
    sizes = [len(part.target) for part in parts]
    assert len(sizes) == count
    assert max(sizes) - min(sizes) <= 1
    assert torch.cat([part.x_BCHW for part in parts]).equal(whole.x_BCHW)
    assert sum(part.share for part in parts) == pytest.approx(1)


def test_seeds_differ_and_repeat() -> None:
    one, two, other = MemorySink(), MemorySink(), MemorySink()
    run(network(), config(), one)
    run(network(), config(), two)
    run(network(), config(seed=1), other)
    assert one.values["train/loss"] == two.values["train/loss"]
    assert one.values["train/loss"][1] != other.values["train/loss"][1]


def test_the_running_average_is_one_of_weights_and_statistics() -> None:
    """By hand: min(decay, (1 + n) / (10 + n)) of what it was, the rest of what the network is; counts are copied."""
    state = State(network(), config(ema_decay=0.5), CPU)
    assert state.ema_model is not None
    expected = {name: value.clone() for name, value in state.model.state_dict().items()}
    for updates in range(12):
        with torch.no_grad():
            for value in state.model.state_dict().values():
                value.add_(1 + updates)
        state.update_ema(0.5, updates)
        decay = min(0.5, (1 + updates) / (10 + updates))
        for name, value in state.model.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * value if value.is_floating_point() else value
    for name, value in state.ema_model.state_dict().items():
        torch.testing.assert_close(value, expected[name], msg=name)
    assert any("running_var" in name for name in expected)
