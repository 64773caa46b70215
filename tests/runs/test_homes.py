"""Several data directories, on one host or on several, on one database: none judges or starts what is another's."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from explorer.cli import main
from explorer.runs import Lock, Manager, Run, RunFolder, read_home_id, wait_until_ended
from explorer.training import worker

from .parts import create, kill, texts, tick, until_status, until_step
from .test_databases import database

__all__ = ["database"]


@pytest.fixture
def homes(root: Path, database: str, tmp_path: Path) -> tuple[Manager, Manager]:
    """Two managers with a data directory each; workers of either would be a program that does nothing."""

    def command() -> tuple[str, ...]:
        return (sys.executable, "-S", "-c", "")

    return (
        Manager(root, database, worker_command=command),
        Manager(tmp_path / "other home", database, worker_command=command),
    )


@pytest.fixture
def working(homes: tuple[Manager, Manager]) -> Iterator[Run]:
    """A run of the first home that works: its lock is held there."""
    mine, _ = homes
    run = create(mine)
    lock = Lock.acquire(RunFolder(mine.root, run.id).lock)
    assert lock is not None
    mine.store.update(run.id, status="running", attempt=1, heartbeat=time.monotonic())
    with lock:
        yield mine.store.get(run.id)


def test_each_home_has_an_id_that_stays(homes: tuple[Manager, Manager], database: str) -> None:
    mine, other = homes
    assert mine.home_id != other.home_id
    assert Manager(mine.root, database).home_id == mine.home_id == read_home_id(mine.root)
    run = create(mine)
    assert (run.home, run.host) == (mine.home_id, socket.gethostname())
    assert (mine.owns(run), other.owns(run)) == (True, False)


def test_a_run_of_another_home_is_shown_and_never_judged(homes: tuple[Manager, Manager], working: Run) -> None:
    mine, other = homes
    for _ in range(2):
        other.tick()
        assert [run.status for run in other.runs()] == ["running"]
        assert other.run(working.id).status == "running"
        assert other.trials("none") == []
    assert mine.run(working.id).status == "running"
    other.store.update(working.id, heartbeat=0.0)
    assert other.is_responding(other.run(working.id))  # nothing is known of that clock
    assert not mine.is_responding(mine.run(working.id))


def test_a_queued_run_is_started_by_its_own_home(homes: tuple[Manager, Manager]) -> None:
    mine, other = homes
    run = create(mine)
    other.tick()
    assert other.run(run.id).status == "queued"
    assert not RunFolder(other.root, run.id).path.exists()
    mine.tick()
    assert mine.store.get(run.id).attempt == 1
    with pytest.raises(ValueError, match="belongs to another data directory"):
        worker._acquire_lock(other.root, other.store, run.id)


def test_a_run_of_another_home_is_not_deleted_or_changed(homes: tuple[Manager, Manager], working: Run) -> None:
    _, other = homes
    other.store.update(working.id, status="finished")
    for ask in (other.delete, lambda run: other.reconfigure(run, "{}", memory=0)):
        with pytest.raises(ValueError, match=rf"belongs to another data directory on {socket.gethostname()}, which"):
            ask(working.id)
    other.annotate(working.id, notes="seen from elsewhere")
    assert not RunFolder(other.root, working.id).path.exists()


def test_patience_with_a_request_of_another_home_begins_on_the_clock_of_its_own(
    homes: tuple[Manager, Manager], working: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = homes
    signals: list[object] = []
    monkeypatch.setattr("explorer.runs._local.signal_worker", lambda *given: signals.append(given))
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() - 1e6)  # another host's clock
    assert other.stop(working.id).requested_action == "stop"
    monkeypatch.setattr(time, "monotonic", real)
    other.tick()
    mine.tick()
    assert signals == []
    assert real() - mine.store.get(working.id).requested_at < 5
    mine.tick()
    assert signals == []
    mine.store.update(working.id, requested_at=real() - 11)
    other.tick()
    assert signals == []
    mine.tick()
    assert len(signals) == 1


def test_the_list_marks_what_is_of_another_home(
    homes: tuple[Manager, Manager], database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _mine, other = homes
    run = create(other)
    other.store.update(run.id, host="elsewhere", status="running", device="cuda:0")
    monkeypatch.setenv("EXPLORER_DATABASE_URL", database)
    assert main(["runs", "list"]) == 0
    assert "cuda:0 on elsewhere" in capsys.readouterr().out


@pytest.mark.usefixtures("light_workers")
def test_two_homes_train_side_by_side(root: Path, database: str, tmp_path: Path) -> None:
    from explorer.training import open_manager

    mine, other = open_manager(root, database), open_manager(tmp_path / "other home", database)
    runs = [create(mine), create(other)]
    try:
        for manager, run in zip((mine, other), runs, strict=True):
            until_step(manager, run.id, 3)
        kill(mine, runs[0].id)
        tick(other)
        assert [run.status for run in other.runs()] == ["running", "running"]
        assert until_status(mine, runs[0].id, "interrupted").status == "interrupted"
        assert wait_until_ended(other, mine.stop(runs[1].id).id).status == "stopped"
        assert texts(other, runs[1].id)[-2:] == ["asked to stop", "stopped"]
    finally:
        if mine.store.get(runs[1].id).status != "stopped":
            kill(other, runs[1].id)
