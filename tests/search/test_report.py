"""Findings: front, hypervolume, importance and correlation against their definitions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.runs import Manager, Point, series
from explorer.search import (
    Budget,
    advance,
    collect_findings,
    collect_trials,
    describe_hypervolume,
    get_search,
    measure_choice,
    rank_correlation,
    repeat,
    start,
    to_data,
)
from explorer.text import format_decimal, format_si
from tests.sizes import examples

from .parts import finish, small


def fill(manager: Manager, search: str, seed: int) -> None:
    """Random accuracies that grow with parameters a little."""
    numbers = np.random.default_rng(seed)
    while not (standing := advance(manager, search)).over:
        for trial in standing.trials:
            if trial.run.active:
                finish(manager, trial.run, 0.1, float(numbers.uniform(0.2, 0.9)))


def test_front_and_hypervolume_are_what_they_are_defined_as(manager: Manager) -> None:
    stored = start(manager, small(objectives=("accuracy", "macs"), budget=Budget(trials=12)), baseline=True)
    for number, search in enumerate((stored.id, stored.search.baseline)):
        fill(manager, search, number)
    findings = collect_findings(manager, stored)
    assert findings.baseline is not None
    everything = [*findings.trials, *findings.baseline.trials]
    for each in (findings, findings.baseline):
        rows = [trial.values for trial in each.trials]
        front = [
            number
            for number, (accuracy, macs) in enumerate(rows)
            if not any(a >= accuracy and m <= macs and (a, m) != (accuracy, macs) for a, m in rows)
        ]
        assert sorted(each.front) == front
        # The area below the stairs, one step after another, over the decades from the least to the most MACs.
        least, most = (math.log10(end(trial.values[1] for trial in everything)) for end in (min, max))
        corners = [*sorted({math.log10(rows[number][1]) for number in front}), most]
        area = sum(
            max(a for a, m in rows if math.log10(m) <= low) * (high - low) for low, high in itertools.pairwise(corners)
        )
        assert each.hypervolume == pytest.approx(area / (most - least))
    assert set(findings.importance) == {each.key for each in stored.search.space.dimensions}
    assert sum(findings.importance.values()) == pytest.approx(1)
    assert findings.correlation is not None
    told = to_data(manager, stored, findings)
    assert told["baseline"]["hypervolume"] == findings.baseline.hypervolume
    macs = sorted(trial.values[1] for trial in everything)
    assert (told["reference"], told["ideal"], told["scales"]) == ([0, macs[-1]], [1, macs[0]], ["linear", "log"])
    said = describe_hypervolume(findings)
    assert f"{format_decimal(findings.baseline.hypervolume or 0, 4)} of 12: this search is" in said
    box = f"MACs from {format_si(macs[-1])} to {format_si(macs[0])} (log scale)."
    assert said.endswith(f"The box: accuracy from 0 to 1 and {box}")


def test_the_baseline_is_random_and_has_the_same_budget(manager: Manager) -> None:
    stored = start(manager, small(pruner="asha"), baseline=True)
    rival = get_search(manager, stored.search.baseline).search
    assert (rival.sampler, rival.pruner, rival.budget, rival.space) == (
        "random", "none", stored.search.budget, stored.search.space,
    )  # fmt: skip
    findings = collect_findings(manager, stored)
    assert findings.hypervolume is None
    assert describe_hypervolume(findings) == ""


def test_the_choice_has_an_interval(manager: Manager) -> None:
    stored = start(manager, small(budget=Budget(trials=1)))
    finish(manager, advance(manager, stored.id).trials[0].run, 0.5)
    repeat(manager, stored.id, 0, [1, 2])
    trial = collect_trials(manager, stored.id, stored.search)[0]
    for run, value in zip((trial.run, *trial.repeats), (0.5, 0.6, 0.7), strict=True):
        point = Point(series=series.TEST_ACCURACY, step=9, value=value, seconds=1.0)
        manager.store.record(run.id, [point], status="finished")
    sample = measure_choice(manager, collect_trials(manager, stored.id, stored.search)[0])
    assert sample.mean == pytest.approx(0.6)
    half = 4.302653 * 0.1 / math.sqrt(3)  # Student's t of two degrees of freedom
    assert sample.interval == pytest.approx((0.6 - half, 0.6 + half), rel=1e-5)


@settings(max_examples=examples(50), deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=3, max_size=20))
def test_rank_correlation(pairs: list[tuple[int, int]]) -> None:
    """Pearson's of mean ranks, by numpy; logarithms change nothing."""
    first, second = (list(map(float, side)) for side in zip(*pairs, strict=True))
    found = rank_correlation(first, second)
    ranks = [[np.mean([sorted(side).index(v), len(side) - 1 - sorted(side)[::-1].index(v)]) for v in side]
             for side in (first, second)]  # fmt: skip
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert found is None
        return
    assert found == pytest.approx(np.corrcoef(ranks)[0, 1])
    assert rank_correlation(first, [math.log(value) for value in second]) == pytest.approx(found)
