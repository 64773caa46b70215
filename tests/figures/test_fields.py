"""The data of a drawn field: which pixels its rectangles cover, where units lie, and what the numbers beside it say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from explorer import catalog, figures
from explorer.analysis import analyze
from explorer.analysis.support import (
    find_branch_supports,
    find_layer_supports,
    find_projective_field,
    find_unit_support,
)
from explorer.architecture import Architecture, Attention, Conv, Sequence, edit, walk
from tests.sizes import examples
from tests.strategies import analysis_or_skip, feature_architectures


def painted(mask: list[dict[str, Any]], shape: tuple[int, int]) -> Any:
    """How often each pixel is covered."""
    covered = np.zeros(shape, int)
    for alike in mask:
        for top, rows in alike["rows"]:
            for left, columns in alike["columns"]:
                covered[top : top + rows, left : left + columns] += 1
    return covered


@settings(max_examples=examples(200), deadline=None)
@given(arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, max_side=24)))
def test_rectangles_cover_what_is_touched_once_and_nothing_else(mask: Any) -> None:
    assert (painted(figures.lay_out_mask(mask), mask.shape) == mask).all()


def test_a_large_field_without_holes_is_one_rectangle_and_a_lattice_few_runs() -> None:
    full = np.zeros((1311, 1311), bool)
    full[5:1300, 7:1200] = True
    assert figures.lay_out_mask(full) == [{"rows": [[5, 1295]], "columns": [[7, 1193]]}]
    full[::2] = False
    full[:, ::2] = False
    (alike,) = figures.lay_out_mask(full)
    assert (len(alike["rows"]), len(alike["columns"])) == (648, 597)
    assert figures.lay_out_mask(np.zeros((3, 4), bool)) == []


@settings(max_examples=examples(100), deadline=None)
@given(st.data())
def test_a_drawn_field_is_the_support_and_its_branches_are_theirs(data: st.DataObject) -> None:
    network = data.draw(feature_architectures())
    analysis_or_skip(network)
    paths = [path for path, node in walk(network) if node.op != "auxiliary" and "/" not in path]
    assume(paths)
    path = data.draw(st.sampled_from(paths))
    lattice = figures.find_lattice(network, path)
    unit = tuple(data.draw(st.integers(0, count - 1)) for count in lattice.size)
    drawn = figures.draw_field(network, path, unit)
    support = find_unit_support(network, path, unit)
    seen = support.convolutional or support
    assert (painted(drawn["field"]["mask"], network.input_shape[1:]) == seen.mask).all()
    assert drawn["field"]["whole"] == (support.status == "whole input")
    assert drawn["field"]["box"] == (list(seen.box) if seen.box else None)
    joint = figures.find_joint(network, path)
    if joint:
        through = find_branch_supports(network, joint, unit)
        assert [branch["name"] for branch in drawn["branches"]] == list(through)
        everything = np.zeros(network.input_shape[1:], bool)
        for branch in drawn["branches"]:
            everything |= painted(branch["mask"], network.input_shape[1:]) > 0
        assert support.status != "exact" or (everything == support.mask).all()
    else:
        assert drawn["branches"] == []


@pytest.mark.parametrize(("name", "path"), [("googlenet", "inception_4a"), ("dilated-cnn", "conv2")])
def test_the_unit_nearest_to_a_centre_is_its_own(name: str, path: str) -> None:
    network = catalog.get(name)
    lattice = figures.find_lattice(network, path)
    for unit in [(0, 0), (1, 3), (lattice.size[0] - 1, lattice.size[1] - 1)]:
        assert lattice.nearest(lattice.centre(unit)) == unit
        top, left, bottom, right = find_unit_support(network, path, unit).unclipped or ()
        assert lattice.centre(unit) == ((top + bottom - 1) / 2, (left + right - 1) / 2)
    assert lattice.nearest((-1e4, 1e4)) == (0, lattice.size[1] - 1)


def facts(drawn: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value, _ in drawn["facts"]}


def holed(*dilations: int) -> Architecture:
    """A chain of dilated 3×3 convolutions on 32×32 pixels."""
    layers = tuple(Conv(name=f"c{number}", out_channels=2, kernel_size=3, dilation=each, padding="same")
                   for number, each in enumerate(dilations))  # fmt: skip
    return Architecture(name="holes", input_shape=(3, 32, 32), trunk=Sequence(name="trunk", children=layers))


def test_what_stands_beside_the_drawing() -> None:
    told = facts(figures.draw_field(holed(2, 2, 2), "c2", (16, 16), paths=True))
    assert (told["size"], told["touched"], told["coverage"]) == ("13 px", "49 px", "29.0 %")
    assert (told["start"], told["centre"], told["paths"]) == ("−6, −6", "16, 16", "729")
    assert told["status"] == "exact"
    assert facts(figures.draw_field(holed(1, 2, 3), "c2", (16, 16)))["coverage"] == "100 %"
    clipped = figures.draw_field(holed(2, 2, 2), "c2", (0, 31))
    assert facts(clipped)["clipped"] == "rows 0 to 6, columns 25 to 31"
    assert "sees 16 pixels in rows 0 to 6, columns 25 to 31" in clipped["said"]
    inner = facts(figures.draw_field(holed(2, 2, 2), "c2", (16, 16), source="c0"))
    assert (inner["size"], inner["touched"]) == ("9 units", "25 units")


def test_behind_attention_the_convolutional_field_is_drawn_and_the_whole_input_told() -> None:
    layers = (*holed(2, 2).trunk.nodes, Attention(name="gate", kind="se", reduction=2))
    network = Architecture(name="gated", input_shape=(3, 32, 32), trunk=Sequence(name="trunk", children=layers))
    drawn = figures.draw_field(network, "gate", (16, 16))
    assert drawn["field"]["whole"]
    assert drawn["field"]["box"] == [12, 12, 21, 21]
    assert facts(drawn)["status"] == "whole input"
    assert "the whole input" in drawn["said"]


def test_branches_are_drawn_through_the_attention_behind_them_and_one_unit_has_no_stride() -> None:
    network = catalog.get("cifar-inception-se")
    joint = figures.find_joint(network, "inception_b")
    assert edit.find(network, joint).op == "parallel"
    drawn = figures.draw_field(network, "inception_b", (1, 1))
    assert [branch["name"] for branch in drawn["branches"]] == [each.name for each in edit.find(network, joint).nodes]
    assert facts(figures.draw_field(catalog.get("googlenet"), "fc", (0, 0)))["stride"] == "–"


def test_the_reverse_and_the_tables() -> None:
    network = catalog.get("googlenet")
    drawn = figures.draw_projection(network, "inception_3b", (100, 20))
    support = find_projective_field(network, (100, 20), "inception_3b")
    assert (painted(drawn["field"]["mask"], (28, 28)) == support.mask).all()
    assert drawn["mode"] == "pixel"
    assert "touches" in drawn["said"]
    table = figures.tabulate_field(network, "inception_3b", (100, 20), reverse=True)
    assert (np.array(table) == support.mask).all()
    seen = np.array(figures.tabulate_field(holed(2, 2, 2), "c2", (16, 16)))
    counted = np.array(figures.tabulate_field(holed(2, 2, 2), "c2", (16, 16), paths=True))
    assert seen.sum() == 49
    assert (counted.sum(), (counted > 0).tolist()) == (729, (seen > 0).tolist())


def test_a_block_shows_what_each_branch_sees() -> None:
    network = catalog.get("googlenet")
    block = figures.lay_out_block(network, analyze(network), "inception_3b")
    assert [field["text"] for field in block["tree"]["fields"]] == ["59 px", "75 px", "91 px", "75 px"]
    assert "branch_5x5: conv to 32 channels then conv to 96 channels, sees 91 pixels" in block["description"]
    network = edit.replace(network, "inception_3b/branch_5x5/conv", dilation=9)
    field = figures.lay_out_block(network, analyze(network), "inception_3b")["tree"]["fields"][2]
    support = find_layer_supports(network)["inception_3b/branch_5x5/conv"]
    assert (field["size"], field["text"]) == (list(support.size), f"{support.size[0]} px")
    assert field["touched"] == ("" if support.coverage == 1 else f"{100 * support.coverage:.1f} %")
    nested = catalog.get("inception-v3")
    tree = figures.lay_out_block(nested, analyze(nested), "Mixed_7c")["tree"]
    supports = find_layer_supports(nested)
    for branch, field in zip(edit.find(nested, "Mixed_7c").nodes, tree["fields"], strict=True):
        end = [each for path, each in supports.items() if f"{path}/".startswith(f"Mixed_7c/{branch.name}/")][-1]
        assert (field["size"], field["touched"]) == (list(end.size), f"{100 * (end.coverage or 0):.1f} %")
    assert not any("fields" in child for branch in tree["children"] for child in branch.get("children", ()))
