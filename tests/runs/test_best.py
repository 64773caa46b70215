"""The best epoch is kept and can be opened, a run without progress ends early, and one that has gone says so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.architecture import from_json
from explorer.cli import main
from explorer.inspection import list_models
from explorer.inspection.opening import open_files, open_model
from explorer.runs import Manager, Run, RunFolder, list_best, list_checkpoints, series
from explorer.training import checkpoint, extend, job, parse
from explorer.training._control import RunEnded
from explorer.training.data import load_to_device, open_data
from explorer.training.evaluation import evaluate
from explorer.training.loop import make_autocast
from explorer.training.recording import Diverged, check_convergence
from tests.sizes import THOROUGH
from tests.training.parts import CPU, network, without_norm

from .parts import control_of, create, curve


def train_here(manager: Manager, run: Run, stop_at: int | None = None) -> tuple[str, str]:
    """Work on a run in this process, as its worker does; interrupted after so many updates."""
    attempt = manager.store.get(run.id).attempt + 1
    manager.store.update(run.id, status="running", device="cpu", attempt=attempt)
    control, made = control_of(manager, run.id), manager.store.get(run.id)
    after_batch = job.MainRank.after_batch

    def counting(main_rank: job.MainRank, state: object) -> None:
        if stop_at is not None and main_rank._job.step >= stop_at:
            control.requested_action = "interrupt"
        after_batch(main_rank, state)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job.MainRank, "after_batch", counting)
        try:
            status, reason = job.run_main_rank(manager.root, manager.store, made, control)
        except RunEnded as ended:
            status, reason = ended.status, ended.reason
    manager.store.update(run.id, status=status, reason=reason)
    return status, reason


def accuracies(manager: Manager, run: Run, split: str) -> list[float]:
    return [point.value for point in manager.store.points(run.id, series.of_epoch(split, "accuracy"))]


RISING = {"epochs": 6, "batch_size": 256, "lr": 0.5, "schedule": "one_cycle", "optimizer": "sgd"}
"""Settings with which some epochs are better than others."""


@pytest.mark.parametrize(
    ("split", "more"),
    [
        ("validation", {"validation": 0.2, "checkpoint_seconds": 0.0}),
        pytest.param("test", {"ema_decay": 0.5}, marks=THOROUGH),
    ],
)
def test_the_best_epoch_is_kept_and_opened(
    manager: Manager, capsys: pytest.CaptureFixture[str], tmp_path: Path, split: str, more: dict[str, float]
) -> None:
    run = create(manager, **RISING, **more)
    assert train_here(manager, run) == ("finished", "")
    found = accuracies(manager, run, split)
    folder = RunFolder(manager.root, run.id).checkpoints
    (best,) = list_best(folder)
    assert len(list_checkpoints(folder)) == 2
    steps = manager.store.get(run.id).steps // 6
    epoch = found.index(max(found)) + 1
    assert best.name == f"best-{split}-{epoch * steps:010}.pt"
    model = open_model(f"{run.id}@best", manager)
    assert model.name == f"{run.id}@best"
    assert f"best epoch {epoch}: {100 * max(found):.2f} % of the {split} images right" in model.provenance
    assert ("which also chose it" in model.provenance) == (split == "test")
    settings = parse(run.config)
    data = load_to_device(open_data(settings, from_json(run.architecture)), settings, CPU)
    again = evaluate(model.network, data.evaluated[split], data, settings, make_autocast(CPU, settings))
    assert again.accuracy == max(found)
    assert open_model(f"{run.id}@{epoch * steps}", manager).digest == model.digest
    listed = next(each for each in list_models(manager) if each.name == run.id)
    assert listed.best == f"best by {split}, step {epoch * steps:,}"
    assert listed.checkpoints[-1] == f"{run.id}@best"
    assert main(["evaluate", f"{run.id}@best", "--dataset", "digits", "--device", "cpu", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    if split == "test":
        assert shown["accuracy"] == pytest.approx(max(found))
    # On another machine, of which the run store knows nothing.
    copy, net = tmp_path / "other.pt", tmp_path / "net.json"
    copy.write_bytes(best.read_bytes())
    net.write_text(run.architecture, encoding="utf-8")
    own = open_files(from_json(run.architecture), copy)
    assert (own.weights_sha256, own.classes, own.preprocessing) == (
        model.weights_sha256, model.classes, model.preprocessing
    )  # fmt: skip
    assert main(["evaluate", f"{net}:{copy}", "--dataset", "digits", "--device", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == shown["accuracy"]
    # A damaged file is named, never opened.
    data_bytes = bytearray(best.read_bytes())
    data_bytes[len(data_bytes) // 2] ^= 1
    best.write_bytes(data_bytes)
    with pytest.raises(ValueError, match=rf"no checkpoint of its best epoch: {best.name}: damaged"):
        open_model(f"{run.id}@best", manager)


def test_a_run_without_a_best_epoch_says_what_there_is(manager: Manager) -> None:
    run = create(manager, epochs=5, checkpoint_seconds=1000.0)
    assert train_here(manager, run, stop_at=3)[0] == "interrupted"
    with pytest.raises(ValueError, match="no checkpoint of its best epoch: it has 3, 0"):
        open_model(f"{run.id}@best", manager)


@pytest.mark.parametrize("stops", [pytest.param([], marks=THOROUGH), [5, 13]])
def test_it_stops_early_and_a_resumed_run_does_so_at_the_same_epoch(manager: Manager, stops: list[int]) -> None:
    """No learning at all: the first epoch stays the best. Interrupted anywhere, it is the same run."""
    settings = {"epochs": 50, "batch_size": 256, "lr": 1e-12, "validation": 0.2, "checkpoint_seconds": 1000.0}
    run = create(manager, network(classes=10, dropout=0.0), **settings, patience=3)
    for stop in stops:
        assert train_here(manager, run, stop_at=stop)[0] == "interrupted"
    status, reason = train_here(manager, run)
    found = accuracies(manager, run, "validation")
    best = found.index(max(found)) + 1
    early = f"stopped early after epoch {best + 3}: no better for 3 epochs"
    assert status == "finished"
    assert re.fullmatch(f"{early}; the loss of its last .* no better than guessing .*", reason)
    assert len(found) == best + 3
    done = manager.store.get(run.id)
    assert (done.epoch, len(curve(manager, run.id))) == (best + 3, done.step)
    # Killed before it could say so, it says so when it is resumed, and trains no epoch more.
    assert train_here(manager, run) == (status, reason)
    assert len(accuracies(manager, run, "validation")) == best + 3
    longer = parse(extend(manager, run.id, 2).config)
    assert (longer.epochs, longer.patience) == (best + 5, None)
    status, reason = train_here(manager, run)
    assert (status, reason.startswith("the loss of its last ")) == ("finished", True)
    assert len(accuracies(manager, run, "validation")) == best + 5


def test_one_that_gets_better_is_not_stopped(manager: Manager) -> None:
    run = create(manager, **{**RISING, "epochs": 3}, validation=0.2, patience=3)
    assert train_here(manager, run)[0] == "finished"


def test_patience_needs_validation() -> None:
    with pytest.raises(ValueError, match=r"patience \(=2\) needs validation above 0: set it to a share"):
        parse({"dataset": "digits", "patience": 2})
    assert parse({"dataset": "digits", "patience": 2, "validation": 0.1}).patience == 2


# ---- gone for good --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "gone"),
    [
        (2.4, [1.6e6] * 100, True),
        (2.4, [7.0] * 100, True),
        (2.4, [4.5] * 100, False),  # not far above guessing
        (2.4, [2.31] * 100, False),  # has learnt nothing, which is another thing
        (2.4, [1e9] * 49 + [0.5] * 51, False),  # wild at first, then it learnt
        (50.0, [30.0, 20.0], False),  # began high, and comes down
        (50.0, [60.0, 90.0], True),
        (2.4, [], False),
    ],
)
def test_what_has_gone_for_good(first: float, last: list[float], gone: bool) -> None:
    if gone:
        with pytest.raises(Diverged, match=r"the loss of its last \d+ steps is .* guessing gives 2\.3"):
            check_convergence(first, last, 2.302585)
        return
    told = check_convergence(first, last, 2.302585)
    assert ("no better than guessing (2.3" in told) == bool(last and np.median(last) >= 2.302585)
    assert ("above its first" in told) == bool(last and np.median(last) > first)


def test_a_run_that_has_gone_is_not_finished(manager: Manager) -> None:
    run = create(manager, without_norm(network(classes=10)), epochs=2, batch_size=256, lr=1000.0, optimizer="adam")
    manager.store.update(run.id, status="running", device="cpu", attempt=1)
    with pytest.raises(Diverged, match=r"steps is .* \(median\); guessing gives 2\.3"):
        job.run_main_rank(manager.root, manager.store, manager.store.get(run.id), control_of(manager, run.id))
    assert list_checkpoints(RunFolder(manager.root, run.id).checkpoints)


# ---- the files ------------------------------------------------------------------------------------------------------


def test_a_better_epoch_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    for step in (5, 10, 15):
        checkpoint.save_best(tmp_path, "a", "validation", step, {"model": {"w": torch.ones(step)}})
    (best,) = list_best(tmp_path)
    assert best.name == "best-validation-0000000015.pt"
    assert sorted(path.name for path in tmp_path.iterdir()) == [best.name, f"{best.name}.sha256"]
    assert checkpoint.load(best, "a")["model"]["w"].shape == (15,)
    assert list_checkpoints(tmp_path) == []
    with pytest.raises(checkpoint.CheckpointError, match="holds step 15 of run a"):
        checkpoint.load(best, "b")
