"""Differences of tiny networks against every single edit there is, made by a tree of tuples of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from explorer import catalog
from explorer.architecture import Alignment, Architecture, Conv, Parallel, Sequence, diff, edit, structural
from tests.sizes import examples

Tree = tuple[str, str, Any]
"""(kind, name, its children or its channels); a kind is "sequence", "parallel" or "conv"."""
GOOGLENET = catalog.get("googlenet")


def build(tree: Tree) -> Any:
    kind, name, inside = tree
    if kind == "conv":
        return Conv(name=name, out_channels=inside)
    nodes = tuple(map(build, inside))
    return Sequence(name=name, children=nodes) if kind == "sequence" else Parallel(name=name, branches=nodes)


def network(tree: Tree) -> Architecture:
    return Architecture(name="tiny", input_shape=(3, 8, 8), trunk=build(tree))


def shape(tree: Tree) -> Any:
    """What is left of a tree without its names."""
    kind, _, inside = tree
    return kind, inside if kind == "conv" else tuple(map(shape, inside))


def places(tree: Tree, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Tree]]:
    yield path, tree
    if tree[0] != "conv":
        for place, child in enumerate(tree[2]):
            yield from places(child, (*path, place))


def change(tree: Tree, path: tuple[int, ...], make: Callable[[Tree], Tree]) -> Tree:
    if not path:
        return make(tree)
    nodes = list(tree[2])
    nodes[path[0]] = change(nodes[path[0]], path[1:], make)
    return tree[0], tree[1], tuple(nodes)


def insert(tree: Tree, path: tuple[int, ...], place: int, node: Tree) -> Tree:
    def make(at: Tree) -> Tree:
        name, known = node[1], {child[1] for child in at[2]}
        while name in known:
            name += "x"
        return at[0], at[1], (*at[2][:place], (node[0], name, node[2]), *at[2][place:])

    return change(tree, path, make)


def insertions(tree: Tree, node: Tree) -> Iterator[Tree]:
    for path, at in places(tree):
        if at[0] != "conv":
            yield from (insert(tree, path, place, node) for place in range(len(at[2]) + 1))


def edits(tree: Tree) -> dict[str, list[Tree]]:
    """All networks that are one edit away."""
    found: dict[str, list[Tree]] = {"removed": [], "changed": [], "moved": [], "added": []}
    for path, node in list(places(tree))[1:]:
        last = path[-1]
        without = change(tree, path[:-1], lambda at, last=last: (*at[:2], (*at[2][:last], *at[2][last + 1 :])))
        found["removed"].append(without)
        found["moved"] += insertions(without, node)
        if node[0] == "conv":
            values = (1, 2, 9)
            found["changed"] += [change(tree, path, lambda at, to=to: (*at[:2], to)) for to in values if to != node[2]]
    for channels in (1, 2, 9):
        found["added"] += insertions(tree, ("conv", "new", channels))
    whole = {kind: [each for each in trees if is_whole(each)] for kind, trees in found.items()}
    return {kind: [each for each in trees if shape(each) != shape(tree)] for kind, trees in whole.items()}


def is_whole(tree: Tree) -> bool:
    return all(node[2] for _, node in places(tree))


def grow(draw: random.Random, name: str, depth: int) -> Tree:
    if depth and draw.random() < 0.45:
        inside = tuple(grow(draw, f"{name}{place}", depth - 1) for place in range(draw.randint(1, 3)))
        return draw.choice(["sequence", "parallel"]), name, inside
    return "conv", name, draw.randint(1, 6)


def tiny(draw: random.Random) -> Tree:
    return "sequence", "trunk", tuple(grow(draw, f"n{place}", 2) for place in range(draw.randint(2, 3)))


def differ(before: Tree, after: Tree) -> int:
    """How many structural changes are found, as many in both directions; the ends of the way are the two networks."""
    counts = []
    for one, other in ((before, after), (after, before)):
        a, b = network(one), network(other)
        found = Alignment(a, b)
        assert found.render((1 << len(found.changes)) - 1).trunk == b.trunk
        assert found.render(0).trunk.structure == a.trunk.structure
        counts.append(len(structural(found.changes)))
    assert counts[0] == counts[1]
    return counts[0]


@pytest.mark.parametrize("seed", range(examples(4)))
def test_every_single_edit_is_one_change(seed: int) -> None:
    draw = random.Random(seed)
    tree = tiny(draw)
    for kind, others in edits(tree).items():
        for other in draw.sample(others, min(len(others), 40)):
            assert differ(tree, other) == 1, (kind, tree, other)


@pytest.mark.parametrize("seed", range(examples(4)))
def test_two_edits_are_at_most_two_changes(seed: int) -> None:
    """But for two moves of which one takes a container along that the other fills or empties."""
    draw = random.Random(100 + seed)
    for _ in range(30):
        first, second = draw.sample(["removed", "changed", "moved", "added"], 2)
        tree = tiny(draw)
        between = draw.choice(edits(tree)[first] or [tree])
        other = draw.choice(edits(between)[second] or [between])
        assert differ(tree, other) <= 2, (first, second, tree, other)


def test_a_layer_that_moved_into_another_branch_is_one_move() -> None:
    after = edit.relocate(GOOGLENET, "inception_3a/branch_5x5/reduce", "before", "inception_3a/branch_3x3/conv")
    (found,) = diff(GOOGLENET, after)
    assert found.kind == "moved"
    assert str(found) == "inception_3a/branch_3x3/reduce_2: moved from inception_3a/branch_5x5/reduce"
    (back,) = diff(after, GOOGLENET)
    assert (back.kind, back.before, back.after) == ("moved", found.after, found.before)


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_layer_that_moved_to_a_lone_layer_is_one_move(place: Any) -> None:
    """There the lane becomes a sequence, which nobody asked for."""
    after = edit.relocate(GOOGLENET, "inception_3a/branch_5x5/reduce", place, "inception_3a/branch_1x1")
    (found,) = structural(diff(GOOGLENET, after))
    assert (found.kind, found.before) == ("moved", "inception_3a/branch_5x5/reduce")
    (back,) = structural(diff(after, GOOGLENET))
    assert (back.kind, back.after) == ("moved", "inception_3a/branch_5x5/reduce")


def test_a_block_that_moved_into_a_sequence_is_one_move() -> None:
    before = edit.wrap(GOOGLENET, "inception_4b", "sequence")
    after = edit.relocate(before, "inception_4c", "inside", "inception_4b")
    assert [each.kind for each in structural(diff(before, after))] == ["moved"]
    assert [each.kind for each in structural(diff(after, before))] == ["moved"]
