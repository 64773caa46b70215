"""Pictures' data: sums agree with the analysis, every node appears, and nothing of a typed name is interpreted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from explorer import catalog, figures
from explorer.analysis import analyze
from explorer.architecture import NODE_KINDS, Architecture, Conv, Sequence, edit, walk
from tests.networks import EACH_NETWORK


def leaves(tree: dict[str, Any]) -> list[dict[str, Any]]:
    return [tree, *(leaf for child in tree.get("children", ()) for leaf in leaves(child))]


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_the_strip_has_every_column_of_the_network(name: str) -> None:
    architecture = catalog.get(name)
    strip = figures.lay_out_overview(architecture, analyze(architecture))
    assert [column["path"] for column in strip] == [*edit.columns(architecture)]
    heads = [node.name for node in architecture.trunk.nodes if node.op == "auxiliary"]
    assert [column["path"] for column in strip if column["tap"]] == heads
    for column in strip:
        assert column["kind"] in figures.KINDS
        assert not column["parts"] or sum(part["share"] for part in column["parts"]) == pytest.approx(1)
    assert json.loads(json.dumps(strip)) == strip


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_a_block_shows_every_layer_below_it_with_facts(name: str) -> None:
    architecture = catalog.get(name)
    analysis = analyze(architecture)
    for node in architecture.trunk.nodes:
        block = figures.lay_out_block(architecture, analysis, node.name)
        paths = [tree["path"] for tree in leaves(block["tree"])]
        assert paths == [node.name, *(path for path, _ in walk(node, node.name))]
        for tree in leaves(block["tree"]):
            assert ("facts" in tree) == (tree["path"] in analysis.by_path)
        assert json.loads(json.dumps(block)) == block
        assert node.name in block["description"]


@pytest.mark.parametrize("name", EACH_NETWORK)
@pytest.mark.parametrize("metric", ["macs", "params"])
def test_bars_add_up_to_the_totals(name: str, metric: str) -> None:
    architecture = catalog.get(name)
    analysis = analyze(architecture)
    bars = figures.split_costs(architecture, analysis, metric)
    assert sum(bar["total"] for bar in bars) == getattr(analysis, metric)
    for bar in bars:
        assert sum(part["value"] for part in bar["parts"]) == bar["total"]


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_growth_ends_at_the_networks_field_and_never_falls(name: str) -> None:
    architecture = catalog.get(name)
    analysis = analyze(architecture)
    points = figures.trace_growth(architecture, analysis)["points"]
    assert points[-1]["longest"] == max(analysis.receptive_field.size)
    assert points[-1]["shortest"] == max(analysis.receptive_field.min_size)
    for key in ("longest", "shortest"):
        values = [point[key] for point in points]
        assert values == sorted(values)


@pytest.mark.parametrize("name", ["googlenet-torchvision", "inception-v3", "residual-mnist"])
@pytest.mark.parametrize("metric", ["macs", "params"])
def test_treemap_rectangles_nest_and_add_up(name: str, metric: str) -> None:
    architecture = catalog.get(name)
    analysis = analyze(architecture)
    (trace,) = figures.draw_treemap(architecture, analysis, metric).data
    values = dict(zip(trace.ids, trace.values, strict=True))
    assert values["network"] == getattr(analysis, metric)
    below: dict[str, int] = {}
    for path, parent in zip(trace.ids, trace.parents, strict=True):
        if parent:
            below[parent] = below.get(parent, 0) + values[path]
    # A residual's projection and a Conv's own weights belong to the node itself: children may leave a rest, never more.
    for parent, total in below.items():
        assert total <= values[parent]
    assert below["network"] == values["network"]


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_the_table_adds_up_and_marks_what_only_training_has(name: str) -> None:
    architecture = catalog.get(name)
    analysis = analyze(architecture)
    table = figures.layer_table(architecture, analysis)
    inference = [row for row in table if "training only" not in row["op"]]
    assert sum(row["params"] for row in inference) == analysis.params
    assert sum(row["macs"] for row in inference) == analysis.macs
    assert sum(row["params"] for row in table) == analysis.training_params
    assert sum(row["training_kb"] for row in table) == pytest.approx(analysis.training_bytes / 1000)
    for row in table:
        assert row["weights"] + row["biases"] + row["norm"] == row["params"]


def test_labels_of_the_treemap_are_literal() -> None:
    hostile = "<img src=x onerror=alert(1)> %{customdata} <b>&amp;"
    architecture = edit.replace(catalog.get("inception-net"), "", name=hostile)
    (trace,) = figures.draw_treemap(architecture, analyze(architecture)).data
    assert "<" not in trace.labels[0]
    assert trace.labels[0].startswith("&lt;img")
    assert "customdata" not in (trace.hovertemplate or "")


def test_every_kind_of_node_has_a_colour_and_a_caption() -> None:
    from tests.profiling import networks  # a network that holds every kind

    architecture = networks.everything()
    assert {node.op for _, node in walk(architecture)} == set(NODE_KINDS)
    analysis = analyze(architecture)
    for column in figures.lay_out_overview(architecture, analysis):
        for tree in leaves(figures.lay_out_block(architecture, analysis, column["path"])["tree"]):
            if "facts" in tree:
                assert tree["kind"] in figures.KINDS
                assert tree["title"]


@pytest.mark.parametrize(
    ("kernel", "kind"),
    [(1, "1x1"), (2, "3x3"), (3, "3x3"), (4, "5x5"), (5, "5x5"), (7, "larger"), ((1, 7), "factorised")],
)
def test_colour_follows_the_kernel(kernel: Any, kind: str) -> None:
    assert figures.kind_of(Conv(name="conv", out_channels=1, kernel_size=kernel)) == kind


def test_an_empty_branch_is_a_shortcut() -> None:
    assert figures.kind_of_branch(Sequence(name="keep")) == "shortcut"


def test_a_metric_that_does_not_exist_is_refused() -> None:
    architecture: Architecture = catalog.get("inception-net")
    with pytest.raises(ValueError, match="metric"):
        figures.split_costs(architecture, analyze(architecture), "time")
