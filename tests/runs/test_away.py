"""The database is away for a while: nothing is lost, nothing is trained twice, and whoever asks is told in a sentence.

The long form, two minutes on a cluster: ``pytest -m soak tests/runs/test_away.py``.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

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
