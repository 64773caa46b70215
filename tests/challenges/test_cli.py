"""``challenge`` as a person types it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from explorer.cli import main
from explorer.runs import Manager
from tests.experiments.test_cli import data, error

from .parts import trained


def test_a_challenge_from_beginning_to_end(
    root: Path, manager: Manager, capsys: pytest.CaptureFixture[str]
) -> None:
    made = data(
        capsys, "challenge", "set", "Digits on a diet", "--data", "digits", "--accuracy", "70%", "--limit", "macs=3e5",
        "--rank", "macs", "--start", "lenet-5", "--closes", "2199-01-31T18:00", "--text", "Good\x1b[31m luck",
    )  # fmt: skip
    assert made["goals"] == ["test accuracy ≥ 70.00 %", "MACs ≤ 300,000", "weights from random numbers"]
    name = made["id"]
    good, poor = trained(manager, 0.8), trained(manager, 0.4)
    assert data(capsys, "challenge", "hand-in", name, good.id, "--as", "Ann")["entries"][0]["place"] == 1
    data(capsys, "challenge", "hand-in", name, poor.id, "--as", "A\x1b[31mnn")
    assert main(["challenge", "show", name]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "open until 2199-01-31" in out
    assert "test accuracy 40.00 % is below 70.00 %" in out
    assert len(data(capsys, "challenge", "show", name, "--best")["entries"]) == 2
    assert main(["challenge", "show", name, "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["place"] for row in rows] == ["1", ""]
    assert not data(capsys, "challenge", "close", name)["open"]
    assert "is closed" in error(capsys, "challenge", "hand-in", name, trained(manager, 0.9).id, "--as", "Ann")
    entry = manager.store.entries.of(name)[1].id
    assert len(data(capsys, "challenge", "take-back", name, entry)["entries"]) == 1
    assert data(capsys, "challenge", "reopen", name)["open"]
    (listed,) = data(capsys, "challenge", "list")
    assert (listed["id"], listed["entries"]) == (name, 1)
    assert main(["challenge", "list"]) == 0
    assert "Digits on a diet" in capsys.readouterr().out
    assert data(capsys, "challenge", "delete", name) == {"deleted": name}
    assert data(capsys, "challenge", "list") == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("set",), "set: name its title"),
        (("set", "x"), "say what is to be reached"),
        (("set", "x", "--accuracy", "seventy"), "--accuracy 'seventy' must be a share such as 70% or 0.7"),
        (("set", "x", "--accuracy", "70"), "must be a share from 0 to 1"),
        (("set", "x", "--limit", "mac=1"), "there is no metric 'mac'; did you mean macs"),
        (("set", "x", "--limit", "macs=1e6", "--closes", "soon"), "--closes 'soon' must be a date or a time"),
        (("set", "x", "--accuracy", "1", "--data", "digitz"), "digitz"),
        (("show",), "show: name a challenge"),
        (("hand-in", "20260101-000000-abcdef"), "hand-in: name a run"),
        (("show", "nothing"), "there is no challenge 'nothing'"),
        (("sit",), "there is no 'sit'; did you mean set"),
    ],
)
def test_mistakes_are_one_sentence(
    root: Path, words: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert why in error(capsys, "challenge", *words)
