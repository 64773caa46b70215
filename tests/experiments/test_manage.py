"""Experiments in the store: all runs or none, continued after a crash, paused, stopped and deleted as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from explorer import catalog
from explorer.architecture import from_json
from explorer.experiments import (
    Experiment,
    add_seeds,
    collect_results,
    delete,
    get_experiment,
    list_experiments,
    pause,
    resume,
    start,
    stop,
)
from explorer.runs import Device, Manager, RunFolder, StoreError, Trial
from explorer.training import START_FILE, StartFrom, parse
from explorer.training.starting import StartWeights
from tests.runs.parts import execute, make_old
from tests.training.parts import network
from tests.training.test_starting import weights

from .parts import finish, small


def trials(manager: Manager, experiment: str) -> list[tuple[str, int]]:
    return [(trial.variant, trial.seed) for trial, _ in manager.trials(experiment)]


def test_all_runs_are_queued_and_tell_what_they_are(manager: Manager) -> None:
    planned = small()
    stored = start(manager, planned)
    assert get_experiment(manager, stored.id) == stored
    assert stored.experiment == planned
    assert trials(manager, stored.id) == [(variant.label, seed) for variant, seed in planned.trials]
    for (variant, seed), (_, run) in zip(planned.trials, manager.trials(stored.id), strict=True):
        assert run.status == "queued"
        assert from_json(run.architecture) == variant.architecture
        assert json.loads(run.config)["seed"] == seed
        assert run.memory > 0
        assert run.name == f"{variant.architecture.name}, seed {seed}"
        assert run.tags == ("ablation", variant.label)


def test_all_or_nothing(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    """One variant that does not fit keeps the others from being queued, and is named."""
    base = network(classes=10)
    needed = start(manager, small(base, seeds=(0,)))
    memory = max(run.memory for trial, run in manager.trials(needed.id) if trial.variant == "residual")
    delete_all(manager)
    machine = (Device(name="cpu", title="CPU", memory_bytes=memory),)
    monkeypatch.setattr("explorer.runs._local.devices", lambda *_: machine)
    start(manager, small(base, factors=("residual",), seeds=(0,)))
    with pytest.raises(ValueError, match="double width: needs about"):
        start(manager, small(base, factors=("residual", "width-2"), seeds=(0,), combine=False))
    assert len(list_experiments(manager)) == 1
    assert len(manager.runs()) == 2


def delete_all(manager: Manager) -> None:
    for stored in list_experiments(manager):
        stop(manager, stored.id)
        delete(manager, stored.id)


def test_the_wrong_classes_are_refused(manager: Manager) -> None:
    with pytest.raises(ValueError, match=r"^'tiny' gives 4 scores"):
        start(manager, small(network(classes=4)))
    assert (list_experiments(manager), manager.runs()) == ([], [])


def test_too_many_runs_are_refused_before_the_first(manager: Manager) -> None:
    with pytest.raises(ValueError, match="201 more would be above the 200"):
        start(manager, small(factors=("residual", "cbam"), combine=False, seeds=range(67)))
    assert (list_experiments(manager), manager.runs()) == ([], [])


def test_a_crash_in_between_is_mended_by_resuming(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    create, calls = manager.create, []

    def dies(*args: Any, **fields: Any) -> Any:
        calls.append(args)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return create(*args, **fields)

    monkeypatch.setattr(manager, "create", dies)
    planned = small()
    with pytest.raises(KeyboardInterrupt):
        start(manager, planned)
    stored = list_experiments(manager)[0]
    assert len(manager.trials(stored.id)) == 3
    assert resume(manager, stored.id) == 5
    assert sorted(trials(manager, stored.id)) == sorted((variant.label, seed) for variant, seed in planned.trials)
    assert resume(manager, stored.id) == 0


def test_a_start_from_weights_is_a_factor_paired_by_seed(manager: Manager, tmp_path: Path) -> None:
    """A copy in the folder of each run that starts so, also of one that was deleted; random ones have none."""
    net = network(classes=10)
    given = weights(net, classes=tuple("0123456789"))
    begins = StartFrom(weights="teacher", freeze="stem", old_rate=0.5)
    planned = small(net, factors=("residual",), start=begins)
    assert [variant.factors for variant in planned.variants] == [
        (), ("residual",), ("from-weights",), ("residual", "from-weights"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="are to be given, too"):
        start(manager, planned)
    stored = start(manager, planned, given)
    assert get_experiment(manager, stored.id) == stored

    def check() -> None:
        by_seed: dict[int, list[object]] = {}
        for trial, run in manager.trials(stored.id):
            config, path = parse(run.config), RunFolder(manager.root, run.id).path / START_FILE
            assert (config.start is not None) == path.exists() == ("teacher" in trial.variant)
            if config.start is not None:
                assert (config.start.freeze, config.start.mean, config.start.old_rate) == ("stem", (0.4,), 0.5)
                assert StartWeights.from_file(path, config.start.sha256).classes == given.classes
            by_seed.setdefault(trial.seed, []).append(config.changed(start=None))
        assert [len({str(each) for each in found}) for found in by_seed.values()] == [1, 1]
        assert [len(found) for found in by_seed.values()] == [4, 4]

    check()
    for number, (_, run) in enumerate(manager.trials(stored.id)):
        finish(manager, run, 0.5, 0.6 + number / 100)
    rows = collect_results(manager, stored)
    assert [row.label for row in rows if row.finished] == [variant.label for variant in planned.variants]
    assert all(row.difference.mean for row in rows[1:])
    gone = next(run for trial, run in manager.trials(stored.id) if "teacher" in trial.variant)
    manager.delete(gone.id)
    assert resume(manager, stored.id) == 1
    check()
    assert add_seeds(manager, stored.id, [0, 1]).experiment.seeds == (0, 1)
    for _, run in manager.trials(stored.id):
        (RunFolder(manager.root, run.id).path / START_FILE).unlink(missing_ok=True)
    with pytest.raises(ValueError, match="has the weights any more"):
        add_seeds(manager, stored.id, [5])
    other = weights(catalog.get("squeezenet-1.1"))
    with pytest.raises(ValueError, match="from teacher: nothing of teacher fits"):
        start(manager, planned, other)


def test_a_part_has_one_run_however_many_people_ask(manager: Manager) -> None:
    stored = start(manager, small())
    trial, run = manager.trials(stored.id)[0]
    with pytest.raises(StoreError) as error:
        manager.create("again", run.architecture, run.config, trial=trial)
    assert error.value.duplicate
    assert len(manager.runs()) == 8
    other = Trial(experiment=stored.id, variant=trial.variant, seed=99)
    manager.create("another seed", run.architecture, run.config, trial=other)
    assert len(manager.trials(stored.id)) == 9


def test_two_who_resume_at_once(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = start(manager, small())
    for _, run in manager.trials(stored.id)[:3]:
        manager.stop(run.id)
        manager.delete(run.id)
    other, create = Manager(manager.root), manager.create
    added: list[int] = []

    def meanwhile(*args: Any, **fields: Any) -> Any:
        if not added:
            added.append(resume(other, stored.id))
        return create(*args, **fields)

    monkeypatch.setattr(manager, "create", meanwhile)
    assert resume(manager, stored.id) == 0
    assert added == [3]
    assert len(manager.trials(stored.id)) == 8


def test_pause_resume_stop_and_delete_as_one(manager: Manager) -> None:
    stored = start(manager, small())
    finish(manager, manager.trials(stored.id)[0][1], 0.5)
    assert pause(manager, stored.id) == 7
    assert resume(manager, stored.id) == 7
    with pytest.raises(ValueError, match=r"7 runs of experiment .* stop it first"):
        delete(manager, stored.id)
    assert len(manager.runs()) == 8
    assert stop(manager, stored.id) == 7
    assert stop(manager, stored.id) == 0
    assert {run.status for run in manager.runs()} == {"finished", "stopped"}
    delete(manager, stored.id)
    assert (list_experiments(manager), manager.runs()) == ([], [])
    with pytest.raises(ValueError, match="there is no experiment"):
        get_experiment(manager, stored.id)


def test_further_seeds_train_the_same_variants(manager: Manager) -> None:
    stored = start(manager, small(seeds=(0,)))
    first = {trial.variant: run.architecture for trial, run in manager.trials(stored.id)}
    larger = add_seeds(manager, stored.id, (0, 7))
    assert get_experiment(manager, stored.id) == larger
    assert larger.experiment.seeds == (0, 7)
    found = manager.trials(stored.id)
    assert len(found) == 8
    assert all(run.architecture == first[trial.variant] for trial, run in found)
    with pytest.raises(ValueError, match="must be from 0"):
        add_seeds(manager, stored.id, (-1,))


def test_a_deleted_run_is_missing_and_comes_back(manager: Manager) -> None:
    stored = start(manager, small())
    gone = manager.trials(stored.id)[1][1].id
    manager.stop(gone)
    manager.delete(gone)
    assert collect_results(manager, stored)[1].states == {"missing": 1, "queued": 1}
    assert resume(manager, stored.id) == 1
    assert collect_results(manager, stored)[1].states == {"queued": 2}


def test_an_old_store_gets_the_tables(root: Path) -> None:
    Manager(root)
    database = f"sqlite:///{root / 'runs.sqlite'}"
    make_old(database)
    execute(database, "DROP TABLE experiments", "DROP TABLE trials")
    manager = Manager(root)
    assert list_experiments(manager) == []
    assert len(manager.trials(start(manager, small()).id)) == 8


@pytest.mark.parametrize("name", ["", "nothing", "'; DROP TABLE runs; --", "../../etc", "x" * 10_000])
def test_an_unknown_experiment_is_one_sentence(manager: Manager, name: str) -> None:
    for act in (get_experiment, resume, pause, stop, delete):
        with pytest.raises(ValueError, match="there is no experiment") as error:
            act(manager, name)
        assert len(str(error.value)) < 200


def test_experiments_are_values(manager: Manager) -> None:
    assert isinstance(hash(small()), int)
    assert small() == small()
    assert isinstance(start(manager, small()).experiment, Experiment)
