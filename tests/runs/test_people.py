"""What somebody who is signed in may look at and change: theirs, what is shared, and nothing else, however asked."""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from explorer.person import Person
from explorer.runs import (
    Document,
    ExperimentRow,
    Manager,
    PersonalStore,
    Point,
    Run,
    Store,
    Trial,
    new_run_id,
    open_store,
    series,
)
from explorer.training import open_manager

from .parts import create

ANN = Person(id="a" * 24, name="Ann")
BOB = Person(id="b" * 24, name="Bob")
EVE = Person(id="e" * 24, name="Eve", admin=True)
_MINUTES = count()


@pytest.fixture
def people(manager: Manager) -> tuple[Manager, Manager, Manager]:
    """The same runs for Ann, for Bob, and for Eve, who administers."""
    for each in (ANN, BOB, EVE):
        manager.store.people.welcome(each)
    ann, bob, eve = (manager.act_for(each) for each in (ANN, BOB, EVE))
    return ann, bob, eve


def recorded(manager: Manager) -> Run:
    """A run with everything that a run can have in the store."""
    run = create(manager)
    point = Point(series=series.TEST_ACCURACY, step=1, value=0.5, seconds=1.0)
    manager.store.record(run.id, [point], [Document(name="environment", step=1, data={"secret": "yes"})], step=1)
    return manager.store.get(run.id)


def experiment(manager: Manager, name: str = "widths") -> tuple[ExperimentRow, Run]:
    row = ExperimentRow(id=new_run_id(), name=name, created=float(next(_MINUTES)), plan="{}")
    manager.save_experiment(row)
    run = manager.create("trial", "{}", '{"epochs": 1}', trial=Trial(experiment=row.id, variant="wide", seed=1))
    return row, run


READS: dict[str, Callable[[Store, str], Any]] = {
    "get": lambda store, run: store.get(run),
    "trial_of": lambda store, run: store.trial_of(run),
    "documents": lambda store, run: store.documents(run, "environment"),
    "latest": lambda store, run: store.latest(run, "environment"),
    "document_names": lambda store, run: store.document_names(run),
    "samples": lambda store, run: store.samples(run),
    "predictions": lambda store, run: store.predictions(run),
    "series": lambda store, run: store.series(run),
    "points": lambda store, run: store.points(run, series.TEST_ACCURACY),
    "events": lambda store, run: store.events(run),
}
"""What is read of one run."""
LISTS: dict[str, Callable[[Store, str], Any]] = {
    "runs": lambda store, run: [each.id for each in store.runs()],
    "find": lambda store, run: [each.id for each in store.find([run])],
    "statuses": lambda store, run: store.statuses(),
    "last_values": lambda store, run: store.last_values(series.TEST_ACCURACY),
    "curves": lambda store, run: store.curves([run], series.TEST_ACCURACY),
}
"""What is read of many: the run is in it or not."""
CHANGES: dict[str, Callable[[Manager, str], Any]] = {
    "pause": lambda manager, run: manager.pause(run),
    "stop": lambda manager, run: manager.stop(run),
    "resume": lambda manager, run: manager.resume(run),
    "reconfigure": lambda manager, run: manager.reconfigure(run, '{"epochs": 2}', memory=0),
    "annotate": lambda manager, run: manager.annotate(run, name="mine now"),
    "share": lambda manager, run: manager.share(run, True),
    "delete": lambda manager, run: manager.delete(run),
}
STORE_CHANGES: dict[str, Callable[[Store, str], Any]] = {
    "update": lambda store, run: store.update(run, notes="x"),
    "remove": lambda store, run: store.remove(run),
    "log_event": lambda store, run: store.log_event(run, "x"),
    "record": lambda store, run: store.record(run, [], step=9),
}
ELSEWHERE = {"at", "prepare", "close", "location", "add", "trials", "adopt", "insert_rows", "describe_missing",
             "owned_by"}
"""Methods with tests of their own below, and those that open and repair a store, which no page of a person calls."""


def test_every_method_of_the_store_is_tried_here() -> None:
    public = {name for name, _ in inspect.getmembers(Store) if not name.startswith("_")}
    asked = {"require_look", "require_change"}
    assert public == {*READS, *LISTS, *STORE_CHANGES, *ELSEWHERE, *asked}


def test_what_is_not_theirs_is_not_there(people: tuple[Manager, Manager, Manager]) -> None:
    ann, bob, eve = people
    run = recorded(ann)
    assert run.owner == ANN.id
    for read in READS.values():
        with pytest.raises(ValueError, match=f"there is no run '{run.id}'"):
            read(bob.store, run.id)
        for may in (ann, eve):
            assert read(may.store, run.id) == read(ann.store, run.id)
    for listed in LISTS.values():
        assert run.id in listed(ann.store, run.id)
        assert run.id in listed(eve.store, run.id)
        assert run.id not in listed(bob.store, run.id)
    assert "tiny" not in bob.store.describe_missing("tine")
    assert [each.id for each in bob.runs()] == []
    with pytest.raises(ValueError, match="there is no run"):
        bob.run(run.id)


@pytest.mark.parametrize("shared", [False, True])
def test_what_is_not_theirs_is_not_changed(people: tuple[Manager, Manager, Manager], shared: bool) -> None:
    ann, bob, _ = people
    run = recorded(ann)
    if shared:
        run = ann.share(run.id, True)
    why = "belongs to Ann; only they and administrators can change it" if shared else "there is no run"
    for change in CHANGES.values():
        with pytest.raises(ValueError, match=why):
            change(bob, run.id)
    for write in STORE_CHANGES.values():
        with pytest.raises(ValueError, match=why):
            write(bob.store, run.id)
    assert ann.store.get(run.id) == run
    assert (ann.root / "runs" / run.id).is_dir()


def test_shared_runs_are_seen_until_they_are_not(people: tuple[Manager, Manager, Manager]) -> None:
    ann, bob, _ = people
    run = recorded(ann)
    ann.share(run.id, True)
    for read in READS.values():
        assert read(bob.store, run.id) == read(ann.store, run.id)
    assert all(run.id in listed(bob.store, run.id) for listed in LISTS.values())
    ann.share(run.id, False)
    assert not any(run.id in listed(bob.store, run.id) for listed in LISTS.values())


def test_administrators_change_everything(people: tuple[Manager, Manager, Manager]) -> None:
    ann, _, eve = people
    run = create(ann)
    assert eve.pause(run.id).status == "paused"
    assert eve.annotate(run.id, notes="seen").owner == ANN.id
    eve.delete(run.id)
    assert ann.runs() == []


def test_what_was_made_without_sign_in_is_everybody_s_to_see(
    people: tuple[Manager, Manager, Manager], manager: Manager
) -> None:
    _, bob, eve = people
    run = create(manager)
    assert run.owner == ""
    assert bob.run(run.id) == run
    with pytest.raises(ValueError, match="was made without sign-in; only administrators can change it"):
        bob.delete(run.id)
    eve.delete(run.id)
    assert manager.runs() == []


def test_an_experiment_and_its_runs(people: tuple[Manager, Manager, Manager], manager: Manager) -> None:
    ann, bob, eve = people
    row, run = experiment(ann)
    assert run.owner == ANN.id
    assert bob.store.experiments.all() == []
    assert bob.trials(row.id) == []
    refused: list[Callable[[], Any]] = [
        lambda: bob.store.experiments.get(row.id, "experiment"),
        lambda: bob.save_experiment(row),
        lambda: bob.share_experiment(row.id, True),
        lambda: bob.remove_experiment(row.id),
        lambda: bob.create("mine", "{}", "{}", trial=Trial(experiment=row.id, variant="narrow", seed=1)),
    ]
    for act in refused:
        with pytest.raises(ValueError, match=f"there is no experiment '{row.id}'"):
            act()
    with pytest.raises(ValueError, match=f"run {run.id} is part of {row.id}; share that"):
        ann.share(run.id, True)
    ann.share_experiment(row.id, True)
    assert [found.id for _, found in bob.trials(row.id)] == [run.id]
    assert bob.store.experiments.get(row.id, "experiment").owner == ANN.id
    for act in refused[1:]:
        with pytest.raises(ValueError, match="belongs to Ann; only they and administrators can change it"):
            act()
    # what goes on without Ann, such as a search, makes runs for her; an administrator's additions are hers as well
    for other, seed in ((manager, 2), (eve, 3)):
        made = other.create("more", "{}", "{}", trial=Trial(experiment=row.id, variant="wide", seed=seed))
        assert (made.owner, made.shared) == (ANN.id, True)
    ann.share_experiment(row.id, False)
    assert bob.runs() == []
    assert (ann.root / "experiments" / f"{row.id}.json").exists()


def test_owners_outlive_the_store(people: tuple[Manager, Manager, Manager], manager: Manager) -> None:
    """All rows are lost; runs and experiments are listed again from their folders, whose they were."""
    ann, _, _ = people
    mine, (row, run) = create(ann), experiment(ann)
    ann.share_experiment(row.id, True)
    (manager.root / "runs.sqlite").unlink()
    again = open_manager(manager.root)
    assert {(each.id, each.owner, each.shared) for each in again.runs()} == {
        (mine.id, ANN.id, False), (run.id, ANN.id, True),
    }  # fmt: skip
    stored = again.store.experiments.get(row.id, "experiment")
    assert (stored.owner, stored.shared) == (ANN.id, True)


def test_people_and_audit_are_salvaged_from_a_damaged_file(people: tuple[Manager, Manager, Manager]) -> None:
    ann, _, _ = people
    run = create(ann)
    path = ann.root / "runs.sqlite"
    data = bytearray(path.read_bytes())
    data[18:100] = bytes(82)  # the header's rest, without which SQLite opens nothing
    path.write_bytes(data)
    store, messages = open_store(ann.root)
    assert "damaged" in messages[0]
    assert [each.name for each in store.people.all()] == ["Ann", "Bob", "Eve"]
    assert [(line.person, line.action, line.object) for line in store.people.audit()] == [
        (ANN.id, "start", f"run {run.id}")
    ]
    assert store.get(run.id).owner == ANN.id


def test_every_action_leaves_an_audit_line(people: tuple[Manager, Manager, Manager], manager: Manager) -> None:
    ann, _, eve = people
    run = create(ann)
    ann.share(run.id, True)
    ann.share(run.id, False)
    ann.annotate(run.id, notes="x")
    ann.pause(run.id)
    ann.reconfigure(run.id, '{"epochs": 2}', memory=0)
    ann.resume(run.id)
    eve.stop(run.id)
    eve.delete(run.id)
    row, _ = experiment(ann)
    ann.share_experiment(row.id, True)
    ann.remove_experiment(row.id)
    create(manager)  # nobody's: no line
    lines = [(line.person, line.action, line.object.split()[0]) for line in reversed(manager.store.people.audit())]
    by_ann = ["start", "share", "unshare", "describe", "pause", "change", "resume"]
    assert lines == [
        *((ANN.id, action, "run") for action in by_ann),
        (EVE.id, "stop", "run"),
        (EVE.id, "delete", "run"),
        (ANN.id, "save", "experiment"),
        (ANN.id, "start", "run"),
        (ANN.id, "share", "experiment"),
        (ANN.id, "delete", "experiment"),
    ]
    assert all(run.id in line.object for line in manager.store.people.audit()[-9:])


def test_people_are_known_by_the_name_that_they_have_now(manager: Manager) -> None:
    manager.store.people.welcome(ANN)
    manager.store.people.welcome(Person(id=ANN.id, name="Ann B.", email="ann@example.org"))
    (row,) = manager.store.people.all()
    assert (row.name, row.email) == ("Ann B.", "ann@example.org")
    assert row.first_seen <= row.last_seen
    assert manager.store.people.names() == {ANN.id: "Ann B."}


def test_who_acts_for_somebody_acts_for_them_alone(people: tuple[Manager, Manager, Manager]) -> None:
    ann, _, _ = people
    again = ann.act_for(BOB)
    assert again.person == BOB
    assert isinstance(again.store, PersonalStore)
    create(ann)
    assert again.runs() == []


def test_what_one_person_did_is_found_by_an_index(manager: Manager) -> None:
    """With every upload it is asked how much somebody has uploaded; a server that lives long has many lines."""
    with sqlite3.connect(manager.root / "runs.sqlite") as store:
        query = "SELECT detail FROM audit WHERE person = 'x' AND action = 'upload' AND at > 1.0"
        ((*_, plan),) = store.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
    assert "audit_of (person=? AND at>?)" in plan
