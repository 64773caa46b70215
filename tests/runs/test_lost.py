"""A run whose folder is gone is lost, and its worker ends; and what makes room on a full disk remains possible."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import psutil
import pytest

from explorer import training
from explorer.cli import main
from explorer.runs import Lock, Manager, Point, RunFolder, _local
from explorer.training import open_manager
from tests.sizes import ALL

from .parts import create, fill, texts, tick, until_status, until_step, worker

LIGHT = pytest.mark.usefixtures("light_workers")


def ended(manager: Manager, status: str = "finished", **fields: object) -> str:
    """The id of a run that was trained some time ago, and had ended in a state."""
    run = create(manager)
    manager.store.update(run.id, status=status, attempt=1, **fields)
    with Lock.acquire(RunFolder(manager.root, run.id).lock) as lock:  # type: ignore[union-attr]
        lock.write_note(attempt=1, status=status)
    return run.id


@LIGHT
@pytest.mark.parametrize("remade", [False, True])
def test_a_worker_whose_folder_is_gone_ends_and_nothing_starts_beside_it(
    manager: Manager, tmp_path: Path, remade: bool
) -> None:
    run, next_one = create(manager), create(manager, epochs=1)
    until_step(manager, run.id, 10)
    process, folder = psutil.Process(worker(manager, run.id)), RunFolder(manager.root, run.id).path
    folder.rename(tmp_path / "gone")  # in one step: the worker writes there all the time
    if remade:  # by somebody who restores a backup, say
        folder.mkdir()
        (folder / "worker.lock").touch()
    started = time.monotonic()
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        alive = process.is_running()
        tick(manager)
        states = manager.run(run.id).status, manager.store.get(next_one.id).status
        ends = ("lost", "interrupted") if remade else ("lost",)
        assert states[0] == "running" or states[0] in ends, (states, alive, manager.run(run.id).reason)
        assert states[1] == "queued" or states[0] in ends, (states, alive)
        if states[1] == "running":
            break  # the worker itself starts what waits, at its very end
        assert time.monotonic() - started < 10
        time.sleep(0.05)
    lost = until_status(manager, run.id, "lost", "interrupted", seconds=10)
    assert (lost.status, "its folder is gone" in lost.reason) == ("lost", True) or remade
    assert folder.exists() == remade
    assert not (folder / "checkpoints").exists()
    assert until_status(manager, next_one.id, "finished", "failed").status == "finished"
    for ask in (manager.resume, manager.stop, manager.pause):
        if not remade:
            with pytest.raises(ValueError, match=r"cannot go on: its folder is gone|nothing to (stop|pause)"):
                ask(run.id)
    manager.delete(run.id)
    assert run.id not in manager.store.statuses()


def test_a_dead_worker_whose_folder_is_gone_is_lost_after_a_while(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create(manager)
    manager.store.update(run.id, status="running", attempt=1, heartbeat=time.monotonic())
    shutil.rmtree(RunFolder(manager.root, run.id).path)
    assert manager.run(run.id).status == "running"  # nobody can tell yet
    with pytest.raises(ValueError, match="stop it first"):
        manager.delete(run.id)
    monkeypatch.setattr(_local, "SILENT_SECONDS", 0.0)
    assert manager.run(run.id).status == "lost"


@pytest.mark.parametrize("status", ["paused", "stopped", "interrupted", "failed"])
def test_a_run_at_rest_is_lost_until_its_folder_is_back(manager: Manager, tmp_path: Path, status: str) -> None:
    run = ended(manager, status, reason="why")
    folder = RunFolder(manager.root, run).path
    folder.rename(tmp_path / "away")
    (lost,) = manager.runs()
    assert (lost.status, lost.reason) == (
        "lost",
        f"its folder is gone, and its checkpoints with it; before, it was {status}: why",
    )
    with pytest.raises(ValueError, match="clone it to train it again"):
        manager.resume(run)
    (tmp_path / "away").rename(folder)
    assert manager.runs()[0].status == status
    manager.resume(run)


def test_one_that_never_began_has_nothing_to_lose(manager: Manager) -> None:
    run = create(manager)
    manager.pause(run.id)
    shutil.rmtree(RunFolder(manager.root, run.id).path)
    assert manager.runs()[0].status == "paused"
    manager.resume(run.id)


def test_a_finished_run_without_its_folder_says_so_and_is_not_extended(
    manager: Manager, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ended(manager)
    assert manager.has_folder(manager.run(run))
    shutil.rmtree(RunFolder(manager.root, run).path)
    assert manager.run(run).status == "finished"
    with pytest.raises(ValueError, match="its folder is gone, and its checkpoints with it; clone it"):
        training.extend(manager, run, 5)
    assert manager.run(run).setting("epochs") == 1000
    assert main(["runs", "show", run]) == 0
    assert "its folder is gone" in capsys.readouterr().out
    assert main(["runs", "show", run, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"] is False


def test_a_queued_run_that_lost_its_checkpoints_does_not_begin_anew(manager: Manager) -> None:
    run = ended(manager, "paused")
    manager.resume(run)
    shutil.rmtree(RunFolder(manager.root, run).path)
    tick(manager)
    assert manager.store.get(run).status == "lost"
    assert any(text.startswith("lost: its folder is gone") for text in texts(manager, run))


# ---- a full disk ----------------------------------------------------------------------------------------------------


def test_on_a_full_disk_runs_are_deleted(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXPLORER_HOME", str(small_disk / "home"))
    manager = open_manager(small_disk / "home")
    runs = [ended(manager) for _ in range(3)]
    waiting = create(manager)
    manager.pause(waiting.id)
    steps = 10_000 if ALL else 1_000
    for run in runs:  # curves of many pages, and a folder that is next to nothing
        points = [Point(series=f"s{n}", step=s, value=1.0, seconds=1.0) for n in range(4) for s in range(steps)]
        manager.store.record(run, points)
        shutil.rmtree(RunFolder(manager.root, run).checkpoints, ignore_errors=True)
    for run in (*runs, waiting.id):
        fill(small_disk)
        assert main(["runs", "list"]) == 0
        with pytest.raises(ValueError, match=r"checkpoints take up to .*, and the disk of .* has .* free; delete runs"):
            training.check_disk(1 << 20)
        assert main(["train", "residual-mnist", "--dataset", "digits", "--detach"]) == 2
        assert "free; delete runs that are no longer needed, or set EXPLORER_HOME" in capsys.readouterr().err
        assert main(["runs", "delete", run]) == 0
        assert f"{run}  deleted" in capsys.readouterr().out
        assert run not in manager.store.statuses()
        assert not list((manager.root / "runs").glob(f"*{run}*"))
    (small_disk / "filler").unlink()
    again = open_manager(small_disk / "home")
    assert (again.messages, again.runs()) == ([], [])
    create(again)


def test_a_deletion_that_was_cut_short_is_completed(manager: Manager) -> None:
    run = ended(manager)
    folder = RunFolder(manager.root, run).path
    folder.rename(folder.with_name(f".deleted-{run}-1"))
    manager.tick()
    assert manager.store.statuses() == {}
    assert list((manager.root / "runs").iterdir()) == []
