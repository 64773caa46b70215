"""The same training on every device of this machine. Where that is a CPU alone, the GPU's path has not been run."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from explorer.architecture import to_json
from explorer.training import checkpoint, open_manager
from explorer.training.evaluation import evaluate
from explorer.training.loop import make_autocast, train
from explorer.training.recording import NullLog, Recorder
from explorer.training.state import State
from tests.runs.parts import end_all, until_status

from .parts import CPU, MemorySink, config, network, run, tensors

GPUS = [
    *(f"cuda:{number}" for number in range(torch.cuda.device_count())),
    *(["mps"] if torch.backends.mps.is_available() else []),
]
everywhere = pytest.mark.parametrize("device", [torch.device(name) for name in ("cpu", *GPUS)], ids=str)
EVERYTHING: dict[str, Any] = {
    "crop": 2, "flip": True, "rotate": 10.0, "cutout": 4,
    "mixup": 0.4, "ema_decay": 0.9, "accumulate": 2, "clip_norm": 1.0,
    "zoom": 0.1, "window": 0.75, "flip_average": True, "resized_crop": 0.5, "brightness": 0.3, "contrast": 0.2,
    "saturation": 0.4, "hue": 0.1, "rand_augment": 2, "rand_magnitude": 17,
}  # fmt: skip
SETTINGS: dict[str, Any] = {"optimizer": "sgd", "nesterov": True, "lr": 0.02, "epochs": 4}


@everywhere
def test_in_float32_it_learns_what_the_cpu_does(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without dropout, whose numbers each device draws for itself, and without TensorFloat-32."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    settings, net = config(precision="fp32", crop=1, flip=True, ema_decay=0.9, **SETTINGS), network(dropout=0.0)
    there, here = MemorySink(), MemorySink()
    run(net, settings, there, device=device)
    run(net, settings, here)
    assert there.values["train/loss"] == pytest.approx(here.values["train/loss"], rel=2e-3)
    ours, theirs = (sink.values["epoch/test/accuracy"] for sink in (there, here))
    assert ours == pytest.approx(theirs, abs=0.05)


@everywhere
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_in_half_precision_it_learns_too(device: torch.device, precision: str) -> None:
    if precision == "fp16" and device.type != "cuda":
        with pytest.raises(ValueError, match="needs a CUDA GPU"):
            run(network(), config(precision=precision, **SETTINGS), MemorySink(), device=device)
        return
    sink = MemorySink()
    state = run(network(), config(precision=precision, **{**SETTINGS, "epochs": 8}), sink, device=device)
    losses = [*sink.values["epoch/train/loss"].values()]
    assert losses[-1] < 0.7 * losses[0]
    assert state.is_finite()
    assert state.scaler.is_enabled() == (precision == "fp16")
    assert all(value > 0 for value in sink.values["memory"].values())


@everywhere
def test_a_checkpoint_goes_on_where_it_was_taken(device: torch.device, tmp_path: Path) -> None:
    settings = config(precision="fp32", ema_decay=0.9, **SETTINGS)
    whole = run(network(), settings, MemorySink(), device=device)
    half = run(network(), settings.changed(epochs=2), MemorySink(), device=device)
    path = checkpoint.save(tmp_path, "20260101-000000-abcdef", 8, half.capture())
    second = State(network(), settings, device)
    second.restore(checkpoint.load(path, "20260101-000000-abcdef"))
    log = Recorder(device, MemorySink())
    train(second, replace(tensors(settings, device=device), evaluated={}), settings, log)
    log.flush(second)
    assert (second.epoch, second.step) == (whole.epoch, whole.step)
    for ours, theirs in zip(second.eval_model.parameters(), whole.eval_model.parameters(), strict=True):
        assert ours.device.type == device.type
        torch.testing.assert_close(ours, theirs, rtol=0 if device == CPU else 1e-2, atol=0 if device == CPU else 1e-3)


@everywhere
@pytest.mark.parametrize("fields", [{}, EVERYTHING], ids=["plain", "everything"])
def test_no_step_and_no_evaluation_batch_waits_for_the_device(
    device: torch.device, fields: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """No numbers are fetched, and none are sent but the few by which images are augmented, without waiting."""
    settings = config(**{**SETTINGS, **fields, "epochs": 1, "batch_size": 16})
    data, state = tensors(settings, device=device), State(network(heads=True), settings, device)
    watched = Watched(device)
    request.addfinalizer(watched.end_step)
    train(state, replace(data, evaluated={}), settings, watched)
    steps, seen = watched.steps, 0
    assert steps == 8

    def after_batch() -> None:  # all but the first batch
        nonlocal seen
        seen += 1
        if seen == 1:
            watched.begin_step()
        elif seen == len(data.evaluated["test"]) // 32:
            watched.end_step()

    evaluate(state.eval_model, data.evaluated["test"], data, settings, make_autocast(device, settings), after_batch)
    assert watched.steps == steps + 1


class Watched(NullLog):
    """Forbids that anything waits for the device between the beginning of a step and its end."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.steps, self.watch = device, 0, ExitStack()

    def begin_step(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.set_sync_debug_mode("error")
            self.watch.callback(torch.cuda.set_sync_debug_mode, "default")
        self.watch.enter_context(NoTransfers())

    def end_step(self, *_: Any) -> None:
        self.watch.close()
        self.steps += 1


class NoTransfers(TorchDispatchMode):
    """Raises for what would make a GPU wait, on every device: fetching a number, making a tensor of Python numbers."""

    FORBIDDEN = ("_local_scalar_dense", "lift_fresh", "bincount", "nonzero", "masked_select", "equal")

    def __enter__(self) -> Any:
        self.patches = ExitStack()  # closed whatever happens: these are torch's own
        patch = self.patches.enter_context(pytest.MonkeyPatch.context())
        real_to = torch.Tensor.to

        def to(tensor: torch.Tensor, *given: Any, **named: Any) -> torch.Tensor:
            moved = [each for each in (*given, named.get("device")) if isinstance(each, str | torch.device)]
            ours = f"{os.sep}explorer{os.sep}" in sys._getframe(1).f_code.co_filename  # torch's own go nowhere
            assert not (moved and ours) or named.get("non_blocking"), "a copy that waits"
            return real_to(tensor, *given, **named)

        def refuse(*_: Any) -> Any:
            raise AssertionError("a number is fetched from the device")

        real_from_numpy = torch.from_numpy

        def from_numpy(numbers: Any) -> torch.Tensor:
            with _disable_current_modes():  # it shares the host's memory: what leaves that goes by ``to``
                return real_from_numpy(numbers)

        patch.setattr(torch.Tensor, "to", to)
        patch.setattr(torch, "from_numpy", from_numpy)
        for name in ("tolist", "cpu", "numpy", "cuda"):
            patch.setattr(torch.Tensor, name, refuse)
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        self.patches.close()
        super().__exit__(*error)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.removeprefix("aten::")
        # Numbers in float64 are those of mixup's share, which is drawn on the host.
        assert name not in self.FORBIDDEN or (args and args[0].dtype == torch.float64), name
        return func(*args, **(kwargs or {}))


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_gpus_train_one_network(tmp_path: Path) -> None:
    """And what one of them learns is what one process learns alone with the batch in as many parts."""
    manager = open_manager(tmp_path)
    settings = config(epochs=2, batch_size=200, device="cuda:0", processes=2, accumulate=2, precision="fp32")
    made = manager.create("both", to_json(network(classes=10, dropout=0.0)), settings.model_dump_json())
    done = until_status(manager, made.id, "finished", "failed", "interrupted", seconds=300)
    assert done.status == "finished", done.reason
    alone = manager.create("one", made.architecture, settings.changed(processes=1, accumulate=4).model_dump_json())
    assert until_status(manager, alone.id, "finished", "failed", seconds=300).status == "finished"
    ours, theirs = ([point.value for point in manager.store.points(run.id, "train/loss")] for run in (made, alone))
    assert ours == pytest.approx(theirs, rel=1e-2)
    manager.close()
    end_all(tmp_path)


@pytest.mark.parametrize("device", GPUS)
def test_a_worker_trains_there(device: str, tmp_path: Path) -> None:
    manager = open_manager(tmp_path)
    settings = config(epochs=3, batch_size=200, device=device)
    made = manager.create("there", to_json(network(classes=10)), settings.model_dump_json())
    done = until_status(manager, made.id, "finished", "failed")
    assert (done.status, done.device) == ("finished", device), done.reason
    assert all(point.value > 0 for point in manager.store.points(made.id, "memory"))
    manager.close()
    end_all(tmp_path)
