"""Real workers, really killed (RELIABILITY.md, F1 to F20). The long forms: ``pytest -m soak tests/runs``."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch

from explorer.architecture import from_json
from explorer.runs import Manager, Run, RunFolder, _data_directory, _scheduler, is_locked, list_checkpoints, read_note
from explorer.runs._workers import CHILDREN
from explorer.training import _workers, checkpoint, open_manager, parse
from explorer.training.data import load_to_device, open_data
from explorer.training.loop import train
from explorer.training.recording import Recorder
from explorer.training.state import State
from tests.sizes import THOROUGH
from tests.training.parts import CPU, MemorySink, network, without_norm

from .parts import (
    create,
    curve,
    kill,
    log,
    set_config,
    texts,
    tick,
    until,
    until_status,
    until_step,
    worker,
)

LIGHT = pytest.mark.usefixtures("light_workers")

REPOSITORY = Path(__file__).parents[2]


def uninterrupted(run: Run) -> tuple[dict[int, float], State]:
    """The curve and the final state of a run that nothing happens to, trained in this process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        config, architecture, sink = parse(run.config), from_json(run.architecture), MemorySink()
        data = load_to_device(open_data(config, architecture), config, CPU)
        state = State(architecture, config, CPU)
        log = Recorder(CPU, sink)
        train(state, data, config, log)
        log.flush(state)
    finally:
        torch.set_num_threads(threads)
    return sink.values["train/loss"], state


def final_weights(manager: Manager, run: str) -> dict[str, torch.Tensor]:
    captured, complaints = checkpoint.load_newest(RunFolder(manager.root, run).checkpoints, run)
    assert captured is not None
    assert complaints == []
    weights: dict[str, torch.Tensor] = captured["model"]
    return weights


@pytest.mark.parametrize(
    ("kills", "start"),
    [
        (4, "light_workers"),
        pytest.param(4, "root", marks=THOROUGH),  # as the product starts them: the same, but for seconds each
        pytest.param(50, "root", marks=pytest.mark.soak),
    ],
)
@pytest.mark.timeout(1200)
def test_killed_again_and_again_it_is_the_same_run(
    manager: Manager, kills: int, start: str, request: pytest.FixtureRequest
) -> None:
    """F1, and F13 on the way: kill -9 before the first batch, at random steps, while saving, and at the very end."""
    request.getfixturevalue(start)
    numbers = random.Random(kills)
    epochs, torn = (2 if kills < 10 else 30), 0
    run = create(manager, epochs=epochs, checkpoint_seconds=0.0, mixup=0.3, ema_decay=0.9, validation=0.1)
    folder = RunFolder(manager.root, run.id).checkpoints
    steps, reached = epochs * 57, 0
    for number in range(kills):
        if number:
            manager.resume(run.id)
        if number == 0:
            until(lambda: list_checkpoints(folder), manager=manager)
        elif number == kills - 1:
            until(lambda: manager.store.get(run.id).step >= steps - 1, manager=manager)
        else:
            reached = min(
                steps - 10, max(reached, manager.store.get(run.id).step) + numbers.randrange(1, 2 * steps // kills)
            )
            until_step(manager, run.id, reached)
            if number % 2:
                # In the middle of writing a checkpoint, as near as one can see it from outside.
                until(
                    lambda: list(folder.glob("*.writing")) or not is_locked(folder.parent / "worker.lock"), seconds=10
                )
        kill(manager, run.id)
        torn += bool(list(folder.glob("*.writing")))
        started = time.monotonic()
        state = until_status(manager, run.id, "interrupted", "finished").status
        assert time.monotonic() - started < 5
        if state == "finished":  # it was quicker than we were
            break
        if number == 2:
            newest = list_checkpoints(folder)[0]
            data = bytearray(newest.read_bytes())
            data[len(data) // 2] ^= 1
            newest.write_bytes(data)
    if manager.store.get(run.id).status == "interrupted":
        manager.resume(run.id)
    done = until_status(manager, run.id, "finished", "failed")
    assert done.status == "finished", (done.reason, log(manager, run.id))
    told = texts(manager, run.id)
    assert any(f"{newest.name}: damaged" in text for text in told), told
    assert not list(folder.glob("*.writing"))
    assert len(list_checkpoints(folder)) == 2
    expected, state = uninterrupted(run)
    assert list(curve(manager, run.id)) == list(range(1, steps + 1))
    assert curve(manager, run.id) == expected
    weights = final_weights(manager, run.id)
    assert all(torch.equal(value, weights[name]) for name, value in state.model.state_dict().items())
    assert (done.step, done.epoch) == (steps, epochs)
    assert torn or kills < 10  # some really hit a save


SERVER = """
import sys, time
from pathlib import Path
from explorer.training import _workers, open_manager
_workers.COMMAND = tuple(sys.argv[2:])
manager = open_manager(Path(sys.argv[1]), per_device=3)
manager.supervise()
print("ready", flush=True)
time.sleep(600)
"""


def server(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(root), *_workers.COMMAND], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


# Forked workers are no children of the server; make test-all shows that its children survive it, too.
@pytest.mark.parametrize("start", ["light_workers", pytest.param("root", marks=THOROUGH)])
def test_the_server_is_killed_then_the_workers_too(
    manager: Manager, start: str, request: pytest.FixtureRequest
) -> None:
    """F3 and F4."""
    request.getfixturevalue(start)
    first = server(manager.root)
    runs = [create(manager) for _ in range(2)]
    try:
        for run in runs:
            until_step(manager, run.id, 10)
        processes = [worker(manager, run.id) for run in runs]
    finally:
        first.kill()
        first.communicate()

    second = server(manager.root)  # the new one owns the directory at once
    try:
        found = manager.runs()
        assert [run.id for run in found] == [run.id for run in runs]
        assert [run.status for run in found] == ["running"] * 2
        before = [run.step for run in found]
        for run, step in zip(runs, before, strict=True):
            until_step(manager, run.id, step + 20)
        assert [worker(manager, run.id) for run in runs] == processes
        for run in runs:
            stored = sorted(curve(manager, run.id))
            assert stored == list(range(1, len(stored) + 1))  # no gap
        asked = time.monotonic()
        manager.stop(runs[0].id)
        until(lambda: manager.store.get(runs[0].id).status == "stopped")
        assert time.monotonic() - asked < 3
    finally:
        second.kill()
        second.communicate()
    for run in runs[1:]:
        os.kill(worker(manager, run.id), signal.SIGKILL)
    until(lambda: not any(is_locked(RunFolder(manager.root, run.id).lock) for run in runs))
    assert [run.status for run in manager.runs()] == ["stopped", "interrupted"]
    for run in runs[1:]:
        manager.resume(run.id)
        manager.pause(run.id)  # resumable: proven where a worker really resumes, in the test above


@LIGHT
def test_two_clicks_start_one_worker(manager: Manager) -> None:
    """F6 with a real worker, and F9: pause and stop from two sides."""
    run = create(manager)
    manager.pause(run.id)
    others = [open_manager(manager.root), open_manager(manager.root)]
    told: list[str] = []

    def click(other: Manager) -> None:
        try:
            told.append(other.resume(run.id).status)
        except ValueError as error:
            told.append(str(error))
        tick(other)

    threads = [threading.Thread(target=click, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("already" in text for text in told) == 1
    until_step(manager, run.id, 5)
    assert manager.store.get(run.id).attempt == 1
    assert sum(text.startswith("attempt") for text in texts(manager, run.id)) == 1
    for process in CHILDREN:
        assert process.poll() is None or process.pid != worker(manager, run.id)

    asks: list[Callable[[str], Run]] = [others[0].pause, others[1].stop]
    threads = [threading.Thread(target=ask, args=(run.id,)) for ask in asks]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: all(other.run(run.id).status == "stopped" for other in others))
    assert time.monotonic() - started < 3
    assert final_weights(manager, run.id)


def freeze(manager: Manager, process: int) -> None:
    """SIGSTOP, but not in the moment in which the process has the database locked: that would stop everybody."""

    def stopped() -> bool:
        os.kill(process, signal.SIGSTOP)
        connection = sqlite3.connect(manager.root / "runs.sqlite", timeout=0.2, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE").execute("ROLLBACK")
        except sqlite3.OperationalError:
            os.kill(process, signal.SIGCONT)
            return False
        finally:
            connection.close()
        return True

    until(stopped)


@LIGHT
def test_a_silent_worker_is_not_dead_until_it_is_killed(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    """F20, then F10 on a worker that cannot listen."""
    monkeypatch.setattr(_data_directory, "RESPONDS_SECONDS", 3.0)
    run = create(manager)
    until_step(manager, run.id, 10)
    process = worker(manager, run.id)
    freeze(manager, process)
    until(lambda: not manager.is_responding(manager.run(run.id)), manager=manager)
    before = manager.run(run.id)
    assert before.status == "running"
    os.kill(process, signal.SIGCONT)
    until_step(manager, run.id, before.step + 20)
    assert manager.is_responding(manager.run(run.id))

    freeze(manager, process)
    monkeypatch.setattr(_scheduler, "TERMINATE_SECONDS", 0.5)
    monkeypatch.setattr(_scheduler, "KILL_SECONDS", 1.5)
    manager.stop(run.id)
    tick(manager)
    assert manager.run(run.id).status == "running"  # truthful: it still is
    done = until_status(manager, run.id, "stopped", seconds=10)
    assert "had to be killed" in done.reason
    assert final_weights(manager, run.id)


@LIGHT
def test_a_termination_out_of_the_blue_keeps_everything(manager: Manager) -> None:
    """The machine shuts down: SIGTERM without a wish ends the run after its batch, with a checkpoint."""
    run = create(manager, checkpoint_seconds=1000.0)
    until_step(manager, run.id, 10)
    os.kill(worker(manager, run.id), signal.SIGTERM)
    done = until_status(manager, run.id, "interrupted", seconds=10)
    assert "system" in done.reason
    newest = list_checkpoints(RunFolder(manager.root, run.id).checkpoints)[0]
    assert newest.name == f"step-{done.step:010}.pt"
    assert max(curve(manager, run.id)) == done.step


@LIGHT
def test_the_disk_is_full(manager: Manager) -> None:
    """F11: a real file-size limit of the kernel, below what a checkpoint and the store need."""
    run = create(manager)
    until_step(manager, run.id, 30)
    process = psutil.Process(worker(manager, run.id))
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (16_000, 16_000))
    done = until_status(manager, run.id, "failed", seconds=30)
    assert done.reason.startswith("disk full"), done.reason
    folder = RunFolder(manager.root, run.id).checkpoints
    assert not list(folder.glob("*.writing"))
    assert final_weights(manager, run.id)
    assert max(curve(manager, run.id)) >= checkpoint.load(list_checkpoints(folder)[0], run.id)["step"]
    # With room again it goes on from there. A worker that ends starts what waits, as a child with its own limits: this
    # one has to be gone before anything waits.
    until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    manager.resume(run.id)
    until_step(manager, run.id, done.step + 1)


@LIGHT
def test_out_of_memory_all_the_same(root: Path) -> None:
    """F15: a real limit of the kernel on one worker's address space, while another one works."""
    manager = open_manager(root, per_device=2)
    other = create(manager)
    until_step(manager, other.id, 5)
    # An evaluation takes twice the images of an update: after the limit the first one has to ask for more. With
    # pictures of this size the updates before it take seconds.
    large = network(classes=10).model_copy(update={"input_shape": (1, 24, 24)})
    greedy = create(manager, large, batch_size=1000, checkpoint_seconds=1000.0)
    until_step(manager, greedy.id, 1)
    process = worker(manager, greedy.id)
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[0])
    size = pages * os.sysconf("SC_PAGE_SIZE")
    resource.prlimit(process, resource.RLIMIT_AS, (size, size))
    done = until_status(manager, greedy.id, "failed", "interrupted", "finished", seconds=60)
    assert re.match(r"out of memory \(peak \d[\d,]+ MB\); use a smaller batch", done.reason), (
        done.reason,
        log(manager, greedy.id),
    )
    assert final_weights(manager, greedy.id)
    until_step(manager, other.id, manager.store.get(other.id).step + 20)
    manager.stop(other.id)
    manager.close()


@LIGHT
def test_a_loss_that_is_no_number_fails_with_the_last_finite_weights(manager: Manager) -> None:
    """F16."""
    run = create(manager, without_norm(network(classes=10)), optimizer="sgd", lr=1000.0, weight_decay=10.0)
    done = until_status(manager, run.id, "failed")
    assert done.reason.startswith("diverged: the loss became")
    assert done.step <= 50  # it was noticed by one interval, and nothing later was stored
    weights = final_weights(manager, run.id)
    assert all(value.isfinite().all() for value in weights.values())


@LIGHT
def test_a_queue_goes_on_where_nobody_supervises(manager: Manager) -> None:
    """One run per device; the worker that ends starts the next."""
    first, second, third = create(manager, epochs=1), create(manager, epochs=1), create(manager, epochs=1)
    manager.stop(third.id)
    tick(manager)
    assert [run.status for run in manager.runs()] == ["running", "queued", "stopped"]
    until(lambda: manager.run(second.id).status == "finished")
    assert manager.run(first.id).status == "finished"
    assert read_note(RunFolder(manager.root, second.id).lock)["status"] == "finished"


@LIGHT
def test_a_run_that_cannot_work_says_why(manager: Manager) -> None:
    """A data set that is gone: one sentence, no traceback in the log."""
    run = create(manager)
    set_config(manager, run.id, dataset="no-such-set")
    done = until_status(manager, run.id, "failed")
    assert "no-such-set" in done.reason
    assert "Traceback" not in log(manager, run.id)
