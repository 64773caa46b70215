"""The Pareto cloud: the same for the same seed, analysed as every network is, its front that of brute force."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import catalog
from explorer.analysis import Direction, analyze
from explorer.architecture import Conv, edit, from_link, to_link, walk
from explorer.comparison import Ranges, pareto_front, sample_cloud

BELOW = ("inception_3a", "inception_4b/branch_5x5")
NAMES = ("googlenet", "residual-mnist", "cifar-inception-residual-cbam", "dilated-cnn")


@pytest.mark.parametrize("name", NAMES)
def test_a_point_is_a_network(name: str) -> None:
    network = catalog.get(name)
    found = sample_cloud(network, 60, seed=3)
    assert len(found.points) + found.refused == 60
    assert len(found.points) > 40
    for point in found.points[::6]:
        variant = found.variant(point.number)
        assert analyze(variant).totals == point.totals
        assert from_link(to_link(variant)) == variant
        assert [path for path, _ in walk(variant)] == [path for path, _ in walk(network)]


def test_the_same_seed_gives_the_same_points() -> None:
    network = catalog.get("googlenet")
    one, more, other = (sample_cloud(network, count, seed=seed) for count, seed in ((50, 1), (80, 1), (50, 2)))
    assert one.points == more.points[:50]
    assert one.points != other.points
    assert len({point.totals.macs for point in one.points}) > 45


def test_ranges() -> None:
    network = catalog.get("googlenet")
    before = dict(walk(network))
    ranges = Ranges(width=(0.5, 1.5), kernels=(3, 7), dilations=(1, 3), below=BELOW)
    found = sample_cloud(network, 200, ranges=ranges)
    kernels, dilations, changed = set(), set(), set()
    for point in found.points:
        for path, node in walk(found.variant(point.number)):
            if isinstance(node, Conv) and node != before[path]:
                changed.add(path)
                kernels.add(node.kernel_size)
                dilations.add(node.dilation)
                assert 0.5 <= node.out_channels / before[path].out_channels <= 1.5
                if before[path].kernel_size == 1:
                    assert (node.kernel_size, node.dilation) == (1, 1)
    assert changed == {path for path, node in before.items() if isinstance(node, Conv)
                       and path.startswith(("inception_3a/", "inception_4b/branch_5x5/"))}  # fmt: skip
    assert kernels == {1, 3, 5, 7}
    assert dilations == {1, 3}


def test_it_reaches_the_ends_of_its_ranges() -> None:
    """Independent choices would cancel out in a network of many layers, and none would come near the widest field."""
    network = widest = catalog.get("googlenet")
    for path, node in walk(network):
        if isinstance(node, Conv) and node.kernel_size in (3, 5) and node.stride == 1:
            widest = edit.replace(widest, path, kernel_size=7, dilation=2, padding="same")
    points = sample_cloud(network, 600).points
    field = max(max(point.totals.receptive_field.size) for point in points)
    assert field > 0.97 * max(analyze(widest).totals.receptive_field.size)
    macs = [point.totals.macs for point in points]
    assert max(macs) > 20 * min(macs)


def test_groups_and_shortcuts_stay_whole() -> None:
    found = sample_cloud(catalog.get("cifar-inception-residual"), 100)
    assert found.refused < 20


def test_it_can_be_stopped() -> None:
    asked = []
    found = sample_cloud(catalog.get("residual-mnist"), 1000, stop=lambda: len(asked) == 3 or asked.append(1))  # type: ignore[func-returns-value]
    assert len(found.points) + found.refused == 400


def test_mistakes() -> None:
    network = catalog.get("residual-mnist")
    for count in (0, 100_001):
        with pytest.raises(ValueError, match="count"):
            sample_cloud(network, count)
    with pytest.raises(ValueError, match="no layer may change"):
        sample_cloud(network, 5, ranges=Ranges(below=("nowhere",)))
    with pytest.raises(ValueError, match="width"):
        Ranges(width=(2, 1))
    with pytest.raises(ValueError, match="metric"):
        sample_cloud(network, 5).front(beauty="most")


def brute_force(rows: list[list[int]], directions: list[Direction]) -> list[int]:
    signs = [1 if direction == "least" else -1 for direction in directions]
    signed = [[sign * value for sign, value in zip(signs, row, strict=True)] for row in rows]
    return [
        index
        for index, row in enumerate(signed)
        if not any(other != row and all(a <= b for a, b in zip(other, row, strict=True)) for other in signed)
    ]


@given(st.data(), st.integers(1, 4))
def test_the_front_is_that_of_brute_force(data: st.DataObject, metrics: int) -> None:
    number = st.integers(0, 6)  # few values, so that ties are many
    rows = data.draw(st.lists(st.lists(number, min_size=metrics, max_size=metrics), max_size=40))
    directions = data.draw(st.lists(st.sampled_from(["least", "most"]), min_size=metrics, max_size=metrics))
    assert pareto_front(rows, directions) == brute_force(rows, directions)


def test_the_front_of_a_cloud() -> None:
    found = sample_cloud(catalog.get("googlenet"), 400)
    rows = [[p.totals.macs, max(p.totals.receptive_field.size), p.totals.params] for p in found.points]
    kept = found.front(macs="least", receptive_field="most", params="least")
    assert sorted(point.number for point in kept) == [
        found.points[index].number for index in brute_force(rows, ["least", "most", "least"])
    ]
    assert [point.totals.macs for point in kept] == sorted(point.totals.macs for point in kept)


def test_rows_of_another_length() -> None:
    with pytest.raises(ValueError, match="2 numbers"):
        pareto_front([[1, 2], [1]], ["least", "least"])
