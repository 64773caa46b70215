"""``factors``, ``ablate`` and ``experiments`` as a person types them."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from explorer import catalog
from explorer.architecture import to_json
from explorer.cli import main
from explorer.experiments import list_experiments, list_factors
from explorer.runs import Manager
from tests.runs.parts import until, until_step
from tests.training.parts import network

REPOSITORY = Path(__file__).parents[2]
LIGHT = pytest.mark.usefixtures("light_workers")


def data(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    assert main([*args, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def error(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err.removeprefix("explorer: ")


@pytest.fixture
def design(tmp_path: Path) -> str:
    path = tmp_path / "tiny.json"
    path.write_text(to_json(network(classes=10)), encoding="utf-8")
    return str(path)


def test_factors(capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, "factors", "inception-net-32")
    assert [each["name"] for each in found] == [each.name for each in list_factors(catalog.get("inception-net-32"))]
    residual = next(each for each in found if each["name"] == "residual")
    assert (residual["params"], residual["changes"]) == (16_640, ["inception1", "inception2"])
    assert main(["factors", "dilated-cnn"]) == 0
    out = capsys.readouterr().out
    assert "does not apply: the network has no blocks" in out


@LIGHT
def test_ablate_from_beginning_to_end(root: Path, design: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--epochs", "1", "--device", "cpu", "--set", "threads=1"]
    words = ["ablate", design, "--factors", "cbam", "--seeds", "5,", "--name", "a\x1b[31m", *settings]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert "2/2 runs finished" in err
    assert "\x1b" not in out + err
    assert "CBAM" in out
    listed = data(capsys, "experiments", "list")
    assert [(each["finished"], each["active"], each["seeds"]) for each in listed] == [(2, 0, [5])]
    name = listed[0]["id"]
    shown = data(capsys, "experiments", "show", name)
    assert [row["variant"] for row in shown["variants"]] == ["base", "CBAM"]
    epochs = data(capsys, "runs", "show", shown["variants"][1]["runs"][0]["run"])["epochs"]
    assert shown["variants"][1]["accuracy"]["mean"] == epochs[-1]["test/accuracy"]
    assert shown["variants"][1]["accuracy"]["standard_deviation"] is None
    accuracies = [row["accuracy"]["mean"] for row in shown["variants"]]
    assert shown["variants"][1]["difference"]["values"] == [accuracies[1] - accuracies[0]]
    assert all(row["seconds"]["mean"] > 0 for row in shown["variants"])
    assert main(["experiments", "show", name, "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert float(rows[1]["accuracy_seed_5"]) == shown["variants"][1]["accuracy"]["mean"]
    assert main(["experiments", "show", name, "--markdown"]) == 0
    assert "| CBAM | 1/1 |" in capsys.readouterr().out
    assert main(["experiments", "list"]) == 0
    assert name in capsys.readouterr().out
    assert data(capsys, "experiments", "delete", name) == {"deleted": name}
    assert data(capsys, "runs", "list") == []


@LIGHT
def test_detached_then_controlled(manager: Manager, design: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["ablate", design, "--epochs", "1000", "--seeds", "2", "--combine", "--device", "cpu", "--detach"]
    made = data(capsys, *words, "--set", "threads=1")
    assert [row["variant"] for row in made["variants"]] == ["base", "residual", "CBAM", "residual + CBAM"]
    name = made["id"]
    until_step(manager, manager.trials(name)[0][1].id, 3)
    assert "stop it first" in error(capsys, "experiments", "delete", name)
    assert main(["experiments", "pause", name]) == 0
    assert "pause: 8 runs" in capsys.readouterr().out
    assert {run.status for run in manager.runs()} == {"paused"}
    assert main(["experiments", "seeds", name, "7", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seeds"] == [0, 1, 7]
    assert main(["experiments", "stop", name]) == 0
    capsys.readouterr()
    assert {run.status for run in manager.runs()} == {"stopped"}
    assert len(manager.runs()) == 12


LIGHT_PROGRAM = """
import json, sys
from explorer.cli import main
from explorer.training import _workers
_workers.COMMAND = tuple(json.loads(sys.argv[1]))
sys.exit(main(sys.argv[2:]))
"""
"""``python -m explorer`` whose workers are forked; with the product's own it is in tests/runs."""


def test_control_c_pauses_the_whole_experiment(
    manager: Manager, design: str, forked_worker: tuple[str, ...], light_workers: None
) -> None:
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", LIGHT_PROGRAM, json.dumps(forked_worker)),
            *("ablate", design, "--epochs", "1000", "--seeds", "1", "--set", "threads=1"),
        ],
        cwd=REPOSITORY,
        env={**os.environ, "EXPLORER_HOME": str(manager.root)},
        stderr=subprocess.PIPE,
        text=True,
        # A shell that starts the tests in the background lets them, and so the program, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509  (no threads here)
    )
    try:
        until(lambda: manager.store.runs("running"))
        until_step(manager, manager.store.runs("running")[0].id, 3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130, err
    name = list_experiments(manager)[0].id
    assert f"experiments resume {name}` continues it" in err
    assert {run.status for run in manager.runs()} == {"paused"}


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["ablate"], "give a network to ablate, or --preset"),
        (["ablate", "inception-net-32", "--preset", "homework"], "give a network to ablate, or --preset"),
        (["ablate", "--preset", "homework", "--combine"], "--preset sets factors and combinations"),
        (["ablate", "--preset", "homework"], "'cifar-10' is not on this machine"),
        (["ablate", "--preset", "sport"], "there is no 'sport'"),
        (["ablate", "inception-net-32", "--factors", "resnet"], "there is no factor 'resnet'"),
        (["ablate", "inception-net-32", "--factors", ","], "at least one factor"),
        (["ablate", "inception-net-32", "--seeds", "x"], "--seeds 'x' must be"),
        (["ablate", "inception-net-32", "--seeds", "0"], "0 seeds"),
        (["ablate", "inception-net-32", "--seeds", "999999999"], "1 to 100"),
        (["ablate", "inception-net-32", "--seeds", "1,1"], "given twice"),
        (["ablate", "dilated-cnn"], "residual: the network has no blocks"),
        (["ablate", "googlenet"], "gives 1,000 scores"),
        (["ablate", "inception-net-32", "--epochs", "0"], "epochs (=0)"),
        (["ablate", "inception-net-32", "--dataset", ""], "dataset"),
        (["experiments", "show", "../../etc/passwd"], "there is no experiment"),
        (["experiments", "stop", "20260101-000000-abcdef"], "there is no experiment"),
        (["experiments"], "ACTION"),
        (["factors", "nothing-like-it"], "the catalogue has no"),
    ],
)
def test_mistakes_are_one_line(root: Path, capsys: pytest.CaptureFixture[str], words: list[str], part: str) -> None:
    assert part in error(capsys, *words)
    assert data(capsys, "runs", "list") == []
