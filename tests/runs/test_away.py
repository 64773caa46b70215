"""The database is away for a while: nothing is lost, nothing is trained twice, and whoever asks is told in a sentence.

The long form, two minutes on a cluster: ``pytest -m soak tests/runs/test_away.py``.
"""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from explorer.cli import main
from explorer.person import Person
from explorer.runs import Manager, StoreError
from explorer.training import open_manager
from pages.ui.manager import manager as page_manager
from tests.pages.parts import messages, open_page

from .clusters import assert_as_if_undisturbed, kill_database, start_database, start_server
from .parts import create, make_database, texts, until, until_status


@pytest.mark.usefixtures("light_workers")
@pytest.mark.parametrize(
    ("place", "seconds"),
    [("here", 3.0), pytest.param("cluster", 120.0, marks=[pytest.mark.soak, pytest.mark.timeout(900)])],
)
def test_a_database_that_is_away_costs_nothing(
    root: Path, postgres: Any, server: str, request: pytest.FixtureRequest, place: str, seconds: float
) -> None:
    database = make_database(server, place)
    supervisor = None
    if place == "cluster":
        supervisor = start_server(root, database, request.getfixturevalue("cluster").address)
        manager = Manager(root, database)
    else:
        manager = open_manager(root, database)
        manager.supervise()
    try:
        epochs = 3 if place == "here" else 8
        run = create(manager, epochs=epochs)
        until(lambda: manager.store.get(run.id).step > 20)
        kill_database(postgres)
        time.sleep(seconds)
        with pytest.raises(StoreError, match=r"the run store postgresql\S+ does not answer: [^\n]+$") as told:
            manager.runs()
        assert told.value.away
        start_database(postgres)
        assert until_status(manager, run.id, "finished", "failed", "interrupted").status == "finished"
        assert (manager.store.get(run.id).attempt, manager.store.get(run.id).reason) == (1, "")
        assert texts(manager, run.id)[-1] == "finished"
        assert_as_if_undisturbed(manager, run.id, epochs)
    finally:
        manager.close()
        if supervisor is not None:
            supervisor.kill()
            supervisor.communicate()


def test_page_and_command_say_so_and_come_back(
    root: Path, postgres: Any, server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXPLORER_DATABASE_URL", make_database(server, "pages"))
    run = create(Manager(root))
    page = open_page("train")
    assert run.name in [header.value for header in page.header]
    kill_database(postgres)
    try:
        assert main(["runs", "list"]) == 2
        said = capsys.readouterr().err
        assert "does not answer: " in said
        assert said.count("\n") == 1
        for _ in range(2):
            page.run()
            assert not page.exception
            assert "does not answer: " in messages(page)
            assert "Runs that are being trained go on; this page comes back by itself." in messages(page)
            assert "postgresql" in messages(page)
        with monkeypatch.context() as signed_in:
            signed_in.setattr("pages.ui.people.visitor", lambda: Person(id="a", name="Ann"))
            page.run()
        assert "The run store does not answer. Runs" in messages(page)
        assert "postgresql" not in messages(page)  # where it is, only administrators are told
    finally:
        start_database(postgres)
    page.run()
    assert "does not answer" not in messages(page)
    assert run.name in [header.value for header in page.header]
    page_manager().close()


class _Link:
    """Stands between a program and PostgreSQL; once it is armed, the answer to one commit is lost."""

    def __init__(self, listener: socket.socket, server: str) -> None:
        self._listener, self._server = listener, server
        self.statement = b""
        """The commit after a statement that contains this is not answered; then it is b"" again."""

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            server.connect(self._server)
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()
            meant = False
            while data := client.recv(1 << 16):
                meant = meant or bool(self.statement and self.statement in data)
                if meant and b"COMMIT" in data:
                    self.statement = b""
                    client.shutdown(socket.SHUT_RDWR)
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    @staticmethod
    def _answer(server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 16):
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)


@pytest.fixture
def link(server: str) -> Iterator[tuple[_Link, str]]:
    """A link, and the address of the database ``link`` through it."""
    real = sql.make_url(make_database(server, "link"))
    with tempfile.TemporaryDirectory(prefix="explorer-link-") as folder, socket.socket(socket.AF_UNIX) as listener:
        name = f".s.PGSQL.{real.query.get('port', 5432)}"
        listener.bind(f"{folder}/{name}")
        listener.listen()
        made = _Link(listener, f"{real.query['host']}/{name}")
        threading.Thread(target=made.serve, daemon=True).start()
        yield made, real.update_query_dict({"host": folder}).render_as_string(hide_password=False)
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.usefixtures("light_workers")
def test_a_claim_whose_answer_is_lost_ends_no_run(root: Path, link: tuple[_Link, str]) -> None:
    """The store says that it runs, and nobody has started a worker: it waits again, and is trained."""
    between, database = link
    manager = open_manager(root, database)
    run = create(manager, epochs=1)
    between.statement = b"UPDATE runs SET"
    with pytest.raises(StoreError, match="does not answer"):
        manager.tick()
    assert between.statement == b""
    until(lambda: manager.store.get(run.id).status == "running")  # it commits after the connection is cut
    manager.tick()
    assert until_status(manager, run.id, "finished", "failed", "interrupted").status == "finished"
    assert manager.store.get(run.id).attempt == 2
    assert not [text for text in texts(manager, run.id) if "interrupted" in text]
    manager.close()
