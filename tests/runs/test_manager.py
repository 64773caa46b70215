"""The manager where no worker is needed: who may do what, who is told what, and what is never done."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from explorer.runs import AlreadyManaged, Lock, Manager, Run, RunFolder, _local, _queue_limit, read_log
from explorer.runs._workers import signal_worker
from explorer.training import open_manager

from .parts import create, set_config, texts


def working(manager: Manager, **note: object) -> tuple[Run, Lock]:
    """A run that 'works' because this test holds its lock."""
    run = create(manager)
    lock = Lock.acquire(RunFolder(manager.root, run.id).lock)
    assert lock is not None
    lock.write_note(attempt=1, pid=os.getpid(), host=socket.gethostname(), **note)
    manager.store.update(run.id, status="running", attempt=1, heartbeat=time.monotonic())
    return manager.store.get(run.id), lock


def test_a_directory_has_one_owner(root: Path) -> None:
    """F5."""
    first, second = Manager(root), Manager(root)
    first.acquire()
    with pytest.raises(AlreadyManaged, match=rf"is managed by process {os.getpid()} .* set EXPLORER_HOME"):
        second.acquire(patience=0.1)
    with pytest.raises(AlreadyManaged):
        second.tick()
    with pytest.raises(AlreadyManaged):
        second.supervise()
    create(second)  # to ask is allowed to everybody
    first.close()
    second.tick()
    second.acquire()
    second.close()


@pytest.mark.parametrize("times", [10, pytest.param(100, marks=pytest.mark.soak)])
def test_of_two_resume_clicks_one_succeeds_and_the_other_is_told(root: Path, times: int) -> None:
    """F6, without the worker; with one it is in test_faults."""
    managers = [Manager(root), Manager(root)]
    run = create(managers[0])
    for _ in range(times):
        managers[0].store.update(run.id, status="interrupted")
        barrier, told = threading.Barrier(2), []

        def click(manager: Manager, barrier: threading.Barrier = barrier, told: list[str] = told) -> None:
            barrier.wait()
            try:
                told.append(manager.resume(run.id).status)
            except ValueError as error:
                told.append(str(error))

        threads = [threading.Thread(target=click, args=(manager,)) for manager in managers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(told)[0] == "queued"
        assert f"run {run.id} is queued already" in sorted(told)[1]


def test_a_number_that_belongs_to_another_process_is_never_signalled(root: Path) -> None:
    """F7: the worker is dead, its number now names a stranger."""
    manager = Manager(root)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        run, lock = working(manager)
        lock.write_note(attempt=1, pid=stranger.pid, host=socket.gethostname())
        lock.release()
        manager.store.update(run.id, requested_action="stop", requested_at=time.monotonic() - 100)
        assert not signal_worker(manager.root, manager.store.get(run.id), signal.SIGKILL)
        manager.tick()
        assert manager.store.get(run.id).status == "stopped"
        # Even where a new attempt holds the lock, a note of an earlier one, or of another machine, names nobody.
        for note in ({"attempt": 0, "host": socket.gethostname()}, {"attempt": 1, "host": "elsewhere"}):
            run, lock = working(manager)
            with lock:
                lock.write_note(pid=stranger.pid, **note)
                assert not signal_worker(manager.root, run, signal.SIGKILL)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_dead_worker_leaves_what_its_note_or_the_wish_says(root: Path) -> None:
    manager = Manager(root)
    for wish, note, status in (
        ("run", {}, "interrupted"),
        ("pause", {}, "paused"),
        ("stop", {}, "stopped"),
        ("run", {"status": "failed", "reason": "disk full"}, "failed"),
        ("run", {"status": "finished", "reason": ""}, "finished"),
    ):
        run, lock = working(manager, **note)
        manager.store.update(run.id, requested_action=wish, requested_at=time.monotonic())
        assert manager.run(run.id).status == "running"
        lock.release()
        assert manager.run(run.id).status == status, (wish, note)
        assert manager.run(run.id).reason == note.get("reason", manager.run(run.id).reason)
    run, lock = working(manager, status="finished")
    manager.store.update(run.id, attempt=2)  # the note is of an earlier attempt
    lock.release()
    assert manager.run(run.id).status == "interrupted"


def test_stop_wins_over_pause(root: Path) -> None:
    """F9 in every order; with a worker it is in test_faults."""
    manager = Manager(root)
    run, lock = working(manager)
    with lock:
        assert manager.pause(run.id).requested_action == "pause"
        assert manager.stop(run.id).requested_action == "stop"
        assert manager.pause(run.id).requested_action == "stop"
    assert manager.run(run.id).status == "stopped"
    with pytest.raises(ValueError, match="is stopped; there is nothing to pause"):
        manager.pause(run.id)
    for before in ("queued", "paused", "interrupted"):
        run = create(manager)
        manager.store.update(run.id, status=before)
        assert manager.stop(run.id).status == "stopped"
    run = create(manager)
    assert manager.pause(run.id).status == "paused"
    assert manager.resume(run.id).status == "queued"


def test_stop_wins_over_a_pause_that_takes_effect_meanwhile(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run works when stop looks whether it rests, and rests when stop looks whether it works."""
    manager = Manager(root)
    run, lock = working(manager)
    update = manager.store.update

    def late(name: str, **fields: Any) -> bool:
        if fields.get("where", {}).get("status") == ("running",):
            update(name, where={"status": ("running",)}, status="paused")
        return update(name, **fields)

    monkeypatch.setattr(manager.store, "update", late)
    assert manager.stop(run.id).status == "stopped"
    lock.release()
    assert manager.run(run.id).status == "stopped"


def test_what_cannot_be_asked(root: Path) -> None:
    manager = Manager(root)
    run, lock = working(manager)
    with lock:
        with pytest.raises(ValueError, match="is running; stop it first"):
            manager.delete(run.id)
        with pytest.raises(ValueError, match="is running already; there is nothing to resume"):
            manager.resume(run.id)
        with pytest.raises(ValueError, match="is running; pause it first"):
            manager.reconfigure(run.id, "{}", memory=0)
    manager.store.update(run.id, status="finished")
    with pytest.raises(ValueError, match="finished already; extend it"):
        manager.resume(run.id)
    with pytest.raises(ValueError, match="there is nothing to stop"):
        manager.stop(run.id)


def test_delete_leaves_nothing(root: Path) -> None:
    manager = Manager(root)
    run = create(manager)
    manager.stop(run.id)
    manager.delete(run.id)
    assert manager.runs() == []
    assert list((root / "runs").iterdir()) == []
    assert texts(manager, run.id) == []
    with pytest.raises(ValueError, match="there is no run"):
        manager.run(run.id)
    assert Manager(root).runs() == []


def test_a_delete_that_was_killed_is_completed(root: Path) -> None:
    manager = Manager(root)
    run = create(manager)
    os.replace(root / "runs" / run.id, root / "runs" / f".deleted-{run.id}-1")
    manager.stop(run.id)
    manager.delete(run.id)
    manager.tick()
    assert Manager(root).runs() == []
    assert list((root / "runs").iterdir()) == []


def test_an_unknown_device_fails_with_the_known_ones(root: Path) -> None:
    manager = open_manager(root)
    run = create(manager)
    set_config(manager, run.id, device="cuda:77")
    manager.tick()
    assert manager.run(run.id).status == "failed"
    assert "no device cuda:77; it has" in manager.run(run.id).reason


def test_no_process_left_is_told_and_the_others_get_their_turn(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(_local, "start_worker", refuse)
    manager = open_manager(root)
    runs = [create(manager), create(manager)]
    manager.tick()
    for run in runs:
        found = manager.run(run.id)
        assert (found.status, found.reason) == (
            "failed",
            "its worker cannot be started: Resource temporarily unavailable",
        )
        assert manager.resume(run.id).status == "queued"


def test_there_is_a_limit(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_queue_limit, "MAX_ACTIVE", 2)
    manager = Manager(root)
    create(manager)
    create(manager)
    with pytest.raises(ValueError, match="above the 2 that"):
        create(manager)


def test_wall_clock_jumps_are_harmless(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F17."""
    manager = Manager(root)
    run, lock = working(manager)
    with lock:
        manager.pause(run.id)
        real = time.time
        for hours in (-1, 1):
            monkeypatch.setattr(time, "time", lambda hours=hours: real() + hours * 3600)
            manager.tick()
            found = manager.run(run.id)
            assert (found.status, manager.is_responding(found)) == ("running", True)
        manager.store.update(run.id, heartbeat=time.monotonic() - 60)
        assert not manager.is_responding(manager.run(run.id))
        assert manager.run(run.id).status == "running"  # a silent worker is not a dead one


def test_a_note_on_who_is_asked_is_kept(root: Path) -> None:
    manager = Manager(root)
    run = create(manager)
    manager.pause(run.id)
    manager.resume(run.id)
    assert texts(manager, run.id) == ["paused while it was queued", "resumed after it was paused"]


def test_the_end_of_a_log_is_whole_lines(manager: Manager) -> None:
    run = create(manager)
    assert read_log(manager.root, run.id) == ""
    RunFolder(manager.root, run.id).log.write_bytes(b"".join(b"line %d\n" % number for number in range(1000)))
    assert read_log(manager.root, run.id).splitlines() == [f"line {number}" for number in range(1000)]
    end = read_log(manager.root, run.id, most_bytes=100)
    assert len(end) <= 100
    assert end.splitlines() == [f"line {number}" for number in range(1000 - len(end.splitlines()), 1000)]
    with pytest.raises(ValueError, match="no run"):
        read_log(manager.root, "../../etc")
