"""What runs have reached, as a challenge asks for it, and which of its goals they miss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..analysis import METRICS, analyze
from ..architecture import Architecture, from_json
from ..runs import Manager, Run, series
from ..search import measure
from ..text import format_count, format_share
from ._challenge import Challenge


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run has reached, as a challenge asks for it. Nothing of it changes when the run is deleted."""

    run: str
    """The run's id."""
    title: str
    """The run's title."""
    architecture: str
    """Its network, JSON."""
    dataset: str
    """Name of the data set."""
    accuracy: float | None
    """Test accuracy after the last epoch, from 0 to 1; None before there is one."""
    epochs: int
    """Epochs trained."""
    seed: int
    """Where its random numbers came from."""
    scratch: bool
    """Whether its weights began at random."""
    values: dict[str, float | None]
    """The metrics of its network by key; None where one has no one value."""

    @property
    def network(self) -> Architecture:
        """The network, without the weights."""
        return from_json(self.architecture)


@lru_cache(maxsize=512)
def _measure(architecture: str, keys: tuple[str, ...]) -> dict[str, float | None]:
    network = from_json(architecture)
    totals = analyze(network).totals
    return {key: measure(key, network, totals) for key in keys}


def collect_results(manager: Manager, challenge: Challenge, *, most: int = 100) -> list[Result]:
    """Collect what can be handed in to a challenge.

    Args:
        manager: Of the runs; where it acts for somebody, their own ones count.
        challenge: The challenge.
        most: How many results.

    Returns:
        The results of the newest finished runs on its data, newest first, whether or not they reach the goals.
    """
    own = manager.person
    runs = [
        run
        for run in manager.store.runs("finished")
        if run.setting("dataset") == challenge.dataset and (own is None or run.owner == own.id)
    ][-most:]
    curves = manager.store.curves([run.id for run in runs], series.TEST_ACCURACY)
    return [read_result(run, challenge, curves.get(run.id, [])) for run in reversed(runs)]


def read_result(run: Run, challenge: Challenge, curve: Sequence[float]) -> Result:
    """What a run has reached, whose test accuracies after its epochs are given."""
    return Result(
        run=run.id, title=run.name, architecture=run.architecture, dataset=str(run.setting("dataset")),
        accuracy=curve[-1] if curve else None, epochs=run.epoch, seed=int(run.setting("seed") or 0),
        scratch=run.setting("start") is None, values=_measure(run.architecture, tuple(challenge.keys)),
    )  # fmt: skip


def find_misses(challenge: Challenge, result: Result) -> tuple[str, ...]:
    """Find the goals that a result misses.

    Args:
        challenge: What is to be reached.
        result: What a run has reached.

    Returns:
        One part of a sentence each, with both numbers; empty where all goals are reached.
    """
    found = []
    least = challenge.least_accuracy
    if least is not None and (result.accuracy is None or result.accuracy < least):
        reached = "is not known" if result.accuracy is None else f"{_exact(result.accuracy, least)} is below"
        found.append(f"test accuracy {reached} {'' if result.accuracy is None else format_share(least)}".rstrip())
    found += filter(None, (limit.reason_broken(result.values.get(limit.key)) for limit in challenge.limits))
    if challenge.most_epochs is not None and result.epochs > challenge.most_epochs:
        found.append(f"{result.epochs:,} epochs are above {challenge.most_epochs:,}")
    if challenge.scratch and not result.scratch:
        found.append("its weights did not begin at random")
    return tuple(found)


def _exact(value: float, bound: float) -> str:
    """With as many digits as tell it from the bound."""
    return next(
        (text for digits in (2, 3, 4, 6) if (text := format_share(value, digits)) != format_share(bound, digits)),
        format_share(value, 9),
    )


def format_value(key: str, value: float | None) -> str:
    """Write a metric of the board.

    Args:
        key: Of ``METRICS``, or ``coverage``.
        value: Its number; None where it has no one value.

    Returns:
        With every digit: a limit is met or missed by one.
    """
    if value is None:
        return "–"
    return format_count(round(value)) if key in METRICS else format_share(value)
