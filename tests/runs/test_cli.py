"""``train`` and ``runs`` as a person types them, with real workers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer import datasets
from explorer.architecture import Architecture, Auxiliary, Flatten, Linear, Pool, Sequence, from_json, to_json
from explorer.cli import main
from explorer.cli._running import hold_interrupts
from explorer.runs import Device, Manager, RunFolder
from tests.datasets.makers import classes, zipped
from tests.sizes import thorough
from tests.training.parts import network

from .parts import create, until, until_status, until_step

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


def test_who_waits_is_told_when_it_is_its_turn(
    root: Path, design: str, capsys: pytest.CaptureFixture[str]
) -> None:
    manager = Manager(root)
    manager.acquire()  # and starts nothing
    for _ in range(2):
        assert main(["train", design, "--device", "cpu", "--share-gpu", "--detach"]) == 0
    first, second = manager.store.runs("queued")
    assert first.setting("share_gpu") is True
    capsys.readouterr()
    assert main(["runs", "list"]) == 0
    assert f"{second.id}  queued, 2nd  " in capsys.readouterr().out
    assert main(["runs", "show", first.id]) == 0
    assert f"{first.id}  queued, 1st in the queue, starts now\n" in capsys.readouterr().out
    shown = [(each["position"], each["starts_in_seconds"]) for each in data(capsys, "runs", "list")]
    assert shown == [(1, 0.0), (2, None)]
    manager.stop(first.id)
    assert [data(capsys, "runs", "show", run.id)["position"] for run in (first, second)] == [None, 1]


@LIGHT
def test_train_from_beginning_to_end(root: Path, design: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--epochs", "2", "--seed", "3", "--device", "cpu", "--set", "lr=0.01", "--set", "schedule=cosine"]
    assert main(["train", design, *settings, "--name", "a\x1b[31m"]) == 0
    out, err = capsys.readouterr()
    header = re.split(r"  +", out.splitlines()[0])
    assert header == ["epoch", "train loss", "train accuracy", "test loss", "test accuracy", "time"]
    assert len(out.splitlines()) == 4
    assert "finished" in err
    runs = data(capsys, "runs", "list")
    assert len(runs) == 1
    run = runs[0]["id"]
    shown = data(capsys, "runs", "show", run)
    assert (shown["status"], shown["config"]["lr"], shown["config"]["seed"]) == ("finished", 0.01, 3)
    assert [row["epoch"] for row in shown["epochs"]] == [1, 2]
    assert shown["epochs"][-1]["test/accuracy"] > 0.3
    assert shown["environment"]["seed"] == 3
    counts = np.bincount(datasets.load("digits").test_labels)
    told = shown["classes"]["test"]
    assert [each["images"] for each in told["classes"]] == counts.tolist()
    right = sum(each["recall"] * each["images"] for each in told["classes"])
    assert right == pytest.approx(shown["epochs"][-1]["test/accuracy"] * counts.sum())
    assert told["average_recall"] == pytest.approx(np.mean([each["recall"] for each in told["classes"]]))
    assert shown["chance"] == {"uniform": 0.1, "majority": counts.max() / counts.sum()}
    for words in (["runs", "list"], ["runs", "show", run], ["runs", "watch", run]):
        assert main(words) == 0
        out = capsys.readouterr().out
        assert run in out
        assert "\x1b" not in out
        assert ("mean recall" in out) == ("show" in words)
    assert "extend it" in error(capsys, "runs", "resume", run)
    with RunFolder(root, run).log.open("ab") as log:
        log.write(b"\x1b[31mWarning: caf\xe9\n")
    assert data(capsys, "runs", "log", run)["log"].endswith("\x1b[31mWarning: caf\ufffd\n")
    assert main(["runs", "log", run]) == 0
    assert capsys.readouterr().out.endswith("\\x1b[31mWarning: caf\ufffd\n")
    assert main(["runs", "delete", run]) == 0
    capsys.readouterr()
    assert data(capsys, "runs", "list") == []


@LIGHT
def test_detached_then_controlled(manager: Manager, design: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = data(capsys, "train", design, "--epochs", "1000", "--detach")["id"]
    until_step(manager, run, 3)
    assert data(capsys, "runs", "pause", run)["status"] == "paused"
    assert data(capsys, "runs", "resume", run)["status"] == "running"
    assert "stop it first" in error(capsys, "runs", "delete", run)
    assert data(capsys, "runs", "stop", run)["status"] == "stopped"
    assert data(capsys, "runs", "delete", run) == {"deleted": run}


def test_control_c_pauses(manager: Manager, design: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "explorer", "train", design, "--epochs", "1000"],
        cwd=REPOSITORY,
        env={**os.environ, "EXPLORER_HOME": str(manager.root)},
        stderr=subprocess.PIPE,
        text=True,
        # A shell that starts the tests in the background lets them, and so the program, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509  (no threads here)
    )
    try:
        until(lambda: manager.store.runs("running") or process.poll() is not None)
        run = manager.store.runs()[0].id
        until_step(manager, run, 3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=40)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert f"runs resume {run}` continues it" in err
    assert until_status(manager, run, "paused", seconds=1).step >= 3


@LIGHT
@thorough("tests/training/test_lessons.py::test_the_receptive_field_foretells_who_learns_it")
def test_a_lesson_is_told_with_its_results(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two short runs, one after the other; the near-sighted one stays at chance exactly."""
    (found,) = data(capsys, "lesson")
    assert (found["name"], len(found["trials"])) == ("long-range", 2)
    assert main(["lesson"]) == 0
    assert "long-range" in capsys.readouterr().out
    assert main(["lesson", "long-range", "--epochs", "1", "--set", "threads=1"]) == 0
    rows = [re.split(r"  +", line) for line in capsys.readouterr().out.splitlines()[-2:]]
    assert [(state, sees, accuracy) for _, state, _, _, sees, accuracy in rows if sees == "7×7"] == [
        ("finished", "7×7", "50.00 %")
    ]
    (far,) = [accuracy for _, _, _, _, sees, accuracy in rows if sees == "15×15"]
    assert float(far.rstrip("%")) > 95


def test_a_reader_who_goes_away_is_no_trouble_with_the_data(manager: Manager) -> None:
    for _ in range(4):  # more than a pipe holds
        manager.store.update(create(manager).id, status="stopped", name="x" * 30_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "explorer", "runs", "list", "--json"],
        cwd=REPOSITORY,
        env={**os.environ, "EXPLORER_HOME": str(manager.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "[\n"
    process.stdout.close()
    assert process.stderr is not None
    assert (process.stderr.read(), process.wait(60)) == ("", 141)
    process.stderr.close()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["train", "nothing-like-it"], "the catalogue has no"),
        (["train", "dilated-cnn", "--epochs", "0"], "epochs (=0)"),
        (["train", "dilated-cnn", "--set", "lr"], "must be SETTING=VALUE"),
        (["train", "dilated-cnn", "--set", "speed=1"], "speed: no such setting"),
        (["train", "dilated-cnn", "--set", f"lr={'[' * 100_000}"], "lr (="),
        (["train", "dilated-cnn", "--dataset", "~nobody-has-this-name/x"], "no data set"),
        (["lesson", "long"], "did you mean long-range?"),
        (["lesson", "long-range", "--epochs", "0"], "epochs (=0)"),
        (["train", "dilated-cnn", "--recipe", "slow"], "there is no recipe 'slow'; known: course, "),
        (["train", "dilated-cnn", "--dataset", "digitz"], "did you mean digits"),
        (["train", "dilated-cnn", "--device", "tpu"], "must be auto, cpu"),
        (["train", "googlenet"], "gives 1,000 scores"),
        (["train", "dilated-cnn", "--set", "lr=1e999"], "finite"),
        (["runs", "show", "../../etc/passwd"], "there is no run"),
        (["runs", "stop", "20260101-000000-abcdef"], "there is no run"),
        (["runs"], "ACTION"),
    ],
)
def test_mistakes_are_one_line(root: Path, capsys: pytest.CaptureFixture[str], words: list[str], part: str) -> None:
    assert part in error(capsys, *words)


def test_too_big_is_refused_with_numbers(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """F14."""
    machine = (Device(name="cpu", title="CPU", memory_bytes=16 * 10**9),)
    monkeypatch.setattr("explorer.runs._local.devices", lambda *_: machine)
    said = error(
        capsys, "train", "inception-net", "--set", "batch_size=4000", "--set", "accumulate=1", "--device", "cpu"
    )
    assert "needs about" in said
    assert "set accumulate to" in said


def test_a_damaged_store_is_told(manager: Manager, capsys: pytest.CaptureFixture[str]) -> None:
    run = create(manager)
    manager.stop(run.id)
    (manager.root / "runs.sqlite").write_bytes(b"hello" * 1000)
    assert main(["runs", "list"]) == 0
    out, err = capsys.readouterr()
    assert "was damaged" in err
    assert run.id in out


@pytest.mark.parametrize(("presses", "looked"), [(1, True), (2, False)])
def test_control_c_waits_for_the_end_of_a_look_and_pressed_twice_it_does_not(presses: int, looked: bool) -> None:
    """In the middle of a query it would leave the store locked by whoever wants to write that it pauses."""
    looks: list[bool] = []

    def look() -> None:
        with hold_interrupts() as rest:
            for _ in range(presses):
                signal.raise_signal(signal.SIGINT)
            looks.append(True)
            rest()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            look()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert bool(looks) == looked


def test_a_network_is_fitted_to_its_data_and_that_is_said(
    manager: Manager, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three classes instead of ten, and an auxiliary head less; what cannot be fitted is refused before."""
    page = zipped(tmp_path / "own.zip", classes(3, prefix="train/") | classes(3, each=2, prefix="test/"))
    head = Auxiliary(
        name="aux",
        children=(Pool(name="p", kind="avg", kernel_size=31, stride=1, padding=0), Flatten(name="f"),
                  Linear(name="fc", out_features=10)),
    )  # fmt: skip
    first, *rest = network(classes=10).trunk.nodes
    trunk = Sequence(name="trunk", children=(first, head, *rest))
    design = tmp_path / "heads.json"
    design.write_text(to_json(Architecture(name="heads", input_shape=(3, 12, 12), trunk=trunk)), encoding="utf-8")
    words = ["train", str(design), "--dataset", str(page), "--detach"]
    assert "has 3 classes; give its last layer 3 outputs, or fit" in error(capsys, *words)
    manager.acquire()  # nothing is started: what was queued is looked at
    assert main([*words, "--fit", "--set", "lr=0,25", "--json"]) == 0
    out, err = capsys.readouterr()
    run = manager.run(json.loads(out)["id"])
    assert "the auxiliary head aux is left out, since it does not fit 12×12; gives 3 scores instead of 10" in err
    assert run.notes in err
    made = from_json(run.architecture)
    assert [node.op for node in made.trunk.nodes].count("auxiliary") == 0
    assert made.trunk.nodes[-1].out_features == 3
    assert run.setting("lr") == 0.25
    assert main([*words, "--fit", "--input", "data", "--json"]) == 0
    out, err = capsys.readouterr()
    assert from_json(manager.run(json.loads(out)["id"]).architecture).input_shape == (3, 8, 8)
    assert "takes images of 8×8 instead of 12×12" in err
    assert main(["ablate", str(design), "--dataset", str(page), "--fit", "--factors", "residual", "--detach"]) == 0
    assert "gives 3 scores instead of 10" in capsys.readouterr().err
    assert "lr: '1,000' may be 1000 or 1.000" in error(capsys, *words, "--set", "lr=1,000")
    manager.close()
