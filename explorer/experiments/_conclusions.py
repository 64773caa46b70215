"""What an experiment shows and what it does not: tests of all differences, interactions, and seeds needed."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..runs import ChanceLevel, Manager, find_chance
from ._manage import StoredExperiment
from ._parsing import parse_settings, read_structures
from ._results import ACCURACY, VariantResult
from ._statistics import CONFIDENCE, SampleStatistics, correct_for_many, deviation_interval, seeds_needed

ONE_SEED = "One seed proves nothing: a difference between two single runs cannot be told from luck"
"""What is to be said of an experiment, or of results, with a single seed."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How much the difference between two networks varies from seed to seed."""

    deviation: float
    """Standard deviation of the difference in accuracy of one seed, as a share of 1."""
    freedom: int
    """Its degrees of freedom."""
    origin: str
    """Where it was seen, for people."""

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval (low, high) of the deviation."""
        return deviation_interval(self.deviation, self.freedom)


@dataclass(frozen=True, kw_only=True)
class SeedsNeeded:
    """From how many seeds a difference as large as the one seen would be told from luck. None is more than 1,000."""

    expected: int | None
    """At the spread that was seen."""
    fewest: int | None
    """At the low end of the spread's 95 % interval."""
    most: int | None
    """At its high end."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A difference between networks, tested."""

    label: str
    """The variant that is compared with the base; or two factors and the sign ×, of their interaction."""
    kind: Literal["difference", "interaction"]
    """Against the base, or of two factors."""
    sample: SampleStatistics
    """The differences, one for each seed, as shares of 1."""
    p_corrected: float | None = None
    """Corrected for all comparisons of the experiment; None where the seeds do not show their spread."""
    needed: SeedsNeeded | None = None
    """None where nothing shows the spread, or there is no difference."""

    @property
    def verdict(self) -> str:
        """What may be said of it, in a few words; '' where there is nothing yet."""
        if not self.sample.values:
            return ""
        if self.p_corrected is None or self.sample.mean is None:
            return "none: one seed" if len(self.sample.values) == 1 else "none: all seeds alike"
        if self.p_corrected > 1 - CONFIDENCE:
            return "not told from luck"
        words = ("better", "worse") if self.kind == "difference" else ("more together", "less together")
        return words[self.sample.mean < 0]

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON."""
        return {
            "label": self.label,
            **self.sample.to_data(),
            "p": self.sample.p_value,
            "p_holm": self.p_corrected,
            "verdict": self.verdict,
            "seeds_needed": self.needed and {**self.needed.__dict__},
        }


@dataclass(frozen=True, kw_only=True)
class Conclusions:
    """What an experiment shows so far."""

    differences: tuple[Comparison, ...]
    """Of each variant from the base, in the order of the variants, without the base."""
    interactions: tuple[Comparison, ...]
    """Of each two factors that were tried alone and together."""
    spread: Spread | None
    """What ``needed`` rests on; None where nothing shows it."""
    chance: ChanceLevel | None = None
    """The accuracy that needs no learning; None before the first run has begun."""

    @property
    def rests_on_one_seed(self) -> bool:
        """Whether all the differences that are known so far come from a single seed; False also without any."""
        return max((len(each.sample.values) for each in self.differences), default=0) == 1


def draw_conclusions(manager: Manager, stored: StoredExperiment, rows: Sequence[VariantResult]) -> Conclusions:
    """Test every difference of an experiment.

    Args:
        manager: Of the runs.
        stored: The experiment.
        rows: What ``collect_results`` gives for it.

    Returns:
        The tests. Corrected are all of them together, those that cannot be made yet included.

    Raises:
        StoreError: Earlier runs, which tell the spread where the experiment does not, cannot be read.
    """
    differences = [Comparison(label=row.label, kind="difference", sample=row.difference) for row in rows[1:]]
    tests = [*differences, *_interactions(rows)]
    waits = any(each.sample.values for each in tests)
    spread = (_spread_of_variants(rows) or _spread_of_earlier_runs(manager, stored)) if waits else None
    corrected = correct_for_many([each.sample.p_value for each in tests])
    judged = tuple(
        replace(each, p_corrected=p, needed=_seeds_needed(each, spread))
        for each, p in zip(tests, corrected, strict=True)
    )
    begun = (trial.run for row in rows for trial in row.trials if trial.epoch)
    chance = next((level for run in begun if (level := find_chance(manager.store, run)) is not None), None)
    return Conclusions(
        differences=judged[: len(differences)], interactions=judged[len(differences) :], spread=spread, chance=chance
    )


def _interactions(rows: Sequence[VariantResult]) -> list[Comparison]:
    """Both factors together, less what each contributes alone: (AB - base) - (A - base) - (B - base) of each seed."""
    cells = {frozenset(row.factors): row for row in rows}
    single = [row for row in rows if len(row.factors) == 1]
    found = []
    for a, b in itertools.combinations(single, 2):
        both = cells.get(frozenset((*a.factors, *b.factors)))
        if both is None:
            continue
        values = [
            x.difference - y.difference - z.difference
            for x, y, z in zip(both.trials, a.trials, b.trials, strict=True)
            if x.difference is not None and y.difference is not None and z.difference is not None
        ]
        label = f"{a.label} × {b.label}"
        found.append(Comparison(label=label, kind="interaction", sample=SampleStatistics.of(values)))
    return found


def _seeds_needed(each: Comparison, spread: Spread | None) -> SeedsNeeded | None:
    if spread is None or not each.sample.mean:
        return None
    # An interaction is made of four runs of a seed, a difference of two: its variance is twice as large.
    scale = math.sqrt(2) if each.kind == "interaction" else 1.0
    low, high = spread.interval
    expected, fewest, most = (
        seeds_needed(each.sample.mean, scale * deviation) for deviation in (spread.deviation, low, high)
    )
    return SeedsNeeded(expected=expected, fewest=fewest, most=most)


def _spread_of_variants(rows: Sequence[VariantResult]) -> Spread | None:
    """Of the experiment's own seeds: what is left when each variant's and each seed's mean is taken away."""
    several = [{t.seed: t.accuracy for t in row.trials if t.accuracy is not None} for row in rows]
    several = [by_seed for by_seed in several if len(by_seed) > 1]
    seeds = [seed for seed in several[0] if all(seed in by_seed for by_seed in several)] if several else []
    if len(several) < 2 or len(seeds) < 2:
        return None
    freedom = (len(several) - 1) * (len(seeds) - 1)
    table = [[by_seed[seed] for seed in seeds] for by_seed in several]
    of_seed = [statistics.fmean(column) for column in zip(*table, strict=True)]
    overall = statistics.fmean(of_seed)
    rest = 0.0
    for row in table:
        of_variant = statistics.fmean(row)
        rest += sum((x - of_variant - y + overall) ** 2 for x, y in zip(row, of_seed, strict=True))
    origin = f"the {len(seeds)} seeds that {len(several)} variants have in common"
    return Spread(deviation=math.sqrt(2 * rest / freedom), freedom=freedom, origin=origin)


def _spread_of_earlier_runs(manager: Manager, stored: StoredExperiment) -> Spread | None:
    """Of runs of any network under the same settings; two runs are then taken as independent."""
    wanted = parse_settings(stored.experiment.config.model_dump_json())
    found: dict[str, dict[int, str]] = {}
    alike = [run for run in manager.store.runs("finished") if parse_settings(run.config) == wanted]
    for structure, run in read_structures(manager, alike):
        found.setdefault(structure, {})[run.setting("seed")] = run.id
    of_networks = [list(by_seed.values()) for by_seed in found.values() if len(by_seed) > 1]
    curves = manager.store.curves(itertools.chain(*of_networks), ACCURACY)
    samples = [[curves[run][-1] for run in runs if curves.get(run)] for runs in of_networks]
    samples = [values for values in samples if len(values) > 1]
    freedom = sum(len(values) - 1 for values in samples)
    if not freedom:
        return None
    variance = sum((len(values) - 1) * statistics.variance(values) for values in samples) / freedom
    count = sum(map(len, samples))
    networks = f"{len(samples)} network{'' if len(samples) == 1 else 's'}"
    origin = f"{count} finished runs of {networks} under the same settings, taken as independent of one another"
    return Spread(deviation=math.sqrt(2 * variance), freedom=freedom, origin=origin)


def describe_conclusions(conclusions: Conclusions) -> list[str]:
    """Say what the table of results cannot: that one seed proves nothing, what the seeds needed rest on, and chance.

    Args:
        conclusions: What ``draw_conclusions`` gives.

    Returns:
        Sentences without their full stops.
    """
    chance = conclusions.chance
    said = [ONE_SEED] if conclusions.rests_on_one_seed else []
    said += filter(None, [_describe_spread(conclusions)])
    return said + ([f"Of the accuracies, {chance.describe()}"] if chance else [])


def _describe_spread(conclusions: Conclusions) -> str:
    if not any(each.sample.values for each in conclusions.differences):
        return ""
    spread = conclusions.spread
    if spread is None:
        return (
            "How many seeds would be needed cannot be said from one seed: neither other variants nor earlier runs "
            "under these settings show the spread"
        )
    low, high = (f"{100 * each:.2f}" for each in spread.interval)
    return (
        f"Seeds needed rest on a spread of {100 * spread.deviation:.2f} points from seed to seed (95 % interval {low} "
        f"to {high}), of {spread.origin}"
    )
