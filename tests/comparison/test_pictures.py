"""Pictures of a comparison: every block once, bars add up to what the stages cost, letters and colours stay."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from explorer import catalog, figures
from explorer.architecture import Norm, edit
from explorer.comparison import Comparison, compare, pictures
from tests.networks import EACH_NETWORK

FOUR = ("googlenet", "inception-v3", "cifar-inception-residual-cbam", "residual-mnist")
ADDED = ("macs", "params", "training_bytes")


def four() -> Comparison:
    return compare([catalog.get(name) for name in FOUR], ["one", "two", "two", "<b>"])


def test_every_block_stands_in_its_stage_as_the_strip_shows_it() -> None:
    comparison = four()
    data = pictures.aligned(comparison)
    assert json.loads(json.dumps(data)) == data
    assert [row["label"] for row in data["stages"]] == [row.label for row in comparison.stages]
    assert [each["label"] for each in data["networks"]] == ["one", "two (1)", "two (2)", "<b>"]
    assert len({each["colour"]["light"] for each in data["networks"]}) == 4
    for place, (architecture, analysis) in enumerate(zip(comparison.architectures, comparison.analyses, strict=True)):
        drawn = [block for row in data["stages"] if row["cells"][place] for block in row["cells"][place]["blocks"]]
        strip = figures.lay_out_overview(architecture, analysis)
        paths = [column["path"] for column in strip]
        if [block["path"] for block in drawn] == paths:
            for block, column in zip(drawn, strip, strict=True):
                part = column.pop("role")  # the strip alone tells backbone, neck and head
                assert column["facts"].pop()[1].startswith(f"{part}: ")
                assert {**block, "label": ""} == {**column, "label": ""}
        else:  # a plain sequence over several strides is opened: its layers stand in its place
            assert {block["path"].partition("/")[0] for block in drawn} == set(paths)
        assert all(block["label"] or block["minor"] for block in drawn)


@pytest.mark.parametrize("metric", ADDED)
def test_bars_add_up(metric: pictures.BarMetric) -> None:
    comparison = four()
    for row, group in zip(comparison.stages, pictures.stage_bars(comparison, metric), strict=True):
        there = [place for place, stage in enumerate(row.stages) if stage]
        assert [bar["network"] for bar in group["bars"]] == there
        inside = pictures.branch_bars(comparison, metric, row.label)
        for bar in group["bars"]:
            stage = row.stages[bar["network"]]
            assert stage is not None
            assert bar["value"] == getattr(stage, metric) == sum(part["value"] for part in bar["parts"])
            branches = [each for own in inside for each in own["bars"] if each["network"] == bar["network"]]
            assert sum(each["value"] for each in branches) == bar["value"]
            assert all(part["kind"] in figures.KINDS for part in bar["parts"])
    totals = [sum(bar["value"] for group in pictures.stage_bars(comparison, metric) for bar in group["bars"]
                  if bar["network"] == place) for place in range(4)]  # fmt: skip
    assert totals == [getattr(analysis.totals, metric) for analysis in comparison.analyses]


def test_fields_are_not_added() -> None:
    comparison = four()
    for row, group in zip(comparison.stages, pictures.stage_bars(comparison, "receptive_field"), strict=True):
        for bar in group["bars"]:
            stage = row.stages[bar["network"]]
            assert stage is not None
            assert (bar["value"], bar["shortest"]) == (max(stage.receptive_field), max(stage.shortest))
            assert [part["value"] for part in bar["parts"]] == [bar["value"]]
    inside = pictures.branch_bars(comparison, "receptive_field", "stride 8")
    (block,) = [group for group in inside if group["label"] == "inception_3a"]
    names = [branch.name for branch in edit.find(catalog.get("googlenet"), "inception_3a").nodes]
    assert [bar["label"] for bar in block["bars"]] == names


@pytest.mark.parametrize("metric", get_args(pictures.BarMetric))
@pytest.mark.parametrize("name", EACH_NETWORK)
def test_every_network_of_the_catalogue_is_drawn(name: str, metric: pictures.BarMetric) -> None:
    comparison = compare([catalog.get(name)])
    data = [pictures.aligned(comparison), pictures.stage_bars(comparison, metric), pictures.growths(comparison)]
    data += [pictures.branch_bars(comparison, metric, row.label) for row in comparison.stages]
    assert json.loads(json.dumps(data)) == data


def test_a_stage_that_is_not_there_has_no_bars() -> None:
    assert pictures.branch_bars(four(), "macs", "<img src=x>") == []


def test_equal_strides_stand_at_equal_places_and_what_changes_no_field_shifts_no_line() -> None:
    """GoogLeNet's normalisations once took a place each, and torchvision's smaller fields stood above its own."""
    published, wider = catalog.get("googlenet"), catalog.get("googlenet")
    for after in ("conv1", "inception_4c"):
        nodes = wider.trunk.nodes
        at = [node.name for node in nodes].index(after) + 1
        nodes = (*nodes[:at], Norm(name=f"more_{after}"), *nodes[at:])
        wider = wider.model_copy(update={"trunk": wider.trunk.model_copy(update={"nodes": nodes})})
    found = compare([published, wider, catalog.get("googlenet-torchvision"), catalog.get("residual-mnist")])
    drawn = pictures.growths(found)
    first, second, shipped, _ = drawn["lines"]
    assert first == second
    ends = {label: index + 1 for index, label in enumerate(drawn["stages"])}
    for line, analysis in zip(drawn["lines"], found.analyses, strict=True):
        assert [point["at"] for point in line] == sorted({point["at"] for point in line})
        assert all(point["path"] for point in line[1:])
        for point in line[1:]:
            layer = analysis.below(point["path"])[-1]
            field = layer.receptive_field
            assert (point["longest"], point["shortest"]) == (max(field.size), max(field.min_size))
            assert ends[f"stride {field.stride[0]}"] - 1 < point["at"] <= ends[f"stride {field.stride[0]}"]

    def field(line: list[dict[str, Any]], at: float) -> float:
        return max(point["longest"] for point in line if point["at"] <= at)

    assert all(field(first, at) >= field(shipped, at) for at in ends.values())
