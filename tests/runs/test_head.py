"""Ray's head restarts and has forgotten everything: what trained goes on, and what waited is handed to it again."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from explorer.runs import Manager
from tests.sizes import thorough

from .clusters import STORE, add_node, start_cluster, start_server
from .parts import create, curve, make_database, texts, until, until_status

_RAYLET_SECONDS = 60
"""So long does a node look for its head before it gives up; what it trains goes on meanwhile."""


@pytest.fixture
def port() -> int:
    """Where every head listens, as one does that an administrator starts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
        return found


@pytest.fixture
def cluster_there(port: int) -> Iterator[Any]:
    """A head at that port and two nodes."""
    with start_cluster(gcs_server_port=port) as made:
        yield made


@thorough("tests/runs/test_cluster_processes.py::test_processes_of_a_run_are_on_several_machines")
@pytest.mark.timeout(600)
def test_a_head_that_restarts_costs_no_run_and_no_server(
    root: Path, server: str, port: int, cluster_there: Any
) -> None:
    database = make_database(server, "head")
    manager = Manager(root, database)
    supervisor = start_server(root, database, cluster_there.address)
    try:
        run = create(manager, epochs=1000)
        until(lambda: manager.store.get(run.id).step > 20)
        waiting = [create(manager, epochs=1) for _ in range(2)]  # one at least has no machine yet
        cluster_there.remove_node(cluster_there.head_node, allow_graceful=False)
        cluster_there.add_node(num_cpus=0, include_dashboard=False, gcs_server_port=port, **STORE)
        for _ in range(2):
            add_node(cluster_there)
        step = manager.store.get(run.id).step
        until(lambda: manager.store.get(run.id).step > step)  # training needs no head
        for each in waiting:
            assert until_status(manager, each.id, "finished", "failed", "interrupted").status == "finished"
        # The old nodes give up, and with them their workers; the run goes on at the new one.
        until(lambda: manager.store.get(run.id).attempt == 2, seconds=2 * _RAYLET_SECONDS + 60)
        assert any("left the cluster; it goes on elsewhere" in text for text in texts(manager, run.id))
        step = max(curve(manager, run.id))
        until(lambda: max(curve(manager, run.id)) > step + 20)
        manager.stop(run.id)
        assert until_status(manager, run.id, "stopped", "failed", "interrupted").status == "stopped"
        assert list(curve(manager, run.id)) == list(range(1, manager.store.get(run.id).step + 1))
        assert supervisor.poll() is None
    finally:
        supervisor.kill()
        supervisor.communicate()
