"""Searches in the store: proposed by what is stored alone, pruned by curves, within budgets, whatever dies."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.architecture import from_json
from explorer.experiments import get_experiment, list_experiments
from explorer.runs import Lock, Manager, Point
from explorer.search import (
    SAMPLERS,
    Budget,
    Exhausted,
    Search,
    advance,
    collect_trials,
    delete,
    find_box,
    get_search,
    list_searches,
    measure_losses,
    parse_limit,
    read_standing,
    reason_to_prune,
    repeat,
    resume,
    start,
    stop,
)
from explorer.search._report import find_front
from explorer.search._study import distributions, make_study
from tests.sizes import THOROUGH, examples, first

from .parts import finish, record, small, worth


def go_on(manager: Manager, search_id: str, most: int = 100) -> list[Any]:
    """Advance a search to its end, its runs ending at once with what their points are worth."""
    search = get_search(manager, search_id).search
    for _ in range(most):
        standing = advance(manager, search_id)
        if standing.over:
            break
        for trial in standing.trials:
            if trial.run.active:
                value = worth(search, trial)
                finish(manager, trial.run, value / 2, value)
    return collect_trials(manager, search_id, search)


@pytest.mark.parametrize(
    ("sampler", "objectives"),
    [
        pytest.param(sampler, objectives, marks=THOROUGH if sampler == "random" and len(objectives) > 1 else ())
        for objectives in (("accuracy",), ("accuracy", "macs"))
        for sampler in SAMPLERS
    ],
)
def test_a_search_ends_with_its_budget(manager: Manager, sampler: Any, objectives: tuple[str, ...]) -> None:
    search = small(sampler=sampler, objectives=objectives, budget=Budget(trials=9), at_once=2)
    stored = start(manager, search)
    assert get_search(manager, stored.id) == stored
    trials = go_on(manager, stored.id)
    assert [trial.number for trial in trials] == list(range(9))
    assert len({trial.point for trial in trials}) == 9
    assert trials[0].point == search.space.given
    assert from_json(trials[0].run.architecture) == search.space.network
    assert all(trial.complete and len(trial.values) == len(objectives) for trial in trials)
    assert "9 of 9 trials" in read_standing(manager, stored).ended


@pytest.mark.parametrize("sampler", first(2, SAMPLERS))
def test_the_same_seed_gives_the_same_points(manager: Manager, sampler: Any) -> None:
    """Also where every step is done by a manager that has just been made, as after the death of a process."""
    once, second = (start(manager, small(sampler=sampler, budget=Budget(trials=8))) for _ in range(2))
    points = [trial.point for trial in go_on(manager, once.id)]
    while not read_standing(manager, second).over:
        go_on(Manager(manager.root), second.id, most=1)
    assert [trial.point for trial in collect_trials(manager, second.id, second.search)] == points
    other = start(manager, small(sampler=sampler, budget=Budget(trials=8), config={"seed": 5}))
    assert [trial.point for trial in go_on(manager, other.id)] != points


def test_samplers_are_told_what_is_reported(manager: Manager) -> None:
    """Losses in the box of the hypervolume: equal ratios of costs are equal steps, and the front is the front."""
    stored = start(manager, small(objectives=("accuracy", "macs", "receptive_field"), budget=Budget(trials=12)))
    trials = go_on(manager, stored.id)
    rows = [trial.values for trial in trials]
    study = make_study(stored.search, trials)
    assert [tuple(each.values) for each in study.trials] == measure_losses(rows, find_box(stored.search, rows))
    costs = [row[1] for row in rows]
    steps = [math.log2(cost / min(costs)) / math.log2(max(costs) / min(costs)) for cost in costs]
    assert [each.values[1] for each in study.trials] == pytest.approx(steps)
    best = {tuple(rows[each.number]) for each in study.best_trials}
    assert best == {trial.values for trial in find_front(stored.search, trials)}


@pytest.mark.parametrize("sampler", ["tpe", "nsga"])
def test_only_ratios_of_costs_count(manager: Manager, sampler: Any) -> None:
    """Where every cost is squared, which is the same on a log scale, samplers propose the same; on a linear one not."""
    stored = start(manager, small(sampler=sampler, objectives=("accuracy", "macs"), budget=Budget(trials=24)))
    trials, numbers, spread = go_on(manager, stored.id), random.Random(1), distributions(stored.search)
    costs = [10 ** (3 + each.number / 8) for each in trials]
    accuracies = sorted(numbers.random() for _ in trials)  # so that all of them are the front
    rows = list(zip(accuracies, costs, strict=True))
    numbers.shuffle(rows)
    plain = [replace(each, values=row) for each, row in zip(trials, rows, strict=True)]
    squared = [replace(each, values=(row[0], row[1] ** 2)) for each, row in zip(trials, rows, strict=True)]
    for number in range(examples(20)):
        one, other = (make_study(stored.search, told, number).ask(spread).params for told in (plain, squared))
        assert one == other


@pytest.mark.parametrize("complete", [1, 8])
def test_accuracy_alone_is_told_as_it_was(manager: Manager, complete: int) -> None:
    """One objective has no box but 0 to 1: what is better is all that counts, of trials that were pruned as well."""
    stored = start(manager, small(budget=Budget(trials=12)))
    trials = go_on(manager, stored.id)
    trials = [replace(each, state="finished" if each.number < complete else "pruned") for each in trials]
    study, spread = make_study(stored.search, trials, 5), distributions(stored.search)
    plain = optuna.create_study(direction="maximize", sampler=make_study(stored.search, (), 5).sampler)
    for trial, theirs in zip(trials, study.trials, strict=True):
        told: dict[str, Any] = {"state": theirs.state, "params": theirs.params, "distributions": spread}
        told |= {"intermediate_values": dict(enumerate(trial.curve, start=1))}
        told |= {} if trial.state == "pruned" else {"value": trial.values[0]}
        plain.add_trial(optuna.trial.create_trial(**told))
    assert [study.ask(spread).params for _ in range(9)] == [plain.ask(spread).params for _ in range(9)]


def test_what_breaks_a_limit_costs_no_trial(manager: Manager) -> None:
    stored = start(manager, small(limits=[parse_limit("params<=900")], budget=Budget(trials=5)))
    trials = go_on(manager, stored.id)
    assert len(trials) == 5
    told = [text for trial in trials for _, text in manager.store.events(trial.run.id) if "proposed after" in text]
    assert any("params" in text for text in told)
    none = start(manager, small(limits=[parse_limit("params<=3")]))
    standing = advance(manager, none.id)
    assert (standing.trials, standing.over) == ((), True)
    assert "points were refused one after another" in standing.ended


def test_budgets_of_epochs_and_seconds(manager: Manager) -> None:
    epochs = start(manager, small(budget=Budget(epochs=7)))
    assert len(go_on(manager, epochs.id)) == 3  # of two epochs each
    seconds = start(manager, small(budget=Budget(seconds=3.5)))
    assert len(go_on(manager, seconds.id)) == 2  # of two seconds each
    with pytest.raises(ValueError, match="say how many"):
        Budget()
    with pytest.raises(ValueError, match="must be above 0"):
        Budget(trials=0)


def test_failed_runs_are_told_with_their_reason(manager: Manager) -> None:
    stored = start(manager, small(budget=Budget(trials=4), objectives=("accuracy", "params")))
    run = advance(manager, stored.id).trials[0].run
    manager.store.record(run.id, [], status="failed", reason="out of memory")
    trials = go_on(manager, stored.id)
    assert [trial.state for trial in trials] == ["failed", "finished", "finished", "finished"]
    assert trials[0].reason == "out of memory"


def test_an_extended_run_no_longer_counts(manager: Manager) -> None:
    stored = start(manager, small(budget=Budget(trials=1)))
    (trial,) = go_on(manager, stored.id)
    config = json.loads(trial.run.config) | {"epochs": 5}
    manager.reconfigure(trial.run.id, json.dumps(config), memory=0)
    (trial,) = collect_trials(manager, stored.id, stored.search)
    assert (trial.state, trial.reason) == ("failed", "it was extended to 5 epochs, and no longer counts")


def test_stop_and_resume(manager: Manager) -> None:
    stored = start(manager, small(at_once=2))
    assert advance(manager, stored.id).active == 2
    assert stop(manager, stored.id) == 2
    standing = advance(manager, stored.id)
    assert (standing.over, standing.ended) == (True, "it was stopped")
    resume(manager, stored.id, Budget(trials=8))
    assert advance(manager, stored.id).active == 2
    trials = go_on(manager, stored.id)
    assert [trial.state for trial in trials] == ["finished"] * 8


def test_runs_for_which_there_is_no_room_are_told_of(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = start(manager, small(at_once=2))
    advance(manager, stored.id)
    stop(manager, stored.id)
    with monkeypatch.context() as patch:
        patch.setattr("explorer.runs._queue_limit.MAX_ACTIVE", 1)
        with pytest.raises(ValueError, match="1 runs are queued or running, and 1 more would be above"):
            resume(manager, stored.id)
    assert sorted(run.status for _, run in manager.trials(stored.id)) == ["queued", "stopped"]
    resume(manager, stored.id)  # what was told can be done
    assert [run.status for _, run in manager.trials(stored.id)] == ["queued", "queued"]


def test_one_program_at_a_time_advances(manager: Manager) -> None:
    stored = start(manager, small())
    path = manager.root / "experiments" / f"{stored.id}.lock"
    path.parent.mkdir(exist_ok=True)
    lock = Lock.acquire(path, note=False)
    assert lock is not None
    with lock:
        assert advance(manager, stored.id).trials == ()
    assert len(advance(manager, stored.id).trials) == 1


def test_searches_and_experiments_are_told_apart(manager: Manager) -> None:
    stored = start(manager, small())
    assert list_searches(manager) == [stored]
    assert list_experiments(manager) == []
    with pytest.raises(ValueError, match="there is no experiment"):
        get_experiment(manager, stored.id)
    with pytest.raises(ValueError, match=r"there is no search .*search list"):
        get_search(manager, "nothing")
    advance(manager, stored.id)
    with pytest.raises(ValueError, match="stop it first"):
        delete(manager, stored.id)
    stop(manager, stored.id)
    delete(manager, stored.id)
    assert (list_searches(manager), manager.runs()) == ([], [])


def test_a_search_is_stored_as_json(manager: Manager) -> None:
    search = small(limits=[parse_limit("params=1e6")], objectives=("accuracy", "field"), pruner="asha")
    assert Search.from_json(search.name, json.dumps(json.loads(search.to_json()))) == search


def test_the_store_is_made_again_from_folders(manager: Manager) -> None:
    """What a search is, and where its runs belong, also stands beside the runs' folders."""
    stored = start(manager, small(budget=Budget(trials=3)))
    before = [(each.point, each.run.id) for each in go_on(manager, stored.id)]
    (manager.root / "runs.sqlite").unlink()
    again = Manager(manager.root)
    assert list_searches(again) == [stored]
    assert [(each.point, each.run.id) for each in collect_trials(again, stored.id, stored.search)] == before


def test_the_choice_is_repeated_from_other_seeds(manager: Manager) -> None:
    stored = start(manager, small(budget=Budget(trials=2)))
    go_on(manager, stored.id)
    assert repeat(manager, stored.id, 1, [0, 1, 2]) == 2
    assert repeat(manager, stored.id, 1, [0, 1, 2]) == 0
    trial = collect_trials(manager, stored.id, stored.search)[1]
    assert [run.setting("seed") for run in trial.repeats] == [1, 2]
    assert {run.architecture for run in trial.repeats} == {trial.run.architecture}
    with pytest.raises(ValueError, match="has no trial 2"):
        repeat(manager, stored.id, 2, [1])


# ---- pruning --------------------------------------------------------------------------------------------------------

curves = st.lists(st.lists(st.floats(0, 1, width=16), min_size=9, max_size=9), min_size=1, max_size=12)


@settings(max_examples=examples(60), deadline=None)
@given(rows=curves, pruner=st.sampled_from(["asha", "median"]))
def test_pruning_agrees_with_optunas(rows: list[list[float]], pruner: Any) -> None:
    """One trial after another, asked after every epoch."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    theirs: Any = (
        optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
        if pruner == "asha"
        else optuna.pruners.MedianPruner()
    )
    study = optuna.create_study(direction="maximize", pruner=theirs)
    others: list[list[float]] = []
    finished: list[list[float]] = []
    for row in rows:
        trial = study.ask()
        for epoch in range(1, len(row) + 1):
            trial.report(row[epoch - 1], epoch)
            pruned = trial.should_prune()
            if pruner == "median" or epoch in (1, 3, 9):
                assert bool(reason_to_prune(pruner, row[:epoch], others, finished)) == pruned
            if pruned:
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                others.append(row[:epoch])
                break
        else:
            study.tell(trial, row[-1])
            others.append(row)
            finished.append(row)


def test_a_run_that_falls_behind_is_stopped_and_says_why(manager: Manager) -> None:
    stored = start(manager, small(pruner="asha", config={"epochs": 3}, budget=Budget(trials=4)))
    for accuracies in ((0.5, 0.6, 0.7), (0.6, 0.7, 0.8)):
        finish(manager, advance(manager, stored.id).trials[-1].run, *accuracies)
    run = advance(manager, stored.id).trials[-1].run
    record(manager, run, 0.1)
    standing = advance(manager, stored.id)
    assert standing.trials[2].state == "pruned"
    assert standing.trials[2].reason == "epoch 1: 10.00 % is place 3 of 3; 1 went on"
    assert manager.run(run.id).status == "stopped"
    resume(manager, stored.id)
    assert manager.run(run.id).status == "stopped"


def test_a_cheap_network_is_not_pruned_for_a_dear_one(manager: Manager) -> None:
    search = small(pruner="asha", objectives=("accuracy", "params"), vary=("widths",), budget=Budget(trials=12))
    stored = start(manager, search)
    for _ in range(12):
        trial = advance(manager, stored.id).trials[-1]
        if not trial.run.active:
            break
        others = [each for each in collect_trials(manager, stored.id, stored.search) if each.number < trial.number]
        value = random.Random(trial.number).random()
        record(manager, trial.run, value)
        after = advance(manager, stored.id).trials[trial.number]
        cheaper = [each.curve[0] for each in others if each.values[1] <= trial.values[1]]
        going_on = max(1, (len(cheaper) + 1) // 3)
        assert (after.state == "pruned") == (sum(each > value for each in cheaper) >= going_on)
        if after.state != "pruned":
            finish(manager, trial.run, value, value)


def test_the_end_of_a_space(manager: Manager) -> None:
    """Two dimensions of few values: every network is tried once, and then the search ends by itself."""
    search = small(vary=("branches",), budget=Budget(trials=50))
    stored = start(manager, search)
    trials = go_on(manager, stored.id)
    assert len(trials) == 3
    assert len({each.run.architecture for each in trials}) == 3
    assert "tried before" in advance(manager, stored.id).ended
    assert issubclass(Exhausted, ValueError)


def test_points_are_kept_in_curves(manager: Manager) -> None:
    stored = start(manager, small())
    run = advance(manager, stored.id).trials[0].run
    manager.store.record(run.id, [Point(series="epoch/validation/accuracy", step=5, value=0.25, seconds=1.0)])
    assert read_standing(manager, stored).trials[0].curve == (0.25,)
