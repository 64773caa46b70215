"""Everything that a cluster consists of dies at random, and comes back; the runs are trained as if nothing had.

The long form, some twenty minutes: ``pytest -m soak tests/runs/test_chaos.py -s``. It tells what it does and has done.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sql
import torch

from explorer.runs import Manager, Run, RunFolder, Store, is_locked, read_note
from explorer.runs._home import run_folders
from explorer.training import open_manager
from tests.sizes import thorough

from .clusters import add_node, kill_database, raylet_of, start_database, start_server, weights
from .parts import create, curve, end_all, make_database, until_status

EPOCHS = (4, 6, 8)
STEPS_AN_EPOCH = 63
_PATIENCE_SECONDS = 3600.0
_AHEAD = 4
"""So many strikes before the first run has ended."""
DOWN_SECONDS = 4.0
"""For so long at most something is gone before it comes back."""


class World:
    """A cluster, a database, and a server for each data directory; what can happen to them."""

    def __init__(self, cluster: Any, postgres: Any, database: str, roots: list[Path], seed: int) -> None:
        self.cluster, self.postgres, self.database, self.roots = cluster, postgres, database, roots
        self.store = Store(database)
        self.random = random.Random(seed)
        self.happened: Counter[str] = Counter()
        self.database_away = False
        self._began = time.monotonic()
        self._servers: dict[Path, subprocess.Popen[str]] = {}
        self._due: list[tuple[float, Callable[[], None]]] = []

    def tell(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:7.1f} s  {text}", flush=True)

    def later(self, what: Callable[[], None]) -> None:
        """Do something when what it belongs to has been gone for a while."""
        self._due.append((time.monotonic() + self.random.uniform(0.5, DOWN_SECONDS), what))

    def look_after(self) -> None:
        """What an operating system does: bring back what is due, and start servers that have ended."""
        ready = [each for each in self._due if each[0] <= time.monotonic()]
        self._due = [each for each in self._due if each not in ready]
        for _, what in ready:
            what()
        for root in self.roots:
            server = self._servers.get(root)
            if server is None or server.poll() is not None:
                self._servers[root] = start_server(root, self.database, self.cluster.address)

    def close(self) -> None:
        for server in self._servers.values():
            server.kill()
            server.communicate()
        for _, what in self._due:
            what()

    # ---- what happens -----------------------------------------------------------------------------------------------

    def kill_worker(self) -> str:
        found = [] if self.database_away else self.store.runs("running")
        self.random.shuffle(found)
        for run in sorted(found, key=lambda run: not run.step):  # in its midst where there is one
            (root,) = [root for root in self.roots if RunFolder(root, run.id).path.is_dir()]
            lock = RunFolder(root, run.id).lock
            process = read_note(lock).get("pid")
            if isinstance(process, int) and is_locked(lock):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
                    return f"worker of {run.id} at step {run.step}"
        return ""

    def kill_node(self) -> str:
        """Ray's part of it alone, whose workers notice; or all at once."""
        nodes = list(self.cluster.worker_nodes)
        if len(nodes) < 2:
            return ""
        node = self.random.choice(nodes)
        raylet, at_once = raylet_of(node), self.random.random() < 0.5
        below = raylet.children(recursive=True) if raylet is not None and at_once else []
        for process in below:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.cluster.remove_node(node, allow_graceful=False)
        self.later(lambda: add_node(self.cluster))
        return f"node with {len(below)} processes" if at_once else "node alone"

    def kill_server(self) -> str:
        root, server = self.random.choice(list(self._servers.items()))
        server.kill()
        server.communicate()
        return f"server of {root.name}"

    def kill_database(self) -> str:
        if self.database_away:
            return ""
        kill_database(self.postgres)
        self.database_away = True
        self.later(self.start_database)
        return "database"

    def start_database(self) -> None:
        start_database(self.postgres)
        self.database_away = False

    def strike(self, kind: str) -> None:
        if what := getattr(self, f"kill_{kind}")():
            self.happened[kind] += 1
            self.tell(f"killed: {what}")


@pytest.fixture
def homes(root: Path) -> Iterator[list[Path]]:
    """Two data directories, as of two hosts."""
    other = root.with_name("other home")
    yield [root, other]
    end_all(other)


@pytest.mark.usefixtures("light_workers")
@pytest.mark.parametrize(
    ("count", "strikes", "seed"),
    [
        pytest.param(
            6, 4, 1,
            marks=thorough("tests/runs/test_cluster_processes.py::test_processes_of_a_run_are_on_several_machines"),
        ),
        pytest.param(60, 1000, 7, marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
    ],
)
def test_each_run_is_trained_once_whatever_dies(
    cluster: Any, postgres: Any, server: str, homes: list[Path], count: int, strikes: int, seed: int
) -> None:
    """``strikes`` at most: nodes, workers, servers and the database in turn, in an order and at moments by the seed."""
    database = make_database(server, f"chaos {count}")
    managers = [Manager(home, database) for home in homes]
    runs = [
        create(managers[number % 2], epochs=EPOCHS[number % 3], seed=number % 3, checkpoint_seconds=0.2)
        for number in range(count)
    ]
    world = World(cluster, postgres, database, homes, seed)
    try:
        until_ended(world, strikes)
        found = world.store.find([run.id for run in runs])
        world.tell(f"{dict(world.happened)}; attempts {dict(Counter(run.attempt for run in found))}")
    finally:
        world.close()
    assert [(run.id, run.status, run.reason) for run in found if run.status != "finished"] == []
    for manager in managers:  # neither server has touched what is the other's
        assert run_folders(manager.root) == sorted(run.id for run in found if run.home == manager.home_id)
    assert set(world.happened) == {"node", "worker", "server", "database"}
    for number in range(3):
        assert_as_if_undisturbed(managers, [run for run in found if run.setting("seed") == number], number)


def until_ended(world: World, strikes: int) -> None:
    """Strike every few seconds, beginning as soon as something is trained, until all runs have ended.

    Never much more often than runs end: on a machine so slow that a worker dies before it has begun, none would.
    """
    kinds: list[str] = []
    statuses: Counter[str] = Counter()
    end, strike_at, done = time.monotonic() + _PATIENCE_SECONDS, 0.0, 0
    while True:
        world.look_after()
        if not world.database_away:
            statuses = Counter(world.store.statuses().values())
        if not statuses.keys() & {"queued", "running"}:
            return
        assert time.monotonic() < end, statuses
        if not strike_at and statuses["running"]:
            strike_at = time.monotonic() + 3
        if strike_at and time.monotonic() > strike_at and done < min(strikes, statuses["finished"] + _AHEAD):
            kinds = kinds or world.random.sample(["node", "worker", "worker", "server", "database"], 5)
            world.strike(kinds.pop())
            done += 1
            strike_at = time.monotonic() + world.random.uniform(1.0, 8.0)
            world.tell(", ".join(f"{name} {number}" for name, number in statuses.items()))
        time.sleep(0.1)


def assert_as_if_undisturbed(managers: list[Manager], runs: list[Run], number: int) -> None:
    """Each is the local run of its configuration, to which nothing happened: weights, and every step once."""
    alone = open_manager(managers[0].root.with_name(f"alone {number}"))
    other = create(alone, epochs=EPOCHS[number], seed=number)
    assert until_status(alone, other.id, "finished", "failed").status == "finished"
    expected, losses = weights(alone.root, other.id), curve(alone, other.id)
    alone.close()
    steps = STEPS_AN_EPOCH * EPOCHS[number]
    assert list(losses) == list(range(1, steps + 1))
    for run in runs:
        (manager,) = [each for each in managers if each.owns(run)]
        assert curve(manager, run.id) == losses, run.id
        assert count_rows(manager.store.url, run.id) == steps
        assert [text for _, text in manager.store.events(run.id) if text.startswith("finished")] == ["finished"]
        found = weights(manager.root, run.id)
        assert found.keys() == expected.keys()
        assert all(torch.equal(value, found[name]) for name, value in expected.items()), run.id


def count_rows(url: sql.URL, run: str) -> int:
    """How many losses of steps stand in the store."""
    query = sql.text("SELECT count(*) FROM metrics WHERE run = :run AND series = 'train/loss'")
    with sql.create_engine(url, poolclass=sql.pool.NullPool).connect() as connection:
        found: int = connection.execute(query, {"run": run}).scalar_one()
        return found
