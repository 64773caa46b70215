"""The verb lint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from explorer.architecture import from_json, to_json
from explorer.cli import main
from tests.analysis.test_lint import chain, lint


@pytest.fixture
def gridded(tmp_path: Path) -> str:
    path = tmp_path / "gridded.json"
    path.write_text(to_json(chain(2, 2, 2)), encoding="utf-8")
    return str(path)


def test_findings_are_told_with_their_fixes(gridded: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", gridded]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for words in (
        "1 warning",
        "Gridding (gridding) at conv3",
        "sees 49 of the 169 pixels",
        "fix: conv1: dilation 2 → 1; conv3: dilation 2 → 3",
        "parameters 0, MACs 0, field 13×13 → 13×13, coverage 29 % → 100 %",
        "conv1 … conv3 2, 2, 2 2 ≤ 3 7 of 13",
    ):
        assert words in text
    assert main(["lint", "googlenet", "--input", "3x299x299"]) == 0
    assert "no finding" in capsys.readouterr().out


def test_json_has_every_number(gridded: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", gridded, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    (finding,) = data["findings"]
    assert (finding["rule"], finding["path"], finding["severity"]) == ("gridding", "conv3", "warning")
    assert finding["numbers"]["touched"] == 49
    assert finding["fixes"][0]["coverage"] == [pytest.approx(49 / 169), 1]
    assert data["chains"][0]["hdc"] == [2, 2]
    assert data["rules"].keys() == {"gridding"}


@pytest.mark.parametrize("where", ["file", "output", "json"])
def test_fix_gives_the_mended_network_and_tells_each_change(
    gridded: str, where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "mended.json"
    more = {"file": ["--output", str(target)], "output": [], "json": ["--json"]}[where]
    assert main(["lint", gridded, "--fix", *more]) == 0
    out, err = capsys.readouterr()
    text = {"file": target.read_text if where == "file" else None, "output": lambda: out, "json": None}[where]
    data = json.loads(text()) if text else json.loads(out)["architecture"]
    assert lint(from_json(json.dumps(data))) == ()
    told = {"file": out, "output": err, "json": out}[where]
    assert "conv1: dilation 2 → 1" in told or "conv1: dilation 2 \\u2192 1" in told


def test_rules_can_be_chosen_and_mistakes_are_one_line(gridded: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", gridded, "--rule", "padding"]) == 0
    assert "no finding" in capsys.readouterr().out
    for wrong in (["--rule", "griding"], ["--output", "x.json"], ["--input", "3x4"]):
        assert main(["lint", gridded, *wrong]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
