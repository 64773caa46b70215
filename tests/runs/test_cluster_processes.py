"""A run on a real Ray cluster; and one of several processes, each on a node of its own, as no node has room for two."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from explorer.runs import Manager, RunFolder, checkpoint_step, list_checkpoints, read_log
from explorer.runs._ray_peers import _find_interface, make_environment
from tests.sizes import thorough

from .clusters import COMMAND, add_node, assert_as_if_undisturbed, node_of, start_cluster
from .object_store import serve_s3
from .parts import create, texts, until, until_status, until_step, worker

PAIR: dict[str, Any] = {"processes": 2, "device": "cpu"}
SMALL = "tests/runs/test_cluster_processes.py::test_processes_of_a_run_are_on_several_machines"


def workers_of(run: str) -> list[psutil.Process]:
    """The processes that train a run, wherever they are."""
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if each.cmdline()[-3:] == ["-m", "explorer.training", run]:
                found.append(each)
    return found


def find_worker(manager: Manager, run: str, *, first: bool) -> psutil.Process:
    """The first of two, or the other one."""
    number = worker(manager, run)
    (found,) = [each for each in workers_of(run) if (each.pid == number) == first]
    return found


@thorough(SMALL)
@pytest.mark.usefixtures("light_workers")
def test_a_run_on_a_cluster_is_the_local_one(there: Manager) -> None:
    """It has a part of a machine's memory, beside its CPU."""
    run = create(there, epochs=2)
    there.store.update(run.id, memory=10**8)
    done = until_status(there, run.id, "finished", "failed")
    assert (done.status, done.attempt, done.place, done.home) == ("finished", 1, "ray", there.home_id), done.reason
    assert done.host == socket.gethostname()
    assert_as_if_undisturbed(there, run.id, 2)


@pytest.mark.usefixtures("light_workers")
def test_processes_of_a_run_are_on_several_machines(there: Manager, cluster: Any) -> None:
    """They have the weights and the curve of two processes on one machine; each has a part of its machine's memory."""
    run = create(there, epochs=2, **PAIR)
    there.store.update(run.id, memory=10**8)
    until_step(there, run.id, 5)
    assert len({node_of(cluster, each).node_id for each in workers_of(run.id)}) == 2
    done = until_status(there, run.id, "finished", "failed")
    assert (done.status, done.attempt, done.place, done.home) == ("finished", 1, "ray", there.home_id), done.reason
    assert done.host == socket.gethostname()
    assert "attempt 1 trains on cpu in 2 processes from step 0" in texts(there, run.id)
    assert_as_if_undisturbed(there, run.id, 2, **PAIR)


def kill_other(_: Any, other: psutil.Process) -> None:
    """One process dies, as of an error of its own."""
    other.kill()


def lose_node(cluster: Any, other: psutil.Process) -> None:
    """The machine of a process is gone with all on it; another one comes."""
    supervisor, node = other.parent(), node_of(cluster, other)
    assert supervisor is not None
    supervisor.kill()
    other.kill()
    cluster.remove_node(node, allow_graceful=False)
    add_node(cluster)


def freeze_other(_: Any, other: psutil.Process) -> None:
    """A process is gone for Ray, and its connections stay open: the first one waits for it for ever, as with NCCL."""
    supervisor = other.parent()
    assert supervisor is not None
    other.suspend()
    supervisor.kill()


@thorough(SMALL)
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("light_workers")
@pytest.mark.parametrize(
    ("harm", "first"),
    [(kill_other, True), (kill_other, False), (lose_node, True), (lose_node, False), (freeze_other, False)],
)
def test_a_run_that_loses_one_of_its_processes_goes_on_with_as_many(
    root: Path, database: str, first: bool, harm: Callable[[Any, psutil.Process], None]
) -> None:
    with start_cluster() as cluster:
        there = Manager(root, database, worker_command=lambda: COMMAND, cluster=cluster.address)
        run = create(there, epochs=12, **PAIR)
        try:
            folder = RunFolder(root, run.id)
            until(lambda: any(map(checkpoint_step, list_checkpoints(folder.checkpoints))), manager=there)
            harm(cluster, find_worker(there, run.id, first=first))
            done = until_status(there, run.id, "finished", "failed", "interrupted", seconds=280)
            assert (done.status, done.attempt) == ("finished", 2), (done.reason, texts(there, run.id))
            (begun,) = [text for text in texts(there, run.id) if text.startswith("attempt 2")]
            assert int(begun.rpartition(" ")[2]) > 0, begun
            assert_as_if_undisturbed(there, run.id, 12, **PAIR)
        finally:
            for process in workers_of(run.id):
                process.kill()  # one that was frozen
            there.close()


@thorough(SMALL)
@pytest.mark.usefixtures("light_workers")
def test_it_pauses_goes_on_and_stops(there: Manager) -> None:
    """Goes on only where what was held before is free: the cluster has room for two processes in all."""
    run = create(there, epochs=1000, **PAIR)
    until_step(there, run.id, 20)
    there.pause(run.id)
    step = until_status(there, run.id, "paused").step
    until(lambda: not workers_of(run.id), seconds=60)
    there.resume(run.id)
    until_step(there, run.id, step + 20)
    there.stop(run.id)
    assert until_status(there, run.id, "stopped").attempt == 2
    until(lambda: not workers_of(run.id), seconds=60)


@thorough(SMALL)
@pytest.mark.usefixtures("light_workers")
def test_its_machines_need_share_no_folder(root: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the second one prints, torch's words on their meeting, is in the run's log all the same, line by line."""
    monkeypatch.setenv("TORCH_CPP_LOG_LEVEL", "INFO")
    with serve_s3(monkeypatch) as url, start_cluster() as cluster:
        monkeypatch.setenv("EXPLORER_STORAGE", url)
        there = Manager(root, database, worker_command=lambda: COMMAND, cluster=cluster.address)
        try:
            run = create(there, epochs=2, **PAIR)
            done = until_status(there, run.id, "finished", "failed")
            assert done.status == "finished", (done.reason, texts(there, run.id))
            assert len(set(Path(cluster.folder).glob(f"*/cluster/{there.home_id}"))) == 2
            run = create(there, epochs=1000, **PAIR)
            until_step(there, run.id, 20)
            until(lambda: "[rank 1] " in read_log(root, run.id), manager=there)  # while it trains
            there.stop(run.id)
            assert until_status(there, run.id, "stopped", "failed").status == "stopped"
            said = [line for line in read_log(root, run.id).splitlines() if "[rank 1] " in line]
            assert len(said) == len(set(said))  # torch says when: nothing was passed on twice
        finally:
            there.close()


@thorough(SMALL)
@pytest.mark.usefixtures("light_workers")
def test_what_needs_more_machines_waits_and_says_so(there: Manager, cluster: Any) -> None:
    run = create(there, epochs=1, processes=3, device="cpu")
    waits = "waits for machines with 1 CPU for each of 3 processes; the cluster has too few"
    until(lambda: there.store.get(run.id).reason == waits, manager=there)
    node = add_node(cluster)
    assert until_status(there, run.id, "finished", "failed").status == "finished"
    cluster.remove_node(node)


def test_each_process_is_told_who_it_is_and_where_the_first_one_listens() -> None:
    """Two on the first machine, with a GPU each, one on another: GPUs are counted on each machine for itself."""
    places = [("a", "10.0.0.1", ["3"]), ("b", "10.0.0.2", ["0"]), ("a", "10.0.0.1", ["1"])]
    found = {
        rank: {"node": node, "address": address, "port": 4000 + rank, "gpus": gpus}
        for rank, (node, address, gpus) in enumerate(places)
    }
    told = [make_environment(found, rank) for rank in range(3)]
    meeting = {(each["MASTER_ADDR"], each["MASTER_PORT"], each["WORLD_SIZE"]) for each in told}
    assert meeting == {("10.0.0.1", "4000", "3")}
    assert [each["RANK"] for each in told] == ["0", "1", "2"]
    assert [each["LOCAL_RANK"] for each in told] == ["0", "0", "1"]
    assert [each["CUDA_VISIBLE_DEVICES"] for each in told] == ["3,1", "0", "3,1"]
    for each in found.values():
        each["gpus"] = []
    assert "CUDA_VISIBLE_DEVICES" not in make_environment(found, 0)


def test_the_interface_of_an_address_is_found() -> None:
    assert _find_interface("127.0.0.1") in ("lo", "")
    assert _find_interface("203.0.113.7") == ""
