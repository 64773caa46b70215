"""Published accuracies beside our counts, and the verb that prints them and the family tree."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from explorer import catalog
from explorer.analysis import analyze
from explorer.cli import main
from explorer.comparison import FAMILIES, list_published, measure_step, render_published_csv


def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["lineage", *words]) == 0
    return capsys.readouterr().out


def data(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    return json.loads(run(capsys, *words, "--json"))


def test_every_sourced_accuracy_is_a_point_and_none_else() -> None:
    points = {point.entry.name: point for point in list_published()}
    assert set(points) == {
        entry.name for entry in catalog.entries() if any(fact.metric == "top1_percent" for fact in entry.facts)
    }
    for point in points.values():
        now = analyze(point.entry.architecture)
        assert (point.params, point.macs) == (now.params, now.macs)
        assert point.accuracy.source


def test_families_are_told_by_structure() -> None:
    told = {point.entry.name: FAMILIES[point.family] for point in list_published()}
    assert told["inception-v3"] == told["googlenet-torchvision"] == "Inception blocks"
    assert told["vgg-16"] == "layers in a chain"
    assert told["inception-resnet-v2"] == "Inception blocks with shortcuts"
    assert told["densenet-121"] == "shortcuts"


def test_csv_has_the_same_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    printed = run(capsys, "--csv")
    assert printed == render_published_csv()
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(printed))}
    for point in list_published():
        row = rows[point.entry.name]
        assert (int(row["params"]), int(row["macs"])) == (point.params, point.macs)
        assert float(row["top1_percent"]) == point.accuracy.value
        assert row["source"] == point.accuracy.source
        assert row["published"]


def test_the_tree_and_one_network_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert [each["name"] for each in data(capsys)] == [entry.name for entry in catalog.family()]
    text = run(capsys)
    assert all(entry.name in text for entry in catalog.family())
    one = data(capsys, "googlenet-torchvision")  # a form has the place of its network
    assert (one["name"], one["year"]) == ("googlenet", 2014)
    assert [step["name"] for step in one["steps"]] == ["reductions"]
    assert "1×1 convolutions now narrow" in run(capsys, "inception-v1")


def test_a_step_with_its_numbers_and_changes(capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = data(capsys, "--step", "two-3x3")
    assert (found["before"]["params"], found["after"]["params"]) == (102_400, 73_728)
    assert found["differences"]["total"]["params"] == 73_728 - 102_400
    text = run(capsys, "--step", "two-3x3")
    assert "−28 %" in text
    assert {row.label for row in measure_step(catalog.step("two-3x3"))} >= {"parameters", "MACs", "receptive field, px"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("inception-net",), "has no place in the family tree"), (("no-such",), "the catalogue has no"),
        (("--step", "x"), "there is no step"), (("--csv", "--json"), "choose one"), (("vgg-16", "--csv"), "leave out"),
    ],
)  # fmt: skip
def test_what_is_refused_in_one_line(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    assert main(["lineage", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
