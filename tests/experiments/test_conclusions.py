"""What an experiment shows: corrected tests, interactions, seeds needed; by definition, by tables and by simulation."""

from __future__ import annotations

import csv
import io
import itertools
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.analysis import analyze
from explorer.experiments import (
    Experiment,
    SampleStatistics,
    StoredExperiment,
    TrialResult,
    VariantResult,
    collect_results,
    correct_for_many,
    describe_conclusions,
    deviation_interval,
    draw_conclusions,
    get_experiment,
    interaction_cells,
    seeds_needed,
    start,
    t_quantile,
    table_cells,
    to_csv,
    to_markdown,
)
from explorer.runs import Manager
from tests.sizes import ALL

from .parts import finish, small

PLAN = small(seeds=range(4))  # base, residual, CBAM and both
STORED = StoredExperiment(id="an-id", created=0.0, experiment=PLAN)
TOTALS = analyze(PLAN.base).totals


def table(accuracies: Sequence[Sequence[float | None]], experiment: Experiment = PLAN) -> list[VariantResult]:
    """One row a variant, one value a seed."""
    rows = []
    for variant, values in zip(experiment.variants, accuracies, strict=True):
        trials = []
        for seed, (value, base) in enumerate(zip(values, accuracies[0], strict=True)):
            known = value is not None and base is not None and variant.factors
            difference = value - base if known else None  # type: ignore[operator]
            trials.append(TrialResult(
                seed=seed, run="", status="finished", epoch=1, accuracy=value, best=value, seconds=1.0,
                difference=difference,
            ))  # fmt: skip
        rows.append(
            VariantResult(label=variant.label, factors=variant.factors, totals=TOTALS, trials=tuple(trials))
        )
    return rows


# ---- the statistics -------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_closure_of_bonferroni(p_values: list[float]) -> None:
    """A hypothesis is rejected where every set of hypotheses that holds it is, each by its smallest p (Marcus 1976)."""
    places = range(len(p_values))
    sets = [each for size in places for each in itertools.combinations(places, size + 1)]
    closed = [max(min(1.0, len(s) * min(p_values[j] for j in s)) for s in sets if place in s) for place in places]
    assert correct_for_many(p_values) == pytest.approx(closed)


def test_what_has_no_p_value_yet_counts_in_the_correction() -> None:
    assert correct_for_many([0.01, None, 0.04]) == [pytest.approx(0.03), None, pytest.approx(0.08)]
    assert correct_for_many([]) == []


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=8))
def test_p_is_below_five_per_cent_where_the_interval_leaves_out_0(values: list[float]) -> None:
    sample = SampleStatistics.of(values)
    assert sample.interval is not None
    low, high = sample.interval
    if sample.p_value is None:
        assert high - low < 1e-9  # equal values: chance, of which nothing can be said
    elif min(abs(low), abs(high)) > 1e-9:
        assert (sample.p_value < 0.05) == (not low <= 0 <= high)


def test_p_values_of_nothing_are_uniform() -> None:
    draws = np.random.default_rng(1).normal(0.0, 1.0, (1000, 4))
    found = np.sort([SampleStatistics.of(list(row)).p_value or 0.0 for row in draws])
    assert np.abs(found - np.linspace(0, 1, len(found))).max() < 1.63 / math.sqrt(len(found))  # Kolmogorov, 1 %


# 2.5 % and 97.5 % points of chi-square as printed in tables (Abramowitz & Stegun, table 26.8).
@pytest.mark.parametrize(
    ("freedom", "low", "high"), [(1, 0.000982, 5.0239), (2, 0.0506, 7.3778), (5, 0.8312, 12.8325), (30, 16.791, 46.979)]
)
def test_the_interval_of_a_deviation_is_that_of_the_tables(freedom: int, low: float, high: float) -> None:
    found = deviation_interval(1.0, freedom)
    assert found == pytest.approx((math.sqrt(freedom / high), math.sqrt(freedom / low)), rel=1e-3)


@pytest.mark.parametrize(("difference", "seeds"), [(3.0, 4), (1.0, 10), (0.4, 52)])
def test_so_many_seeds_find_the_difference_in_four_of_five_experiments(difference: float, seeds: int) -> None:
    needed = seeds_needed(difference, 1.0)
    assert needed == seeds

    def power(count: int) -> float:
        draws = np.random.default_rng(2).normal(difference, 1.0, (3000, count))
        t = draws.mean(1) / draws.std(1, ddof=1) * math.sqrt(count)
        return float((t > t_quantile(count - 1)).mean())

    assert power(seeds) > 0.77
    assert power(seeds - 1) < 0.83  # and no fewer do


def test_seeds_that_nobody_can_train() -> None:
    assert seeds_needed(0.0, 1.0) is None
    assert seeds_needed(1e-6, 1.0) is None
    assert seeds_needed(0.5, 0.0) == 2


# ---- an experiment --------------------------------------------------------------------------------------------------


def test_interactions_cover_the_true_one_and_equal_the_contrast_of_a_regression(manager: Manager) -> None:
    """accuracy = seed + 0.02 A + 0.03 B + 0.05 AB + noise, fitted seed by seed by least squares."""
    random, covered, tries = np.random.default_rng(3), 0, 150 if ALL else 50
    design = np.array([[1, a, b, a * b] for a, b in ((0, 0), (1, 0), (0, 1), (1, 1))])
    for _ in range(tries):
        effects = np.array([0.5, 0.02, 0.03, 0.05])
        y = (design @ effects)[:, None] + random.normal(0, 0.1, (1, 4)) + random.normal(0, 0.01, (4, 4))
        (found,) = draw_conclusions(manager, STORED, table(y.tolist())).interactions
        fitted = np.linalg.lstsq(design, y, rcond=None)[0][3]
        assert found.sample.values == pytest.approx(tuple(fitted))
        assert found.sample.interval is not None
        covered += found.sample.interval[0] <= 0.05 <= found.sample.interval[1]
    assert abs(covered / tries - 0.95) < 4 * math.sqrt(0.95 * 0.05 / tries)
    assert found.label == "residual × CBAM"
    assert found.kind == "interaction"


def test_an_experiment_without_effects_seldom_shows_any(manager: Manager) -> None:
    """Without the correction one of these tables in seven would; with it one in twenty at most."""
    random, plain, corrected, tries = np.random.default_rng(4), 0, 0, 600
    for _ in range(tries):
        y = random.normal(0, 0.1, (1, 4)) + random.normal(0, 0.01, (4, 4))
        tests = [y[1] - y[0], y[2] - y[0], y[3] - y[0], y[3] - y[1] - y[2] + y[0]]
        p_values = [SampleStatistics.of(list(each)).p_value for each in tests]
        plain += min(p for p in p_values if p is not None) < 0.05
        corrected += min(p for p in correct_for_many(p_values) if p is not None) < 0.05
    assert plain / tries > 0.1
    assert corrected / tries < 0.05 + 3 * math.sqrt(0.05 * 0.95 / tries)
    found = draw_conclusions(manager, STORED, table(y.tolist()))
    of_all = [*found.differences, *found.interactions]
    assert [each.p_corrected for each in of_all] == pytest.approx(correct_for_many(p_values))


def test_the_spread_is_what_is_left_of_variants_and_seeds(manager: Manager) -> None:
    random, squares = np.random.default_rng(5), []
    for _ in range(100):
        y = random.normal(0.5, 0.1, (4, 1)) + random.normal(0, 0.1, (1, 4)) + random.normal(0, 0.01, (4, 4))
        spread = draw_conclusions(manager, STORED, table(y.tolist())).spread
        assert spread is not None
        squares.append(spread.deviation**2)
    assert spread.freedom == 9
    rest = y - y.mean(1, keepdims=True) - y.mean(0, keepdims=True) + y.mean()
    assert spread.deviation == pytest.approx(math.sqrt(2 * (rest**2).sum() / 9))
    assert np.mean(squares) == pytest.approx(2 * 0.01**2, rel=0.15)  # a difference is made of two runs


def test_one_seed_gives_no_verdict_and_no_number_of_seeds(manager: Manager) -> None:
    rows = table([[0.5, None, None, None], [0.6, None, None, None], [0.4, None, None, None], [0.7, None, None, None]])
    found = draw_conclusions(manager, STORED, rows)
    assert {each.verdict for each in (*found.differences, *found.interactions)} == {"none: one seed"}
    assert {each.needed for each in (*found.differences, *found.interactions)} == {None}
    assert "cannot be said from one seed" in " ".join(describe_conclusions(found))
    assert "cannot be said from one seed" in to_markdown(STORED, rows, found)


def test_a_variant_with_one_seed_takes_the_spread_of_the_others(manager: Manager) -> None:
    rows = table([[0.5, 0.51, 0.49, 0.5], [0.51, 0.52, 0.51, 0.49], [0.52, None, None, None], [None] * 4])
    late, whole = (draw_conclusions(manager, STORED, rows).differences[place] for place in (1, 0))
    assert late.verdict == "none: one seed"
    assert whole.verdict == "not told from luck"
    assert late.needed is not None
    assert late.needed.expected is not None
    assert draw_conclusions(manager, STORED, rows).differences[2].verdict == ""
    said = " ".join(describe_conclusions(draw_conclusions(manager, STORED, rows)))
    assert "the 4 seeds that 2 variants have in common" in said


def test_earlier_runs_under_the_same_settings_tell_the_spread(manager: Manager) -> None:
    earlier = start(manager, small(factors=("cbam",), seeds=(7, 8, 9)))
    other = start(manager, small(factors=("cbam",), seeds=(7, 8, 9), config={"epochs": 2}))
    values = {("base", 7): 0.50, ("base", 8): 0.52, ("base", 9): 0.54, ("CBAM", 7): 0.60, ("CBAM", 8): 0.60}
    for trial, run in manager.trials(earlier.id):
        if (trial.variant, trial.seed) in values:
            finish(manager, run, values[trial.variant, trial.seed])
    for trial, run in manager.trials(other.id):
        finish(manager, run, 0.1 * trial.seed, 0.1 * trial.seed)  # other settings: they say nothing here
    alone = start(manager, small(factors=("residual",), seeds=(0,)))
    for trial, run in manager.trials(alone.id):
        finish(manager, run, 0.5 if trial.variant == "base" else 0.57)
    found = draw_conclusions(manager, alone, collect_results(manager, alone))
    assert found.spread is not None
    base = np.var([0.50, 0.52, 0.54, 0.50], ddof=1)  # the base of both has one structure; its four seeds count
    assert found.spread.deviation == pytest.approx(math.sqrt(2 * (3 * base + 0) / 4))
    assert found.spread.freedom == 4
    assert "6 finished runs of 2 networks" in " ".join(describe_conclusions(found))
    (difference,) = found.differences
    assert difference.verdict == "none: one seed"
    assert difference.needed is not None
    assert difference.needed.expected is not None


def test_an_experiment_and_a_run_that_were_mistyped_are_found(manager: Manager) -> None:
    stored = start(manager, small(factors=("cbam",), seeds=(0,), name="Third homework"))
    run = manager.trials(stored.id)[0][1]
    for typed in (stored.id[:-1] + "x", "homework"):
        with pytest.raises(ValueError, match=f"there is no experiment '{typed}'; did you mean {stored.id}"):
            get_experiment(manager, typed)
    for typed in (run.id[:-2], run.name[:6]):
        with pytest.raises(ValueError, match=f"there is no run '{typed}'; did you mean .*{run.id}"):
            manager.run(typed)
    with pytest.raises(ValueError, match="runs list` shows them"):
        manager.run("../../etc/passwd")


def test_every_form_has_the_interaction_and_pandas_reads_its_numbers(manager: Manager) -> None:
    rows = table([[0.50, 0.51, 0.52, 0.53], [0.55, 0.57, 0.57, 0.57], [0.5, 0.5, 0.5, 0.5], [0.7, 0.72, 0.71, 0.74]])
    found = draw_conclusions(manager, STORED, rows)
    assert interaction_cells(found)[0][:2] == ("residual × CBAM", "4")
    assert "| residual × CBAM | 4 |" in to_markdown(STORED, rows, found)
    assert "| more together, p " in to_markdown(STORED, rows, found)
    assert {len(cells) for cells in table_cells(rows, found)} == {12}
    text = to_csv(STORED, rows, found)
    frame = pd.read_csv(io.StringIO(text))
    words = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    assert words == ["variant", "kind", "verdict"]
    assert list(frame["kind"]) == ["variant"] * 4 + ["interaction"]
    assert frame["difference_mean"][4] == pytest.approx(found.interactions[0].sample.mean)
    assert {len(row) for row in csv.reader(io.StringIO(text))} == {len(frame.columns)}
