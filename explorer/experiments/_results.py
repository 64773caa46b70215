"""What an experiment has shown so far: one row per variant."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..analysis import Totals, analyze
from ..runs import Manager, Run, series
from ..training import TrainConfig, parse
from ._experiment import Variant
from ._manage import StoredExperiment
from ._statistics import SampleStatistics

ACCURACY = series.TEST_ACCURACY

CONVENTIONS = {
    "accuracy": "share of right answers on the test images after the last epoch, mean ± sample standard deviation over "
    "the finished seeds",
    "best epoch": "the highest of any epoch, for comparison only: chosen by looking at the test images, it flatters",
    "difference": "accuracy less the base's from the same seed, mean ± sample standard deviation over the seeds that "
    "both have finished, in percentage points",
    "interval": "95 % confidence interval of the mean difference by Student's t, which takes the values to be normally "
    "distributed; where it contains 0, no difference is shown. Of many intervals one in twenty misses by chance",
    "field": "receptive field of the last feature map's convolutions, in pixels",
    "time": "in training and evaluation, mean over the finished seeds; whatever else the machine did is in it",
}
"""Each number's convention in one sentence, shown wherever the number is shown."""


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One run of an experiment."""

    seed: int
    run: str
    """Its id, '' where it was deleted."""
    status: str
    """Of the run, or 'missing' without one, or 'changed' where it was trained with other settings than planned."""
    epoch: int
    """Complete epochs."""
    accuracy: float | None
    """On the test images after the last epoch of a finished run, 0 to 1."""
    best: float | None
    seconds: float
    difference: float | None = None
    """Accuracy less the base's from the same seed; None for the base itself, and until both have finished."""


@dataclass(frozen=True, kw_only=True)
class VariantResult:
    """One variant."""

    label: str
    factors: tuple[str, ...]
    totals: Totals
    """Costs and geometry of its network."""
    trials: tuple[TrialResult, ...]
    """In the order of the seeds."""
    @property
    def finished(self) -> list[TrialResult]:
        """The runs that count."""
        return [trial for trial in self.trials if trial.accuracy is not None]

    @property
    def accuracy(self) -> SampleStatistics:
        """After the last epoch: the primary number."""
        return SampleStatistics.of([trial.accuracy for trial in self.trials if trial.accuracy is not None])

    @property
    def difference(self) -> SampleStatistics:
        """Accuracy less the base's, seed by seed."""
        return SampleStatistics.of([trial.difference for trial in self.trials if trial.difference is not None])

    @property
    def best(self) -> SampleStatistics:
        """The highest of any epoch."""
        return SampleStatistics.of([trial.best for trial in self.trials if trial.best is not None])

    @property
    def seconds(self) -> SampleStatistics:
        """Time of each finished run."""
        return SampleStatistics.of([trial.seconds for trial in self.finished])

    @property
    def states(self) -> dict[str, int]:
        """How many runs are in which state."""
        return dict(Counter(trial.status for trial in self.trials))

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON."""
        field = self.totals.receptive_field
        return {
            "variant": self.label,
            "factors": list(self.factors),
            "accuracy": self.accuracy.to_data(),
            "best_accuracy": self.best.to_data(),
            "difference": self.difference.to_data(),
            "params": self.totals.params,
            "macs": self.totals.macs,
            "receptive_field": list(field.size),
            "receptive_field_stride": list(field.stride),
            "seconds": self.seconds.to_data(),
            "states": self.states,
            "runs": [{**trial.__dict__} for trial in self.trials],
        }


def collect_results(manager: Manager, stored: StoredExperiment) -> list[VariantResult]:
    """One row per variant, the base first. Only finished runs count; every other one is seen in ``states``."""
    runs = {(trial.variant, trial.seed): run for trial, run in manager.trials(stored.id)}
    curves = manager.store.curves([run.id for run in runs.values()], ACCURACY)
    config = stored.experiment.config
    rows: list[VariantResult] = []
    for variant in stored.experiment.variants:
        trials = tuple(
            _trial_result(seed, runs.get((variant.label, seed)), curves, config) for seed in stored.experiment.seeds
        )
        rows.append(_variant_result(variant, trials, rows[0] if rows else None))
    return rows


def remaining_seconds(rows: Sequence[VariantResult]) -> float | None:
    """How long the runs that wait or work will take, one after another; None before the first has finished.

    A run takes as long as its variant's finished runs, or as all that have finished, on average.
    """
    known = [trial.seconds for row in rows for trial in row.finished]
    if not known:
        return None
    total = 0.0
    for row in rows:
        expected = row.seconds.mean or statistics.fmean(known)
        total += sum(max(0.0, expected - each.seconds) for each in row.trials if each.status in ("queued", "running"))
    return total


def _variant_result(variant: Variant, trials: tuple[TrialResult, ...], base: VariantResult | None) -> VariantResult:
    if base is not None:
        trials = tuple(map(_subtract_base, trials, base.trials))
    totals = analyze(variant.architecture).totals
    return VariantResult(label=variant.label, factors=variant.factors, totals=totals, trials=trials)


def _subtract_base(trial: TrialResult, base: TrialResult) -> TrialResult:
    if trial.accuracy is None or base.accuracy is None:
        return trial
    return replace(trial, difference=trial.accuracy - base.accuracy)


def _trial_result(seed: int, run: Run | None, curves: dict[str, list[float]], config: TrainConfig) -> TrialResult:
    if run is None:
        return TrialResult(seed=seed, run="", status="missing", epoch=0, accuracy=None, best=None, seconds=0.0)
    curve = curves.get(run.id, [])
    # A run that was extended or given other settings answers another question.
    status = run.status if parse(run.config) == config.changed(seed=seed) else "changed"
    counts = status == "finished" and bool(curve)
    return TrialResult(
        seed=seed,
        run=run.id,
        status=status,
        epoch=run.epoch,
        accuracy=curve[-1] if counts else None,
        best=max(curve) if counts else None,
        seconds=run.seconds,
    )
