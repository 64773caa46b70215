"""Who gets a device when, and how the devices are found; what looking at many runs costs; two writers of one file."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from explorer.cli import main
from explorer.person import Person
from explorer.runs import (
    Device,
    ExperimentRow,
    Lock,
    Manager,
    Point,
    Run,
    RunFolder,
    StoreError,
    Trial,
    _devices,
    _local,
    atomic_write,
    new_run_id,
    series,
    sweep,
)
from explorer.runs._devices import DeviceProbe
from explorer.runs._place import MOST_SHARING, SHARED_MEMORY, Book
from explorer.runs._ray import RayPlace
from explorer.runs._ray_machines import Machine
from pages.ui.train import table

from .parts import create, set_config

GPUS = (*(Device(name=f"cuda:{n}", title="GPU", memory_bytes=1) for n in range(2)),)
CPU = Device(name="cpu", title="CPU", memory_bytes=1)


@pytest.fixture
def machine(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """Two GPUs; a worker is the lock that this process holds."""
    monkeypatch.setattr("explorer.runs._local.ask_devices", lambda: (*GPUS, CPU))

    def start(*given: Any) -> None:  # a child has a copy of the lock
        lock: Lock = given[-1]
        KEPT.append(Lock(lock.path, os.dup(lock.descriptor)))

    monkeypatch.setattr(_local, "start_worker", start)
    yield Manager(root, worker_command=lambda: ("worker",))
    while KEPT:
        KEPT.pop().release()  # else whoever ends what is left of a test waits for this process to end


KEPT: list[Lock] = []


def wanting(manager: Manager, processes: int, device: str = "auto") -> Run:
    run = create(manager)
    set_config(manager, run.id, processes=processes, device=device)
    return run


def end(manager: Manager, run: Run) -> None:
    """The worker of a run ends."""
    (lock,) = [lock for lock in KEPT if lock.path == RunFolder(manager.root, run.id).lock]
    KEPT.remove(lock)
    lock.write_note(attempt=1, status="finished", reason="")
    lock.release()


def working(manager: Manager) -> list[str]:
    return [run.id for run in manager.store.runs("running")]


def test_many_small_runs_do_not_starve_one_that_needs_two_devices(machine: Manager) -> None:
    first, second = wanting(machine, 1), wanting(machine, 1)
    machine.tick()
    assert working(machine) == [first.id, second.id]
    large, later, on_cpu = wanting(machine, 2), wanting(machine, 1), wanting(machine, 1, "cpu")
    end(machine, first)
    machine.tick()  # one GPU is free, and stays so
    assert working(machine) == [second.id, on_cpu.id]
    end(machine, second)
    machine.tick()
    assert working(machine) == [large.id, on_cpu.id]
    end(machine, large)
    machine.tick()
    assert working(machine) == [later.id, on_cpu.id]


def test_a_single_run_is_not_stuck_behind_an_ablation(machine: Manager) -> None:
    """Nor behind runs of another data directory, whose turns are its own; and what was paused waits anew."""
    row = ExperimentRow(id=new_run_id(), name="widths", created=1.0, plan="{}")
    machine.save_experiment(row)
    trials = [
        machine.create("trial", "{}", '{"device": "cpu"}', trial=Trial(experiment=row.id, variant="wide", seed=seed))
        for seed in range(20)
    ]
    machine.tick()
    single, other = wanting(machine, 1, "cpu"), wanting(machine, 1, "cpu")
    machine.pause(single.id)
    machine.resume(single.id)
    begun = [trials[0], single, other, trials[1]]
    for run, following in pairwise(begun):
        assert working(machine) == [run.id]
        end(machine, run)
        machine.tick()
        assert working(machine) == [following.id]


def test_people_take_turns(machine: Manager) -> None:
    ann, bob = (machine.act_for(Person(id=name * 24, name=name)) for name in "ab")
    of_ann = [wanting(ann, 1, "cpu") for _ in range(5)]
    machine.tick()
    of_bob = [wanting(bob, 1, "cpu") for _ in range(2)]
    for run, following in pairwise([of_ann[0], of_bob[0], of_ann[1], of_bob[1], of_ann[2], of_ann[3]]):
        end(machine, run)
        machine.tick()
        assert working(machine) == [following.id]


def test_runs_share_a_gpu_where_each_agrees_and_their_memory_fits(
    machine: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = [Device(name=device.name, title="GPU", memory_bytes=10_000) for device in GPUS]
    monkeypatch.setattr("explorer.runs._local.ask_devices", lambda: (*large, CPU))

    def small(memory: int, **settings: Any) -> str:
        run = create(machine)
        set_config(machine, run.id, share_gpu=True, **{"device": "auto", **settings})
        machine.store.update(run.id, memory=memory)
        return run.id

    def on() -> dict[str, str]:
        machine.tick()
        return {run.id: run.device for run in machine.store.runs("running")}

    assert (MOST_SHARING, SHARED_MEMORY) == (4, 0.8)
    half, quarter, too_much = small(3900), small(100), small(4100)
    assert on() == {half: "cuda:0", quarter: "cuda:0", too_much: "cuda:1"}  # 8100 of 8000 bytes would be too many
    few = small(1)
    assert on()[few] == "cuda:0"
    alone = wanting(machine, 1)
    assert alone.id not in on()
    on_cpu, unknown = small(1, device="cpu"), small(0)
    assert on()[on_cpu] == "cpu"
    assert unknown not in on()
    end(machine, machine.run(too_much))
    assert on()[alone.id] == "cuda:1"
    for _ in range(5):
        small(1, device="cuda:1")
    assert [name for name, device in on().items() if device == "cuda:1"] == [alone.id]  # nobody comes to it
    end(machine, alone)
    assert on()[unknown] == "cuda:1"
    end(machine, machine.run(unknown))
    assert Counter(on().values())["cuda:1"] == 4


def test_a_cluster_is_given_runs_in_the_same_order(root: Path) -> None:
    """Declared machines, of which one has two GPUs; no cluster is asked."""
    manager = Manager(root)
    url = f"sqlite:///{root / 'runs.sqlite'}"
    place = RayPlace("nowhere", root, url, manager.store, manager.home_id, lambda: ("worker",))
    place._machines.known = [Machine(cpus=4.0, gpus=2.0), Machine(cpus=2.0)]
    ann, bob = (manager.act_for(Person(id=name * 24, name=name)) for name in "ab")
    of_ann = [wanting(ann, 1, "cuda:0") for _ in range(3)]
    two, cpu = wanting(ann, 2, "cuda:0"), wanting(bob, 1, "cpu")
    set_config(manager, cpu.id, threads=5)  # more than any machine has
    of_bob = [wanting(bob, 1, "cuda:0"), wanting(bob, 1, "cpu")]

    def foresee() -> list[str]:
        queued = manager.store.runs("queued")
        queue = place.line_up(queued, [], Book(*manager.store.turns.read(run.id for run in queued)))
        assert queue is not None
        return [run for run, _ in queue.foresee({run.id: 10.0 for run in queued})]

    place._names = set()
    assert foresee() == [each.id for each in (of_ann[0], of_bob[0], of_bob[1], of_ann[1], of_ann[2], two)]
    place._names = {f"{of_ann[0].id}-1", f"{of_ann[1].id}-1"}  # were handed over, and hold the GPUs
    assert foresee() == [each.id for each in (of_bob[1], of_ann[2], of_bob[0], two)]


def test_while_the_devices_are_unknown_only_the_cpu_is_used(machine: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.runs._local.ask_devices", lambda: None)
    gpu, auto, cpu = wanting(machine, 1, "cuda:1"), wanting(machine, 1), wanting(machine, 1, "cpu")
    machine.tick()
    assert {run.id: run.status for run in machine.runs()} == {gpu.id: "queued", auto.id: "queued", cpu.id: "running"}
    monkeypatch.setattr("explorer.runs._local.ask_devices", lambda: (*GPUS, CPU))
    machine.tick()
    assert len(working(machine)) == 3


def test_the_manager_is_not_locked_while_it_asks_for_the_devices(
    machine: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow() -> tuple[Device, ...]:
        asked.set()
        assert go_on.wait(20)
        return (CPU,)

    monkeypatch.setattr("explorer.runs._local.ask_devices", slow)
    wanting(machine, 1)
    thread = threading.Thread(target=machine.tick)
    thread.start()
    assert asked.wait(20)
    assert machine._supervisor._guard.acquire(timeout=5)
    machine._supervisor._guard.release()
    go_on.set()
    thread.join()


# ---- the devices ----------------------------------------------------------------------------------------------------


def test_a_failed_question_is_logged_and_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = iter([subprocess.TimeoutExpired("python", 120), '[["cuda:0", "GPU", 1000]]'])

    def run(*_: object, **__: object) -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return subprocess.CompletedProcess([], 0, answer, "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(_devices, "_may_have_gpu", lambda: True)
    monkeypatch.setattr(_devices, "_RETRY_SECONDS", 0.0)
    probe = DeviceProbe()
    with caplog.at_level(logging.WARNING):
        assert probe.ask(20) is None
    assert "could not be asked for" in caplog.text
    found = probe.ask(20)
    assert found is not None
    assert [device.name for device in found] == ["cuda:0", "cpu"]
    assert probe.ask(0) == found  # remembered


def test_whoever_looks_does_not_wait_for_a_slow_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def slow() -> list[Device]:
        assert go_on.wait(20)
        return []

    monkeypatch.setattr(_devices, "_ask_torch", slow)
    monkeypatch.setattr(_devices, "_may_have_gpu", lambda: True)
    monkeypatch.setattr(_devices, "_PROBE", DeviceProbe())
    assert [device.name for device in _devices.devices(0.05)] == ["cpu"]
    go_on.set()


@pytest.mark.parametrize("name", ["nvidia0", "dxg", "kfd", "nvhost-gpu", "nvmap"])
def test_files_of_gpus(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: [folder / name] if Path(name).match(pattern) else [])
    assert _devices._may_have_gpu()
    monkeypatch.setattr(Path, "glob", lambda *_: [])
    assert not _devices._may_have_gpu()


# ---- many runs ------------------------------------------------------------------------------------------------------


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL statements that are executed meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    sql.event.listen(sql.Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sql.event.remove(sql.Engine, "before_cursor_execute", note)


def test_looking_at_many_runs_takes_as_many_queries_as_at_a_few(
    manager: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "manager", lambda: manager)
    counts = []
    for number in (5, 20):
        while len(manager.store.statuses()) < number:
            run = create(manager)
            points = [Point(series=series.TEST_ACCURACY, step=step, value=step / 10, seconds=1.0) for step in (1, 2)]
            manager.store.record(run.id, points, status="finished")
        assert main(["runs", "list"]) == 0  # writes once beside them what a worker of today would have written
        capsys.readouterr()
        with statements() as listed:
            assert main(["runs", "list"]) == 0
        assert capsys.readouterr().out.count("20.00 %") == number
        with statements() as shown:
            records = table.records(manager.runs())
        assert [record["test accuracy"] for record in records] == [20.0] * number
        with statements() as watched:
            assert len(manager.statuses()) == number
        assert not any("architecture" in statement for statement in watched)
        counts.append((len(listed), len(shown), len(watched)))
        with statements() as ticked:
            manager.tick()
        assert len(ticked) == 1  # nothing waits and nothing is trained: there is no more to ask
    assert counts[0] == counts[1]


# ---- files and drivers ----------------------------------------------------------------------------------------------


def test_two_writers_of_one_file_do_not_fail(tmp_path: Path) -> None:
    errors: list[OSError] = []
    barrier = threading.Barrier(4)

    def write(letter: bytes) -> None:
        barrier.wait()
        try:
            for _ in range(50):
                atomic_write(tmp_path / "run.json", letter * 20_000)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(set((tmp_path / "run.json").read_bytes())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    (tmp_path / "run.json.0123abcd.writing").write_text("left by a crash")
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_a_driver_that_is_not_installed_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*sys.modules]:
        if name.partition(".")[0] == "psycopg":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'psycopg\[binary\]'") as error:
        Manager(root, "postgresql+psycopg://somebody:secret@localhost/runs")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("url", ["nothing", "nosuchdatabase://x/y"])
def test_an_address_that_names_no_database(root: Path, url: str) -> None:
    with pytest.raises(StoreError, match="EXPLORER_DATABASE_URL does not name a database"):
        Manager(root, url)


def test_a_run_that_ended_before_it_began_is_asked_about_once(manager: Manager) -> None:
    run = create(manager)
    manager.store.update(run.id, status="stopped", attempt=1)
    counts = []
    for _ in range(2):
        with statements() as seen:
            assert main(["runs", "list"]) == 0
        counts.append(len(seen))
    assert RunFolder(manager.root, run.id).history.read_bytes() == b""
    assert counts[1] < counts[0]
