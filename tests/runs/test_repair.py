"""A store that is damaged or lost: rows are read one by one, and what a run reached stands beside its checkpoints."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from explorer import experiments
from explorer.runs import (
    Document,
    HistoryFile,
    Lock,
    Manager,
    Point,
    RunFolder,
    StoreError,
    Trial,
    _database,
    open_store,
    series,
)
from explorer.runs._history_file import read_history
from tests.experiments.parts import small
from tests.sizes import examples

from .parts import create, curve, texts, until_status

NAMES = (series.TRAIN_LOSS, series.TRAIN_ACCURACY, series.TEST_ACCURACY, "gradient_norm/inception_1")
STEPS = 500
NOISE_BYTES = 16_384
MOST_LOST = 6 * 4096 // 40
"""Rows in four pages and in the two that they touch, were each as short as the shortest."""
Curves = dict[tuple[str, str], dict[int, float]]


def curves_of(root: Path) -> Curves:
    """Every curve in a store, read without the product."""
    found: Curves = {}
    with sqlite3.connect(root / "runs.sqlite") as connection:
        for run, name, step, value in connection.execute("SELECT run, series, step, value FROM metrics"):
            found.setdefault((run, name), {})[step] = value
    connection.close()
    return found


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with four runs, their curves, long documents and an experiment; without files of their course,
    as an earlier version left them."""
    root = tmp_path_factory.mktemp("filled") / "home"
    manager, numbers = Manager(root), random.Random(1)
    planned = experiments.start(manager, small(seeds=(0,)))
    for run in manager.runs():
        for name in NAMES:
            points = [Point(series=name, step=s, value=numbers.random(), seconds=s / 7) for s in range(1, STEPS + 1)]
            manager.store.record(run.id, points)
        manager.store.record(run.id, [], [Document(name="confusion/test", step=STEPS, data=[[7] * 100] * 100)])
        manager.store.update(run.id, status="finished", attempt=1, step=STEPS, steps=STEPS, epoch=1, seconds=STEPS / 7)
        with Lock.acquire(RunFolder(root, run.id).lock) as lock:  # type: ignore[union-attr]
            lock.write_note(attempt=1, status="finished", device="cpu")
    gone = create(manager)
    manager.store.record(gone.id, [Point(series="deleted", step=s, value=1.0, seconds=1.0) for s in range(1000)])
    manager.delete(gone.id)
    assert planned.experiment.trials
    return root


def reopen(filled: Path, root: Path, data: bytes) -> Manager:
    shutil.copytree(filled, root)
    (root / "runs.sqlite").write_bytes(data)
    return Manager(root)


def check(manager: Manager, filled: Path, lost: int) -> None:
    """Nothing is there that was not, and no more is missing than was harmed."""
    before, after = curves_of(filled), curves_of(manager.root)
    assert set(after) <= set(before)
    for key, values in after.items():
        assert values.items() <= before[key].items()
    assert sum(map(len, before.values())) - sum(map(len, after.values())) <= lost
    assert len(manager.runs()) == 4
    assert {run.status for run in manager.runs()} == {"finished"}
    (stored,) = experiments.list_experiments(manager)
    assert len(manager.trials(stored.id)) == 4
    assert len(manager.messages) <= 1


def test_noise_costs_the_rows_that_it_hits(filled: Path) -> None:
    numbers = random.Random(3)
    data = (filled / "runs.sqlite").read_bytes()
    last = len(data) - NOISE_BYTES
    places = [0, 4096, last, *(numbers.randrange(last) for _ in range(examples(12)))]
    for place in places:
        harmed = data[:place] + numbers.randbytes(NOISE_BYTES) + data[place + NOISE_BYTES :]
        root = filled.with_name(f"noise-{place}")
        manager = reopen(filled, root, harmed)
        check(manager, filled, MOST_LOST)
        assert not manager.messages or "was damaged" in manager.messages[0]  # noise in free pages harms nobody
        assert Manager(root).messages == []
        shutil.rmtree(root)


@pytest.mark.parametrize("size", [512, 4096])
def test_a_header_of_zeros_costs_nothing(filled: Path, tmp_path: Path, size: int) -> None:
    data = (filled / "runs.sqlite").read_bytes()
    manager = reopen(filled, tmp_path / "home", bytes(size) + data[size:])
    kept = {key: values for key, values in curves_of(manager.root).items() if key[1] in NAMES}
    assert kept == curves_of(filled)
    check_documents(manager)


def test_half_a_file_gives_what_is_in_it(filled: Path, tmp_path: Path) -> None:
    data = (filled / "runs.sqlite").read_bytes()
    manager = reopen(filled, tmp_path / "home", data[: len(data) // 2 + 100])
    before, after = curves_of(filled), curves_of(manager.root)
    assert all(values.items() <= before[key].items() for key, values in after.items())
    assert sum(map(len, after.values())) > sum(map(len, before.values())) // 4
    assert len(manager.runs()) == 4


def check_documents(manager: Manager) -> None:
    """Long ones lie in pages of their own, one chained to the next."""
    for run in manager.runs():
        assert manager.store.latest(run.id, "confusion/test") == (STEPS, [[7] * 100] * 100)


def test_a_deleted_run_does_not_come_back(filled: Path, tmp_path: Path) -> None:
    data = bytearray((filled / "runs.sqlite").read_bytes())
    data[-4096:] = random.Random(1).randbytes(4096)
    manager = reopen(filled, tmp_path / "home", bytes(data))
    assert "was damaged" in " ".join(manager.messages) or manager.messages == []
    assert len(manager.runs()) == 4
    assert not [key for key in curves_of(manager.root) if key[1] == "deleted"]


def test_a_file_too_large_to_be_checked_each_time_is_checked_once_damage_was_met(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_database, "_CHECKED_PAGES", 0)
    data = bytearray((filled / "runs.sqlite").read_bytes())
    for quarter in (1, 2, 3):
        place = quarter * len(data) // 4
        data[place : place + NOISE_BYTES] = random.Random(2).randbytes(NOISE_BYTES)
    manager = reopen(filled, tmp_path / "home", bytes(data))
    assert manager.messages == []
    with pytest.raises(StoreError, match="malformed"):
        [manager.store.points(run.id, name) for run in manager.runs() for name in NAMES]
    again = Manager(manager.root)
    assert "was damaged" in again.messages[0]
    check(again, filled, 3 * MOST_LOST)
    assert Manager(manager.root).messages == []
    assert not list(manager.root.glob("*.suspect"))


# ---- without the store ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("light_workers")
def test_what_a_run_reached_survives_the_store(manager: Manager) -> None:
    done, paused, waiting = create(manager, epochs=2, validation=0.1), create(manager, epochs=1000), create(manager)
    manager.pause(waiting.id)
    manager.pause(paused.id)
    before = until_status(manager, done.id, "finished", "failed")
    manager.resume(paused.id)
    until_status(manager, paused.id, "running")
    while manager.store.get(paused.id).epoch < 1:
        manager.tick()
    manager.pause(paused.id)
    stopped = until_status(manager, paused.id, "paused")
    names = [name for name in manager.store.series(done.id) if name.startswith(series.EPOCH)]
    curves = {name: manager.store.points(done.id, name) for name in names}
    assert len(curves) == 6
    losses = curve(manager, done.id)
    (manager.root / "runs.sqlite").unlink()
    again = Manager(manager.root)
    assert again.messages == ["3 runs were not in the run store and are listed again from their folders"]
    assert Manager(manager.root).messages == []
    found = again.run(done.id)
    assert (found.status, found.epoch, found.step, found.steps) == ("finished", 2, before.step, before.steps)
    assert found.seconds == pytest.approx(before.seconds, abs=1.0)
    for name, points in curves.items():
        kept = again.store.points(done.id, name)
        assert [(p.step, p.value) for p in kept] == [(p.step, p.value) for p in points]
    assert curve(again, done.id) == losses  # so short a run is kept whole
    assert (again.run(paused.id).status, again.run(paused.id).epoch >= 1) == ("paused", True)
    assert again.run(paused.id).step <= stopped.step
    assert (again.run(waiting.id).status, again.run(waiting.id).epoch) == ("interrupted", 0)
    assert "it had not begun" in again.run(waiting.id).reason
    assert "listed again from its folder" in texts(again, done.id)


def test_an_experiment_comes_back_with_its_runs(manager: Manager) -> None:
    stored = experiments.start(manager, small(seeds=(0, 1)))
    manager.annotate(manager.runs()[0].id, notes="kept")
    larger = experiments.add_seeds(manager, stored.id, (5,))
    empty = experiments.start(manager, small(seeds=(3,)))
    members = {(trial, run.id) for trial, run in manager.trials(stored.id)}
    (manager.root / "runs.sqlite").unlink()
    again = Manager(manager.root)
    assert experiments.list_experiments(again) == [larger, empty]
    assert {(trial, run.id) for trial, run in again.trials(stored.id)} == members
    for run in again.runs():
        again.delete(run.id)
    experiments.delete(again, stored.id)
    (manager.root / "runs.sqlite").unlink()
    assert experiments.list_experiments(Manager(manager.root)) == [empty]  # it was never deleted


def test_experiments_of_an_earlier_version_are_written_beside_their_runs(manager: Manager) -> None:
    stored = experiments.start(manager, small(seeds=(0,)))
    shutil.rmtree(manager.root / "experiments")
    for run in manager.runs():
        path = RunFolder(manager.root, run.id).description
        path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "trial"}))
    Manager(manager.root)
    (manager.root / "runs.sqlite").unlink()
    again = Manager(manager.root)
    assert experiments.list_experiments(again) == [stored]
    assert len(again.trials(stored.id)) == len(stored.experiment.trials)


def test_a_run_that_waited_to_be_extended_is_not_finished(manager: Manager) -> None:
    run = create(manager, epochs=5)
    with Lock.acquire(RunFolder(manager.root, run.id).lock) as lock:  # type: ignore[union-attr]
        lock.write_note(attempt=1, status="finished")
    HistoryFile(RunFolder(manager.root, run.id).history, 300).append(
        [Point(series=series.TEST_ACCURACY, step=180, value=0.5, seconds=3.0)], epoch=3, step=180, seconds=3.0
    )
    (manager.root / "runs.sqlite").unlink()
    found = Manager(manager.root).run(run.id)
    assert (found.status, found.epoch, found.step, found.steps) == ("interrupted", 3, 180, 300)


# ---- the file of a run's course -------------------------------------------------------------------------------------


def test_the_file_is_small_and_has_every_epoch_and_the_end(tmp_path: Path) -> None:
    path, epochs, steps = tmp_path / "history.jsonl", 400, 250
    file = HistoryFile(path, epochs * steps)
    for epoch in range(1, epochs + 1):
        end = epoch * steps
        points = [
            Point(series=series.TRAIN_LOSS, step=s, value=1 / s, seconds=s) for s in range(end - steps + 1, end + 1)
        ]
        points.append(Point(series=series.TEST_ACCURACY, step=end, value=epoch / epochs, seconds=end))
        file.append(points, epoch=epoch, step=end, seconds=float(end))
    points, progress = read_history(path)
    assert [p.step for p in points if p.series == series.TEST_ACCURACY] == [e * steps for e in range(1, epochs + 1)]
    losses = {p.step: p.value for p in points if p.series == series.TRAIN_LOSS}
    assert 1900 <= len(losses) <= 2001
    assert all(value == 1 / step for step, value in losses.items())
    assert max(losses) == epochs * steps
    assert progress == {"steps": epochs * steps, "epoch": epochs, "step": epochs * steps, "seconds": epochs * steps}
    assert path.stat().st_size < 200_000


@pytest.mark.parametrize(
    "tear", [b"", b'\n{"points": [[', b"\n\xff\xfe", b'\n{"points": [["a", 1, "x", 2]]}', b"\n[]", b"\n7"]
)
def test_lines_that_are_torn_or_none_of_ours_are_passed_over(tmp_path: Path, tear: bytes) -> None:
    path = tmp_path / "history.jsonl"
    for step in (1, 2, 3):
        HistoryFile(path, 10).append([Point(series="a", step=step, value=step, seconds=step)], step=step)
        with path.open("ab") as file:
            file.write(tear)
    HistoryFile(path, 10).append([Point(series="a", step=2, value=7.0, seconds=9)], step=2)  # resumed: written anew
    points, progress = read_history(path)
    assert {p.step: p.value for p in points} == {1: 1.0, 2: 7.0, 3: 3.0}
    assert progress == {"steps": 10, "step": 2}


def test_a_file_that_cannot_be_written_does_not_stop_the_run(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "gone" / "history.jsonl", 10)
    file.append([Point(series="a", step=1, value=1.0, seconds=1.0)], step=1)
    assert read_history(tmp_path / "gone" / "history.jsonl") == ([], {})


def test_a_place_in_an_experiment_that_is_taken_leaves_the_run_on_its_own(manager: Manager) -> None:
    stored = experiments.start(manager, small(seeds=(0,)))
    first = manager.runs()[0]
    trial = manager.store.trial_of(first.id)
    assert trial == Trial(experiment=stored.id, variant="base", seed=0)
    copy = RunFolder(manager.root, "20260101-000000-aaaaaa")
    shutil.copytree(RunFolder(manager.root, first.id).path, copy.path)
    data = json.loads(copy.description.read_text()) | {"id": copy.path.name}
    copy.description.write_text(json.dumps(data))
    store, _ = open_store(manager.root)
    assert copy.path.name in store.statuses()
    assert store.trial_of(copy.path.name) is None
