"""The steps between generations: both blocks read the same image, and the ratios that the papers name come out."""

from __future__ import annotations

from fractions import Fraction

import pytest

from explorer import catalog
from explorer.analysis import analyze
from explorer.catalog import Step


@pytest.mark.parametrize("step", catalog.steps(), ids=lambda step: step.name)
def test_both_blocks_read_the_same_and_are_one_node(step: Step) -> None:
    assert step.before.input_shape == step.after.input_shape
    assert step.before != step.after
    for block in (step.before, step.after):
        assert [node.name for node in block.trunk.nodes] == ["block"]
        assert analyze(block).params
    assert step.source
    assert {step.parent, step.child} <= set(catalog.names())
    assert step.meaning.endswith(".")
    assert step in catalog.steps_of(step.child)
    assert catalog.step(step.name) is step


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("two-3x3", Fraction(18, 25)), ("three-3x3", Fraction(27, 49)), ("factorise", Fraction(2, 7)),
        ("grid-reduction", Fraction(1, 2)), ("shortcut", Fraction(1)), ("concatenate", Fraction(1)),
    ],
)  # fmt: skip
def test_weights_that_the_papers_name(name: str, share: Fraction) -> None:
    step = catalog.step(name)
    was, now = analyze(step.before), analyze(step.after)
    assert Fraction(now.params, was.params) == share
    if share < Fraction(9, 10) and name != "grid-reduction":
        assert was.receptive_field.size == now.receptive_field.size


def test_a_residual_of_inception_keeps_what_comes_in_and_grids_agree() -> None:
    for name in ("inception-residual", "grid-reduction", "shortcut", "bottleneck", "groups", "fold"):
        step = catalog.step(name)
        assert analyze(step.before).output_shape == analyze(step.after).output_shape


def test_an_unknown_step_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="two-3x3"):
        catalog.step("two-5x5")
    assert catalog.steps_of("no such network") == ()
