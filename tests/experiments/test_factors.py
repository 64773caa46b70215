"""Every factor on every network of the catalogue: a working network, or a reason; and what each one means."""

from __future__ import annotations

import pytest
import torch

from explorer import catalog
from explorer.analysis import analyze, problems
from explorer.architecture import Architecture, Conv, Residual, edit, from_json, to_json, walk
from explorer.experiments import NotApplicable, changed_nodes, get_factor, list_factors
from explorer.modules import build
from tests.networks import EACH_NETWORK

NAMES = catalog.names()
WITH_BLOCKS = [name for name in NAMES if edit.blocks(catalog.get(name))]


def nodes(architecture: Architecture, kind: str) -> list[str]:
    return [path for path, node in walk(architecture) if node.op == kind]


@pytest.mark.parametrize("name", EACH_NETWORK)
def test_every_factor_gives_a_working_network_or_a_reason(name: str) -> None:
    base = catalog.get(name)
    text = to_json(base)
    applied = 0
    for each in list_factors(base):
        reason = each.reason_not_applicable(base)
        if reason:
            assert reason.startswith(f"{each.title}: ")
            with pytest.raises(NotApplicable):
                each.apply(base)
            continue
        changed = each.apply(base)
        applied += 1
        assert changed != base
        assert problems(changed) == ()
        assert from_json(to_json(changed)) == changed
        assert changed_nodes(base, changed)
        if nodes(base, "linear"):  # a classifier goes on answering the same question
            assert analyze(changed).totals.output_shape == analyze(base).totals.output_shape
        assert each.apply(base) == changed
    assert applied >= 3
    assert to_json(base) == text


@pytest.mark.parametrize("name", ["inception-net-32", "residual-mnist", "dilated-cnn", "inception-a-mnist"])
def test_torch_runs_every_variant(name: str) -> None:
    base = catalog.get(name)
    for each in list_factors(base):
        if not each.reason_not_applicable(base):
            changed = each.apply(base)
            model = build(changed).eval()
            assert sum(p.numel() for p in model.parameters()) == analyze(changed).totals.training_params
            with torch.no_grad():
                assert model(torch.zeros(2, *base.input_shape)).shape == (2, 10)


@pytest.mark.parametrize("name", WITH_BLOCKS)
def test_the_homeworks_factors_reach_every_block_that_can_take_them(name: str) -> None:
    base = catalog.get(name)
    blocks = edit.blocks(base)
    if nodes(base, "attention"):  # the small CIFAR networks come with and without
        base = get_factor("no-attention").apply(base)
    if nodes(base, "residual"):
        base = get_factor("no-residual").apply(base)
    with_attention = get_factor("cbam").apply(base)
    assert all(edit.attention_of(with_attention, block) for block in blocks)
    if get_factor("residual").reason_not_applicable(base):
        assert all(_crops(base, block) for block in blocks)
        return
    residual = get_factor("residual").apply(base)
    wrapped = [block for block in blocks if isinstance(edit.find(residual, block), Residual)]
    # A shortcut has no padding to take away: blocks that crop their map, as those of Inception v3 do, go without.
    assert set(blocks) - set(wrapped) == {block for block in blocks if _crops(base, block)}


def _crops(network: Architecture, block: str) -> bool:
    """Whether no stride makes the block's output height of its input's."""
    analysis = analyze(network)
    names = [path for path, node in edit.columns(network).items() if node.op != "auxiliary"]
    before = [layer for name in names[: names.index(block)] for layer in analysis.below(name)]
    height = (before[-1].output_shape if before else analysis.input_shape)[1]
    leaving = analysis.below(block)[-1].output_shape[1]
    return all(-(-height // stride) != leaving for stride in range(1, height + 1))


def test_a_shortcut_is_projected_where_the_shapes_differ_and_only_there() -> None:
    changed = get_factor("residual").apply(catalog.get("inception-net-32"))
    assert edit.find(changed, "inception1").shortcut == "projection"  # 64 channels in, 256 out
    assert edit.find(changed, "inception2").shortcut == "identity"
    difference = analyze(changed).params - analyze(catalog.get("inception-net-32")).params
    assert difference == 64 * 256 + 256


@pytest.mark.parametrize("attention", ["se", "cbam"])
def test_attention_stands_in_the_residuals_body_whichever_came_first(attention: str) -> None:
    base = catalog.get("inception-net-32")
    one, other = get_factor("residual"), get_factor(attention)
    assert one.apply(other.apply(base)) == other.apply(one.apply(base))


@pytest.mark.parametrize(
    ("there", "back"), [("cbam", "no-attention"), ("se", "no-attention"), ("batch-norm", "no-norm")]
)
def test_what_is_added_can_be_taken_away(there: str, back: str) -> None:
    base = catalog.get("inception-net-32")
    assert get_factor(back).apply(get_factor(there).apply(base)) == base


def test_without_residual_the_activation_stays() -> None:
    base = catalog.get("residual-mnist")
    changed = get_factor("no-residual").apply(base)
    assert nodes(base, "residual")
    assert not nodes(changed, "residual")
    # Body and ReLU: as relu(x + body(x)) with x left out. Without it two convolutions would be one linear map.
    assert [node.op for node in edit.find(changed, "rblock1").children] == ["conv", "conv", "activation"]
    assert analyze(changed).params == analyze(base).params


def test_dilation_widens_the_field_at_no_cost() -> None:
    base = catalog.get("inception-net-32")
    before, after = analyze(base), analyze(get_factor("dilation-2").apply(base))
    assert (after.params, after.macs) == (before.params, before.macs)
    # The 5×5 branch decides the field: a dilated 3×3 reaches as far as it, no further.
    assert after.receptive_field.size == before.receptive_field.size
    assert after.receptive_field.min_size == before.receptive_field.min_size
    rates = {path: node.dilation for path, node in walk(get_factor("dilation-2").apply(base)) if isinstance(node, Conv)}
    assert {path for path, rate in rates.items() if rate == 2} == {
        "inception1/branch_3x3/conv",
        "inception2/branch_3x3/conv",
    }
    dilated = catalog.get("dilated-cnn")
    assert edit.find(get_factor("no-dilation").apply(dilated), "conv2").dilation == 1


def test_addition_gives_every_branch_the_widest_ones_channels() -> None:
    changed = get_factor("add").apply(catalog.get("inception-net-32"))
    assert edit.find(changed, "inception1").fuse == "add"
    assert analyze(changed).by_path["inception1"].output_shape == (128, 8, 8)


def test_normalisation_takes_the_projections_too_and_gives_biases_back() -> None:
    residual = get_factor("residual").apply(catalog.get("inception-net-32"))
    normed = get_factor("batch-norm").apply(residual)
    assert edit.find(normed, "inception1").norm == "batch"
    assert all(node.norm == "batch" and not node.has_bias for _, node in walk(normed) if isinstance(node, Conv))
    assert get_factor("no-norm").apply(normed) == residual


def test_a_branch_goes_from_every_block_that_has_it() -> None:
    base = catalog.get("googlenet")
    changed = get_factor("without-branch_5x5").apply(base)
    assert [path for path, _ in walk(base) if path.endswith("/branch_5x5")]
    assert not [path for path, _ in walk(changed) if path.endswith("/branch_5x5")]


def test_half_the_width_halves_the_features() -> None:
    base, changed = catalog.get("googlenet"), get_factor("width-0.5").apply(catalog.get("googlenet"))
    assert analyze(changed).totals.feature_shape[0] * 2 == analyze(base).totals.feature_shape[0]


@pytest.mark.parametrize("name", ["", "quux", "without-", "without-no such branch"])
def test_an_unknown_factor_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=r"there is no factor .*residual"):
        get_factor(name)


@pytest.mark.parametrize(("name", "near"), [("cbam2", "cbam"), ("residual\n", "residual")])
def test_of_a_mistyped_factor_the_near_one_is_named(name: str, near: str) -> None:
    with pytest.raises(ValueError, match=rf"there is no factor .*; did you mean {near}.*\?$"):
        get_factor(name)


def test_a_branch_that_no_block_has() -> None:
    with pytest.raises(NotApplicable, match="no block can lose a branch named branch_9x9"):
        get_factor("without-branch_9x9").apply(catalog.get("googlenet"))
