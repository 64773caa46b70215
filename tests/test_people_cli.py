"""The verbs about people: who has signed in, what they did, and sharing from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from explorer import cli
from explorer.person import Person
from explorer.runs import ExperimentRow, Manager, new_run_id

ANN = Person(id="a" * 24, name="Ann\x1b[31m", email="ann@example.org")
BOB = Person(id="b" * 24, name="Bob")


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    found = Manager(tmp_path)
    for person in (ANN, BOB):
        found.store.people.welcome(person)
    return found


def run_verb(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(list(words)) == 0
    return capsys.readouterr().out


def test_owner_and_host_of_runs_and_sharing_them(manager: Manager, capsys: pytest.CaptureFixture[str]) -> None:
    run = manager.act_for(ANN).create("mine", "{}", '{"epochs": 1}')
    (row,) = json.loads(run_verb(capsys, "runs", "list", "--json"))
    assert (row["owner"], row["shared"]) == (ANN.id, False)
    assert row["host"]
    assert "others may look" in run_verb(capsys, "runs", "share", run.id)
    assert [each.id for each in manager.act_for(BOB).runs()] == [run.id]
    assert json.loads(run_verb(capsys, "runs", "share", run.id, "--off", "--json")) == {"id": run.id, "shared": False}
    assert manager.act_for(BOB).runs() == []


def test_an_experiment_is_shared_by_the_same_verb(manager: Manager, capsys: pytest.CaptureFixture[str]) -> None:
    row = ExperimentRow(id=new_run_id(), name="widths", created=1.0, plan="{}")
    manager.act_for(ANN).save_experiment(row)
    run_verb(capsys, "runs", "share", row.id)
    assert manager.act_for(BOB).store.experiments.get(row.id, "experiment").shared


def test_people_and_what_they_did(manager: Manager, capsys: pytest.CaptureFixture[str]) -> None:
    manager.act_for(ANN).create("mine", "{}", '{"epochs": 1}')
    assert [each["id"] for each in json.loads(run_verb(capsys, "people", "list", "--json"))] == [ANN.id, BOB.id]
    listed = run_verb(capsys, "people", "list")
    assert "ann@example.org" in listed
    assert "\x1b" not in listed
    (line,) = json.loads(run_verb(capsys, "people", "audit", "--json"))
    assert (line["person"], line["action"], line["detail"]) == (ANN.id, "start", "mine")
    assert "start" in run_verb(capsys, "people", "audit")


def test_what_one_person_did(manager: Manager, capsys: pytest.CaptureFixture[str]) -> None:
    manager.act_for(ANN).create("mine", "{}", '{"epochs": 1}')
    for number in range(3):
        manager.act_for(BOB).create(f"bob's {number}", "{}", '{"epochs": 1}')
    for who in (ANN.id, "Ann@Example.org", ANN.name):
        (line,) = json.loads(run_verb(capsys, "people", "audit", "--person", who, "--lines", "2", "--json"))
        assert line["person"] == ANN.id
    assert len(json.loads(run_verb(capsys, "people", "audit", "--person", "bob", "--json"))) == 3
    manager.store.people.welcome(Person(id="c" * 24, name="BOB"))
    for who, said in (("bob", "2 people have this name; name one by the id"), ("zoe", "nobody of this id, email or")):
        assert cli.main(["people", "audit", "--person", who]) == 2
        assert said in capsys.readouterr().err
