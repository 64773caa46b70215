"""One connection serves the questions of a moment, and never another file, another process or a server that is gone."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sql

from explorer.runs import Manager, Store, StoreError, _connections, connect_store, open_store

from .parts import create, execute, make_database


def opened(store: Store) -> list[object]:
    """The connections that the store opens from now on."""
    found: list[object] = []
    sql.event.listen(store._engine, "connect", lambda connection, record: found.append(connection))
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else make_database(request.getfixturevalue("server"), request.node.name)


def test_one_for_the_questions_of_a_moment(root: Path, url: str | None) -> None:
    store, _ = open_store(root, url)
    seldom = connect_store(root, url)  # a worker's
    ours, theirs = opened(store), opened(seldom)
    for _ in range(10):
        assert store.statuses() == seldom.statuses() == {}
    assert (len(ours) <= 1, len(theirs)) == (True, 10)
    time.sleep(_connections._REST_SECONDS * 1.5)
    before = len(ours)
    store.statuses()
    assert len(ours) == before + 1, "a connection that rested is not used again"
    store.close()
    store.statuses()
    assert len(ours) == before + 2


def test_what_is_closed_while_it_is_asked_is_closed_behind_that(root: Path, url: str | None) -> None:
    """A manager closes the store while its thread looks after the runs."""
    store, _ = open_store(root, url)
    with store._transaction() as connection:
        theirs = connection.connection.dbapi_connection
        store.close()
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    with pytest.raises(Exception, match="closed"):
        theirs.cursor()
    assert store.statuses() == {}


def test_a_server_that_begins_again_is_asked_again(root: Path, server: str) -> None:
    url = make_database(server, "begins again")
    store, _ = open_store(root, url)
    ours = opened(store)
    execute(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid() "
                 "AND datname = current_database()")  # fmt: skip
    with pytest.raises(StoreError, match="terminating connection") as told:  # in the same moment
        store.statuses()
    assert told.value.away
    assert store.statuses() == {}
    assert len(ours) == 1


@pytest.mark.parametrize("way", [os.replace, shutil.copyfile])
def test_a_file_put_in_its_place_is_read(root: Path, tmp_path: Path, way: Callable[[Path, Path], object]) -> None:
    """A backup that was moved or copied over the file, in the moment between two questions."""
    known = create(Manager(tmp_path / "other")).id
    store, _ = open_store(root)
    ours = opened(store)
    assert store.statuses() == {}
    way(tmp_path / "other" / "runs.sqlite", root / "runs.sqlite")
    assert list(store.statuses()) == [known]
    assert len(ours) >= 1


def test_none_is_shared_with_a_fork(root: Path) -> None:
    store, _ = open_store(root)
    store.statuses()
    (kept,) = [record.dbapi_connection for record in store._engine.pool._pool.queue]
    child = os.fork()
    if not child:  # nothing of pytest runs here
        asked = opened(store)
        os._exit(0 if store.statuses() == {} and len(asked) == 1 and asked[0] is not kept else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store._engine.pool._pool.queue[0].dbapi_connection is kept


def test_deleting_on_a_full_disk_leaves_no_journal_in_memory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = Manager(root)
    run, store = create(manager).id, manager.store
    full = [StoreError("the disk is full", code=13)]
    assert full[0].disk_full
    transaction = store._transaction

    def refuse_once() -> object:
        if full:
            raise full.pop()
        return transaction()

    monkeypatch.setattr(store, "_transaction", refuse_once)
    store.remove(run)
    monkeypatch.undo()
    assert store.statuses() == {}
    with store._transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
