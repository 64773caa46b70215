"""Commands: each does what it says and gives a working network, and nothing that a browser sends breaks them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import catalog, editor
from explorer.analysis import analyze, problems
from explorer.architecture import Architecture, ArchitectureError, Conv, Parallel, Residual, branches, edit
from tests.sizes import examples

GOOGLENET = catalog.get("googlenet")
BLOCK = "inception_3a"


def run(architecture: Architecture, **command: Any) -> Architecture:
    value, _ = editor.apply_with_repairs(architecture, command)
    assert problems(value) == ()
    return value


def test_set_changes_one_field_and_shares_the_rest() -> None:
    path = f"{BLOCK}/branch_3x3/conv"
    wider = run(GOOGLENET, do="set", path=path, field="out_channels", value=160)
    assert edit.find(wider, path).out_channels == 160
    assert edit.find(wider, "inception_3b") is edit.find(GOOGLENET, "inception_3b")
    assert edit.find(GOOGLENET, path).out_channels == 128


@pytest.mark.parametrize(
    ("typed", "kernel"), [(5, 5), ("5", 5), (" 7 ", 7), ("1x7", (1, 7)), ("7×1", (7, 1)), ("3*3", 3), ("3,5", (3, 5))]
)
def test_kernels_may_be_typed_as_one_number_or_two(typed: object, kernel: object) -> None:
    path = f"{BLOCK}/branch_3x3/conv"
    changed = run(GOOGLENET, do="set", path=path, field="kernel_size", value=typed)
    assert edit.find(changed, path).kernel_size == kernel


def test_one_axis_of_a_kernel() -> None:
    v3 = catalog.get("inception-v3")
    path = "Mixed_6b/branch7x7/branch7x7_2"
    changed = run(v3, do="set", path=path, field="kernel_size", axis=1, value=5)
    assert edit.find(changed, path).kernel_size == (1, 5)


@pytest.mark.parametrize("kind", list(branches.BRANCH_KINDS))
def test_every_branch_kind_can_be_added(kind: str) -> None:
    bigger = run(GOOGLENET, do="add_branch", path=BLOCK, value=kind)
    block = edit.find(bigger, BLOCK)
    assert len(block.branches) == 5
    assert analyze(bigger).params > analyze(GOOGLENET).params


def test_a_branch_added_to_a_block_that_halves_its_maps_halves_them_too() -> None:
    v3 = catalog.get("inception-v3")
    for kind in ("reduce_conv", "double_3x3", "pool_project", "depthwise_separable"):
        value = run(v3, do="add_branch", path="Mixed_6a", value=kind)
        assert analyze(value).by_path["Mixed_6a"].output_shape[1:] == (17, 17)


@pytest.mark.parametrize("fuse", ["add", "multiply"])
@pytest.mark.parametrize("kind", list(branches.BRANCH_KINDS))
def test_a_branch_added_where_branches_are_summed_has_their_channels(fuse: str, kind: str) -> None:
    fused = run(GOOGLENET, do="fuse", path=BLOCK, value=fuse)
    bigger = run(fused, do="add_branch", path=BLOCK, value=kind)
    assert analyze(bigger).by_path[BLOCK].output_shape[0] == 128


def test_fusion_by_addition_mends_the_channels_and_says_so() -> None:
    value, said = editor.apply_with_repairs(GOOGLENET, {"do": "fuse", "path": BLOCK, "value": "add"})
    assert analyze(value).by_path[BLOCK].output_shape == (128, 28, 28)
    (sentence,) = said
    for part in ("branch_1x1 has 64", "branch_3x3 has 128", "Repaired: give every branch 128 channels"):
        assert part in sentence
    wider = run(value, do="outputs", path=BLOCK, value=200)
    assert analyze(wider).by_path[BLOCK].output_shape == (200, 28, 28)


def test_residual_attention_and_back_again() -> None:
    value = run(GOOGLENET, do="residual", path=BLOCK, value="projection")
    assert isinstance(edit.find(value, BLOCK), Residual)
    value = run(value, do="attention", path=BLOCK, value="cbam")
    value = run(value, do="attention", path=BLOCK, value="se")
    assert edit.find(value, f"{BLOCK}/body/attention").kind == "se"
    value = run(value, do="attention", path=BLOCK, value="none")
    assert run(value, do="residual", path=BLOCK, value="off") == GOOGLENET


def test_attention_and_scale_of_a_block_without_branches() -> None:
    network = catalog.get("residual-mnist")
    value = run(network, do="attention", path="rblock1", value="se")
    assert [child.name for child in edit.find(value, "rblock1/body").children] == ["conv1", "conv2", "attention"]
    assert run(value, do="attention", path="rblock1", value="none") == network
    assert edit.find(run(network, do="set", path="rblock1", field="scale", value="0.2"), "rblock1").scale == 0.2


def test_identity_shortcut_of_unequal_channels_becomes_a_projection() -> None:
    value, said = editor.apply_with_repairs(GOOGLENET, {"do": "residual", "path": BLOCK, "value": "identity"})
    assert edit.find(value, BLOCK).shortcut == "projection"
    assert "192×28×28" in said[0]


def test_norm_and_activation_of_a_block() -> None:
    value = run(GOOGLENET, do="norm", path=BLOCK, value="batch")
    conv = edit.find(value, f"{BLOCK}/branch_3x3/conv")
    assert (conv.norm, conv.has_bias) == ("batch", False)
    value = run(value, do="activation", path=BLOCK, value="silu")
    assert edit.find(value, f"{BLOCK}/branch_1x1").activation == "silu"
    assert edit.find(value, "inception_3b/branch_1x1").activation == "relu"


def test_stride_of_a_block_halves_its_maps() -> None:
    value = run(GOOGLENET, do="stride", path="inception_3b", value=2)
    assert analyze(value).by_path["inception_3b"].output_shape[1:] == (14, 14)
    assert run(value, do="stride", path="inception_3b", value=1) == GOOGLENET


def test_layers_of_a_branch() -> None:
    def names(architecture: Architecture) -> list[str]:
        return [child.name for child in edit.find(architecture, f"{BLOCK}/branch_1x1").children]

    value = run(GOOGLENET, do="insert", place="after", path=f"{BLOCK}/branch_1x1", value="conv")
    assert names(value) == ["first", "conv"]
    value = run(value, do="insert", place="after", path=f"{BLOCK}/branch_1x1/first", value="pool")
    assert names(value) == ["first", "pool", "conv"]
    value = run(value, do="move", path=f"{BLOCK}/branch_1x1/pool", by=-1)
    assert names(value) == ["pool", "first", "conv"]
    value = run(value, do="remove", path=f"{BLOCK}/branch_1x1/pool")
    assert names(value) == ["first", "conv"]


def test_blocks_come_go_and_set_an_example() -> None:
    value = run(GOOGLENET, do="duplicate", path=BLOCK)
    names = [node.name for node in value.trunk.nodes]
    assert names[names.index(BLOCK) + 1] == "inception_3a_2"
    assert run(value, do="remove", path="inception_3a_2") == GOOGLENET
    for part in ("inception", "conv", "pool"):
        grown = run(GOOGLENET, do="insert", place="after", path=BLOCK, value=part)
        assert len(grown.trunk.nodes) == len(GOOGLENET.trunk.nodes) + 1
    dilated = run(GOOGLENET, do="set", path=f"{BLOCK}/branch_3x3/conv", field="dilation", value=2)
    everywhere = run(dilated, do="apply_to_all", path=BLOCK)
    for block in edit.blocks(everywhere):
        assert edit.find(everywhere, f"{block}/branch_3x3/conv").dilation == 2
        before = edit.find(GOOGLENET, f"{block}/branch_3x3/conv").out_channels
        assert edit.find(everywhere, f"{block}/branch_3x3/conv").out_channels == before


def test_the_network_as_a_whole() -> None:
    assert run(GOOGLENET, do="input", axis="size", value="160").input_shape == (3, 160, 160)
    assert run(GOOGLENET, do="input", axis="channels", value=1).input_shape == (1, 224, 224)
    assert analyze(run(GOOGLENET, do="classes", value=10)).output_shape == (10,)
    half = run(GOOGLENET, do="width", value=0.5)
    assert analyze(half).feature_shape[0] == 512
    assert analyze(half).output_shape == (1000,)
    assert run(GOOGLENET, do="title", value="Mine").name == "Mine"


def test_depthwise_takes_its_channels_from_the_input() -> None:
    path = f"{BLOCK}/branch_3x3/conv"
    value = run(GOOGLENET, do="set", path=path, field="groups", value="depthwise")
    assert analyze(value).by_path[path].output_shape[0] == 96


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ({"do": "explode"}, "no edit named 'explode'"),
        ({}, "no edit named"),
        ({"do": ["set"]}, "no edit named"),
        ({"do": "set"}, "incomplete"),
        ({"do": "set", "path": BLOCK, "field": "branches", "value": 1}, "not changed this way"),
        ({"do": "set", "path": "nowhere", "field": "out_channels", "value": 1}, "there is no 'nowhere'"),
        ({"do": "set", "path": "conv1", "field": "out_channels", "value": "many"}, "must be a whole number"),
        ({"do": "set", "path": "conv1", "field": "out_channels", "value": 99999}, "at most 8,192"),
        ({"do": "set", "path": "conv1", "field": "out_channels", "value": True}, "must be a whole number"),
        ({"do": "set", "path": "conv1", "field": "out_channels", "value": float("nan")}, "must be a whole number"),
        ({"do": "set", "path": "conv1", "field": "colour", "value": 1}, "has no 'colour'"),
        ({"do": "set", "path": "conv1", "field": "kernel_size", "value": "3x99"}, "from 1 to 31"),
        ({"do": "add_branch", "path": BLOCK, "value": "magic"}, "no branch kind 'magic'"),
        ({"do": "add_branch", "path": "conv1", "value": "ghost"}, "does not fit conv1"),
        ({"do": "input", "axis": "size", "value": 7}, "8 to 1,024"),
        ({"do": "input", "axis": "depth", "value": 64}, "has no 'depth'"),
        ({"do": "width", "value": "1e9"}, "0.01 to 100"),
        ({"do": "remove", "path": ""}, ""),
        ({"do": "title", "value": "x" * 121}, "at most 120"),
    ],
)
def test_what_cannot_be_done_is_said_in_our_words(command: dict[str, Any], words: str) -> None:
    with pytest.raises(ArchitectureError) as caught:
        editor.apply_with_repairs(GOOGLENET, command)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "command",
    [
        {"do": "set", "path": "conv1", "field": "out_channels"},
        {"do": "set", "path": "dropout", "field": "p"},
        {"do": "width"},
        {"do": "classes"},
        {"do": "input", "axis": "size"},
        {"do": "move", "path": BLOCK, "by": 10**400},
    ],
)
def test_an_integer_that_no_float_can_hold_is_refused(command: dict[str, Any]) -> None:
    """JSON has integers of any length: 400 digits are more than a float can hold."""
    with pytest.raises(ArchitectureError, match="must be a"):
        editor.apply(GOOGLENET, {"value": 10**400, **command})


@pytest.mark.parametrize(
    "axis", ["x", "9" * 5000, 10**400, float("nan"), 2, -1, None, []], ids=lambda axis: str(axis)[:9]
)
def test_an_axis_that_there_is_not_is_refused(axis: object) -> None:
    with pytest.raises(ArchitectureError, match="axis"):
        editor.apply(GOOGLENET, {"do": "set", "path": "conv1", "field": "kernel_size", "value": 3, "axis": axis})


def test_what_looks_like_a_mistake_of_ours_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> Architecture:
        raise AttributeError("'NoneType' object has no attribute 'name'")

    monkeypatch.setitem(editor._commands._VERBS, "set", broken)
    with pytest.raises(ArchitectureError, match="AttributeError: 'NoneType'"):
        editor.apply(GOOGLENET, {"do": "set", "path": "conv1"})
    (record,) = caplog.records
    assert record.exc_info
    assert "conv1" in record.getMessage()


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
VERBS = st.sampled_from(sorted(editor._commands._VERBS))
PATHS = st.sampled_from(["", "conv1", BLOCK, f"{BLOCK}/branch_3x3", f"{BLOCK}/branch_3x3/conv", "fc", "nowhere"])
FIELDS = st.sampled_from([*Conv.model_fields, *Parallel.model_fields, "kind", "p", "scale", "nothing"])


@given(
    st.fixed_dictionaries(
        {"do": VERBS | JSONISH},
        optional={
            "path": PATHS | JSONISH,
            "field": FIELDS | JSONISH,
            "value": JSONISH,
            "axis": JSONISH,
            "by": JSONISH,
        },
    )
)
@settings(max_examples=examples(600), deadline=None)
def test_whatever_a_browser_sends_gives_a_network_or_a_sentence(command: dict[str, Any]) -> None:
    with suppress(ArchitectureError):
        value, _ = editor.apply_with_repairs(GOOGLENET, command)
        assert problems(value) == ()
