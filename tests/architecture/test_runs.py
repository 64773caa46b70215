"""Edits of runs: insert anywhere, move, wrap, copy and paste; each gives a value or names the path and the rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from explorer import catalog
from explorer.analysis import analyze, problems
from explorer.architecture import (
    Architecture,
    ArchitectureError,
    Auxiliary,
    Conv,
    Dropout,
    Parallel,
    Residual,
    Sequence,
    edit,
    to_json,
    walk,
)
from tests.sizes import examples
from tests.strategies import architectures

GOOGLENET = catalog.get("googlenet")
V3 = catalog.get("inception-v3")
SETTINGS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much]}
PROBE = (Dropout(name="probe", p=0.25),)


def draw_path(data: st.DataObject, architecture: Architecture) -> str:
    found = [path for path, _ in walk(architecture)]
    assume(found)
    return data.draw(st.sampled_from(found))


def draw_run(data: st.DataObject, architecture: Architecture) -> tuple[str, int]:
    """A node, or neighbours of a sequence."""
    path = draw_path(data, architecture)
    parent, _, name = path.rpartition("/")
    container = edit.find(architecture, parent)
    names = [child.name for child in container.nodes]
    most = len(names) - names.index(name) if isinstance(container, Sequence | Auxiliary) else 1
    return path, data.draw(st.integers(1, most))


@settings(max_examples=examples(300), **SETTINGS)
@given(architectures(), st.data())
def test_every_edit_gives_a_value_or_names_the_place(architecture: Architecture, data: st.DataObject) -> None:
    text = to_json(architecture)
    path, other = draw_path(data, architecture), draw_path(data, architecture)
    count = data.draw(st.integers(-1, 3))
    place: Any = data.draw(st.sampled_from(["before", "after", "inside", "above"]))
    kind: Any = data.draw(st.sampled_from(["residual", "parallel", "sequence", "circle"]))
    edits = [
        lambda: edit.insert_at(architecture, place, path, PROBE),
        lambda: edit.relocate(architecture, path, place, other, count),
        lambda: edit.wrap(architecture, path, kind, count),
        lambda: edit.unwrap(architecture, path),
        lambda: edit.remove(architecture, path, count),
        lambda: edit.duplicate(architecture, path, count),
        lambda: edit.move(architecture, path, count - 1, max(1, count)),
        lambda: edit.paste(architecture, place, path, edit.copy(architecture, other)),
    ]
    try:
        after = data.draw(st.sampled_from(edits))()
    except ArchitectureError as error:
        assert all(problem.message for problem in error.problems)  # noqa: PT017
    else:
        assert Architecture.model_validate_json(to_json(after)) == after
        problems(after)
    assert to_json(architecture) == text


@settings(max_examples=examples(200), **SETTINGS)
@given(architectures(), st.data())
def test_wrap_and_unwrap_is_nothing(architecture: Architecture, data: st.DataObject) -> None:
    path, count = draw_run(data, architecture)
    kind: Any = data.draw(st.sampled_from(["residual", "parallel", "sequence"]))
    parent = edit.find(architecture, path.rpartition("/")[0])
    assume(not (kind == "sequence" and isinstance(parent, Parallel | Residual)))
    try:
        wrapped = edit.wrap(architecture, path, kind, count)
    except ArchitectureError:  # six containers deep already
        assume(False)
    known = {each for each, _ in walk(architecture)}
    added = path if count == 1 else next(each for each, _ in walk(wrapped) if each not in known)
    assert edit.unwrap(wrapped, added) == architecture
    # What is wrapped computes what it did: an identity is added, a single branch is joined.
    if kind != "residual" and not problems(architecture):
        assert analyze(wrapped).output_shape == analyze(architecture).output_shape


@settings(max_examples=examples(200), **SETTINGS)
@given(architectures(), st.data())
def test_move_there_and_back_is_nothing(architecture: Architecture, data: st.DataObject) -> None:
    path, count = draw_run(data, architecture)
    parent, _, name = path.rpartition("/")
    siblings = [child.name for child in edit.find(architecture, parent).nodes]
    at = siblings.index(name)
    by = data.draw(st.integers(-at, len(siblings) - at - count))
    assert edit.move(edit.move(architecture, path, by, count), path, -by, count) == architecture
    # To another container, and back to where it was.
    container = edit.find(architecture, parent)
    assume(isinstance(container, Sequence | Auxiliary))
    marked = edit.insert_at(architecture, "before", path, (Sequence(name="here"),))
    mark = "/".join(part for part in (parent, "here") if part)
    targets = [
        each
        for each, node in walk(marked)
        if isinstance(node, Sequence | Auxiliary) and each != mark and not f"{each}/".startswith(f"{path}/")
    ]
    assume(targets)
    target = data.draw(st.sampled_from(targets))
    names = {child.name for child in edit.find(marked, target).nodes} if target != parent else set()
    run = edit.find_run(marked, path, count)
    assume(target not in [f"{mark[:-4]}{node.name}" for node in run])
    assume(not any(target.startswith(f"{mark[:-4]}{node.name}/") for node in run))
    assume(not names & {node.name for node in run})
    there = edit.relocate(marked, path, "inside", target, count)
    back = edit.relocate(there, f"{target}/{name}", "after", mark, count)
    assert edit.remove(back, mark) == architecture


@settings(max_examples=examples(200), **SETTINGS)
@given(architectures(), architectures(), st.data())
def test_what_is_copied_is_pasted(one: Architecture, other: Architecture, data: st.DataObject) -> None:
    path, count = draw_run(data, one)
    run = edit.find_run(one, path, count)
    try:
        pasted = edit.paste(other, "inside", "", edit.copy(one, path, count))
    except ArchitectureError as error:
        assert "deep" in str(error) or "nodes" in str(error)  # noqa: PT017
        return
    assert len(pasted.trunk.nodes) == len(other.trunk.nodes) + count
    assert pasted.trunk.nodes[: len(other.trunk.nodes)] == other.trunk.nodes
    for was, now in zip(run, pasted.trunk.nodes[-count:], strict=True):
        assert type(was)(**{**dict(was), "name": now.name}) == now


def test_a_lane_of_one_layer_becomes_a_sequence() -> None:
    conv = (Conv(name="added", out_channels=64),)
    for place, order in (("before", ["added", "first"]), ("after", ["first", "added"])):
        value = edit.insert_at(GOOGLENET, place, "inception_3a/branch_1x1", conv)  # type: ignore[arg-type]
        assert [child.name for child in edit.find(value, "inception_3a/branch_1x1").children] == order
    value = edit.insert_at(GOOGLENET, "before", "inception_3a/branch_3x3", conv)
    lane = edit.find(value, "inception_3a/branch_3x3").children
    assert [child.name for child in lane] == ["added", "reduce", "conv"]
    body = edit.wrap(GOOGLENET, "inception_3a", "residual")
    value = edit.insert_at(body, "after", "inception_3a/body", conv)
    assert [child.name for child in edit.find(value, "inception_3a/body").children] == ["branches", "added"]
    value = edit.insert_at(GOOGLENET, "inside", "inception_3a", (*conv, Conv(name="second", out_channels=8)))
    assert [child.name for child in edit.find(value, "inception_3a/branch").children] == ["added", "second"]


def test_inception_e_comes_from_its_plain_form() -> None:
    """A nested split: wrap a layer, then fill it."""
    value = edit.wrap(catalog.get("googlenet"), "inception_5b/branch_3x3/conv", "parallel")
    value = edit.rename(value, "inception_5b/branch_3x3/conv", "split")
    value = edit.insert_at(value, "inside", "inception_5b/branch_3x3/split", (Conv(name="b", out_channels=16),))
    split = edit.find(value, "inception_5b/branch_3x3/split")
    assert [branch.name for branch in split.branches] == ["branch_1", "b"]
    assert problems(value) == ()


def test_heads_are_added_moved_and_removed() -> None:
    moved = edit.relocate(V3, "AuxLogits", "after", "Mixed_6c")
    assert [node.name for node in moved.trunk.nodes].index("AuxLogits") == 13
    assert problems(moved) == ()
    assert edit.relocate(moved, "AuxLogits", "after", "Mixed_6e") == V3
    layers = edit.find(V3, "AuxLogits").children
    bare = edit.remove(V3, "AuxLogits")
    assert edit.insert_at(bare, "after", "Mixed_6e", (Auxiliary(name="AuxLogits", weight=0.4, children=layers),)) == V3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda: edit.relocate(GOOGLENET, "inception_3a", "inside", "inception_3a"), "into itself"),
        (lambda: edit.relocate(GOOGLENET, "inception_3a", "after", "inception_3a/branch_1x1"), "into itself"),
        (lambda: edit.relocate(GOOGLENET, "inception_3a", "inside", "inception_3b/branch_1x1"), "before or after it"),
        (lambda: edit.unwrap(GOOGLENET, "inception_3a"), "has 4 branches, and one can take its place"),
        (lambda: edit.unwrap(GOOGLENET, "conv1"), "a conv holds nothing"),
        (lambda: edit.unwrap(GOOGLENET, "inception_3a/branch_3x3"), "2 layers are one lane; unwrap inception_3a"),
        (lambda: edit.wrap(GOOGLENET, "inception_3a/branch_1x1", "residual", 2), "side by side"),
        (lambda: edit.wrap(GOOGLENET, "fc", "residual", 2), "there are no 2 nodes from here on; the trunk has 1"),
    ],
)  # fmt: skip
def test_refused(change: Any, said: str) -> None:
    with pytest.raises(ArchitectureError, match=said):
        change()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not valid JSON"),
        ("hello", "not valid JSON"),
        ("[1, 2]", "no copied layer"),
        ('{"nodes": {}}', "no copied layer"),
        ('{"nodes": []}', "holds no layers"),
        ('{"nodes": [], "run": "rm"}', "no copied layer"),
        ('{"version": 99, "nodes": []}', "version .=99. is not known"),
        ('{"nodes": [{"op": "conv", "name": "<script>", "out_channels": 8}]}', "letters, digits"),
        ('{"nodes": [{"op": "conv", "name": "c"}]}', "out_channels is required"),
        ('{"nodes": [{"op": "exec", "name": "c"}]}', "not a kind of node"),
        ('{"nodes": [{"op": "flatten", "name": "a"}, {"op": "flatten", "name": "a"}]}', "two"),
        (json.dumps({"nodes": [{"op": "flatten", "name": f"f{n}"} for n in range(3000)]}), "more than 2,000 nodes"),
        ("[" * 100_000, "nested too deeply"),
        ('{"nodes": "' + "x" * 7_000_000 + '"}', "bytes; at most"),
        ('{"nodes":' + '[{"op":"sequence","name":"s","children":' * 500 + "[]" + "}]" * 500 + "}", "deep"),
    ],
)
def test_hostile_text_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(ArchitectureError, match=said) as caught:
        edit.paste(GOOGLENET, "inside", "", text)
    assert len(str(caught.value)) < 2000


def test_a_whole_network_and_a_single_node_can_be_pasted() -> None:
    twice = edit.paste(GOOGLENET, "inside", "", to_json(GOOGLENET))
    assert len(twice.trunk.nodes) == 2 * len(GOOGLENET.trunk.nodes)
    value = edit.paste(GOOGLENET, "before", "conv1", '{"op":"dropout","name":"d"}')
    assert value.trunk.nodes[0] == Dropout(name="d")
