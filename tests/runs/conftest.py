"""A data directory of its own for every test, and no worker left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from explorer.runs import Manager
from explorer.training import open_manager

from .clusters import COMMAND, start_cluster, start_postgres
from .parts import end_all, make_database, until


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "home"
    monkeypatch.setenv("EXPLORER_HOME", str(folder))
    yield folder
    end_all(folder)


@pytest.fixture
def manager(root: Path) -> Iterator[Manager]:
    made = open_manager(root)
    yield made
    made.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A PostgreSQL server of our own, reached by a socket in a folder. Who kills it starts it again."""
    with start_postgres() as running:
        yield running


@pytest.fixture(scope="session")
def server(postgres: Any) -> str:
    """The address of that server."""
    address: str = postgres.get_uri()
    return address.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Ray cluster of three nodes, which share this machine: a head, and two of one CPU each."""
    with start_cluster() as made:
        yield made


@pytest.fixture
def database(root: Path, request: pytest.FixtureRequest) -> str:
    """The long tests use PostgreSQL; a process that is killed does not hold up the others there."""
    if request.node.get_closest_marker("thorough"):
        return make_database(request.getfixturevalue("server"), request.node.name)
    return f"sqlite:///{root.with_name('shared.sqlite')}"


@pytest.fixture
def there(cluster: Any, root: Path, database: str) -> Iterator[Manager]:
    """A manager whose runs are trained on the cluster."""
    made = Manager(root, database, worker_command=lambda: COMMAND, cluster=cluster.address)
    yield made
    for run in made.store.runs("queued", "running"):
        made.stop(run.id)
    until(lambda: not made.store.runs("queued", "running"), seconds=60, manager=made)
    made.close()
