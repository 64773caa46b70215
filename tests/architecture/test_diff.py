"""Differences by structure: names decide nothing that the layers can, and an edit is one change."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from explorer import catalog
from explorer.architecture import (
    Alignment,
    Architecture,
    ArchitectureError,
    Conv,
    Dropout,
    Flatten,
    Linear,
    Parallel,
    Pool,
    Sequence,
    branches,
    describe_difference,
    diff,
    edit,
    group_changes,
    structural,
    walk,
)
from tests.sizes import examples
from tests.strategies import architectures

GOOGLENET = catalog.get("googlenet")


def texts(before: Architecture, after: Architecture) -> list[str]:
    return [str(change) for change in diff(before, after)]


def renamed(architecture: Architecture, name: Callable[[int, str], str]) -> Architecture:
    """The same network whose nodes have other names: the n-th of a container is called ``name(n, its old name)``."""

    def anew(node: Any, place: int) -> Any:
        inner = tuple(anew(child, at) for at, child in enumerate(node.nodes))
        own = node.model_copy(update={"name": name(place, node.name)})
        return own.with_nodes(inner) if node.child_field else own

    children = tuple(anew(node, place) for place, node in enumerate(architecture.trunk.nodes))
    return edit.replace(architecture, "", trunk=architecture.trunk.with_nodes(children))


@settings(max_examples=examples(200))
@given(architectures(), st.integers(0, 1000))
def test_other_names_are_no_structural_change(architecture: Architecture, seed: int) -> None:
    """Wholly other names, and some other names."""
    draw = random.Random(seed)
    for name in (
        lambda place, old: f"node_{place}",
        lambda place, old: old if draw.random() < 0.5 else f"{old}_{place}x",
    ):
        after = renamed(architecture, name)
        assert structural(diff(architecture, after)) == []
        names = sum(change.kind == "renamed" for change in diff(architecture, after))
        pairs = zip(walk(architecture), walk(after), strict=True)
        assert names == sum(a.name != b.name for (_, a), (_, b) in pairs)
    assert diff(architecture, architecture) == []
    assert describe_difference(architecture, architecture) == "The same network: no difference."


def test_names_exchanged_among_siblings() -> None:
    first, second = GOOGLENET.trunk.nodes[0].name, GOOGLENET.trunk.nodes[3].name
    turned = {first: second, second: first}
    after = renamed(GOOGLENET, lambda _, old: turned.get(old, old))
    assert structural(diff(GOOGLENET, after)) == []
    assert describe_difference(GOOGLENET, after) == "The same structure: 2 names differ."


EDITS: dict[str, Callable[[Architecture, str, int], Architecture]] = {
    "width": lambda net, path, number: edit.replace(net, path, out_channels=200 + number),
    "shortcut": lambda net, path, number: edit.set_residual(net, path, "projection"),
    "attention": lambda net, path, number: edit.set_attention(net, path, "se"),
    "renamed": lambda net, path, number: edit.rename(net, path, f"other_{number}"),
    "removed": lambda net, path, number: edit.remove(net, path),
    "twice": lambda net, path, number: edit.duplicate(net, path),
    "branch": lambda net, path, number: edit.insert(net, path, branches.one_by_one()),
    "before": lambda net, path, number: edit.insert(
        net, "", Dropout(name=f"drop_{number}"), [node.name for node in net.trunk.nodes].index(path)
    ),
}


@settings(max_examples=examples(200))
@given(st.sampled_from(["googlenet", "inception-v3", "inception-net-32", "residual-mnist"]), st.data())
def test_edits_at_different_places_are_at_most_as_many_changes(name: str, data: st.DataObject) -> None:
    """Each node of the trunk is edited once at most, and two that are edited are not neighbours."""
    before = after = catalog.get(name)
    places = st.sampled_from(range(0, len(before.trunk.nodes), 2))
    count = 0
    for number, place in enumerate(data.draw(st.lists(places, min_size=1, max_size=5, unique=True))):
        kind = data.draw(st.sampled_from(sorted(EDITS)))
        try:
            after = EDITS[kind](after, before.trunk.nodes[place].name, number)
        except ArchitectureError:
            continue
        count += 1
    assert len(diff(before, after)) <= count
    assert len(diff(after, before)) <= count


@settings(max_examples=examples(100))
@given(architectures(), architectures(), st.integers(0, 2**30))
def test_the_ends_of_the_way_are_the_two_networks(a: Architecture, b: Architecture, some: int) -> None:
    alignment = Alignment(a, b)
    everything = (1 << len(alignment.changes)) - 1
    assert alignment.render(everything).trunk == b.trunk
    assert alignment.render(everything).input_shape == b.input_shape
    start = alignment.render(0)
    assert start.trunk.structure == a.trunk.structure
    try:
        between = alignment.render(some & everything)
    except ArchitectureError:
        assume(False)
    assert len({node.name for node in between.trunk.nodes}) == len(between.trunk.nodes)


def test_a_shortcut_or_an_attention_around_a_block_is_one_change() -> None:
    once = edit.set_residual(GOOGLENET, "inception_3a", "projection")
    assert texts(GOOGLENET, once) == ["inception_3a: shortcut off → projection"]
    assert texts(once, GOOGLENET) == ["inception_3a: shortcut projection → off"]
    everywhere = edit.apply_to_all_blocks(once, "inception_3a")
    assert texts(GOOGLENET, everywhere) == [f"{block}: shortcut off → projection" for block in edit.blocks(GOOGLENET)]
    watched = edit.set_attention(GOOGLENET, "inception_3a", "se")
    assert texts(GOOGLENET, watched) == ["inception_3a: attention off → se"]
    assert texts(watched, GOOGLENET) == ["inception_3a: attention se → off"]
    both = edit.set_residual(watched, "inception_3a", "identity")
    assert len(diff(GOOGLENET, both)) == len(diff(both, GOOGLENET)) == 2
    inside = edit.replace(once, "inception_3a/body/branch_3x3/conv", out_channels=160)
    assert texts(GOOGLENET, inside) == [
        "inception_3a: shortcut off → projection",
        "inception_3a/body/branch_3x3/conv: channels 128 → 160",
    ]


def plain(*channels: int) -> Architecture:
    """Layers under the names that an editor gives: by their places."""
    layers = [Conv(name=f"conv_{place}", out_channels=each, kernel_size=3) for place, each in enumerate(channels)]
    return Architecture(name="plain", input_shape=(3, 32, 32), trunk=Sequence(name="trunk", children=tuple(layers)))


def test_names_by_place_shift_nothing() -> None:
    assert [each.kind for each in diff(plain(16, 32, 64), plain(8, 16, 32, 64))] == ["added", *["renamed"] * 3]
    assert [str(each) for each in structural(diff(plain(16, 32, 64), plain(16, 64)))] == ["conv_1: removed conv"]
    assert texts(plain(16, 32, 64), plain(16, 48, 64)) == ["conv_1: channels 32 → 48"]


def test_equal_layers_keep_their_names_where_that_is_less() -> None:
    """conv1, conv2 and conv3 are the same layer: a copy and a shortcut must not be read as new names."""
    network = catalog.get("near-sighted-cnn")
    after = edit.set_residual(edit.duplicate(network, "conv1"), "conv3", "projection")
    assert texts(network, after) == ["conv1_2: added conv", "conv3: shortcut off → projection"]
    turned = edit.duplicate(edit.remove(network, "conv1"), "conv3")
    assert structural(diff(network, turned)) == []  # three such layers before and after


def test_a_moved_block_is_a_move() -> None:
    for block, by in (("inception_4c", 2), ("inception_4c", -2), ("inception_3a/branch_1x1", 3)):
        (change,) = diff(GOOGLENET, edit.move(GOOGLENET, block, by))
        assert (change.kind, change.path) == ("moved", block)
    moved = edit.move(edit.rename(GOOGLENET, "inception_4c", "mine"), "mine", 2)
    assert [change.kind for change in diff(GOOGLENET, moved)] == ["renamed", "moved"]


def test_the_same_written_in_another_way() -> None:
    before = plain(16)
    after = edit.replace(before, "conv_0", kernel_size=(3, 3), padding=1, bias=True)
    assert {change.kind for change in diff(before, after)} == {"rewritten"}
    assert structural(diff(before, after)) == []
    assert "written in another way" in describe_difference(before, after)
    assert structural(diff(before, edit.replace(before, "conv_0", padding=0)))


def test_the_course_network_built_by_hand_is_the_course_network() -> None:
    """Built by the steps of the editor, under the names that it gives."""
    course = catalog.get("inception-net-32")
    mine = renamed(course, lambda place, _: f"layer_{place}")
    sentence = describe_difference(course, edit.replace(mine, "", name="Homework"))
    assert sentence == f"The same structure: {len(list(walk(course)))} names differ."
    other = edit.replace(mine, edit.blocks(mine)[0] + "/layer_0", out_channels=65)
    assert describe_difference(course, other).startswith("Another network: 1 change; besides, ")


@pytest.mark.parametrize("last", [Flatten(name="pool_1"), Linear(name="pool_1", out_features=3)])
def test_another_kind_of_one_name_is_one_change(last: Any) -> None:
    before = Architecture(
        name="n", input_shape=(3, 8, 8),
        trunk=Sequence(name="trunk", children=(Conv(name="conv", out_channels=4), Pool(name="pool_1"))),
    )  # fmt: skip
    (change,) = diff(before, edit.put(before, "pool_1", last))
    assert change.kind == "replaced"


# ---- equal changes -------------------------------------------------------------------------------------------------


def test_equal_changes_of_many_layers_are_one_line() -> None:
    found = diff(GOOGLENET, catalog.get("googlenet-torchvision"))
    groups = group_changes(found)
    assert sorted((each for group in groups for each in group.changes), key=found.index) == found
    told = [str(group) for group in groups]
    assert "batch norm added to 59 convolutions: conv1, conv2_reduce, conv2 and 56 more" in told
    assert "2 local response norms removed: norm1, norm2" in told
    assert "2 pooling layers replaced by global pooling layer: auxiliary_1/pool, auxiliary_2/pool" in told
    assert "pool4: kernel 3 → 2" in told
    assert len(groups) < 10
    sentence = describe_difference(GOOGLENET, catalog.get("googlenet-torchvision"))
    assert sentence.startswith(f"Another network: {len(structural(found))} changes, among them batch norm added to 59 ")
    back = [str(group) for group in group_changes(diff(catalog.get("googlenet-torchvision"), GOOGLENET))]
    assert "batch norm removed from 59 convolutions: conv1, conv2_reduce, conv2 and 56 more" in back


def test_one_group_that_is_all_is_told_as_all() -> None:
    sentence = describe_difference(
        catalog.get("inception-block"), edit.set_style(catalog.get("inception-block"), "", norm="batch")
    )
    assert sentence == "Another network: 6 changes: batch norm added to 6 convolutions."


@settings(max_examples=examples(100))
@given(architectures(), architectures())
def test_every_change_is_in_one_group_whose_changes_are_alike(a: Architecture, b: Architecture) -> None:
    found = diff(a, b)
    groups = group_changes(found)
    assert sorted((each for group in groups for each in group.changes), key=found.index) == found
    for group in groups:
        assert str(group)
        assert len({(each.kind, str(each).partition(": ")[2]) for each in group.changes if each.kind != "renamed"}) <= 1


def test_a_choice_of_yes_and_no_is_told_as_such() -> None:
    pooled = Architecture(
        name="n", input_shape=(3, 9, 9), trunk=Sequence(name="trunk", children=(Pool(name="pool"),))
    )  # fmt: skip
    assert texts(pooled, edit.replace(pooled, "pool", ceil_mode=True)) == ["pool: round sizes up no → yes"]
    assert texts(pooled, edit.replace(pooled, "pool", kind="avg")) == ["pool: pooling max → avg"]


def test_a_container_that_moved_or_was_wrapped_and_edited_is_one_node_still() -> None:
    def stages(*names: tuple[str, ...], kernel: int = 3) -> Architecture:
        def block(name: str) -> Parallel:
            wide = Conv(name="wide", out_channels=8, kernel_size=kernel if name == "b" else 3)
            return Parallel(name=name, branches=(Conv(name="one", out_channels=4), wide))

        nodes = tuple(
            Sequence(name=f"stage{place}", children=(Conv(name="first", out_channels=16), *map(block, each)))
            for place, each in enumerate(names)
        )
        return Architecture(name="stages", input_shape=(3, 32, 32), trunk=Sequence(name="trunk", children=nodes))

    before = stages(("a", "b"), ("c",))
    assert texts(before, stages(("a",), ("b", "c"))) == ["stage1/b: moved from stage0/b"]
    assert texts(before, stages(("a",), ("b", "c"), kernel=5)) == [
        "stage1/b: moved from stage0/b, and changed within"
    ]
    wrapped = edit.replace(GOOGLENET, "inception_4b/branch_3x3/conv", out_channels=160)
    around = Sequence(name="wrap", children=(edit.find(wrapped, "inception_4b"),))
    nodes = tuple(around if node.name == "inception_4b" else node for node in wrapped.trunk.nodes)
    trunk = Sequence(name=wrapped.trunk.name, children=nodes)
    told = texts(GOOGLENET, wrapped.model_copy(update={"trunk": trunk}))
    assert told[-2:] == ["wrap: parallel wrapped in sequence", "wrap/inception_4b/branch_3x3/conv: channels 224 → 160"]
