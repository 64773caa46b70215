"""The same training on every device of this machine. Where that is a CPU alone, the GPU's path has not been run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.architecture import to_json
from explorer.training import checkpoint, open_manager
from explorer.training.loop import train
from explorer.training.recording import Recorder
from explorer.training.state import State
from tests.runs.parts import end_all, until_status

from .parts import CPU, MemorySink, config, network, run, tensors

GPUS = [
    *(f"cuda:{number}" for number in range(torch.cuda.device_count())),
    *(["mps"] if torch.backends.mps.is_available() else []),
]
everywhere = pytest.mark.parametrize("device", [torch.device(name) for name in ("cpu", *GPUS)], ids=str)
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
    if precision == "fp16" and device.type == "cpu":
        with pytest.raises(ValueError, match="needs a GPU"):
            run(network(), config(precision=precision, **SETTINGS), MemorySink())
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
