"""Folded branches give the same answers, whatever their windows, groups and norms; what cannot be folded stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import (
    Activation,
    Architecture,
    Conv,
    Node,
    Norm,
    Parallel,
    Pool,
    Residual,
    Scale,
    Sequence,
    edit,
    to_json,
    walk,
)
from explorer.architecture.blocks import head
from explorer.cli import main
from explorer.inspection.opening import open_files
from explorer.modules import build
from explorer.slimming import fold_branches
from tests.inspection.parts import shaken

CHANNELS = 8


def network(block: Node, *, size: int = 12) -> Architecture:
    layers = (Conv(name="stem", out_channels=CHANNELS, kernel_size=3, norm="batch"), block, Activation(name="relu"))
    return Architecture(name="one", input_shape=(3, size, size), trunk=Sequence(name="trunk", children=layers))


def assert_same_answers(architecture: Architecture, seed: int = 0) -> Architecture:
    torch.manual_seed(seed)
    before = shaken(build(architecture)).eval()
    folded = fold_branches(architecture, before)
    x_BCHW = torch.randn(2, *architecture.input_shape)
    with torch.no_grad():
        expected = before(x_BCHW)
        assert (folded.network(x_BCHW) - expected).abs().max() <= 1e-5 * max(1.0, float(expected.std()))
    return folded.architecture


@st.composite
def blocks(draw: st.DrawFn) -> Parallel:
    """Branches of equal stride whose windows lie about one centre, or begin at one place."""
    stride = draw(st.sampled_from([1, 2]))
    padded = draw(st.booleans())
    branches: list[Node] = []
    for number in range(draw(st.integers(1, 4))):
        kernels = [1, 3, 5, (1, 3), (3, 1), (1, 7), *([2, 4] if stride == 1 else [])]
        kernel = draw(st.sampled_from(kernels if padded else [1, 3]))
        branches.append(
            Conv(
                name=f"conv{number}", out_channels=CHANNELS, kernel_size=kernel, stride=stride,
                dilation=draw(st.sampled_from([1, 2])) if padded else 1,
                padding="same" if padded else (1 if kernel == 3 else 0),
                groups=draw(st.sampled_from([1, 2, 4, "depthwise"])), norm=draw(st.sampled_from(["none", "batch"])),
                bias=draw(st.sampled_from([True, False, "auto"])), activation="none",
            )
        )  # fmt: skip
    if stride == 1:
        branches += [Norm(name="norm")] * draw(st.integers(0, 1)) + [Sequence(name="keep")] * draw(st.integers(0, 1))
    return Parallel(name="sum", branches=tuple(draw(st.permutations(branches))), fuse="add")


@given(blocks(), st.integers(0, 2**16))
def test_a_block_of_added_branches_is_one_convolution(block: Parallel, seed: int) -> None:
    folded = edit.find(assert_same_answers(network(block), seed), "sum")
    convs = [branch for branch in block.branches if isinstance(branch, Conv)]
    assert isinstance(folded, Conv)
    assert folded.geometry.kernel[0] >= max(conv.geometry.kernel[0] for conv in convs)


@pytest.mark.parametrize(
    "branch",
    [
        Sequence(name="b", children=(Conv(name="conv", out_channels=CHANNELS, norm="batch", activation="none"),)),
        Pool(name="b", kind="avg"),
        Scale(name="b", bias=True),
        Residual(name="b", body=Conv(name="body", out_channels=CHANNELS, activation="none"), activation="none"),
        Parallel(name="b", branches=(Norm(name="x"), Sequence(name="y")), fuse="add"),
    ],
)
def test_sums_within_sums_and_what_is_linear_beside_convolutions_are_folded(branch: Node) -> None:
    first = Conv(name="a", out_channels=CHANNELS, kernel_size=3, activation="none")
    folded = assert_same_answers(network(Parallel(name="sum", branches=(first, branch), fuse="add")))
    assert edit.find(folded, "sum").op == "conv"


@pytest.mark.parametrize("shortcut", ["identity", "projection"])
def test_a_residual_around_a_convolution_is_one(shortcut: Any) -> None:
    body = Conv(name="body", out_channels=CHANNELS, kernel_size=3, norm="batch", activation="none")
    residual = Residual(name="sum", body=body, shortcut=shortcut, norm="batch", scale=0.3, activation="tanh")
    folded = edit.find(assert_same_answers(network(residual)), "sum")
    assert (folded.op, folded.activation) == ("conv", "tanh")


@pytest.mark.parametrize(
    "branch",
    [
        Conv(name="b", out_channels=CHANNELS, kernel_size=3),
        Conv(name="b", out_channels=CHANNELS, kernel_size=3, stride=2, padding="tf_same", activation="none"),
        Conv(name="b", out_channels=CHANNELS, kernel_size=3, padding=((2, 0), (1, 1)), norm="batch"),
        Pool(name="b"),
        Activation(name="b"),
        Sequence(name="b", children=[Conv(name=name, out_channels=CHANNELS, activation="none") for name in "cd"]),
        Pool(name="b", kind="avg", count_include_pad=False),
        Norm(name="b"),  # multiplied
    ],
)
def test_other_blocks_stay(branch: Node) -> None:
    """An activation in a branch, zeros that depend on the size of the map, what is no convolution, a product."""
    stride = branch.stride if isinstance(branch, Conv) else 1
    first = Conv(name="a", out_channels=CHANNELS, stride=stride, padding=0, activation="none")
    fuse = "multiply" if isinstance(branch, Norm) else "add"
    given_network = network(Parallel(name="sum", branches=(first, branch), fuse=fuse))
    with pytest.raises(ValueError, match="'one' has nothing to fold"):
        fold_branches(given_network, build(given_network))


def test_zeros_that_differ_from_end_to_end_are_kept() -> None:
    shifted = Conv(name="a", out_channels=CHANNELS, kernel_size=3, padding=((2, 0), (0, 2)), activation="none")
    folded = assert_same_answers(network(Parallel(name="sum", branches=(shifted, Sequence(name="keep")), fuse="add")))
    assert edit.find(folded, "sum").padding == ((2, 0), (0, 2))


def test_repvgg_becomes_the_plain_network() -> None:
    trained = edit.scale_width(edit.replace(catalog.get("repvgg-a0"), "", input_shape=(3, 32, 32)), 0.25)
    folded = assert_same_answers(trained)
    assert folded.trunk == edit.scale_width(catalog.get("repvgg-a0-folded"), 0.25).trunk
    assert not [path for path, node in walk(folded) if node.op in ("parallel", "norm")]


def test_the_command_line_writes_what_it_can_open_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    branches = (
        Conv(name="a", out_channels=CHANNELS, kernel_size=3, norm="batch", activation="none"), Norm(name="identity"),
    )  # fmt: skip
    body = network(Parallel(name="sum", branches=branches, fuse="add"))
    trained = edit.put(body, "relu", Sequence(name="head", children=head(classes=3)))
    (tmp_path / "net.json").write_text(to_json(trained), encoding="utf-8")
    before = shaken(build(trained)).eval()
    torch.save(before.state_dict(), tmp_path / "net.pt")
    named = f"{tmp_path / 'net.json'}:{tmp_path / 'net.pt'}"
    assert main(["fold", named, "-o", str(tmp_path / "folded"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folded"] == ["sum"]
    assert told["params"]["after"] < told["params"]["before"] == analyze(trained).params
    opened = open_files(catalog.resolve(told["design"], files=True), told["weights"])
    x_BCHW = torch.randn(2, *trained.input_shape)
    with torch.no_grad():
        assert torch.allclose(opened.logits(x_BCHW), before(x_BCHW), rtol=0, atol=1e-5)
    assert main(["fold", f"{told['design']}:{told['weights']}", "-o", str(tmp_path / "again")]) == 2
    assert "has nothing to fold" in capsys.readouterr().err
