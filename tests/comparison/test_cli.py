"""``python -m explorer compare``: every form, and every mistake in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from explorer import catalog
from explorer.architecture import edit, to_json
from explorer.cli import main
from explorer.comparison import Delta, find_differences
from explorer.runs import Manager, Point
from tests.training.parts import config

ACCURACY = "epoch/test/accuracy"
EVIL = "<img src=x onerror=alert(1)> =cmd"


def run(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["compare", *args]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def mistake(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["compare", *args]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "googlenet", "googlenet-torchvision")
    assert "A  GoogLeNet\n" in out
    assert "1,498,376,192 *" in out
    assert "kernel 5 → 3 in 9 convolutions: inception_3a/branch_5x5/conv, " in out
    *_, last, left_out = out.splitlines()
    assert last.split() == ["in", "all", "−373,648", "−84,295,680", "−336"]
    assert "inception_3a/branch_1x1: norm_eps" not in out
    listed = run(capsys, "googlenet", "googlenet-torchvision", "--all")
    assert "inception_3a/branch_5x5/conv: kernel 5 → 3" in listed
    found = find_differences(catalog.get("googlenet"), catalog.get("googlenet-torchvision"))
    free = sum(step.delta == Delta() for step in found.steps)
    assert left_out == f"{free} changes that cost nothing are left out; --all lists them"
    assert "from A to B: The same network: no difference." in run(capsys, "googlenet", "inception-v1")


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(run(capsys, "googlenet", "inception-v3", "--json"))
    assert data["comparison"]["networks"] == ["GoogLeNet", "Inception v3"]
    steps = data["differences"][0]["steps"]
    assert sum(step["delta"]["macs"] for step in steps) == 5_713_216_096 - 1_582_671_872
    groups = data["differences"][0]["groups"]
    assert sorted(place for group in groups for place in group["steps"]) == list(range(len(steps)))
    assert len(groups) < len(steps) / 2
    for group in groups:
        assert group["delta"]["macs"] == sum(steps[place]["delta"]["macs"] for place in group["steps"])
    assert [architecture["name"] for architecture in data["architectures"]] == data["comparison"]["networks"]


def test_forms(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    network = edit.replace(catalog.get("residual-mnist"), "", name=EVIL)
    file = tmp_path / "mine.json"
    file.write_text(to_json(network), encoding="utf-8")
    assert run(capsys, "residual-mnist", str(file), "--markdown").startswith("# Architectures side by side")
    assert run(capsys, "residual-mnist", str(file), "--csv").startswith("table,what,metric,network,value")
    page = tmp_path / "page.html"
    assert run(capsys, "residual-mnist", str(file), "--html", str(page)) == ""
    assert "&lt;img" in page.read_text(encoding="utf-8")


def test_what_runs_have_reached(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    network, reached = catalog.get("residual-mnist"), (0.5, 0.75, 0.625)
    manager = Manager(tmp_path)
    done, begun = (manager.create(name, to_json(network), config(seed=3).model_dump_json()) for name in "de")
    points = [Point(series=ACCURACY, step=at, value=value, seconds=1.0) for at, value in enumerate(reached)]
    manager.store.record(done.id, points, epoch=3)
    manager.close()
    (found,) = json.loads(run(capsys, "googlenet", done.id, "--json"))["runs"]
    assert found == {"place": 1, "run": "d", "data": "digits", "seed": 3, "epochs": 3, "accuracy": list(reached)}
    assert "B  d    digits     3       3        62.50 %  75.00 %\n" in run(capsys, "googlenet", begun.id)
    assert run(capsys, "residual-mnist", "--csv").endswith("test_accuracy,Residual network on MNIST,0.625\n")
    assert json.loads(run(capsys, "googlenet", "--json"))["runs"] == []
    assert "there is no run" in mistake(capsys, "20200101-000000-abcdef", "googlenet")


def test_without_a_run_store_the_rest_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "file"))
    assert main(["compare", "googlenet"]) == 0
    out, err = capsys.readouterr()
    assert "1,582,671,872" in out
    assert err.startswith("accuracies are left out: ")
    assert err.count("\n") == 1


def test_mistakes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "did you mean" in mistake(capsys, "gogglenet", "googlenet")
    assert "1 to 4 networks, not 5" in mistake(capsys, *["googlenet"] * 5)
    assert "choose one of --json and --csv" in mistake(capsys, "googlenet", "--json", "--csv")
    assert "cannot write" in mistake(capsys, "googlenet", "--html", str(tmp_path))
    assert "required" in mistake(capsys)


def test_tables_for_papers(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\\toprule" in run(capsys, "googlenet", "lenet-5", "--format", "latex")
    assert run(capsys, "lenet-5", "--format", "markdown") == run(capsys, "lenet-5", "--markdown")
    assert "choose one of --csv and --format" in mistake(capsys, "lenet-5", "--csv", "--format", "latex")


def test_pictures_for_papers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("growth.svg", "plane.pdf", "plane.tex")]
    out = run(capsys, "googlenet", "lenet-5", "--growth", str(files[0]), "--trade-off", str(files[1]))
    assert "GoogLeNet ends at 715 px" in out
    run(capsys, "lenet-5", "--trade-off", str(files[2]), "--across", "params", "--up", "depth", "--catalogue")
    assert [file.read_bytes()[:4] for file in files] == [b"<svg", b"%PDF", b"% de"]
    wrong = str(tmp_path / "plane.png")
    assert "must end with .svg, .pdf or .tex" in mistake(capsys, "lenet-5", "--growth", wrong)
    assert "--up: there is no metric 'fild'" in mistake(
        capsys, "lenet-5", "--trade-off", str(files[1]), "--up", "fild"
    )
    assert "did you mean receptive_field" in mistake(
        capsys, "lenet-5", "--trade-off", str(files[1]), "--across", "receptive_fild"
    )
