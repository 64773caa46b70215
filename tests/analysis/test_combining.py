"""Fusions element by element whose branches are of different shapes: gates, and what does not go together."""

from __future__ import annotations

from typing import Any

import pytest

from explorer import editor, figures
from explorer.analysis import analyze, explain_growth, problems, repair
from explorer.analysis.lint import lint
from explorer.analysis.support import find_branch_supports, find_layer_support, find_unit_support
from explorer.architecture import Architecture, Conv, GlobalPool, Parallel, Pool, Sequence, blocks, edit


def net(*nodes: Any, shape: tuple[int, int, int] = (4, 16, 12)) -> Architecture:
    return Architecture(name="net", input_shape=shape, trunk=Sequence(name="trunk", children=nodes))


def fused(*branches: Any, fuse: Any = "multiply") -> Parallel:
    return Parallel(name="fused", branches=branches, fuse=fuse)


GATED = net(
    Conv(name="before", out_channels=8, kernel_size=3, stride=2),
    blocks.squeeze_excitation(channels=8, hidden=2),
    Conv(name="behind", out_channels=4, kernel_size=3),
)


@pytest.mark.parametrize("fuse", ["add", "multiply"])
@pytest.mark.parametrize(
    ("branches", "shape"),
    [
        ((Sequence(name="x"), GlobalPool(name="gate")), (4, 16, 12)),
        ((Sequence(name="x"), Conv(name="gate", out_channels=1)), (4, 16, 12)),
        ((GlobalPool(name="rows", output_size=(16, 1)), GlobalPool(name="columns", output_size=(1, 12))), (4, 16, 12)),
        ((Conv(name="plane", out_channels=1), GlobalPool(name="weights")), (4, 16, 12)),
    ],
)
def test_an_axis_of_one_is_repeated(branches: Any, shape: tuple[int, ...], fuse: str) -> None:
    assert analyze(net(fused(*branches, fuse=fuse))).output_shape == shape


@pytest.mark.parametrize(
    ("branches", "message", "mended"),
    [
        (
            (Sequence(name="x"), Sequence(name="y", children=(GlobalPool(name="p"), Conv(name="c", out_channels=3)))),
            "fusion multiply needs equal channels, or 1, which is repeated: x has 4, y has 3",
            {"fused/y/c": 4},
        ),
        (
            (Conv(name="a", out_channels=1), Conv(name="b", out_channels=6), Conv(name="c", out_channels=3)),
            "fusion multiply needs equal channels, or 1, which is repeated: a has 1, b has 6, c has 3",
            {"fused/a": 1, "fused/c": 6},
        ),
        (
            (Sequence(name="x"), Pool(name="half", stride=2)),
            "fusion multiply needs equal heights and widths, or 1, which is repeated: x gives 16×12, half gives 8×6",
            None,
        ),
    ],
)
def test_what_cannot_be_repeated_is_told_with_a_way_out(branches: Any, message: str, mended: Any) -> None:
    network = net(fused(*branches))
    assert [each.message for each in problems(network)] == [message]
    if mended:
        working, _ = repair(network)
        assert {path: edit.find(working, path).out_channels for path in mended} == mended


def test_a_gate_is_seen_from_everywhere_and_the_convolutional_field_goes_on() -> None:
    found = analyze(GATED)
    assert found.feature_shape == (4, 8, 6)
    assert (found.receptive_field.size, found.receptive_field.whole_input) == ((7, 7), True)
    assert find_layer_support(GATED, "behind").size == (7, 7)
    seen = find_unit_support(GATED, "behind", (4, 3))
    assert seen.convolutional is not None
    assert (seen.status, seen.touched, seen.convolutional.box) == ("whole input", 16 * 12, (5, 3, 12, 10))
    assert [each.status for each in find_branch_supports(GATED, "se", (4, 3)).values()] == ["exact", "whole input"]
    inside = find_unit_support(GATED, "behind", (4, 3), source="se/gate/reduce")
    assert inside.mask.tolist() == [[True]]
    steps = explain_growth(GATED, "behind")
    assert [step.path for step in steps] == ["before", "se", "behind"]
    assert "what gate makes of the map is repeated over it: a unit depends on the whole input" in steps[1].note
    assert steps[-1].after.size == 7


def test_rules_of_the_linter_go_on_behind_a_gate() -> None:
    gap = Conv(name="gap", out_channels=4, kernel_size=1, stride=2)
    network = edit.insert(GATED, "", gap)
    assert [(each.rule, each.path) for each in lint(network) if each.rule == "stride-gap"] == [("stride-gap", "gap")]


def test_a_gate_is_drawn_as_attention_and_is_no_block() -> None:
    found = analyze(GATED)
    column = next(each for each in figures.lay_out_overview(GATED, found) if each["path"] == "se")
    assert (column["kind"], column["facts"][0]) == ("attention", ["layer", "2 branches, multiply, one of them a gate"])
    assert figures.lay_out_block(GATED, found, "se")["tree"]["kind"] == "attention"
    assert edit.blocks(GATED) == []
    inner = Sequence(name="body", children=(Conv(name="c", out_channels=8), blocks.squeeze_excitation(channels=8)))
    assert edit.block_parallel(inner, "body") is None


def test_a_gate_gives_a_block_no_colour() -> None:
    body = Sequence(name="body", children=(Conv(name="c", out_channels=8), blocks.squeeze_excitation(channels=8)))
    assert figures.kind_of_branch(body) == "1x1"


def test_channels_of_a_gate_have_their_own_slider() -> None:
    """The input passes by it, so that no one slider is for all branches."""
    said = str(editor.describe_controls(GATED, analyze(GATED), "se"))
    assert "one slider in the block's card" not in said
    assert "{'do': 'set', 'path': 'se/gate/expand', 'field': 'out_channels'}" in said
