"""Accuracy of networks from whatever runs have trained them: which runs count, and how they are brought together."""

from __future__ import annotations

from pathlib import Path

import pytest

from explorer.architecture import Architecture, edit, to_json
from explorer.experiments import ComparableRuns, SampleStatistics, group_comparable_runs
from explorer.runs import Manager
from explorer.training import open_manager, recipe
from tests.experiments.parts import finish
from tests.training.parts import config, network

NET = network(classes=10)
WIDER = edit.replace(NET, "stem", out_channels=16)


@pytest.fixture
def manager(tmp_path: Path) -> Manager:
    return open_manager(tmp_path)


def ran(manager: Manager, architecture: Architecture, *accuracies: float, **fields: object) -> str:
    run = manager.create("a run", to_json(architecture), config(**fields).model_dump_json())
    if accuracies:
        finish(manager, run, *accuracies)
    return run.id


def test_runs_that_differ_in_their_seed_make_one_sample(manager: Manager) -> None:
    for seed, last in ((1, 0.7), (0, 0.6), (2, 0.8)):
        ran(manager, NET, 0.9, last, seed=seed, device="auto" if seed else "cpu")
    ran(manager, edit.replace(WIDER, "", name="another name", notes="x"), 0.5, seed=0)
    (found,) = group_comparable_runs(manager, [WIDER, NET])
    assert found.accuracy == (SampleStatistics.of([0.5]), SampleStatistics.of([0.6, 0.7, 0.8]))
    assert found.runs == 4
    low, high = found.accuracy[1].interval or (0, 0)
    assert low < 0.7 < high
    assert found.accuracy[0].interval is None
    assert found.title.startswith("digits · 2 epochs · adam")


def test_what_does_not_count(manager: Manager) -> None:
    ran(manager, NET, seed=0)
    ran(manager, network(classes=9), 0.5)
    stopped = ran(manager, NET, 0.5)
    manager.store.update(stopped, status="stopped")
    broken = ran(manager, NET, 0.5)
    manager.store.update(broken, architecture="{}")
    later = ran(manager, NET, 0.5)
    manager.store.update(later, config='{"dataset": "digits", "of a later": "version"}')
    assert group_comparable_runs(manager, [NET]) == []


def test_other_settings_are_another_group_and_the_fullest_comes_first(manager: Manager) -> None:
    ran(manager, NET, 0.5, epochs=1)
    ran(manager, NET, 0.6, epochs=1, seed=1)
    ran(manager, NET, 0.7)
    ran(manager, WIDER, 0.8)
    one, two = group_comparable_runs(manager, [NET, WIDER])
    assert [one.config.epochs, two.config.epochs] == [2, 1]
    assert one.key != two.key
    assert two.accuracy == (SampleStatistics.of([0.5, 0.6]), SampleStatistics.of([]))


def test_of_a_seed_that_ran_twice_the_later_run_counts_and_equal_networks_share_it(manager: Manager) -> None:
    ran(manager, NET, 0.5)
    ran(manager, NET, 0.6)
    (found,) = group_comparable_runs(manager, [NET, edit.replace(NET, "", name="twin")])
    assert found.accuracy == (SampleStatistics.of([0.6]), SampleStatistics.of([0.6]))


@pytest.mark.parametrize(("name", "key"), [("course", "4f483eee"), ("quick", "44fe5583")])
def test_a_setting_that_came_later_does_not_change_an_address(name: str, key: str) -> None:
    """The keys are those of the version before the settings of augmentation, optimizers and classes."""
    settings = recipe(name, "digits").changed(seed=0, device="auto")
    assert ComparableRuns(config=settings, accuracy=()).key == key
    for later in ({"hue": 0.1}, {"class_weights": "inverse"}, {"beta2": 0.9, "optimizer": "adam", "nesterov": False}):
        assert ComparableRuns(config=settings.changed(**later), accuracy=()).key != key
