"""The results of an experiment so far: one row per variant."""

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
    "accuracy": "share of correct predictions on the test images after the last epoch, mean ± sample standard "
    "deviation over the finished seeds",
    "best epoch": "the highest accuracy of any epoch, for comparison only: it is selected on the test images, so it is "
    "biased upwards",
    "difference": "accuracy minus the base's from the same seed, mean ± sample standard deviation over the seeds that "
    "both have finished, in percentage points; in brackets where it rests on one seed, which proves nothing",
    "interval": "95 % confidence interval of the mean difference by Student's t, which assumes normally distributed "
    "values; where it contains 0, no difference is shown. One interval in twenty misses the true value by chance",
    "verdict": "by the p value of a two-sided paired t test, corrected by Holm (1979) for all comparisons of the "
    "experiment, interactions included: at most 0.05 is told from luck. The interval beside it is not corrected",
    "seeds needed": "so many seeds would tell a true difference as large as the one seen from luck in four of five "
    "experiments (two-sided paired t test at 5 %, not corrected), at the spread that is known; in brackets what the "
    "95 % interval of that spread allows",
    "interaction": "of each seed: the difference of both factors together, less those of each alone, without any other "
    "factor; 0 where their contributions add up",
    "field": "receptive field of the last feature map's convolutions, in pixels",
    "time": "training and evaluation, mean over the finished seeds; it includes delays by other load on the machine",
}
"""Each number's convention in one sentence, shown wherever the number is shown."""


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One trial of an experiment: a variant and a seed, with its run if there is one."""

    seed: int
    """Of the run."""
    run: str
    """The run's identifier; '' where it was deleted."""
    status: str
    """The run's; 'missing' without one, 'changed' where it was trained with other settings than planned."""
    epoch: int
    """Complete epochs."""
    accuracy: float | None
    """On the test images after the last epoch of a finished run, 0 to 1."""
    best: float | None
    """The highest test accuracy of any epoch of a finished run, 0 to 1."""
    seconds: float
    """Of training and evaluation until now."""
    difference: float | None = None
    """Accuracy minus the base's from the same seed; None for the base itself, and until both have finished."""


@dataclass(frozen=True, kw_only=True)
class VariantResult:
    """The results of one variant."""

    label: str
    """'base', or the titles of its factors joined by +."""
    factors: tuple[str, ...]
    """Names of its factors."""
    totals: Totals
    """Parameters, MACs and receptive field of its network."""
    trials: tuple[TrialResult, ...]
    """In the order of the seeds."""
    @property
    def finished(self) -> list[TrialResult]:
        """The trials whose runs have finished as planned."""
        return [trial for trial in self.trials if trial.accuracy is not None]

    @property
    def accuracy(self) -> SampleStatistics:
        """Test accuracy after the last epoch, 0 to 1: the primary metric."""
        return SampleStatistics.of([trial.accuracy for trial in self.trials if trial.accuracy is not None])

    @property
    def difference(self) -> SampleStatistics:
        """Accuracy minus the base's from the same seed."""
        return SampleStatistics.of([trial.difference for trial in self.trials if trial.difference is not None])

    @property
    def best(self) -> SampleStatistics:
        """The highest test accuracy of any epoch, 0 to 1."""
        return SampleStatistics.of([trial.best for trial in self.trials if trial.best is not None])

    @property
    def seconds(self) -> SampleStatistics:
        """Seconds of training and evaluation of each finished run."""
        return SampleStatistics.of([trial.seconds for trial in self.finished])

    @property
    def states(self) -> dict[str, int]:
        """Number of trials by status."""
        return dict(Counter(trial.status for trial in self.trials))

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON."""
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
    """Collect the results of an experiment so far.

    Args:
        manager: Of the runs.
        stored: The experiment.

    Returns:
        One row per variant, the base first. Statistics are over finished runs; ``states`` counts all.

    Raises:
        ValueError: The settings of a run cannot be read by this version.
    """
    runs = {(trial.variant, trial.seed): run for trial, run in manager.trials(stored.id)}
    curves = manager.store.curves([run.id for run in runs.values()], ACCURACY)
    planned = stored.experiment
    rows: list[VariantResult] = []
    for variant in planned.variants:
        trials = tuple(
            _trial_result(runs.get((variant.label, seed)), curves, planned.config_of(variant, seed))
            for seed in planned.seeds
        )
        rows.append(_variant_result(variant, trials, rows[0] if rows else None))
    return rows


def remaining_seconds(rows: Sequence[VariantResult]) -> float | None:
    """Estimate the seconds that the queued and running runs will take, one after another.

    Args:
        rows: As ``collect_results`` gives them.

    Returns:
        Seconds; None before the first run has finished. A run is expected to take the mean time of its variant's
        finished runs, or of all finished runs if its variant has none.
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


def _trial_result(run: Run | None, curves: dict[str, list[float]], config: TrainConfig) -> TrialResult:
    if run is None:
        return TrialResult(seed=config.seed, run="", status="missing", epoch=0, accuracy=None, best=None, seconds=0.0)
    curve = curves.get(run.id, [])
    # A run that was extended or given other settings cannot be compared with the others.
    status = run.status if parse(run.config) == config else "changed"
    counts = status == "finished" and bool(curve)
    return TrialResult(
        seed=config.seed,
        run=run.id,
        status=status,
        epoch=run.epoch,
        accuracy=curve[-1] if counts else None,
        best=max(curve) if counts else None,
        seconds=run.seconds,
    )
