"""The table: last epoch, sample deviation, differences by seed, and what is not known left out."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from explorer.analysis import analyze
from explorer.architecture import edit
from explorer.experiments import (
    COLUMNS,
    ONE_SEED,
    StoredExperiment,
    collect_results,
    draw_conclusions,
    start,
    table_cells,
    to_csv,
    to_markdown,
)
from explorer.runs import Manager
from explorer.training import extend
from tests.training.parts import network

from .parts import finish, small

EVIL = "=cmd|'/C calc'!A1 | <img src=x onerror=alert(1)> ](javascript:alert(1)) $\\href{x}{y}$ **b** `c`\nnext"
BASE_VALUES = {0: (0.40, 0.50), 1: (0.70, 0.60), 2: (0.50, 0.70)}
CBAM_VALUES = {0: (0.50, 0.55), 1: (0.60, 0.68), 2: (0.60, 0.76)}


@pytest.fixture
def stored(manager: Manager) -> StoredExperiment:
    """base and CBAM from three seeds, each with two epochs."""
    made = start(manager, small(factors=("cbam",), seeds=(0, 1, 2), config={"epochs": 2}))
    for trial, run in manager.trials(made.id):
        values = (BASE_VALUES if trial.variant == "base" else CBAM_VALUES)[trial.seed]
        finish(manager, run, *values, seconds=10.0 + trial.seed)
    return made


def test_last_epoch_and_paired_differences(manager: Manager, stored: StoredExperiment) -> None:
    base, cbam = collect_results(manager, stored)
    assert base.accuracy.values == (0.50, 0.60, 0.70)
    assert base.accuracy.mean == pytest.approx(0.60)
    assert base.accuracy.deviation == pytest.approx(0.10)
    assert base.best.values == (0.50, 0.70, 0.70)
    assert base.seconds.mean == pytest.approx(11.0)
    assert base.difference.values == ()
    assert cbam.difference.values == pytest.approx((0.05, 0.08, 0.06))
    deviation = math.sqrt(((0.05 - 0.19 / 3) ** 2 + (0.08 - 0.19 / 3) ** 2 + (0.06 - 0.19 / 3) ** 2) / 2)
    half = 4.30265273 * deviation / math.sqrt(3)
    assert cbam.difference.interval == pytest.approx((0.19 / 3 - half, 0.19 / 3 + half))
    # The seeds differ more among themselves than the variants do: only by pairs is the difference seen.
    assert base.accuracy.interval is not None
    assert base.accuracy.interval[1] > cbam.accuracy.mean  # type: ignore[operator]
    assert cbam.difference.interval[0] > 0  # type: ignore[index]
    assert cbam.totals == analyze(stored.experiment.variants[1].architecture).totals


def test_only_finished_runs_count(manager: Manager, stored: StoredExperiment) -> None:
    runs = {(trial.variant, trial.seed): run for trial, run in manager.trials(stored.id)}
    manager.store.update(runs["base", 0].id, status="failed")
    manager.store.update(runs["cbam" if ("cbam", 1) in runs else "CBAM", 1].id, status="running")
    base, cbam = collect_results(manager, stored)
    assert base.accuracy.values == (0.60, 0.70)
    assert base.states == {"failed": 1, "finished": 2}
    assert cbam.accuracy.values == (0.55, 0.76)
    assert cbam.difference.values == pytest.approx((0.06,))  # seed 2 alone has both
    assert (cbam.difference.deviation, cbam.difference.interval) == (None, None)


def test_a_run_that_was_extended_no_longer_counts(manager: Manager, stored: StoredExperiment) -> None:
    run = manager.trials(stored.id)[0][1]
    extend(manager, run.id, 3)
    assert collect_results(manager, stored)[0].states == {"changed": 1, "finished": 2}
    finish(manager, run, 0.1, 0.2, 0.3, 0.4, 0.99)
    assert collect_results(manager, stored)[0].accuracy.values == (0.60, 0.70)


def test_nothing_finished_yet(manager: Manager) -> None:
    made = start(manager, small(seeds=(0,)))
    rows = collect_results(manager, made)
    conclusions = draw_conclusions(manager, made, rows)
    assert {row[2:8] for row in table_cells(rows, conclusions)} == {("–",) * 6}
    assert "–" in to_markdown(made, rows, conclusions)
    json.dumps([row.to_data() for row in rows], allow_nan=False)


def test_one_seed_has_no_deviation(manager: Manager) -> None:
    made = start(manager, small(factors=("cbam",), seeds=(0,)))
    for trial, run in manager.trials(made.id):
        finish(manager, run, 0.5 if trial.variant == "base" else 0.25)
    rows = collect_results(manager, made)
    found = [row[1:8] for row in table_cells(rows, draw_conclusions(manager, made, rows))]
    assert found == [
        ("1/1", "50.00", "–", "–", "–", "–", "50.00"),
        ("1/1", "25.00", "(−25.00)", "–", "none: one seed", "–", "25.00"),
    ]


def test_markdown_and_csv_say_the_same(manager: Manager, stored: StoredExperiment) -> None:
    rows = collect_results(manager, stored)
    conclusions = draw_conclusions(manager, stored, rows)
    lines = to_markdown(stored, rows, conclusions).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert table[0] == f"| {' | '.join(COLUMNS)} |"
    assert table[2].startswith("| base | 3/3 | 60.00 ± 10.00 | – | – | – | – | 63.33 |")
    known = "| CBAM | 3/3 | 66.33 ± 10.60 | +6.33 ± 1.53 | +2.54 … +10.13 | better, p = 0.019 | 3 (3 to 21) | 66.33 |"
    assert table[3].startswith(known)
    read = list(csv.DictReader(io.StringIO(to_csv(stored, rows, conclusions))))
    assert [row["variant"] for row in read] == ["base", "CBAM"]
    assert float(read[1]["difference_mean"]) == pytest.approx(0.19 / 3)
    assert [float(read[1][f"accuracy_seed_{seed}"]) for seed in (0, 1, 2)] == [0.55, 0.68, 0.76]
    assert read[0]["difference_mean"] == ""
    assert int(read[1]["macs"]) == rows[1].totals.macs


def test_what_people_typed_is_neither_markup_nor_formula(manager: Manager) -> None:
    base = edit.replace(network(classes=10), "", name=EVIL)
    made = start(manager, small(base, seeds=(0,), name=EVIL[:120]))
    rows = collect_results(manager, made)
    conclusions = draw_conclusions(manager, made, rows)
    text = to_markdown(made, rows, conclusions)
    bare = text.replace("\\\\", "")
    for special in "<[]$*`":
        head = bare.partition("\n| variant")[0].removeprefix("### ")
        assert head.count(special) == head.count(f"\\{special}")
    assert text.count("\n| base |") == 1
    for row in csv.reader(io.StringIO(to_csv(made, rows, conclusions))):
        assert not row[0].startswith(("=", "+", "-", "@"))


def test_one_seed_is_in_brackets_and_said_to_prove_nothing(manager: Manager, stored: StoredExperiment) -> None:
    alone = start(manager, small(factors=("cbam",), seeds=(4,), config={"epochs": 2}))
    for trial, run in manager.trials(alone.id):
        finish(manager, run, 0.3, 0.50 if trial.variant == "base" else 0.57)
    rows = collect_results(manager, alone)
    conclusions = draw_conclusions(manager, alone, rows)
    assert conclusions.rests_on_one_seed
    assert dict(zip(COLUMNS, table_cells(rows, conclusions)[1], strict=True))["difference"] == "(+7.00)"
    assert ONE_SEED in to_markdown(alone, rows, conclusions)
    several = collect_results(manager, stored)
    conclusions = draw_conclusions(manager, stored, several)
    assert not conclusions.rests_on_one_seed
    assert dict(zip(COLUMNS, table_cells(several, conclusions)[1], strict=True))["difference"].startswith("+")
    assert ONE_SEED not in to_markdown(stored, several, conclusions)
    assert not draw_conclusions(manager, stored, []).rests_on_one_seed
