"""The hypervolume against cells that are counted one by one, and against what a change of units may not change."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.search import Box, Search, find_box, measure_hypervolume, measure_losses, parse_limit
from tests.sizes import examples

from .parts import small

OBJECTIVES = ("accuracy", "macs", "receptive_field")  # one that shall be small, and one that shall be large
ROWS = st.tuples(
    st.integers(0, 100).map(lambda percent: percent / 100),
    st.integers(1, 10**9).map(float),
    st.integers(1, 500).map(float),
)
Row = tuple[float, ...]


@cache
def search(objectives: int, *limits: str) -> Search:
    return small(objectives=OBJECTIVES[:objectives], limits=tuple(map(parse_limit, limits)))


def place(row: Row, box: Box) -> Row:
    """Where in the unit cube: 1 is the ideal, 0 the reference. Decades, where the code has natural logarithms."""
    far = [1.0 if a == b else math.log10(v / a) / math.log10(b / a)
           for v, a, b in zip(row[1:], box.reference[1:], box.ideal[1:], strict=True)]  # fmt: skip
    return (row[0], *far)


def count_cells(rows: list[Row], box: Box) -> float:
    """Cut the unit cube at every value of every point, and sum the cells whose middle some point dominates."""
    points = [place(row, box) for row in rows]
    cuts = [sorted({0.0, 1.0, *values}) for values in zip(*points, strict=True)]
    total = 0.0
    for cell in itertools.product(*(itertools.pairwise(each) for each in cuts)):
        middle = [(low + high) / 2 for low, high in cell]
        if any(all(m < p for m, p in zip(middle, point, strict=True)) for point in points):
            total += math.prod(high - low for low, high in cell)
    return total


def measure(rows: Sequence[Row], box: Box) -> float:
    found = measure_hypervolume(rows, box)
    assert found is not None
    return found


@settings(max_examples=examples(100), deadline=None)
@given(data=st.data(), objectives=st.integers(1, 3))
def test_it_is_the_sum_of_the_cells(data: Any, objectives: int) -> None:
    rows = [row[:objectives] for row in data.draw(st.lists(ROWS, min_size=1, max_size=6))]
    others = [row[:objectives] for row in data.draw(st.lists(ROWS, max_size=3))]
    box = find_box(search(objectives), [*rows, *others])
    if objectives > 1:
        assert (box.reference[1], box.ideal[1]) == (max(r[1] for r in rows + others), min(r[1] for r in rows + others))
    if objectives > 2:
        assert (box.reference[2], box.ideal[2]) == (min(r[2] for r in rows + others), max(r[2] for r in rows + others))
    assert measure(rows, box) == pytest.approx(count_cells(rows, box), abs=1e-9)


@settings(max_examples=examples(100), deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=8), factor=st.floats(1, 1e6), limit=st.booleans())
def test_the_unit_of_a_cost_changes_nothing(rows: list[Row], factor: float, limit: bool) -> None:
    """All costs, and the limit with them, by the same factor."""
    scaled = [(accuracy, factor * macs, factor * field) for accuracy, macs, field in rows]
    plain, other = (find_box(search(3, *([f"macs={bound!r}"] if limit else [])), values)
                    for bound, values in ((1e9, rows), (factor * 1e9, scaled)))  # fmt: skip
    assert measure(rows, plain) == pytest.approx(measure(scaled, other), abs=1e-6)


@settings(max_examples=examples(100), deadline=None)
@given(rows=st.lists(ROWS, min_size=2, max_size=8))
def test_a_further_trial_never_takes_anything_away(rows: list[Row]) -> None:
    """And adds something where none dominates it and it is not on the box's worst side."""
    box = find_box(search(3), rows)
    before, after = measure(rows[:-1], box), measure(rows, box)
    assert 0 <= before <= after + 1e-12 <= 1 + 2e-12
    *others, last = [place(row, box) for row in rows]
    apart = all(any(a < b - 1e-3 for a, b in zip(each, last, strict=True)) for each in others)
    if apart and min(last) > 1e-3:
        assert after > before


@settings(max_examples=examples(50), deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=6), share=st.floats(0.1, 1))
def test_a_limit_is_the_end_of_the_box(rows: list[Row], share: float) -> None:
    """Where it is a limit of the bad side; the tightest of several."""
    most, least = math.ceil(max(row[1] for row in rows) / share), max(1, int(min(row[2] for row in rows) * share))
    limits = (f"macs={most}", f"macs={2 * most}", f"receptive_field>={least}", "macs>=1", "params=12345")
    box = find_box(search(3, *limits), rows)
    assert box.reference == (0, most, least)
    assert box.ideal == (1, min(row[1] for row in rows), max(row[2] for row in rows))
    assert measure(rows, box) == pytest.approx(count_cells(rows, box), abs=1e-9)


def test_one_large_trial_does_not_make_it_accuracy_alone() -> None:
    """Networks of a tenth of the cost are told apart, however large another one was; equal steps count the same."""
    large: Row = (0.1, 1e9)
    frugal, usual = [(0.9, 1e5)], [(0.9, 1e6)]
    box = find_box(search(2), [*frugal, *usual, large])
    assert measure(frugal, box) == pytest.approx(0.9)
    assert measure(usual, box) == pytest.approx(0.9 * 3 / 4)  # three of the four decades of the box
    assert measure([large], box) == 0


def test_what_is_beyond_the_reference_dominates_nothing() -> None:
    box = Box(reference=(0, 1e6), ideal=(1, 1e4))
    assert measure([(0.9, 2e6)], box) == 0
    assert measure([(0.9, 2e6), (0.5, 1e5)], box) == pytest.approx(0.25)


def test_a_limit_that_no_trial_keeps_is_no_end_of_the_box() -> None:
    """As one of another version's counts: losses still grow with costs, and nothing spans more than the box."""
    for limit in ("macs=50", "macs=100"):
        rows = [(0.5, 100.0), (0.9, 1000.0)]
        box = find_box(search(2, limit), rows)
        assert (box.reference, box.ideal) == ((0, 1000), (1, 100))
        assert measure(rows, box) == pytest.approx(0.5)


@settings(max_examples=examples(200), deadline=None)
@given(data=st.data())
def test_losses_never_change_who_surpasses_whom(data: Any) -> None:
    """In any objective, of any two trials, with any limits; so the Pareto front is the same."""
    close = st.integers(10**9 - 3, 10**9).map(float)
    some = st.tuples(st.sampled_from([0.1, 0.5, 0.9]), close, st.integers(1, 3).map(float))
    rows: list[Row] = data.draw(st.lists(ROWS | some, min_size=2, max_size=8))
    limits = data.draw(st.lists(st.sampled_from(["macs=1000", "macs=999999999", "receptive_field>=2"])))
    losses = measure_losses(rows, find_box(search(3, *limits), rows))
    for (a, b), (c, d) in itertools.product(zip(rows, losses, strict=True), repeat=2):
        for sign, x, y, loss, other in zip((-1, 1, -1), a, c, b, d, strict=True):
            assert (sign * x < sign * y) == (loss < other)
            assert (x == y) == (loss == other)


def test_what_all_have_alike_plays_no_part_and_nothing_counts_as_one() -> None:
    box = find_box(search(2), [(0.3, 7e5), (0.8, 7e5)])
    assert measure([(0.3, 7e5), (0.8, 7e5)], box) == pytest.approx(0.8)
    assert measure([(0.5, 10.0)], find_box(search(2), [(0.5, 0.0), (0.5, 10.0), (0.5, 100.0)])) == pytest.approx(0.25)
    assert measure_hypervolume([], find_box(search(2), [])) is None
