"""Searches that go on by themselves, and those that are paused."""

from __future__ import annotations

from pathlib import Path

import pytest

from explorer.runs import Manager, RunFolder, StoreError, list_checkpoints
from explorer.search import Budget, Driver, advance, get_search, pause, read_standing, resume, start
from explorer.search._trials import PRUNED
from explorer.training import open_manager
from tests.runs.parts import until

from .parts import finish, small


def begun(manager: Manager, name: str) -> int:
    return len(read_standing(manager, get_search(manager, name)).trials)


def train(manager: Manager, name: str) -> None:
    """End what is queued, with accuracies that differ."""
    for place, (_, run) in enumerate(manager.trials(name)):
        if run.active:
            finish(manager, run, 0.3, 0.5 + place / 100)


def test_a_search_goes_on_to_its_end_and_then_its_baseline(manager: Manager) -> None:
    stored = start(manager, small(budget=Budget(trials=2)), baseline=True)
    driver, rival = Driver(manager), stored.search.baseline
    for trials in (1, 2):
        driver.tick()
        assert (begun(manager, stored.id), begun(manager, rival)) == (trials, 0)
        assert driver.reason_over(stored.id) == ""
        train(manager, stored.id)
    for trials in (1, 2):
        for _ in range(2):  # the end of the one is seen, then the other begins
            driver.tick()
        assert (begun(manager, stored.id), begun(manager, rival)) == (2, trials)
        train(manager, rival)
    driver.tick()
    assert "2 of 2 trials" in driver.reason_over(stored.id) == driver.reason_over(rival)


def test_a_paused_search_begins_nothing_until_it_is_resumed(manager: Manager) -> None:
    stored = start(manager, small(budget=Budget(trials=2)))
    driver = Driver(manager)
    driver.tick()
    assert pause(manager, stored.id) == 1
    for _ in range(3):
        driver.tick()
    assert begun(manager, stored.id) == 1
    assert "stopped" in driver.reason_over(stored.id)
    resume(manager, stored.id, Budget(trials=3))
    train(manager, stored.id)
    driver.tick()
    assert begun(manager, stored.id) == 2
    assert driver.reason_over(stored.id) == ""


def test_trouble_is_told_and_passes(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = start(manager, small(budget=Budget(trials=1)))
    driver = Driver(manager)
    full = StoreError("the disk is full")

    def refuse(*_: object, **__: object) -> None:
        raise full

    with monkeypatch.context() as patch:
        patch.setattr(manager, "create", refuse)
        driver.tick()
    assert driver.trouble(stored.id) == "the disk is full"
    driver.tick()
    assert driver.trouble(stored.id) == ""
    assert begun(manager, stored.id) == 1


def test_a_worker_whose_run_falls_behind_ends_early(root: Path, light_workers: None) -> None:
    """A run that really trains, beside one that is said to have been far better from its first epoch on."""
    manager = open_manager(root)
    stored = start(manager, small(pruner="asha", config={"epochs": 300}, budget=Budget(trials=2)))
    finish(manager, advance(manager, stored.id).trials[0].run, *[1.0] * 300)

    def behind() -> bool:
        manager.tick()
        return not advance(manager, stored.id).active

    until(behind, seconds=60)
    trial = read_standing(manager, stored).trials[1]
    assert (trial.state, trial.run.status, PRUNED in trial.run.tags) == ("pruned", "stopped", True)
    assert 1 <= len(trial.curve) == trial.run.epoch < 300
    assert trial.reason.startswith("epoch 1: ")
    assert list_checkpoints(RunFolder(root, trial.run.id).checkpoints)


def test_a_run_whose_worker_died_is_queued_again_but_not_for_ever(manager: Manager) -> None:
    stored = start(manager, small(budget=Budget(trials=1)))
    driver = Driver(manager)
    driver.tick()
    ((_, run),) = manager.trials(stored.id)
    for attempt in range(1, 9):
        manager.store.update(run.id, status="interrupted", attempt=attempt)
        driver.tick()
        assert manager.store.get(run.id).status == ("queued" if attempt < 5 else "interrupted")
