"""Every kind of node and every ready block, at every place of networks: a working network, or the reason and a way."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from explorer import catalog, editor, figures
from explorer.analysis import analyze, problems
from explorer.architecture import (
    NODE_KINDS,
    Architecture,
    ArchitectureError,
    Auxiliary,
    Flatten,
    Residual,
    Sequence,
    edit,
    walk,
)
from explorer.modules import build
from tests.sizes import examples
from tests.strategies import architectures

SETTINGS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much]}
GOOGLENET = catalog.get("googlenet")
EMPTY = catalog.empty()
PARTS = list(editor.list_parts())
MAPS = [part for part in PARTS if part not in ("linear", "flatten", "head")]
"""What gives maps for maps."""


def gaps(architecture: Architecture) -> list[tuple[str, str]]:
    """Every place of a network: both sides of each node, and the inside of each list of nodes."""
    found = [("inside", "")]
    for path, node in walk(architecture):
        found += [("before", path), ("after", path)]
        if node.child_field and not isinstance(node, Residual):
            found.append(("inside", path))
    return found


def insert(architecture: Architecture, part: str, place: str, path: str) -> Architecture:
    command = {"do": "insert", "place": place, "path": path, "value": part}
    return editor.apply_with_repairs(architecture, command)[0]


def run_by_torch(architecture: Architecture) -> tuple[int, ...]:
    """Shape that torch's own layers give for one image."""
    with torch.no_grad():
        return tuple(build(architecture).eval()(torch.zeros(1, *architecture.input_shape)).shape[1:])


def test_every_kind_of_node_can_be_inserted() -> None:
    assert set(NODE_KINDS) <= set(PARTS)
    assert {"stem", "inception", "residual_block", "reduction", "head"} <= set(PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_a_network_may_begin_with_anything(part: str) -> None:
    if part == "linear":
        with pytest.raises(ArchitectureError, match="insert a head instead, which has all three"):
            insert(EMPTY, part, "inside", "")
        return
    value = insert(EMPTY, part, "inside", "")
    read_as_the_page_does(value, value.trunk.nodes[0].name)
    assert run_by_torch(value) == analyze(value).output_shape


def read_as_the_page_does(architecture: Architecture, chosen: str) -> None:
    found = analyze(architecture)
    pictures = [figures.lay_out_overview(architecture, found), figures.trace_growth(architecture, found)]
    pictures += [figures.lay_out_block(architecture, found, node.name) for node in architecture.trunk.nodes]
    json.dumps([*pictures, figures.split_costs(architecture, found, "macs")])
    json.dumps(editor.describe_controls(architecture, found, chosen))


@settings(max_examples=examples(300), **SETTINGS)
@given(architectures(), st.data())
def test_inserted_parts_work_or_are_explained(architecture: Architecture, data: st.DataObject) -> None:
    assume(not problems(architecture))
    place, path = data.draw(st.sampled_from(gaps(architecture)))
    part = data.draw(st.sampled_from(PARTS))
    try:
        value = insert(architecture, part, place, path)
    except ArchitectureError as error:
        said = str(error)
        assert "insert" in said or "at most" in said or "deep" in said, said
        return
    found = analyze(value)
    if all(head.fits for head in found.auxiliary):
        assert run_by_torch(value) == found.output_shape
    read_as_the_page_does(value, path)
    added = {each for each, _ in walk(value)} - {each for each, _ in walk(architecture)}
    command = {"do": "insert", "place": place, "path": path, "value": part}
    chosen, count = editor.follow_selection(architecture, value, command, "", 1)
    assert chosen in added
    assert count == (3 if part == "head" and len(edit.find_run(value, chosen, count)) == 3 else 1)


@pytest.mark.parametrize("part", MAPS)
@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("before", "inception_3a/branch_1x1"),
        ("after", "inception_3a/branch_3x3/reduce"),
        ("inside", "inception_3a/branch_pool"),
        ("inside", "inception_3a"),
        ("after", "inception_3a"),
    ],
)
def test_lanes_take_every_part_that_gives_maps_of_their_size(part: str, place: str, path: str) -> None:
    value = GOOGLENET
    if part in ("stem", "reduction", "global_pool") and (place, path) != ("after", "inception_3a"):
        with pytest.raises(ArchitectureError, match=r"needs equal heights and widths.*was not inserted here"):
            insert(value, part, place, path)
    else:
        analyze(insert(value, part, place, path))


def test_channels_norm_and_activation_are_like_the_neighbours() -> None:
    value = edit.set_style(GOOGLENET, "", norm="batch", activation="silu")
    node = edit.find(insert(value, "conv", "after", "inception_3b"), "conv")
    assert (node.out_channels, node.norm, node.activation) == (480, "batch", "silu")
    first = edit.find(insert(EMPTY, "conv", "inside", ""), "conv")
    assert (first.out_channels, first.norm, first.activation) == (64, "none", "relu")
    classes = edit.set_classes(GOOGLENET, 37)
    head = edit.find(insert(classes, "auxiliary", "after", "inception_4c"), "auxiliary/fc")
    assert head.out_features == 37


def test_where_channels_must_stay_they_stay() -> None:
    value = edit.wrap(GOOGLENET, "inception_4b", "residual")
    assert problems(value) == ()
    for part in ("inception", "parallel", "conv", "residual_block"):
        found = insert(value, part, "after", "inception_4b/body")
        assert edit.find(found, "inception_4b").shortcut == "identity"


@pytest.mark.parametrize(
    ("part", "place", "path", "said"),
    [
        ("conv", "after", "flatten", "a conv works on feature maps.*insert it before flatten"),
        ("flatten", "after", "conv1", "remove or change .* first, or insert it at another place"),
        ("linear", "before", "avgpool", "insert a head instead"),
        ("reduction", "after", "inception_3a/branch_1x1", "needs equal heights and widths.*insert it at another place"),
        ("nothing", "inside", "", "there is nothing named 'nothing' to insert; known: stem, inception"),
        ("conv", "beside", "fc", "a place .='beside'. is one of before, after, inside"),
        ("conv", "inside", "fc", "a linear does not hold a list of nodes; insert before or after it"),
        ("conv", "after", "", "name a node inside the network"),
    ],
)
def test_what_cannot_be_inserted_is_told(part: str, place: str, path: str, said: str) -> None:
    with pytest.raises(ArchitectureError, match=said):
        insert(GOOGLENET, part, place, path)


def test_hand_made_commands_of_runs_break_nothing() -> None:
    odd: list[Any] = [None, -1, 1e99, "x" * 500, [], {}, True, "before", "residual", "fc"]
    for verb in ("insert", "paste", "relocate", "wrap", "unwrap", "remove", "duplicate", "move"):
        for value in odd:
            for field in ("path", "target", "place", "value", "count", "by"):
                whole = {"path": "conv1", "target": "fc", "place": "after", "value": "conv", "count": 1, "by": 1}
                with_odd = {"do": verb, **whole, field: value}
                try:
                    editor.apply_with_repairs(GOOGLENET, with_odd)
                except ArchitectureError as error:
                    assert len(str(error)) < 2000  # noqa: PT017
                    editor.find_ways_out(GOOGLENET, with_odd)


# ---- what is chosen, and what can be done with it ----------------------------------------------------------------


def follow(architecture: Architecture, command: dict[str, Any], path: str, count: int = 1) -> tuple[str, int]:
    value = editor.apply(architecture, command)
    return editor.follow_selection(architecture, value, command, path, count)


BLOCK = "inception_3a"
LANE = f"{BLOCK}/branch_1x1"


@pytest.mark.parametrize(
    ("command", "path", "expected"),
    [
        ({"do": "remove", "path": BLOCK}, LANE, ("inception_3b", 1)),
        ({"do": "remove", "path": "fc"}, "fc", ("dropout", 1)),
        ({"do": "remove", "path": LANE}, LANE, (f"{BLOCK}/branch_3x3", 1)),
        ({"do": "remove", "path": f"{BLOCK}/branch_pool"}, f"{BLOCK}/branch_pool", (f"{BLOCK}/branch_5x5", 1)),
        ({"do": "remove", "path": BLOCK}, "fc", ("fc", 1)),
        ({"do": "rename", "path": BLOCK, "value": " a "}, LANE, ("a/branch_1x1", 1)),
        ({"do": "rename", "path": LANE, "value": "b"}, LANE, (f"{BLOCK}/b", 1)),
        ({"do": "duplicate", "path": BLOCK}, BLOCK, (f"{BLOCK}_2", 1)),
        ({"do": "wrap", "path": BLOCK, "value": "residual"}, BLOCK, (BLOCK, 1)),
        ({"do": "wrap", "path": BLOCK, "count": 2, "value": "parallel"}, BLOCK, ("split", 1)),
        ({"do": "move", "path": BLOCK, "by": 1, "count": 2}, BLOCK, (BLOCK, 2)),
        ({"do": "relocate", "path": f"{BLOCK}/branch_3x3/conv", "place": "after", "target": "fc"}, "fc", ("conv", 1)),
        ({"do": "insert", "place": "before", "path": LANE, "value": "conv"}, "fc", (f"{LANE}/conv", 1)),
        ({"do": "insert", "place": "after", "path": LANE, "value": "conv"}, "fc", (f"{LANE}/conv", 1)),
        ({"do": "set", "path": "conv1", "field": "out_channels", "value": 8}, BLOCK, (BLOCK, 1)),
    ],
)
def test_what_is_chosen_afterwards(command: dict[str, Any], path: str, expected: tuple[str, int]) -> None:
    assert follow(GOOGLENET, command, path, command.get("count", 1)) == expected


def test_an_emptied_network_has_nothing_chosen() -> None:
    one = insert(EMPTY, "conv", "inside", "")
    assert follow(one, {"do": "remove", "path": "conv"}, "conv") == ("", 1)
    assert editor.describe_selection(EMPTY, "") is None


@settings(max_examples=examples(100), **SETTINGS)
@given(architectures(), st.data())
def test_what_is_offered_can_be_done(architecture: Architecture, data: st.DataObject) -> None:
    found = [path for path, _ in walk(architecture)]
    assume(found)
    path = data.draw(st.sampled_from(found))
    other = data.draw(st.sampled_from(found))
    path, count = editor.find_run_between(architecture, path, other)
    told = editor.describe_selection(architecture, path, count)
    assert told is not None
    assert len(told["paths"]) == count
    for verb in ("earlier", "later", "duplicate", "remove", "unwrap"):
        if told[verb]:
            try:
                editor.apply(architecture, told[verb])
            except ArchitectureError as error:
                assert "at most" in str(error), verb  # noqa: PT017
    pasted = edit.paste(architecture, "inside", "", told["text"])
    assert len(pasted.trunk.nodes) == len(architecture.trunk.nodes) + count


def test_a_run_goes_from_one_node_to_another() -> None:
    assert editor.find_run_between(GOOGLENET, "inception_3b", "conv1") == ("conv1", 9)
    assert editor.find_run_between(GOOGLENET, "conv1", "inception_3b") == ("conv1", 9)
    assert editor.find_run_between(GOOGLENET, "conv1", "inception_3a/branch_1x1") == ("inception_3a/branch_1x1", 1)
    branch = "inception_3a/branch_3x3"
    assert editor.find_run_between(GOOGLENET, f"{branch}/conv", f"{branch}/reduce") == (f"{branch}/reduce", 2)
    assert editor.find_run_between(GOOGLENET, "inception_3a/branch_1x1", branch) == (branch, 1)
    for ends in (("no", "fc"), ("fc", "no"), ("", "")):
        with pytest.raises(ArchitectureError):
            editor.find_run_between(GOOGLENET, *ends)


def test_the_page_reads_what_is_empty() -> None:
    hollow = Sequence(name="hollow")
    value = Architecture(name="x", input_shape=(3, 8, 8), trunk=Sequence(name="trunk", children=(hollow,)))
    vector = edit.insert_at(value, "inside", "", (Flatten(name="flatten"), Auxiliary(name="head", children=())))
    wrapped = [edit.wrap(value, "hollow", kind) for kind in ("parallel", "residual")]  # type: ignore[arg-type]
    for network in (EMPTY, value, vector, *wrapped):
        for path in ["", *(path for path, _ in walk(network))]:
            read_as_the_page_does(network, path)
