"""Runs on a real Ray cluster of three nodes, which share this machine; and what is decided without asking Ray."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from explorer.cli import main
from explorer.datasets import import_images
from explorer.runs import (
    ExperimentRow,
    Lock,
    Manager,
    Point,
    Run,
    RunFolder,
    Store,
    Superseded,
    Trial,
    _devices,
    checkpoint_step,
    is_locked,
    list_checkpoints,
    new_run_id,
    read_note,
)
from explorer.runs._ray import RayPlace
from explorer.runs._ray_connection import ClusterError, Gateway
from explorer.runs._records import NODE_GONE, WORKER_GONE
from explorer.training import open_manager
from explorer.training._cluster import claim
from pages.ui.manager import manager as page_manager
from tests.datasets.makers import png, zipped
from tests.pages.parts import messages, mounted, open_page
from tests.sizes import thorough
from tests.training.parts import network

from .clusters import (
    COMMAND,
    STORE,
    add_node,
    assert_as_if_undisturbed,
    node_of,
    start_cluster,
    start_server,
    weights,
)
from .forking import REPOSITORY
from .object_store import serve_s3
from .parts import create, curve, texts, until, until_status, until_step, worker

SMALL = "tests/runs/test_cluster_processes.py::test_processes_of_a_run_are_on_several_machines"
"""The test that `make test` runs on Ray."""


@thorough("tests/runs/test_queue.py::test_a_cluster_is_given_runs_in_the_same_order")
@pytest.mark.usefixtures("light_workers")
def test_a_cluster_is_fair(there: Manager) -> None:
    """A single run waits for one of two trials to end, not for the six that were queued before it."""
    row = ExperimentRow(id=new_run_id(), name="seeds", created=1.0, plan="{}")
    there.save_experiment(row)
    pattern = there.store.get(create(there, epochs=3).id)
    there.delete(pattern.id)
    trials = [
        there.create("trial", pattern.architecture, pattern.config, trial=Trial(experiment=row.id, variant="", seed=n))
        for n in range(6)
    ]
    until(lambda: len(there.store.runs("running", "finished")) == 2, manager=there)
    single = there.create("single", pattern.architecture, pattern.config)
    until_status(there, single.id, "running", "finished", "failed")
    others = [there.store.get(run.id).status for run in trials]
    assert others.count("queued") >= 3, others
    assert until_status(there, single.id, "finished", "failed").status == "finished"


@thorough(SMALL)
def test_the_page_of_a_server_follows_a_run_of_the_cluster(
    cluster: Any, root: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts the run, shows its course while it trains, and has its log."""
    monkeypatch.setenv("EXPLORER_DATABASE_URL", database)
    monkeypatch.setenv("EXPLORER_CLUSTER", cluster.address)
    run = create(Manager(root), epochs=1000)
    page = open_page("train")
    try:
        until(lambda: page_manager().store.get(run.id).step > 20)
        page.run()
        assert (page.exception, messages(page)) == ([], "")
        assert run.name in [header.value for header in page.header]
        assert page_manager().store.get(run.id).place == "ray"
        assert "–" not in [cell.value for cell in page.metric if cell.label in ("Training loss", "Images a second")]
        assert mounted(page, "curves")
        assert RunFolder(root, run.id).log.is_file()
        page.button(key="stop").click().run()
        until(lambda: page_manager().store.get(run.id).status == "stopped")
        page.run()
        assert not page.exception
    finally:
        page_manager().stop(run.id)
        until(lambda: not page_manager().store.runs("queued", "running"))
        page_manager().close()


@thorough(SMALL)
@pytest.mark.usefixtures("light_workers")
def test_a_run_pauses_and_goes_on_as_on_one_machine(there: Manager) -> None:
    run = create(there, epochs=5)
    until_step(there, run.id, 10)
    there.pause(run.id)
    assert until_status(there, run.id, "paused", "finished", "failed").status == "paused"
    there.resume(run.id)
    assert until_status(there, run.id, "finished", "failed").status == "finished", there.run(run.id).reason
    assert there.run(run.id).attempt == 2
    assert_as_if_undisturbed(there, run.id, 5)


@thorough(SMALL)
@pytest.mark.usefixtures("light_workers")
@pytest.mark.parametrize("how", ["all at once", "its worker lives on"])
def test_a_node_that_is_lost_is_replaced(cluster: Any, there: Manager, how: str) -> None:
    """Its last words are none; or its worker, which outlives it, leaves the run to another one."""
    run = create(there, epochs=5)
    until_step(there, run.id, 60)
    process = psutil.Process(worker(there, run.id))
    supervisor, node = process.parent(), node_of(cluster, process)
    assert supervisor is not None
    if how == "all at once":
        supervisor.kill()
        process.kill()
    cluster.remove_node(node, allow_graceful=False)
    try:
        done = until_status(there, run.id, "finished", "failed", "interrupted", seconds=280)
        assert (done.status, done.attempt) == ("finished", 2), (done.reason, texts(there, run.id))
        assert any("left the cluster; it goes on elsewhere" in text for text in texts(there, run.id))
        assert_as_if_undisturbed(there, run.id, 5)
    finally:
        add_node(cluster)


@thorough(SMALL)
@pytest.mark.usefixtures("light_workers")
def test_a_server_that_is_killed_takes_no_run_with_it(
    cluster: Any, root: Path, database: str, there: Manager
) -> None:
    run = create(there, epochs=5)
    server = start_server(root, database, cluster.address)
    try:
        until(lambda: there.store.get(run.id).step > 50)
    finally:
        server.kill()
        server.communicate()
    step = there.store.get(run.id).step
    until(lambda: there.store.get(run.id).step > step + 100)  # nobody looks after it
    assert until_status(there, run.id, "finished", "failed", "interrupted").attempt == 1
    assert_as_if_undisturbed(there, run.id, 5)


# ---- what is decided without asking Ray ------------------------------------------------------------------------------


@pytest.fixture
def place(root: Path, database: str) -> RayPlace:
    """A place that has no cluster."""
    manager = Manager(root, database)
    return RayPlace("auto", root, database, manager.store, manager.home_id, lambda: COMMAND)


@pytest.fixture
def running(root: Path, database: str) -> Run:
    manager = Manager(root, database)
    run = create(manager)
    manager.store.update(run.id, status="running", attempt=1, place="ray", host="far", heartbeat=5.0)
    return manager.store.get(run.id)


def test_a_heartbeat_counts_by_its_change_on_the_clock_of_whoever_looks(
    place: RayPlace, running: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1e6]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def look(seconds: float, heartbeat: float = 5.0, names: set[str] | None = None) -> bool:
        now[0] += seconds
        place._names, place._looked = names if names is not None else set(), now[0]
        return place.is_alive(Run(**{**running.__dict__, "heartbeat": heartbeat}))

    assert all(look(1) for _ in range(10))
    assert not look(1)
    assert look(1, heartbeat=-7.0)  # another clock; what counts is that it is another value
    assert all(look(1, -7.0) for _ in range(9))
    assert look(100, -7.0)  # the database was away, and nobody looked
    assert all(look(1, -7.0) for _ in range(9))
    assert not look(1, -7.0)
    assert look(1, -7.0, {f"{running.id}-1"})
    assert not look(1, -7.0, {f"{running.id}-2"}) or look(11, -7.0)
    place._names = None  # Ray cannot be reached
    now[0] += 1000
    assert place.is_alive(running)


def test_who_has_no_cluster_judges_no_run_of_one(root: Path, database: str, running: Run) -> None:
    manager = open_manager(root, database)
    manager.tick()
    assert [run.status for run in manager.runs()] == ["running"]
    assert manager.stop(running.id).requested_action == "stop"
    manager.tick()
    assert manager.run(running.id).status == "running"


def test_a_run_that_loses_its_worker_again_and_again_is_left_alone(place: RayPlace, running: Run) -> None:
    """Whether its machine is gone, or it died alone; to be asked twice about the same loss is no other one."""
    assert place.find_end(running) == ("queued", NODE_GONE)
    for attempt, step in enumerate((5, 5, 7, 3, 7, 7, 2), start=1):
        reason = NODE_GONE if attempt % 2 else WORKER_GONE
        lost = Run(**{**running.__dict__, "status": "queued", "reason": reason, "step": step, "attempt": attempt})
        for _ in range(2):
            problem = place._find_problem(lost)
            assert (problem is None) == (attempt < 7)
    assert problem == ("interrupted", "it lost its worker 5 times without a new step; resume it to try again")


def test_a_worker_that_was_replaced_writes_nothing(root: Path, database: str, running: Run) -> None:
    store = Store(database)
    store.update(running.id, attempt=2)
    point = Point(series="train/loss", step=1, value=1.0, seconds=0.1)
    with pytest.raises(Superseded, match=r"attempt 1 of run \S+ is no longer the one that trains it"):
        store.record(running.id, [point], attempt=1, step=1)
    assert (store.points(running.id, "train/loss"), store.get(running.id).step) == ([], 0)
    store.record(running.id, [point], attempt=2, step=1)
    assert store.get(running.id).step == 1


def test_a_worker_that_has_no_run_yet_ends_with_its_supervisor(root: Path, database: str) -> None:
    """It waits for the lock, which another process has; it would have begun after some seconds."""
    manager = Manager(root, database)
    run = create(manager)
    folder = RunFolder(root, run.id)
    held = Lock.acquire(folder.lock)
    assert held is not None
    told = {"EXPLORER_DATABASE_URL": database, "EXPLORER_RUN_ATTEMPT": "1", "EXPLORER_RUN_DEVICE": "cpu"}
    process = subprocess.Popen([*COMMAND, run.id], cwd=REPOSITORY, env={**os.environ, **told}, stdin=subprocess.PIPE)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(5)
    process.communicate(timeout=30)
    assert (process.returncode, manager.store.get(run.id).status) == (1, "queued")
    held.release()


def test_a_machine_tells_the_memory_of_all_its_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also to a task that may use none; a machine whose driver tells nothing counts as unknown."""
    ask = "import json, os; print(json.dumps([['cuda:%d' % n, 'GPU', (n + 1) * 10**9 * ('CUDA_VISIBLE_DEVICES' not in "
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(_devices, "_ASK", ask + "os.environ)] for n in range(2)]))")
    assert _devices.find_gpu_bytes() == 10**9
    monkeypatch.setattr(_devices, "_ASK", "raise OSError")
    assert _devices.find_gpu_bytes() == 0


@thorough("tests/runs/test_cluster.py::test_a_machine_tells_the_memory_of_all_its_gpus")
def test_a_node_with_a_gpu_is_asked_for_its_memory_once(caplog: pytest.LogCaptureFixture) -> None:
    """Here it has none, whatever is declared: nothing is known of it, and nothing fails."""
    with start_cluster() as cluster:
        cluster.add_node(num_cpus=1, num_gpus=2, **STORE)
        gateway = Gateway(cluster.address, "inception-explorer-test")
        try:
            for _ in range(20):
                found = gateway.ask("look")["machines"]
                assert sorted((each["gpus"], each["gpu_bytes"]) for each in found) == [(0, 0), (0, 0), (0, 0), (2, 0)]
                time.sleep(1)
        finally:
            gateway.close()
    assert caplog.text == ""


@thorough(SMALL)
@pytest.mark.usefixtures("light_workers")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Ray leaves its own logs open
@pytest.mark.parametrize("processes", [1, 2])
def test_a_server_outside_the_cluster_reaches_it_by_a_port(root: Path, database: str, processes: int) -> None:
    """ray://host:port, Ray Client: the same run, and what is asked of it on its way."""
    pytest.importorskip("grpc", reason="needs ray[client]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with start_cluster(ray_client_server_port=port):
        there = Manager(root, database, worker_command=lambda: COMMAND, cluster=f"ray://127.0.0.1:{port}")
        try:
            run = create(there, epochs=2, processes=processes, device="cpu")
            done = until_status(there, run.id, "finished", "failed")
            assert (done.status, done.attempt, done.place) == ("finished", 1, "ray"), done.reason
            assert_as_if_undisturbed(there, run.id, 2, processes=processes, device="cpu")
            other = create(there, epochs=1000)
            until_step(there, other.id, 1)
            there.stop(other.id)
            assert until_status(there, other.id, "stopped", "failed").status == "stopped"
        finally:
            there.close()


def test_what_is_missing_is_one_sentence(
    root: Path, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXPLORER_CLUSTER", "auto")
    assert main(["runs", "list"]) == 2
    assert "EXPLORER_CLUSTER=auto needs a database that all machines reach: set EXPLORER_DATABASE_URL" in (
        capsys.readouterr().err
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ClusterError, match=r"needs the package ray, which is not installed; run: pip install 'ray>=2"):
        Manager(root, database)


def test_a_cluster_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="needs tests/requirements.txt")
    monkeypatch.setenv("RAY_ADDRESS", "")
    gateway = Gateway("nonsense://x", "test")
    with pytest.raises(ClusterError, match=r"the Ray cluster 'nonsense://x' cannot be reached: \S"):
        gateway.ask("look")
    with pytest.raises(ClusterError, match="could not be reached; trying again soon"):
        gateway.ask("look")
    gateway.close()


def test_of_two_workers_of_an_attempt_one_trains(
    root: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where two servers have started it, or a run was paused while it waited in Ray."""
    manager = Manager(root, database)
    run = create(manager)
    monkeypatch.setenv("EXPLORER_RUN_ATTEMPT", "1")
    monkeypatch.setenv("EXPLORER_RUN_DEVICE", "cpu")
    with claim(root, manager.store, run.id):
        found = manager.store.get(run.id)
        assert (found.status, found.attempt, found.place, found.device) == ("running", 1, "ray", "cpu")
    with pytest.raises(ValueError, match=rf"run {run.id} no longer waits for attempt 1"):
        claim(root, manager.store, run.id)
    assert manager.store.get(run.id).attempt == 1
    assert not is_locked(RunFolder(root, run.id).lock)


README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
SECTION = README[README.index("### On a cluster") : README.index("## Predictions of a trained network")]


def commands(program: str) -> list[list[str]]:
    """The arguments of a program in README's section."""
    return [shlex.split(line, comments=True) for line in re.findall(rf"^    {program} (.*)$", SECTION, re.M)]


def test_ray_understands_the_commands_of_the_readme() -> None:
    scripts = pytest.importorskip("ray.scripts.scripts", reason="needs tests/requirements.txt")
    found = commands(".venv/bin/ray start")
    assert len(found) == 2
    for arguments in found:
        scripts.start.make_context("start", arguments)
    assert set(re.findall(r"^\| `(EXPLORER_\w+)` \|", SECTION, re.M)) == set(re.findall(r"EXPLORER_\w+", README))


@thorough(SMALL)
def test_the_command_of_the_readme_trains(
    cluster: Any, there: Manager, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXPLORER_DATABASE_URL", database)
    (arguments,) = commands(".venv/bin/python -m explorer")
    arguments = [cluster.address if word == "auto" else word for word in arguments]
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["home"]) == ("queued", there.home_id)
    until_step(there, told["id"], 1)
    assert main(["runs", "stop", told["id"]]) == 0
    assert until_status(there, told["id"], "stopped", "failed").status == "stopped"
    capsys.readouterr()
    assert main(["runs", "list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["place"], listed["host"]) == ("ray", socket.gethostname())


# ---- machines that share no folder ----------------------------------------------------------------------------------


def test_a_store_that_is_none_is_one_sentence(
    root: Path, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXPLORER_STORAGE", "s4://bucket")
    monkeypatch.setenv("EXPLORER_DATABASE_URL", database)
    with pytest.raises(ClusterError, match="EXPLORER_STORAGE=s4://bucket names no object store"):
        Manager(root, cluster="auto")
    assert main(["train", "lenet-5", "--cluster", "auto"]) == 2
    assert capsys.readouterr().err.startswith("explorer: EXPLORER_STORAGE=s4://bucket names no object store")


def pets(root: Path) -> str:
    """A data set that only this machine has."""
    members = {f"class{place}/{number}.png": png(100 * place + number) for place in range(10) for number in range(12)}
    return import_images(zipped(root.with_name("pets.zip"), members), size=(12, 12)).name


def copied(manager: Manager, run: str) -> bool:
    """Whether the server has all that the worker has left."""
    note = read_note(RunFolder(manager.root, run).lock)
    return bool("status" in note and note["attempt"] == manager.store.get(run).attempt)


@thorough("tests/runs/test_copies.py::test_all_is_sent_before_a_run_says_that_it_has_ended")
@pytest.mark.usefixtures("light_workers")
def test_machines_that_share_no_folder_have_an_object_store(
    cluster: Any, root: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run on images that were imported on the server; another machine trains it, in a folder of its own."""
    store = root.with_name("store")
    monkeypatch.setenv("EXPLORER_STORAGE", f"file://{store}")
    there = Manager(root, database, worker_command=lambda: COMMAND, cluster=cluster.address)
    try:
        run = create(there, network(classes=10), dataset=pets(root), batch_size=8, epochs=2)
        done = until_status(there, run.id, "finished", "failed")
        assert (done.status, done.place) == ("finished", "ray"), (done.reason, texts(there, run.id))
        until(lambda: copied(there, run.id), manager=there)
        alone = open_manager(root)
        other = create(alone, network(classes=10), dataset=run.setting("dataset"), batch_size=8, epochs=2)
        assert until_status(alone, other.id, "finished", "failed").status == "finished"
        expected, found = weights(root, other.id), weights(root, run.id)
        assert all(torch.equal(value, found[name]) for name, value in expected.items())
        assert curve(there, run.id) == curve(alone, other.id)
        (trained,) = Path(tempfile.gettempdir()).glob(f"explorer-nodes-*/*/cluster/{there.home_id}/runs/{run.id}")
        assert RunFolder(root, run.id).log.read_bytes() == (trained / "log.txt").read_bytes()
        assert {path.name for path in (store / "runs").iterdir()} == {run.id}
        there.delete(run.id)
        assert list((store / "runs").iterdir()) == []
    finally:
        there.close()


@thorough("tests/runs/test_copies.py::test_all_is_sent_before_a_run_says_that_it_has_ended")
@pytest.mark.usefixtures("light_workers")
def test_a_run_goes_on_elsewhere_from_what_its_machine_has_sent(
    root: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node and its worker die; the other node has the checkpoints from S3, and the server all of it in the end."""
    with serve_s3(monkeypatch) as url, start_cluster() as cluster:
        monkeypatch.setenv("EXPLORER_STORAGE", url)
        there = Manager(root, database, worker_command=lambda: COMMAND, cluster=cluster.address)
        try:
            run = create(there, epochs=20)  # far from its end when its first files are here
            folder = RunFolder(root, run.id)
            until(lambda: any(map(checkpoint_step, list_checkpoints(folder.checkpoints))), manager=there)
            process = psutil.Process(read_note(folder.lock)["pid"])
            supervisor, node = process.parent(), node_of(cluster, process)
            assert supervisor is not None
            supervisor.kill()
            process.kill()
            cluster.remove_node(node, allow_graceful=False)
            done = until_status(there, run.id, "finished", "failed", "interrupted", seconds=280)
            assert (done.status, done.attempt) == ("finished", 2), (done.reason, texts(there, run.id))
            (begun,) = [text for text in texts(there, run.id) if text.startswith("attempt 2")]
            assert int(begun.rpartition(" ")[2]) > 0, begun
            until(lambda: copied(there, run.id), manager=there)
            assert_as_if_undisturbed(there, run.id, 20)
        finally:
            there.close()
