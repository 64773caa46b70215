"""Points are proposed by Optuna: a study is made in memory of the trials so far whenever it is asked.

It is told losses in the box in which hypervolume is measured, so that it aims at what is reported.

Nothing of Optuna is stored, so a search survives the death of every process, and goes on as if nothing had happened.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from ._building import Builder, Rejected, Sample
from ._search import Search
from ._space import Point
from ._trials import SearchTrial
from ._volume import find_box, measure_losses

if TYPE_CHECKING:  # Optuna is loaded where it is asked
    import optuna

_ASKED, _DRAWN = 50, 5_000
"""Proposals of a sampler, then points drawn at random, until a search is taken to be at its end."""


class Exhausted(ValueError):
    """No further network was found that keeps the limits; the message says what was in the way."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What is to be trained next."""

    sample: Sample
    """The network and its training."""
    refused: dict[str, int]
    """How many points were refused before, by the beginning of the reason."""


def propose(
    search: Search, trials: Sequence[SearchTrial], builder: Builder, accept: Callable[[Sample], None]
) -> Proposal:
    """Propose the next trial: the given network first, then what the sampler says.

    The same trials give the same proposal. A network that has been trained in the same way is not proposed again.

    Args:
        search: What is searched.
        trials: Those so far, in order.
        builder: Of the search's space and limits.
        accept: Raises ValueError where a network cannot be trained here.

    Returns:
        The proposal.

    Raises:
        Exhausted: Nothing new was found.
    """
    points, texts = {each.point for each in trials}, {(each.run.architecture, each.run.config) for each in trials}
    refused: Counter[str] = Counter()
    for point, tell in _points(search, trials):
        try:
            if point in points:
                raise Rejected("it was tried before")
            sample = builder.build(point)
            if sample.texts in texts:
                raise Rejected("it was tried before")
            accept(sample)
        except ValueError as error:
            refused[str(error).partition(":")[0].partition(" is ")[0][:60]] += 1
            tell()
            continue
        return Proposal(sample=sample, refused=dict(refused))
    raise Exhausted(f"{refused.total():,} points were refused one after another: {describe_refused(refused)}")


def describe_refused(refused: dict[str, int]) -> str:
    """Write how often points were refused, and why.

    Args:
        refused: Counts by reason.

    Returns:
        Such as '12 × params 1,200,000; 3 × it was tried before'.
    """
    most = sorted(refused.items(), key=lambda pair: -pair[1])
    return "; ".join(f"{count:,} × {reason}" for reason, count in most[:4])


def _points(search: Search, trials: Sequence[SearchTrial]) -> Iterator[tuple[Point, Callable[[], None]]]:
    """Points, and what to call where one is refused."""
    space, number = search.space, len(trials)
    if not trials:
        yield space.given, lambda: None
    if search.sampler != "random":
        study = make_study(search, trials, number)
        spread = distributions(search)
        for _ in range(_ASKED):
            asked = study.ask(spread)
            point = tuple(int(asked.params[each.key]) for each in space.dimensions)
            yield point, lambda asked=asked: _tell_failed(study, asked)  # type: ignore[misc]
    numbers = random.Random(f"{search.seed} {number}")
    for _ in range(_DRAWN):
        yield space.draw(numbers), lambda: None


def _tell_failed(study: optuna.Study, asked: optuna.Trial) -> None:
    from optuna.trial import TrialState

    study.tell(asked, state=TrialState.FAIL)


@cache
def _kinds() -> tuple[Any, Any]:
    """Optuna's kinds of distributions, whole and categorical. It copies those of each trial again and again, most of
    the time that thousands of trials take; as nobody ever changes them, these are their own copies."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    class Whole(IntDistribution):
        def __deepcopy__(self, memo: object) -> Whole:
            return self

    class Categorical(CategoricalDistribution):
        def __deepcopy__(self, memo: object) -> Categorical:
            return self

    return Whole, Categorical


def distributions(search: Search) -> dict[str, Any]:
    """The places of each dimension's values, as Optuna writes what may be drawn."""
    whole, categorical = _kinds()
    return {
        each.key: whole(0, len(each.values) - 1) if each.ordered else categorical(tuple(range(len(each.values))))
        for each in search.space.dimensions
    }


def make_study(search: Search, trials: Sequence[SearchTrial], number: int = 0) -> optuna.Study:
    """Make a study in memory of the trials so far.

    Args:
        search: What is searched.
        trials: In their order.
        number: Of the trial that is to be proposed, for the sampler's random numbers.

    Returns:
        The study, of which every objective is a loss as ``measure_losses`` has it, accuracy's too.
    """
    import optuna
    from optuna.trial import FrozenTrial, TrialState

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    size = _population(search)
    seed = random.Random(f"{search.seed} {number}").randrange(2**32)
    sampler: optuna.samplers.BaseSampler
    if search.sampler == "nsga":
        sampler = optuna.samplers.NSGAIISampler(population_size=size, seed=seed)
    else:
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=size)
    study = optuna.create_study(directions=["minimize"] * len(search.objectives), sampler=sampler)
    rows = [each.values for each in trials if each.state == "finished"]
    losses = iter(measure_losses(rows, find_box(search, rows)))
    states = {"finished": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "running": TrialState.RUNNING}
    spread, complete, made, now = distributions(search), 0, [], datetime.now(UTC)
    for each in trials:
        state = states.get(each.state, TrialState.FAIL)
        one = len(search.objectives) == 1  # with several, Optuna cannot rank curves
        made.append(FrozenTrial(  # what ``create_trial`` makes, which takes as long again to look for old distributions
            number=-1, trial_id=-1, state=state, value=None, datetime_start=now, user_attrs={},
            datetime_complete=now if state.is_finished() else None,
            params={d.key: place for d, place in zip(search.space.dimensions, each.point, strict=True)},
            distributions=spread,
            values=list(next(losses)) if state == TrialState.COMPLETE else None,
            intermediate_values={epoch: 1 - value for epoch, value in enumerate(each.curve, start=1)} if one else {},
            system_attrs={"NSGAIISampler:generation": complete // size},
        ))  # fmt: skip
        complete += state == TrialState.COMPLETE
    study.add_trials(made)
    return study


def _population(search: Search) -> int:
    """Trials of a generation, and those that are drawn at random before TPE has something to learn from."""
    return min(10, max(4, (search.budget.trials or 60) // 6))
