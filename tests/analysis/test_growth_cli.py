"""``receptive-field --steps``: the arithmetic of every layer on the command line."""

from __future__ import annotations

import json

import pytest

from explorer import catalog
from explorer.analysis import explain_growth, format_growth
from explorer.cli import main


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["receptive-field", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("way", ["longest", "shortest"])
def test_steps_for_people_and_as_data(capsys: pytest.CaptureFixture[str], way: str) -> None:
    node = "inception_3a"
    steps = explain_growth(catalog.get("googlenet"), node, shortest=way == "shortest")
    text = told(capsys, "googlenet", "--node", node, "--steps", *([way] if way != "longest" else []))
    assert text.endswith(f"{way} path\n\n{format_growth(steps)}\n")
    data = json.loads(told(capsys, "googlenet", "--node", node, "--steps", way, "--json"))["steps"]
    assert data["height"] == data["width"]
    assert [each["path"] for each in data["height"]] == [step.path for step in steps]
    assert [each["equations"] for each in data["height"]] == [step.equations for step in steps]
    assert data["height"][-1]["after"]["size"] == steps[-1].after.size


def test_axes_that_differ_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "inception-v3", "--node", "Mixed_6b/branch7x7/branch7x7_2", "--steps")
    assert "\nheight\n\nimage:" in text
    assert "\nwidth\n\nimage:" in text


def test_without_the_option_there_are_no_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert "steps" not in json.loads(told(capsys, "dilated-cnn", "--json"))
