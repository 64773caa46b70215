"""Steps that must not change an answer: folded norms and merged 1×1 convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer import catalog
from explorer.architecture import Architecture, Conv, Linear, Norm, Parallel, Pool, Scale, Sequence, edit, walk
from explorer.architecture.blocks import head
from explorer.modules import Network, build
from explorer.slimming import Slimmed, compare_scores, fold_branches, fold_norms, merge_pointwise
from tests.sizes import THOROUGH
from tests.slimming.parts import random_network, small
from tests.strategies import analysis_or_skip, architectures

SAMPLE = ("inception-v3", "efficientnet-b0")
CHANNELS = 6


def assert_same_scores(before: Network, slimmed: Slimmed, limit: float = 1e-5) -> None:
    """In float64, where rounding of the activations hides nothing; the weights were rounded once."""
    x_BCHW = torch.randn(2, *slimmed.before.input_shape, generator=torch.Generator().manual_seed(5)).double()
    before, after = before.double(), slimmed.network.double()
    with torch.no_grad():
        expected, found = before(x_BCHW), after(x_BCHW)
    if not expected.isfinite().all():  # a random network that blows up says nothing
        assert (found.isfinite() == expected.isfinite()).all()
        return
    assert (found - expected).abs().max() <= limit * max(1.0, float(expected.abs().max()))
    assert expected.abs().max() > 0 or not found.abs().max()


def network(*layers: Any, size: int = 10) -> Architecture:
    stem = Conv(name="stem", out_channels=CHANNELS, kernel_size=3)
    nodes = (stem, *layers, Sequence(name="head", children=head(classes=3)))
    return Architecture(name="one", input_shape=(3, size, size), trunk=Sequence(name="trunk", children=nodes))


def kinds(architecture: Architecture) -> list[str]:
    return [node.op for _, node in walk(architecture)]


@pytest.mark.parametrize("step", [fold_norms, fold_branches, merge_pointwise])
@given(architecture=architectures(), seed=st.integers(0, 2**16))
def test_random_networks_answer_as_before(
    step: Callable[..., Slimmed], architecture: Architecture, seed: int
) -> None:
    analysis_or_skip(architecture)
    trained = random_network(architecture, seed)
    try:
        slimmed = step(architecture, trained)
    except ValueError:
        return  # it has nothing for this step
    assert_same_scores(trained, slimmed, 1e-4)
    assert slimmed.network.state_dict().keys() == build(slimmed.architecture, "meta").state_dict().keys()


@pytest.mark.parametrize(
    "name", [name if name in SAMPLE else pytest.param(name, marks=THOROUGH) for name in catalog.names()]
)
def test_the_catalogue_answers_as_before(name: str) -> None:
    """One step after the other, as far as a network has something for each."""
    architecture = small(name)
    trained = random_network(architecture)
    done: list[str] = []
    for step in (fold_norms, fold_branches, merge_pointwise):
        try:
            slimmed = step(architecture, trained)
        except ValueError:
            continue
        assert_same_scores(trained, slimmed, 1e-4)
        architecture, trained = slimmed.architecture, slimmed.network.float()
        done.append(slimmed.step)
    if name in SAMPLE:
        assert done


# ---- norms ----------------------------------------------------------------------------------------------------------

PLAIN = Conv(name="conv", out_channels=4, kernel_size=3, padding=0, activation="none")


@pytest.mark.parametrize(
    "layers",
    [
        (PLAIN, Norm(name="norm")),
        (PLAIN, Sequence(name="inner", children=(Norm(name="norm"), Scale(name="scale", bias=True)))),
        (Norm(name="norm"), PLAIN),
        (Norm(name="norm"), PLAIN.model_copy(update={"groups": 2})),
        (Norm(name="norm"), PLAIN.model_copy(update={"groups": "depthwise", "out_channels": 2 * CHANNELS})),
        (Norm(name="norm"), PLAIN.model_copy(update={"norm": "batch", "bias": False})),
        (Norm(name="norm"), PLAIN.model_copy(update={"norm": "layer", "bias": False})),
        (Scale(name="scale"), PLAIN.model_copy(update={"padding": "same"})),  # zeros stay zeros
        (Norm(name="norm"), Scale(name="scale"), PLAIN),
        (PLAIN.model_copy(update={"norm": "batch"}), Norm(name="norm")),
    ],
)
def test_norms_beside_convolutions_go(layers: tuple[Any, ...]) -> None:
    architecture = network(*layers)
    trained = random_network(architecture)
    slimmed = fold_norms(architecture, trained)
    assert_same_scores(trained, slimmed)
    assert not {"norm", "scale"} & set(kinds(slimmed.architecture))
    assert not [node for _, node in walk(slimmed.architecture) if node.norm_kind == "batch"]


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ((Norm(name="norm"), PLAIN.model_copy(update={"padding": "same"})), "lays zeros around the map"),
        ((Norm(name="norm"), PLAIN.model_copy(update={"padding": "tf_same", "stride": 2})), "lays zeros"),
        ((PLAIN.model_copy(update={"activation": "relu"}), Norm(name="norm")), "an activation or another norm"),
        ((Pool(name="pool"), Norm(name="norm"), Pool(name="pool2")), "no convolution stands right"),
    ],
)
def test_what_cannot_be_folded_stays_and_is_named(layers: tuple[Any, ...], reason: str) -> None:
    architecture = network(*layers)
    with pytest.raises(ValueError, match=reason):
        fold_norms(architecture, random_network(architecture))
    both = network(PLAIN.model_copy(update={"name": "first", "norm": "batch", "activation": "relu"}), *layers)
    slimmed = fold_norms(both, random_network(both))
    assert any(reason in note and "norm" in note for note in slimmed.notes)
    assert edit.find(slimmed.architecture, "norm") == edit.find(both, "norm")


def test_a_scale_behind_a_linear_layer_goes_into_it() -> None:
    ending = (*head(classes=5), Scale(name="scale", bias=True), Linear(name="last", out_features=3))
    architecture = edit.put(network(), "head", Sequence(name="head", children=ending))
    trained = random_network(architecture)
    slimmed = fold_norms(architecture, trained)
    assert_same_scores(trained, slimmed)
    assert "scale" not in kinds(slimmed.architecture)


# ---- 1×1 convolutions -----------------------------------------------------------------------------------------------


def branch(name: str, **fields: Any) -> Conv:
    return Conv(name=name, **{"out_channels": 3, "norm": "batch", **fields})


def test_reductions_of_an_inception_block_are_one_convolution_and_bit_equal() -> None:
    architecture = small("googlenet-torchvision")
    trained = random_network(architecture)
    slimmed = merge_pointwise(architecture, trained)
    assert slimmed.proof.largest_difference <= 1e-6 * slimmed.proof.largest_score
    assert slimmed.params[0] == slimmed.params[1]
    assert slimmed.macs[0] == slimmed.macs[1]
    assert slimmed.layers[0] - slimmed.layers[1] == 18  # two of the three openings of each of nine blocks
    assert "18 convolutions fewer" in slimmed.notes[-1]


def test_branches_that_are_nothing_else_are_one_branch() -> None:
    architecture = network(Parallel(name="block", branches=(branch("a"), branch("b"), Pool(name="c"))))
    trained = random_network(architecture)
    slimmed = merge_pointwise(architecture, trained)
    assert_same_scores(trained, slimmed)
    block = edit.find(slimmed.architecture, "block")
    assert [each.op for each in block.branches] == ["conv", "pool"]
    assert block.branches[0].out_channels == 6


@pytest.mark.parametrize("fuse", ["concat", "add", "multiply"])
@pytest.mark.parametrize("whole", [True, False])
def test_openings_of_neighbours_become_slices(fuse: Any, whole: bool) -> None:
    deep = [
        Sequence(name=name, children=(branch("reduce"), branch("conv", kernel_size=3))) for name in ("one", "two")
    ]  # fmt: skip
    others = () if whole else (branch("other", kernel_size=3),)
    architecture = network(Parallel(name="block", branches=(branch("first"), *deep, *others), fuse=fuse))
    trained = random_network(architecture)
    slimmed = merge_pointwise(architecture, trained)
    assert_same_scores(trained, slimmed)
    assert slimmed.macs[0] == slimmed.macs[1]
    assert kinds(slimmed.architecture).count("slice") == 3


@pytest.mark.parametrize(
    "other",
    [
        branch("b", norm="none"), branch("b", stride=2), branch("b", activation="tanh"), branch("b", norm_eps=0.1),
        branch("b", groups=3), branch("b", kernel_size=3), branch("b", padding=1),
    ],
)  # fmt: skip
def test_convolutions_of_another_form_stay_apart(other: Conv) -> None:
    inside = Sequence(name="inside", children=(Parallel(name="block", branches=(branch("a"), other)),))
    architecture = network(inside, size=9)
    try:
        trained = random_network(architecture)
    except ValueError:  # another size
        architecture = network(Parallel(name="block", branches=(
            Sequence(name="x", children=(branch("a"), Pool(name="p", stride=other.stride, padding=1))),
            Sequence(name="y", children=(other,) if other.stride == 2 else (other, Pool(name="p", padding=0))),
        )), size=9)  # fmt: skip
        trained = random_network(architecture)
    with pytest.raises(ValueError, match="has nothing to merge"):
        merge_pointwise(architecture, trained)


def test_a_convolution_takes_in_the_one_by_one_before_it() -> None:
    first = Conv(name="first", out_channels=12, activation="none", bias=False)
    architecture = network(first, Conv(name="second", out_channels=4, kernel_size=3))
    trained = random_network(architecture)
    slimmed = merge_pointwise(architecture, trained)
    assert_same_scores(trained, slimmed)
    assert "first" not in [path for path, _ in walk(slimmed.architecture)]
    assert slimmed.macs[1] < slimmed.macs[0]


def test_a_bottleneck_of_two_keeps_its_few_channels() -> None:
    """Together they would need more MACs."""
    first = Conv(name="first", out_channels=1, activation="none", bias=False)
    architecture = network(first, Conv(name="second", out_channels=8))
    with pytest.raises(ValueError, match="has nothing to merge"):
        merge_pointwise(architecture, random_network(architecture))


def test_a_proof_sees_scores_that_are_no_numbers() -> None:
    architecture = network()
    trained, broken = random_network(architecture), random_network(architecture)
    broken.state_dict()["head.fc.linear.bias"][0] = torch.nan
    proof = compare_scores(trained, broken, architecture.input_shape, "the other")
    assert proof.largest_difference == torch.inf
    assert not proof.holds
    assert compare_scores(broken, broken, architecture.input_shape, "itself").holds
