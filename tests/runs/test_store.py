"""The store: keys that cannot duplicate, changes that exclude one another, files that are damaged (fault F12)."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest

from explorer.runs import Document, Lock, Manager, Point, RunFolder, Store, StoreError, read_note, validate_run_id
from tests.training.parts import network

from .parts import create


def point(step: int, value: float, series: str = "train/loss") -> Point:
    return Point(series=series, step=step, value=value, seconds=step / 10)


def test_a_step_is_overwritten_never_duplicated(manager: Manager) -> None:
    run, store = create(manager), manager.store
    store.record(run.id, [point(1, 3.0), point(2, 2.0)], step=2)
    store.record(run.id, [point(2, 2.5), point(3, 1.0)], step=3, seconds=0.3)
    assert [(p.step, p.value) for p in store.points(run.id, "train/loss")] == [(1, 3.0), (2, 2.5), (3, 1.0)]
    assert [p.step for p in store.points(run.id, "train/loss", after=1)] == [2, 3]
    assert (store.get(run.id).step, store.get(run.id).seconds) == (3, 0.3)
    for table in ([[1]], [[2]]):
        store.record(run.id, [], [Document(name="confusion/test", step=3, data=table)])
    assert store.documents(run.id, "confusion/test") == [(3, [[2]])]


def test_what_is_no_number_is_left_out(manager: Manager) -> None:
    run = create(manager)
    manager.store.record(run.id, [point(1, float("nan")), point(2, float("inf")), point(3, 1.0)])
    assert [p.step for p in manager.store.points(run.id, "train/loss")] == [3]


def test_a_list_of_runs_says_what_each_of_them_says(manager: Manager) -> None:
    """Whatever the list remembers: runs that another program adds, changes and removes are seen."""
    other = Store(manager.store.url.render_as_string(hide_password=False))
    first, second = create(manager), create(manager, network(classes=10, dropout=0.5))
    for store in (manager.store, other):
        assert store.runs() == [store.get(first.id), store.get(second.id)]
    other.update(first.id, step=7, tags=["seen"])
    third = create(manager)
    assert manager.store.runs() == [other.get(each.id) for each in (first, second, third)]
    other.remove(second.id)
    assert [run.id for run in manager.store.runs()] == [first.id, third.id]
    other.update(third.id, status="failed")
    assert manager.store.runs("failed", home=manager.home_id) == [other.get(third.id)]
    assert manager.store.runs("queued", home="of another") == []


def test_a_list_has_what_changed_and_the_very_runs_that_did_not(manager: Manager) -> None:
    """Whoever changed it: another program, which has a store of its own."""
    first, second, third = (create(manager) for _ in range(3))
    before = {run.id: run for run in manager.store.runs()}
    other = Manager(manager.root)
    other.annotate(second.id, name="renamed", tags=["new"])
    other.delete(third.id)
    fourth = create(other)
    now = {run.id: run for run in manager.store.runs()}
    assert list(now) == [first.id, second.id, fourth.id]
    assert now[first.id] is before[first.id]
    assert (now[second.id].name, now[second.id].tags) == ("renamed", ("new",))
    assert list(now.values()) == manager.store.find(now) == other.store.runs()


def test_it_is_a_rollback_journal(manager: Manager) -> None:
    with sqlite3.connect(manager.root / "runs.sqlite") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()


def test_many_writers_lose_nothing(manager: Manager) -> None:
    runs = [create(manager) for _ in range(4)]

    def write(run: str) -> None:
        store = Store.at(manager.root / "runs.sqlite")
        for step in range(25):
            store.record(run, [point(step, float(step))], step=step)

    threads = [threading.Thread(target=write, args=(run.id,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(manager.store.points(run.id, "train/loss")) for run in runs] == [25] * 4


@pytest.mark.parametrize(
    "text", ["", "x", "../../etc", "20260101-000000-abcdeg", "20260101-000000-abcdef/", "' OR 1=1"]
)
def test_only_our_names_become_paths(manager: Manager, text: str) -> None:
    with pytest.raises(ValueError, match="is no run"):
        validate_run_id(text)
    for ask in (manager.run, manager.pause, manager.stop, manager.resume, manager.delete):
        with pytest.raises(ValueError, match="no run"):
            ask(text)


def test_names_of_strangers_are_only_text(manager: Manager) -> None:
    evil = "'; DROP TABLE runs; --\x00\u202e" + "x" * 10_000
    run = create(manager)
    manager.annotate(run.id, name=evil.replace("\x00", ""), notes=evil.replace("\x00", ""), tags=[evil[:5], "b"])
    assert manager.run(run.id).tags == (evil[:5], "b")
    assert len(manager.runs()) == 1


# ---- F12 -----------------------------------------------------------------------------------------------------------


def harm(path: Path, how: str) -> None:
    if how == "deleted":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:-4096])  # a page: one of the rows is gone, the other is whole
    elif how == "halved":
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])  # the rows lie in the other half
    elif how == "garbled":
        data = bytearray(path.read_bytes())
        for place in range(100, len(data), 7):
            data[place] ^= 0x5A
        path.write_bytes(data)
    elif how == "not a database":
        path.write_bytes(b"hello" * 1000)


@pytest.mark.parametrize("how", ["deleted", "truncated", "halved", "garbled", "not a database"])
def test_a_damaged_store_is_set_aside_and_the_runs_are_listed_again(root: Path, how: str) -> None:
    first = Manager(root)
    runs = [create(first), create(first)]
    first.annotate(runs[0].id, name="renamed", tags=["a"])
    with Lock.acquire(RunFolder(root, runs[1].id).lock) as lock:  # type: ignore[union-attr]
        lock.write_note(attempt=3, status="finished", device="cpu")
    harm(root / "runs.sqlite", how)
    second = Manager(root)
    assert [run.id for run in second.runs()] == [run.id for run in runs]
    assert second.run(runs[0].id).name == "renamed"
    assert second.run(runs[0].id).tags == ("a",)
    # What the file still says is true; where it says nothing, nobody knows that the run waited.
    assert second.run(runs[0].id).status == ("queued" if how == "truncated" else "interrupted")
    assert second.run(runs[1].id).status == "finished"
    assert second.run(runs[0].id).config == runs[0].config
    aside = [path.name for path in root.iterdir() if ".damaged-" in path.name]
    assert bool(aside) == (how != "deleted")
    assert any("listed again" in sentence for sentence in second.messages)
    assert any("was damaged" in sentence and aside[0] in sentence for sentence in second.messages) == bool(aside)
    assert Manager(root).messages == []


def test_a_read_only_store_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Manager(root)
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "runs.sqlite" not in str(path) and access(path, mode))
    with pytest.raises(StoreError, match=r"runs\.sqlite' is read-only"):
        Manager(root)


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="set EXPLORER_HOME"):
        Manager(tmp_path / "file" / "home")


def test_a_half_written_folder_is_no_run(root: Path) -> None:
    Manager(root)
    for name, content in (("20260101-000000-aaaaaa", None), ("20260101-000000-bbbbbb", "{"), ("notes", "{}")):
        (root / "runs" / name).mkdir()
        if content is not None:
            (root / "runs" / name / "run.json").write_text(content)
    assert Manager(root).runs() == []


def test_another_database(root: Path, tmp_path: Path) -> None:
    manager = Manager(root, url=f"sqlite:///{tmp_path / 'other.db'}")
    create(manager)
    assert (tmp_path / "other.db").exists()
    assert not (root / "runs.sqlite").exists()


# ---- locks ----------------------------------------------------------------------------------------------------------


def test_the_note_survives_whatever_is_written(tmp_path: Path) -> None:
    lock = Lock.acquire(tmp_path / "lock")
    assert lock is not None
    with lock:
        assert Lock.acquire(tmp_path / "lock") is None
        lock.write_note(status="failed", reason="é" * 10_000, attempt=1)
        assert read_note(tmp_path / "lock")["status"] == "failed"
        lock.write_note(status="finished")
        assert read_note(tmp_path / "lock") == {"status": "finished"}
        assert (tmp_path / "lock").stat().st_size == 4096
    assert Lock.acquire(tmp_path / "lock") is not None
    (tmp_path / "lock").write_bytes(b"\xff\xfe[")
    assert read_note(tmp_path / "lock") == {}
    assert read_note(tmp_path / "none") == {}
