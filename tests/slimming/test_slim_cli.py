"""The verb ``slim``: steps with numbers, files that open again, accuracy before and after on real images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from explorer import catalog, datasets
from explorer.analysis import analyze
from explorer.cli import main
from explorer.cli._running import open_manager
from explorer.inspection import find_dataset
from explorer.inspection.evaluation import evaluate
from explorer.inspection.opening import open_files, open_model

SHIPPED = "mnist-inception"


def slim(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    assert main(["slim", *args, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_shipped_model_is_pruned_folded_and_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = slim(capsys, SHIPPED, "--budget", "macs=0.8", "--fold", "--merge", "-o", str(tmp_path / "thin"))
    assert [step["step"] for step in told["steps"]] == ["prune", "recalibrate", "fold_norms", "merge"]
    assert all(step["proof"]["holds"] for step in told["steps"] if step["step"] != "recalibrate")
    assert told["macs"]["after"] <= 0.8 * told["macs"]["before"]
    design = catalog.resolve(told["design"], files=True)
    assert analyze(design).macs == told["macs"]["after"]
    opened = open_files(design, told["weights"])
    data = datasets.load("drawn-digits")
    assert told["accuracy"]["dataset"] == data.name
    with open_manager() as manager:
        model = open_model(SHIPPED, manager)
    assert told["accuracy"]["before"] == pytest.approx(evaluate(model, data).accuracy)
    assert told["accuracy"]["after"] == pytest.approx(evaluate(opened, data).accuracy)  # classes and scaling with it
    assert told["accuracy"]["after"] > 0.9


def test_statistics_gathered_anew_bring_accuracy_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = (SHIPPED, "--budget", "macs=0.8", "--data", "drawn-digits", "-o", str(tmp_path / "thin"))
    as_is, anew = slim(capsys, *args, "--as-is"), slim(capsys, *args)
    assert [step["step"] for step in as_is["steps"]] == ["prune"]
    assert anew["accuracy"]["after"] > as_is["accuracy"]["after"] + 0.2


def test_what_is_printed_names_steps_proof_and_what_to_do_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = str(tmp_path / "thin")
    assert main(["slim", SHIPPED, "--budget", "params=0.9", "--images", "100", "-o", name]) == 0
    out = capsys.readouterr().out
    for text in ("prune channels", "norm statistics anew", "100 test images", f"train {name}.json --from {name}.json:"):
        assert text in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "name a step: --fold, --merge"),
        (("--by", "l1"), "say how far by --budget"),
        (("--budget", "mac=0.5"), "did you mean macs"),
        (("--budget", "macs=0.001"), "still has"),
        (("--budget", "macs=2"), "still has"),
        (("--merge", "--images", "0"), "must be at least 1"),
        (("--int8", "--data", "cifar10-not-here"), "cifar10-not-here"),
        (("--merge", "--data", "nothing"), "nothing"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    args: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["slim", SHIPPED, *args, "-o", str(tmp_path / "x")]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_model_knows_its_data_set() -> None:
    with open_manager() as manager:
        assert find_dataset(SHIPPED, manager) == "drawn-digits"
        assert find_dataset("googlenet", manager) == ""
