"""The verb ``receptive-field``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer import catalog
from explorer.analysis.support import count_paths, find_branch_supports, find_unit_support
from explorer.cli import main


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["receptive-field", *words]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["receptive-field", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    return captured.err


def test_numbers_as_data(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "mask.npy"
    words = ("mnist-inception", "--node", "inception_a", "--unit", "2,3", "--branches", "--mask", str(file), "--json")
    data: dict[str, Any] = json.loads(told(capsys, *words))
    net = catalog.get("mnist-inception")
    found = find_unit_support(net, "inception_a", (2, 3))
    assert data["node"] == "inception_a"
    assert data["unit"] == [2, 3]
    assert (data["status"], data["touched"], data["coverage"]) == (found.status, found.touched, found.coverage)
    assert found.box is not None
    assert found.clipped_to is not None
    assert (data["box"], data["clipped_to"]) == ([*found.box], [*found.clipped_to])
    assert data["paths"] == count_paths(net, "inception_a", (2, 3), exact=True).sum()
    branches = find_branch_supports(net, "inception_a", (2, 3))
    assert {name: each["touched"] for name, each in data["branches"].items()} == {
        name: each.touched for name, each in branches.items()
    }
    for axis in (0, 1):
        first = data["start"][axis] + data["stride"][axis] * data["unit"][axis]
        assert data["center"][axis] == first + (data["size"][axis] - 1) / 2
        assert data["min_size"][axis] <= data["size"][axis]
    assert np.array_equal(np.load(file, allow_pickle=False), found.mask)
    assert [path.name for path in tmp_path.iterdir()] == ["mask.npy"]


def test_numbers_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "inception-v3", "--unit", "0,0")
    assert "unit 0, 0 of Mixed_7c, which gives 2,048×8×8" in text
    assert "99.29 %" in text
    text = told(capsys, "googlenet", "--node", "fc")
    assert "whole input" in text
    assert "windows alone" in text
    assert "through shortcut" in told(capsys, "residual-mnist", "--node", "rblock1", "--branches")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("googlenet", "--node", "inception_3x"), "did you mean inception_3b"),
        (("googlenet", "--node", ""), "no node ''"),
        (("googlenet", "--unit", "7,0"), "(=7, 0) is outside the feature map of inception_5b, which has 7×7 units"),
        (("googlenet", "--unit", "-1,0"), "unit"),
        (("googlenet", "--unit", "1"), "must be ROW,COLUMN such as 3,4"),
        (("googlenet", "--node", "conv1", "--branches"), "conv1 has no branches"),
        (("googlenet", "--mask", "mask.png"), "must end in .npy"),
        (("googlenet", "--input", "3x4x4"), "8"),
        (("googlenet", "--nod", "conv1"), "did you mean --node"),
    ],
)
def test_mistakes_are_one_line(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    assert said in refused(capsys, *words)


def test_a_mask_that_cannot_be_written_leaves_what_was_there(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "cannot write" in refused(capsys, "mnist-inception", "--mask", str(tmp_path / "no" / "mask.npy"))
    folder = tmp_path / "folder.npy"
    folder.mkdir()
    assert "cannot write" in refused(capsys, "mnist-inception", "--mask", str(folder))
    assert [path.name for path in tmp_path.iterdir()] == ["folder.npy"]
    assert not [*folder.iterdir()]


def test_analyze_tells_what_is_touched(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "inception-v3"]) == 0
    text = capsys.readouterr().out
    assert any(line.split()[0] == "Mixed_7c" and line.split()[-1] == "99.3" for line in text.splitlines() if line)
    assert "seen: percent of the field's box" in text
    assert main(["analyze", "inception-v3", "--json"]) == 0
    layers = json.loads(capsys.readouterr().out)["layers"]
    assert {layer["path"]: layer["coverage"] for layer in layers}["Mixed_7c"] == pytest.approx(0.99285, abs=1e-5)
