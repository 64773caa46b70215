"""What a search has found: Pareto front, hypervolume, importance, baselines, and the choice from several seeds."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..analysis import METRICS
from ..experiments import SampleStatistics
from ..runs import Manager, series
from ..text import format_decimal, format_si
from ._manage import StoredSearch, get_search
from ._search import Search
from ._study import make_study
from ._trials import SearchTrial, collect_trials
from ._volume import Box, find_box, measure_hypervolume

_IMPORTANCE_TRIALS = 8
"""Finished trials below which importance would be noise alone."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a search has found so far."""

    search: Search
    """What was searched."""
    trials: tuple[SearchTrial, ...]
    """All of it, in the order in which they were begun."""
    front: tuple[int, ...]
    """Numbers of the trials that no other surpasses, the most accurate first."""
    box: Box
    """In which hypervolume is measured: of all trials that were trained to the end, those of the baseline included."""
    hypervolume: float | None
    """Share of the box that the front dominates, 0 to 1, as ``measure_hypervolume`` has it."""
    correlation: float | None
    """Rank correlation (Spearman) of accuracy with the number of parameters, -1 to 1: what size alone explains."""
    baseline: Findings | None
    """Of the random search of equal budget."""

    @property
    def finished(self) -> list[SearchTrial]:
        """The trials that were trained to the end."""
        return [trial for trial in self.trials if trial.complete]

    @property
    def importance(self) -> dict[str, float]:
        """For each dimension its share in how accuracy varies, the largest first; {} of too few trials.

        Worked out when it is asked for: of thousands of trials it takes a second, and is kept.

        Source: Watanabe et al. 2023, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary
            Subspaces", as Optuna has it.
        """
        enough = len(self.finished) >= _IMPORTANCE_TRIALS
        return dict(_rank_dimensions(self.search, self.trials)) if enough else {}


def collect_findings(manager: Manager, stored: StoredSearch) -> Findings:
    """Collect what a search has found so far, and its baseline in the same box.

    Args:
        manager: Of the runs.
        stored: The search.

    Returns:
        The findings.

    Raises:
        ValueError: The search or its baseline cannot be read.
    """
    trials = collect_trials(manager, stored.id, stored.search)
    rival, others = None, []
    if stored.search.baseline:
        known = {row.id for row in manager.store.experiments.all()}
        if stored.search.baseline in known:  # not deleted meanwhile
            rival = get_search(manager, stored.search.baseline)
            others = collect_trials(manager, rival.id, rival.search)
    box = find_box(stored.search, [trial.values for trial in (*trials, *others) if trial.complete])
    baseline = None if rival is None else _find(rival.search, others, box, None)
    return _find(stored.search, trials, box, baseline)


def _find(search: Search, trials: Sequence[SearchTrial], box: Box, baseline: Findings | None) -> Findings:
    complete = [trial for trial in trials if trial.complete]
    return Findings(
        search=search,
        trials=tuple(trials),
        front=tuple(trial.number for trial in find_front(search, complete)),
        box=box,
        hypervolume=measure_hypervolume([trial.values for trial in complete], box),
        correlation=rank_correlation(
            [trial.values[0] for trial in complete], [trial.numbers.get("params", 0) for trial in complete]
        ),
        baseline=baseline,
    )


def _losses(search: Search, trial: SearchTrial) -> tuple[float, ...]:
    """The values so that less is better of each."""
    pairs = zip(search.objectives, trial.values, strict=True)
    return tuple(value if goal.direction == "least" else -value for goal, value in pairs)


def find_front(search: Search, trials: Sequence[SearchTrial]) -> list[SearchTrial]:
    """Find the trials that no other surpasses: as good in every objective and better in one.

    Args:
        search: With the objectives.
        trials: Finished ones.

    Returns:
        The front, the most accurate first; of equal ones the first.
    """
    rows = [(_losses(search, trial), trial) for trial in trials]
    front: dict[tuple[float, ...], SearchTrial] = {}
    for losses, trial in sorted(rows, key=lambda row: row[0]):  # what surpasses another comes before it
        if not any(all(a <= b for a, b in zip(other, losses, strict=True)) for other in front):
            front[losses] = trial
    return sorted(front.values(), key=lambda trial: -trial.values[0])


def describe_hypervolume(findings: Findings) -> str:
    """Say how large the hypervolume is, in which box, and beside the random search.

    Args:
        findings: Of a search.

    Returns:
        A sentence; '' as long as no trial was trained to the end.
    """
    if findings.hypervolume is None:
        return ""
    line = f"Hypervolume {format_decimal(findings.hypervolume, 4)} of {len(findings.finished)} trials"
    rival = findings.baseline
    if rival is not None and rival.hypervolume is not None:
        better = "better" if findings.hypervolume > rival.hypervolume else "not better"
        line += (
            f", at random {format_decimal(rival.hypervolume, 4)} of {len(rival.finished)}: this search is {better} by "
            f"one seed, which proves little"
        )
    sides = zip(findings.search.objectives[1:], findings.box.reference[1:], findings.box.ideal[1:], strict=True)
    others = "".join(
        f" and {METRICS[goal.key].title} from {format_si(worst)} to {format_si(best)} (log scale)"
        for goal, worst, best in sides
    )
    return f"{line}. The box: accuracy from 0 to 1{others}."


@lru_cache(maxsize=4)
def _rank_dimensions(search: Search, trials: tuple[SearchTrial, ...]) -> dict[str, float]:
    import optuna

    study = make_study(search, trials)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it looks for low values, as losses are
        found = optuna.importance.get_param_importances(study, target=lambda trial: trial.values[0])
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Compute Spearman's rank correlation.

    Args:
        first: Values.
        second: As many others, in the same order; their logarithms have the same ranks.

    Returns:
        -1 to 1; None of fewer than three pairs, or where one side has a single value.
    """
    if len(first) < 3:
        return None
    a, b = _ranks(first), _ranks(second)
    middle = (len(a) - 1) / 2
    upper = sum((x - middle) * (y - middle) for x, y in zip(a, b, strict=True))
    lower = math.sqrt(sum((x - middle) ** 2 for x in a) * sum((y - middle) ** 2 for y in b))
    return upper / lower if lower else None


def _ranks(values: Sequence[float]) -> list[float]:
    """Places from 0 on; equal values share the mean of theirs."""
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values)):
        places.setdefault(value, []).append(place)
    return [sum(places[value]) / len(places[value]) for value in values]


def measure_choice(manager: Manager, trial: SearchTrial) -> SampleStatistics:
    """Read the test accuracy of a trial's network over all seeds from which it was trained to the end.

    Args:
        manager: Of the runs.
        trial: The trial, with its repeats.

    Returns:
        Test accuracy after the last epoch of each run, 0 to 1, with mean and 95 % interval. The first seed is the one
        by which the network was chosen; its validation images, and not these, decided.
    """
    runs = [run for run in (trial.run, *trial.repeats) if run.status == "finished"]
    curves = manager.store.curves([run.id for run in runs], series.TEST_ACCURACY)
    return SampleStatistics.of([curves[run.id][-1] for run in runs if curves.get(run.id)])


def to_data(manager: Manager, stored: StoredSearch, findings: Findings) -> dict[str, Any]:
    """Convert a search and what it has found to plain data for JSON.

    Args:
        manager: Of the runs.
        stored: The search.
        findings: Of it.

    Returns:
        The data. ``hypervolume`` is the share, 0 to 1, that the front dominates of the box from ``reference`` to
        ``ideal``; these have the order and the units of ``objectives``, and ``scales`` says how each is measured.
    """
    search = stored.search
    return {
        "id": stored.id,
        "name": search.name,
        "created": stored.created,
        "sampler": search.sampler,
        "pruner": search.pruner,
        "vary": list(search.space.groups),
        "dimensions": len(search.space.dimensions),
        "points": search.space.size,
        "objectives": {each.key: each.direction for each in search.objectives},
        "limits": [str(each) for each in search.limits],
        "stopped": search.stopped,
        **_findings_data(manager, search, findings),
        "baseline": findings.baseline and {
            "id": search.baseline, **_findings_data(manager, search, findings.baseline),
        },
    }  # fmt: skip


def _findings_data(manager: Manager, search: Search, findings: Findings) -> dict[str, Any]:
    keys = [each.key for each in search.objectives]
    return {
        "trials": [
            {
                "number": trial.number,
                "run": trial.run.id,
                "state": trial.state,
                "reason": trial.reason,
                "values": dict(zip(keys, trial.values, strict=True)) if trial.curve else None,
                "epochs": trial.run.epoch,
                "changes": search.space.changes(trial.point),
                "test_accuracy": measure_choice(manager, trial).to_data() if trial.repeats else None,
            }
            for trial in findings.trials
        ],
        "front": list(findings.front),
        "hypervolume": findings.hypervolume,
        "reference": list(findings.box.reference),
        "ideal": list(findings.box.ideal),
        "scales": ["linear" if each.trained else "log" for each in search.objectives],
        "importance": findings.importance,
        "correlation_with_params": findings.correlation,
    }
