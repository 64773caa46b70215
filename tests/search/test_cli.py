"""``search`` as a person types it, with real runs; and all of it killed at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from explorer.architecture import to_json
from explorer.cli import main
from explorer.runs import Manager, RunFolder, read_note
from explorer.search import collect_trials, get_search, list_searches
from tests.experiments.test_cli import LIGHT_PROGRAM, data, error
from tests.runs.parts import until
from tests.training.parts import network

REPOSITORY = Path(__file__).parents[2]
LIGHT = pytest.mark.usefixtures("light_workers")
FAST = ("--epochs", "1", "--device", "cpu", "--set", "threads=1", "--set", "batch_size=256")


@pytest.fixture
def design(tmp_path: Path) -> str:
    path = tmp_path / "tiny.json"
    path.write_text(to_json(network(classes=10)), encoding="utf-8")
    return str(path)


@LIGHT
def test_search_from_beginning_to_end(root: Path, design: str, capsys: pytest.CaptureFixture[str]) -> None:
    limits = ("--trials", "2", "--limit", "params<=3000")
    words = ("search", design, "--vary", "widths", *limits, "--name", "a\x1b[31m", *FAST)
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert "2 finished, best" in err
    assert "\x1b" not in out + err
    assert "Hypervolume" in out
    assert "(log scale)." in out
    (listed,) = data(capsys, "search", "list")
    assert (listed["trials"], listed["active"], listed["sampler"]) == (2, 0, "tpe")
    assert main(["search", "resume", listed["id"], "--trials", "3"]) == 0
    capsys.readouterr()
    shown = data(capsys, "search", "show", listed["id"])
    assert [trial["state"] for trial in shown["trials"]] == ["finished"] * 3
    assert shown["objectives"] == {"accuracy": "most", "macs": "least"}
    for trial in shown["trials"]:
        epochs = data(capsys, "runs", "show", trial["run"])["epochs"]
        assert trial["values"]["accuracy"] == epochs[-1]["validation/accuracy"]
    assert set(shown["front"]) <= {0, 1, 2}
    assert main(["search", "repeat", listed["id"], "--trial", "1", "--seeds", "7,"]) == 0
    assert "Trial 1 from 2 seeds: test accuracy" in capsys.readouterr().out
    assert data(capsys, "search", "stop", listed["id"])["stopped"]
    assert data(capsys, "search", "delete", listed["id"]) == {"deleted": listed["id"]}
    assert data(capsys, "search", "list") == []


@LIGHT
def test_a_search_is_begun_and_left(
    root: Path, manager: Manager, design: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("search", design, "--vary", "widths", "--trials", "2", "--baseline", *FAST)
    assert main([*words, "--detach"]) == 0
    out, err = capsys.readouterr()
    assert "further trials begin while the app runs" in err
    assert "running" in out
    (left,) = (each for each in list_searches(manager) if each.search.baseline)
    (rival,) = (each for each in list_searches(manager) if each.id == left.search.baseline)
    assert [len(manager.trials(each.id)) for each in (rival, left)] == [0, 1]
    assert manager.trials(left.id)[0][1].attempt == 1  # its worker has been started, and goes on
    assert main(["search", "resume", left.id]) == 0
    assert [[run.status for _, run in manager.trials(each.id)] for each in (rival, left)] == [["finished"] * 2] * 2


def test_a_search_survives_the_death_of_all_processes(
    manager: Manager, design: str, forked_worker: tuple[str, ...], light_workers: None,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Killed in the middle of the second run and resumed, it is trial by trial the search that nobody disturbed."""
    words = ("search", design, "--vary", "widths,rate", "--trials", "3", "--at-once", "1", *FAST)
    assert main(words) == 0
    process = subprocess.Popen(
        [sys.executable, "-c", LIGHT_PROGRAM, json.dumps(forked_worker), *words],
        cwd=REPOSITORY,
        env={**os.environ, "EXPLORER_HOME": str(manager.root)},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: len(list_searches(manager)) == 2)
        undisturbed, search = (each.id for each in list_searches(manager))
        until(lambda: len(manager.store.trials(search)) == 2 and manager.store.trials(search)[1][1].attempt)
    finally:
        process.kill()
        process.communicate()
    for _, run in manager.store.trials(search):
        if run.status == "running" and (worker := read_note(RunFolder(manager.root, run.id).lock).get("pid")):
            os.kill(int(worker), signal.SIGKILL)
    capsys.readouterr()
    assert main(["search", "resume", search]) == 0
    both = (undisturbed, search)
    found: list[Any] = [collect_trials(manager, each, get_search(manager, each).search) for each in both]
    assert [trial.state for trial in found[1]] == ["finished"] * 3
    assert [(trial.point, trial.curve) for trial in found[1]] == [(trial.point, trial.curve) for trial in found[0]]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["search"], "required: ARCH|ACTION"),
        (["search", "show"], "show: name a search as"),
        (["search", "delete"], "delete: name a search as"),
        (["search", "show", "nothing"], "there is no search 'nothing'"),
        (["search", "lenet-5", "--vary", "attention"], "attention cannot vary in 'LeNet-5'"),
        (["search", "lenet-5", "--vary", "colours"], "nothing called 'colours' to vary"),
        (["search", "lenet-5", "--vary", "widths", "--objective", "macs"], "accuracy must be among them"),
        (["search", "lenet-5", "--vary", "widths", "--limit", "params"], "limit: 'params' must be a metric"),
        (["search", "lenet-5", "--vary", "widths", "--sampler", "best"], "sampler (=best) must be of tpe"),
        (["search", "lenet-5", "--vary", "widths", "--trials", "0"], "trials (=0) must be above 0"),
        (["search", "lenet-5", "more"], "'more' is one argument too many"),
        (["search", "repeat", "x"], "name the trial"),
    ],
)
def test_errors_are_one_line(
    root: Path, words: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert part in error(capsys, *words)
