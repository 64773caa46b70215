"""The weights that a run keeps for good: which, how large, in spite of interruptions, and what they are opened as."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer.architecture import from_json
from explorer.experiments._parsing import parse_settings
from explorer.inspection import list_models
from explorer.inspection.opening import open_initial, open_model
from explorer.runs import Manager, RunFolder, checkpoint_step, list_checkpoints, list_kept
from explorer.training import checkpoint, estimate_checkpoints, extend, parse
from tests.sizes import THOROUGH
from tests.training.parts import config

from .parts import create
from .test_best import train_here

STEPS = 4
"""Updates an epoch: 4,000 digits in batches of 1,000."""
SETTINGS = {"epochs": 4, "batch_size": 1000, "checkpoint_seconds": 1000.0}


def kept(manager: Manager, run: str) -> list[int]:
    """Steps whose weights are kept, rising."""
    return sorted(checkpoint_step(path) for path in list_kept(RunFolder(manager.root, run).checkpoints))


def newest(manager: Manager, run: str) -> dict[str, Any]:
    """The state in the newest checkpoint."""
    return checkpoint.load(list_checkpoints(RunFolder(manager.root, run).checkpoints)[0], run)


@given(st.integers(1, 300), st.integers(2, 100))
def test_they_are_spread_from_the_start_to_the_end(epochs: int, count: int) -> None:
    found = config(epochs=epochs, keep_checkpoints=count).kept_epochs
    assert (found[0], found[-1], len(found)) == (0, epochs, min(count, epochs + 1))
    gaps = [later - sooner for sooner, later in itertools.pairwise(found)]
    assert min(gaps) >= 1
    assert max(gaps) - min(gaps) <= 1 + (count > epochs)


def test_one_is_refused_and_none_is_usual() -> None:
    assert config().kept_epochs == ()
    with pytest.raises(ValueError, match=r"keep_checkpoints \(=1\) must be 0 or at least 2: one before the first step"):
        config(keep_checkpoints=1)


@pytest.mark.parametrize("stops", [pytest.param([], marks=THOROUGH), [1, STEPS, STEPS + 2, 2 * STEPS]])
def test_a_run_keeps_them_whatever_interrupts_it(manager: Manager, stops: list[int]) -> None:
    """At an epoch's end, before and after it; and the training is the one that it is without them, bit for bit."""
    run = create(manager, **SETTINGS, keep_checkpoints=3, ema_decay=0.9)
    for stop in stops:
        assert train_here(manager, run, stop_at=stop)[0] == "interrupted"
    assert train_here(manager, run)[0] == "finished"
    assert kept(manager, run.id) == [0, 2 * STEPS, 4 * STEPS]
    plain = create(manager, **SETTINGS, ema_decay=0.9)
    assert train_here(manager, plain)[0] == "finished"
    assert kept(manager, plain.id) == []
    for name, value in newest(manager, plain.id)["average"].items():
        assert torch.equal(value, newest(manager, run.id)["average"][name])

    folder = RunFolder(manager.root, run.id).checkpoints
    (entry,) = (each for each in list_models(manager) if each.name == run.id)
    assert {f"{run.id}@{step}" for step in (4 * STEPS, 2 * STEPS, 0)} <= set(entry.checkpoints)
    assert entry.checkpoints[0] == f"{run.id}@{4 * STEPS}"
    first, last = open_model(f"{run.id}@0", manager), open_model(f"{run.id}@{4 * STEPS}", manager)
    assert first.weights_sha256 == open_initial(from_json(run.architecture), parse(run.config).seed).weights_sha256
    assert last.digest == open_model(run.id, manager).digest
    assert first.classes == last.classes
    assert first.preprocessing == last.preprocessing
    net, how = from_json(run.architecture), parse(run.config)
    promised = estimate_checkpoints(net, how) - estimate_checkpoints(net, how.changed(keep_checkpoints=0))
    assert sum(path.stat().st_size for path in list_kept(folder)) <= promised

    damaged = list_kept(folder)[-1]
    damaged.write_bytes(damaged.read_bytes()[:-100])
    with pytest.raises(ValueError, match=f"no checkpoint of step 0: {damaged.name}: damaged"):
        open_model(f"{run.id}@0", manager)


def test_an_extended_run_keeps_what_it_has(manager: Manager) -> None:
    run = create(manager, **{**SETTINGS, "epochs": 2}, keep_checkpoints=2)
    assert train_here(manager, run)[0] == "finished"
    assert kept(manager, run.id) == [0, 2 * STEPS]
    extend(manager, run.id, 1)
    assert train_here(manager, manager.store.get(run.id))[0] == "finished"
    assert kept(manager, run.id) == [0, 2 * STEPS, 3 * STEPS]
    manager.delete(run.id)
    assert not RunFolder(manager.root, run.id).path.exists()


def test_a_run_that_diverges_keeps_no_broken_weights(manager: Manager) -> None:
    run = create(manager, **SETTINGS, keep_checkpoints=5, lr=1000.0, optimizer="sgd")
    with pytest.raises(ArithmeticError):
        train_here(manager, run)
    for step in kept(manager, run.id):
        network = open_model(f"{run.id}@{step}", manager).network
        assert all(value.isfinite().all() for value in network.state_dict().values())


def test_runs_compare_whatever_they_keep() -> None:
    assert parse_settings(config(keep_checkpoints=4).model_dump_json()) == parse_settings(config().model_dump_json())
