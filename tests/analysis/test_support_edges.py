"""What support says where there is nothing to tell, and on what somebody drew up to be slow."""

from __future__ import annotations

import time
from random import Random
from typing import Any, Literal

import numpy as np
import pytest

from explorer import catalog
from explorer.analysis import VISITS, analyze
from explorer.analysis.support import (
    EXACT,
    READINGS,
    WHOLE_INPUT,
    count_paths,
    find_branch_supports,
    find_default_node,
    find_inner_units,
    find_layer_support,
    find_layer_supports,
    find_output_shape,
    find_projective_field,
    find_unit_support,
)
from explorer.analysis.support._regions import MAX_PRODUCTS, count_cells
from explorer.architecture import (
    NODE_KINDS,
    Architecture,
    Attention,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    NodeBase,
    Parallel,
    Pool,
    Sequence,
    edit,
)
from explorer.architecture._kinds import add_node_kind

SECONDS = 10
"""A bound that holds on a busy machine too; alone it is about one second."""


def network(*nodes: Any, side: int = 32, channels: int = 1) -> Architecture:
    trunk = Sequence(name="trunk", children=nodes)
    return Architecture(name="edge", input_shape=(channels, side, side), trunk=trunk)


def test_what_stands_beside_the_source_says_nothing_of_the_way_to_it() -> None:
    """A gate in another branch makes no unit see the whole map of this one."""
    gated = Sequence(name="gated", children=(Conv(name="c", out_channels=4), Attention(name="se", kind="se")))
    split = Parallel(name="p", branches=(Conv(name="plain", out_channels=4), gated), fuse="add")
    net = network(Conv(name="a", out_channels=4), split, Conv(name="b", out_channels=1, kernel_size=3), side=9)
    found = find_unit_support(net, "b", (4, 4), source="p/plain")
    assert (found.status, found.touched) == (EXACT, 9)
    assert find_projective_field(net, (4, 4), "b", source="p/plain").status == EXACT
    assert find_unit_support(net, "b", (4, 4), source="a").status == WHOLE_INPUT
    assert find_unit_support(net, "b", (4, 4), source="p/gated/c").status == WHOLE_INPUT


@pytest.mark.parametrize("exact", [False, True])
def test_no_path_leads_to_a_unit_that_sees_padding_alone(exact: bool) -> None:
    """Wherever beyond the map its window lies."""
    windows = Conv(name="a", out_channels=1, kernel_size=1, padding=3), Conv(name="b", out_channels=1, kernel_size=3)
    net = network(*windows, side=8)
    for unit in ((0, 0), (13, 13), (13, 0), (6, 13)):
        counts = count_paths(net, "b", unit, exact=exact)
        assert counts.shape == (8, 8)
        assert not counts.any()
        assert find_unit_support(net, "b", unit).touched == 0
    assert count_paths(net, "b", (6, 6), exact=exact).sum() == 9


def cross(name: str, dilation: int = 1) -> Parallel:
    branches = (
        Conv(name="wide", out_channels=1, kernel_size=(1, 3), dilation=dilation),
        Conv(name="high", out_channels=1, kernel_size=(3, 1), dilation=dilation),
    )
    return Parallel(name=name, branches=branches, fuse="add")


# ---- what is known --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path", "size", "stride", "least", "coverage"),
    [
        ("googlenet", "inception_5b", 715, 32, 75, 1.0),
        ("inception-v3", "Mixed_7c", 1311, 32, 79, 0.9929),
    ],
)
def test_end_points_of_the_literature(
    name: str, path: str, size: int, stride: int, least: int, coverage: float
) -> None:
    """Sizes and strides: Araujo, Norris & Sim 2019, table of end points (v3), and a walk by hand (GoogLeNet)."""
    found = find_layer_supports(catalog.get(name))[path]
    assert (found.size, found.stride, found.min_size) == ((size, size), (stride, stride), (least, least))
    assert found.coverage == pytest.approx(coverage, abs=5e-5)
    assert (found.status, found.touched) == (EXACT, found.mask().sum())
    assert analyze(catalog.get(name)).coverage[path] == found.coverage


def test_paths_are_exact_integers() -> None:
    """Also where float64 cannot tell them apart, or cannot hold them."""
    net = catalog.get("googlenet-torchvision")
    exact = count_paths(net, "inception_5b", (11, 11), exact=True, input_shape=(3, 736, 736))
    rough = count_paths(net, "inception_5b", (11, 11), input_shape=(3, 736, 736))
    assert type(exact[370, 370]) is int
    assert exact.sum() == 13_603_428_904_020_738_048
    assert np.allclose(exact.astype(float), rough, rtol=1e-13)
    chain = network(*[Conv(name=f"c{at}", out_channels=1, kernel_size=3) for at in range(40)], side=128)
    assert count_paths(chain, "c39", (64, 64), exact=True).sum() == 9**40
    assert np.isinf(count_paths(network(*[cross(f"x{at}") for at in range(600)], side=8), "x599")).any()


def test_whole_input_has_the_convolutional_field_beside_it() -> None:
    net = network(
        Conv(name="conv", out_channels=4, kernel_size=3),
        Attention(name="se"),
        Conv(name="next", out_channels=4, kernel_size=3),
        GlobalPool(name="pool"),
        Flatten(name="flatten"),
        Linear(name="fc", out_features=3),
    )
    found = find_unit_support(net, "next", (10, 10))
    assert (found.status, found.touched, found.unclipped) == (WHOLE_INPUT, 32 * 32, None)
    assert found.convolutional is not None
    assert (found.convolutional.status, found.convolutional.box) == (EXACT, (8, 8, 13, 13))
    found = find_unit_support(net, "fc")
    assert found.convolutional is not None
    assert (found.status, found.convolutional.box) == (WHOLE_INPUT, (13, 13, 18, 18))
    assert find_unit_support(net, "fc", source="flatten").status == EXACT
    strided = network(Conv(name="conv", out_channels=1, stride=4), GlobalPool(name="pool"))
    found = find_unit_support(strided, "pool")
    assert (found.status, found.touched, found.coverage) == (WHOLE_INPUT, 64, 64 / 29**2), "exact all the same"


def test_adaptive_pooling_to_a_grid_is_no_whole_input() -> None:
    net = network(GlobalPool(name="pool", output_size=(2, 3)))
    found = find_unit_support(net, "pool", (1, 2))
    assert (found.status, found.box) == (EXACT, (16, 21, 32, 32))
    assert find_projective_field(net, (0, 10), "pool").mask.tolist() == [[True, True, False], [False] * 3]


def test_a_unit_may_see_padding_only() -> None:
    net = network(Conv(name="conv", out_channels=1, kernel_size=2, padding=3))
    found = find_unit_support(net, "conv", (0, 0))
    assert (found.status, found.touched, found.box, found.coverage) == (EXACT, 0, None, None)
    assert found.unclipped == (-3, -3, -1, -1)
    assert found.clipped_to == (0, 0, 0, 0)
    assert not found.mask.any()
    assert not count_paths(net, "conv", (0, 0)).any()
    assert find_inner_units(net, "conv") == (range(3, 34), range(3, 34))


def test_unequal_strides_have_no_pattern_but_each_unit_its_answer() -> None:
    branches = (Conv(name="a", out_channels=1, stride=4), Pool(name="b", kernel_size=25, stride=1, padding=0))
    net = network(Parallel(name="block", branches=branches), side=32)
    pattern = find_layer_supports(net)["block"]
    assert not pattern.known
    assert "unequal stride meet at block" in pattern.status
    assert (pattern.touched, pattern.coverage, analyze(net).coverage["block"]) == (None, None, None)
    with pytest.raises(ValueError, match="unequal stride"):
        pattern.mask()
    assert find_unit_support(net, "block", (6, 6)).box == (6, 6, 31, 31)


def test_heads_are_answered_and_one_that_does_not_fit_says_why() -> None:
    net = catalog.get("googlenet")
    head = next(each.path for each in analyze(net).auxiliary)
    inside = f"{head}/{edit.find(net, head).children[0].name}"
    assert find_unit_support(net, inside, (0, 0)).known
    assert find_unit_support(net, "inception_4b", (0, 0)).known, "the trunk passes it by"
    shape = (3, 64, 64)
    assert not analyze(net, shape).auxiliary[0].fits
    found = find_unit_support(net, inside, (0, 0), input_shape=shape)
    assert not found.known
    assert "does not fit the image" in found.status
    assert (found.touched, found.coverage, found.box) == (None, None, None)
    with pytest.raises(ValueError, match="does not fit"):
        _ = found.mask
    with pytest.raises(ValueError, match="cannot be counted"):
        count_paths(net, inside, input_shape=shape)
    assert not find_layer_supports(net, shape)[inside].known
    assert find_unit_support(net, "inception_5b", (0, 0), input_shape=shape).known


def test_kinds_from_outside_get_a_status_until_they_are_entered() -> None:
    class Shuffle(NodeBase):
        """Channels mixed."""

        op: Literal["test_shuffle"] = "test_shuffle"

    def visit(walk: Any, node: Any, path: str, x: Any) -> Any:
        walk.row(node, path, x, x)
        return x

    add_node_kind(Shuffle)
    VISITS["test_shuffle"] = visit
    try:
        first, last = Conv(name="a", out_channels=1, kernel_size=3), Conv(name="b", out_channels=1)
        net = network(first, Shuffle(name="mix"), last)
        for found in (find_unit_support(net, "b", (5, 5)), find_projective_field(net, (5, 5), "b")):
            assert "'test_shuffle' is from outside" in found.status
        assert "from outside" in find_layer_supports(net)["b"].status
        assert analyze(net).to_data()["layers"][-1]["coverage"] is None
        assert find_unit_support(net, "a", (5, 5)).status == EXACT
        assert find_unit_support(net, "b", (5, 5), source="mix").status == EXACT
        READINGS["test_shuffle"] = lambda _: None
        assert find_unit_support(net, "b", (5, 5)).box == (4, 4, 7, 7)
        assert find_layer_supports(net)["b"].coverage == 1
    finally:
        for table in (VISITS, READINGS, NODE_KINDS):
            table.pop("test_shuffle", None)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda net: find_unit_support(net, "inception_3x"), "no node 'inception_3x'; did you mean inception_3b"),
        (lambda net: find_unit_support(net, ""), "no node ''"),
        (lambda net: find_unit_support(net, "conv1", (112, 0)), "unit (=112, 0) is outside the feature map of conv1"),
        (lambda net: find_unit_support(net, "fc", (0, 1)), "which has 1×1 units"),
        (lambda net: find_unit_support(net, "conv1", source="pool1"), "conv1 does not depend on pool1"),
        (lambda net: find_unit_support(net, "conv1", source="x"), "no node 'x'"),
        (lambda net: find_branch_supports(net, "conv1"), "conv1 has no branches"),
        (lambda net: find_projective_field(net, (224, 0), "conv1"), "outside the image, which has 224×224 pixels"),
        (lambda net: count_paths(net, "conv1", source="pool1"), "conv1 does not depend on pool1"),
        (lambda net: find_layer_support(net, "conv9"), "no node 'conv9'"),
    ],
)
def test_mistakes_are_one_sentence(ask: Any, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        ask(catalog.get("googlenet"))
    assert said in str(caught.value)


def test_nodes_without_a_layer_have_an_answer_too() -> None:
    empty = Sequence(name="empty")
    inner = Sequence(name="inner", children=(Conv(name="conv", out_channels=1, kernel_size=3),))
    net = network(empty, inner)
    assert find_layer_support(net, "empty").mask().tolist() == [[True]]
    assert find_layer_support(net, "inner").size == (3, 3)
    assert find_unit_support(net, "empty", (3, 4)).box == (3, 4, 4, 5)
    assert find_default_node(net) == "inner"
    assert find_default_node(network(GlobalPool(name="pool"))) == ""
    assert find_unit_support(net, "inner", np.array([3, 4])).box == (2, 3, 5, 6), "numpy's integers are integers"  # type: ignore[arg-type]


# ---- what is slow ---------------------------------------------------------------------------------------------------


def test_many_crosses_are_exact_beyond_what_products_hold() -> None:
    """Against boolean arrays, tap by tap."""
    rng = Random(4)
    most = 0
    for dilations in ((1,) * 40, (1, 3, 7, 15, 31, 2, 5, 11), tuple(rng.randint(1, 9) for _ in range(14))):
        net = network(*[cross(f"x{at}", dilation) for at, dilation in enumerate(dilations)], side=200)
        last = f"x{len(dilations) - 1}"
        found = find_layer_supports(net)[last]
        mask = np.ones((1, 1), dtype=bool)
        for dilation in dilations:
            wide = np.pad(mask, dilation)
            mask = sum(np.roll(wide, step, axis) for axis in (0, 1) for step in (-dilation, 0, dilation)) > 0
        assert np.array_equal(found.mask(), mask)
        most = max(most, len(found.products))
        reach = sum(dilations)
        if reach < 90:
            seen = find_unit_support(net, last, (100, 100))
            assert np.array_equal(seen.mask[100 - reach : 101 + reach, 100 - reach : 101 + reach], mask)
            assert seen.touched == mask.sum() == count_cells(seen.products)
            assert np.array_equal(find_projective_field(net, (100, 100), last).mask, seen.mask), "it is symmetric"
    assert most > MAX_PRODUCTS


HOSTILE = {
    "strides of 31 beyond all bounds": [
        Conv(name=f"c{at}", out_channels=1, kernel_size=31, stride=31, padding=1024) for at in range(500)
    ],
    "the widest windows": [Conv(name=f"c{at}", out_channels=1, kernel_size=31, dilation=31) for at in range(120)],
    "crosses without any order": [cross(f"c{at}", 1 + at * 7 % 31) for at in range(500)],
    "padding upon padding": [Conv(name=f"c{at}", out_channels=1, padding=1024) for at in range(60)],
    "a deep chain": [Conv(name=f"c{at}", out_channels=1, kernel_size=3) for at in range(1500)],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_networks_are_answered_or_refused_soon(kind: str) -> None:
    net = network(*HOSTILE[kind], side=1024 if kind != "padding upon padding" else 64)
    last = f"c{len(HOSTILE[kind]) - 1}"
    questions: list[Any] = [
        lambda: find_layer_supports(net)[last].coverage,
        lambda: find_unit_support(net, last, tuple(side // 2 for side in find_output_shape(net, last)[1:])).touched,
        lambda: find_projective_field(net, (5, 5), last).touched,
        lambda: find_inner_units(net, last),
    ]
    for ask in questions:
        begun = time.perf_counter()
        ask()
        assert time.perf_counter() - begun < SECONDS


def test_pixels_of_any_union_are_counted_once() -> None:
    draw = Random(3)
    for number in range(400):
        products, free = [], (1 << 12) - 1
        for _ in range(draw.randint(1, 6)):
            rows, columns = draw.getrandbits(12), draw.getrandbits(9)
            if number % 2:  # as where a region is held row by row: no row twice
                rows, free = rows & free, free & ~rows
            if rows and columns:
                products.append((rows, columns))
        pixels = {
            (row, column) for rows, columns in products for row in range(12) for column in range(9)
            if rows >> row & 1 and columns >> column & 1
        }  # fmt: skip
        assert not products or count_cells(products) == len(pixels)
