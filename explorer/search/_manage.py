"""Searches in the run store: started, advanced step by step, stopped, resumed and deleted.

Whoever looks at a search may advance it, any number of programs at once: one at a time does, and each step begins from
what the store says. So nothing is lost when all of them die, and no trial is begun twice.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..runs import RESUMABLE, ExperimentRow, Lock, Manager, Run, StoreError, Trial, new_run_id
from ..training import TrainConfig, check_disk, estimate_checkpoints, parse, prepare
from ._building import Builder, Sample
from ._limits import Limit
from ._pruning import reason_to_prune
from ._search import Budget, Search
from ._space import Point, Space
from ._study import Exhausted, Proposal, describe_refused, propose
from ._trials import PRUNED, TAG, SearchTrial, collect_trials

_ATTEMPTS = 5
"""After so many starts a run whose worker has died waits for people."""


@dataclass(frozen=True, kw_only=True)
class StoredSearch:
    """A search in the run store."""

    id: str
    """Identifier in the run store."""
    created: float
    """Seconds since 1970."""
    search: Search
    """What was planned, with what was changed since."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a search is."""

    trials: tuple[SearchTrial, ...]
    """In the order in which they were begun."""
    ended: str
    """Why no further run begins, in one sentence without a full stop; '' while some will."""

    @property
    def active(self) -> int:
        """Runs that are queued or running."""
        return sum(trial.run.active for trial in self.trials)

    @property
    def over(self) -> bool:
        """Whether nothing more happens by itself."""
        return bool(self.ended) and not self.active


def list_searches(manager: Manager) -> list[StoredSearch]:
    """List the searches of a run store.

    Args:
        manager: Of the runs.

    Returns:
        All searches, oldest first.

    Raises:
        ValueError: One of them cannot be read by this version.
    """
    return [_from_row(row) for row in manager.store.experiments.all() if row.kind == "search"]


def get_search(manager: Manager, search: str) -> StoredSearch:
    """Find a search in the run store.

    Args:
        manager: Of the runs.
        search: Its identifier.

    Returns:
        The search.

    Raises:
        ValueError: There is none, or this version cannot read it.
    """
    return _from_row(manager.store.experiments.get(search, "search"))


def _from_row(row: ExperimentRow) -> StoredSearch:
    return StoredSearch(id=row.id, created=row.created, search=Search.from_json(row.name, row.plan))


def _save(manager: Manager, stored: StoredSearch) -> StoredSearch:
    row = ExperimentRow(
        id=stored.id, name=stored.search.name, created=stored.created, plan=stored.search.to_json()
    )
    manager.save_experiment(row)
    return stored


def start(manager: Manager, search: Search, *, baseline: bool = False) -> StoredSearch:
    """Store a search; ``advance`` begins its runs.

    Args:
        manager: Of the runs.
        search: As ``plan`` gives it.
        baseline: Whether a random search of the same space and budget is stored as well, to be compared with.

    Returns:
        The search with its identifier.

    Raises:
        ValueError: The given network cannot be trained on the data, or there is no room for the runs.
    """
    if search.space.config.start is not None:
        raise ValueError("start: the networks of a search begin from random weights; train the best ones from weights")
    config, _ = prepare(search.space.network, search.space.config, manager)
    search = search.changed(space=search.space.with_config(config))
    check_disk(search.at_once * estimate_checkpoints(search.space.network, config))
    now = time.time()
    if baseline:
        name = f"{search.name[:100]} (random)"
        rival = search.changed(name=name, sampler="random", pruner="none")
        found = _save(manager, StoredSearch(id=new_run_id(), created=now, search=rival))
        search = search.changed(baseline=found.id)
    return _save(manager, StoredSearch(id=new_run_id(), created=now, search=search))


def read_standing(
    manager: Manager, stored: StoredSearch, trials: Sequence[SearchTrial] | None = None
) -> Standing:
    """Read how far a search is, without changing anything.

    Args:
        manager: Of the runs.
        stored: The search.
        trials: Its trials as they have just been read; None: they are read.

    Returns:
        Its trials, and whether further ones will begin.
    """
    trials = tuple(collect_trials(manager, stored.id, stored.search) if trials is None else trials)
    return Standing(trials=trials, ended=_reason_ended(stored.search, trials))


def advance(manager: Manager, search: str) -> Standing:
    """Do what is due: end runs that fall behind, and begin as many as may run at once.

    Args:
        manager: Of the runs.
        search: Its identifier.

    Returns:
        How far the search is then. Where another program advances it at this moment, nothing is done.

    Raises:
        ValueError: There is no such search, or a run of it cannot be begun.
    """
    stored = get_search(manager, search)
    path = manager.root / "experiments" / f"{stored.id}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = Lock.acquire(path, note=False)
    if lock is None:
        return read_standing(manager, stored)
    with lock:
        stored = get_search(manager, search)  # somebody may have stopped it before we held the lock
        standing = read_standing(manager, stored)
        if stored.search.stopped:
            return standing
        if _prune(manager, stored.search, standing.trials) + _revive(manager, standing.trials):
            standing = read_standing(manager, stored)
        while not standing.ended and standing.active < stored.search.at_once:
            try:
                _begin(manager, stored, standing.trials)
            except Exhausted as error:
                return Standing(trials=standing.trials, ended=str(error))
            except StoreError as error:
                if not error.duplicate:
                    raise  # else another data directory on the same database has just begun it
            standing = read_standing(manager, stored)
        return standing


def _reason_ended(search: Search, trials: Sequence[SearchTrial]) -> str:
    budget = search.budget
    if search.stopped:
        return "it was stopped"
    if budget.trials is not None and len(trials) >= budget.trials:
        return f"{len(trials):,} of {budget.trials:,} trials have begun"
    # What runs will train all its epochs, as far as is known.
    epochs = sum(search.epochs if each.state in ("running", "waiting") else each.run.epoch for each in trials)
    if budget.epochs is not None and epochs + search.epochs > budget.epochs:
        return f"{epochs:,} of {budget.epochs:,} epochs are trained or under way, and a run needs {search.epochs:,}"
    seconds = sum(each.run.seconds for each in trials)
    if budget.seconds is not None and seconds >= budget.seconds:
        return f"{seconds:,.0f} of {budget.seconds:,.0f} seconds are spent"
    return ""


def _prune(manager: Manager, search: Search, trials: Sequence[SearchTrial]) -> int:
    """End the runs that fall behind. Returns how many."""
    ended = 0
    for trial in trials:
        if not trial.run.active or len(trial.curve) >= search.epochs:
            continue
        if PRUNED not in trial.run.tags:
            rivals = [each for each in trials if each.number != trial.number and _costs_no_more(search, each, trial)]
            curves = [each.curve for each in rivals if each.state in ("finished", "pruned", "running", "waiting")]
            finished = [each.curve for each in rivals if each.complete]
            reason = reason_to_prune(search.pruner, trial.curve, curves, finished)
            if not reason:
                continue
            manager.annotate(trial.run.id, notes=reason, tags=(*trial.run.tags, PRUNED))
        with contextlib.suppress(ValueError):  # it has just ended by itself
            manager.stop(trial.run.id)
            ended += 1
    return ended


def _revive(manager: Manager, trials: Sequence[SearchTrial]) -> int:
    """Queue the runs again whose workers have died, unless they do so time and again. Returns how many."""
    revived = 0
    for trial in trials:
        if trial.run.status == "interrupted" and trial.run.attempt < _ATTEMPTS:
            with contextlib.suppress(ValueError):  # somebody else does so at the same moment
                manager.resume(trial.run.id)
                revived += 1
    return revived


def _costs_no_more(search: Search, other: SearchTrial, trial: SearchTrial) -> bool:
    pairs = zip(search.objectives[1:], other.values[1:], trial.values[1:], strict=True)
    return all(mine <= its if goal.direction == "least" else mine >= its for goal, mine, its in pairs)


@lru_cache(maxsize=2)
def _builder(space: Space, limits: tuple[Limit, ...]) -> Builder:
    """Kept from trial to trial, with what it remembers."""
    return Builder(space, limits)


def _begin(manager: Manager, stored: StoredSearch, trials: Sequence[SearchTrial]) -> Run:
    search, memory = stored.search, 0

    def accept(sample: Sample) -> None:
        nonlocal memory
        _, memory = prepare(sample.network, sample.config, manager)

    proposal: Proposal = propose(search, trials, _builder(search.space, search.limits), accept)
    sample = proposal.sample
    made = (sample.texts[0], sample.config)
    run = _create(manager, stored, sample.point, made, memory=memory, label=f"trial {len(trials)}")
    if proposal.refused:
        told = describe_refused(proposal.refused)
        manager.store.log_event(run.id, f"proposed after {sum(proposal.refused.values()):,} others: {told}")
    return run


def _create(
    manager: Manager, stored: StoredSearch, point: Point, made: tuple[str, TrainConfig], *, memory: int, label: str
) -> Run:
    """Queue a run of a point. Raises StoreError (``duplicate``) where the point has one of this seed."""
    architecture, config = made
    name = f"{stored.search.space.network.name}, {label}"
    trial = Trial(experiment=stored.id, variant=stored.search.space.encode(point), seed=config.seed)
    text = config.model_dump_json()
    return manager.create(name, architecture, text, memory=memory, tags=(TAG,), trial=trial)


def resume(manager: Manager, search: str, budget: Budget | None = None) -> StoredSearch:
    """Let a search go on: its paused, interrupted and stopped runs are queued, and ``advance`` begins further ones.

    Args:
        manager: Of the runs.
        search: Its identifier.
        budget: What it may spend in all from now on; None: as before.

    Returns:
        The search.

    Raises:
        ValueError: There is no such search, or a run of it cannot be queued.
    """
    stored = get_search(manager, search)
    changed = stored.search.changed(stopped=False, budget=budget or stored.search.budget)
    stored = _save(manager, StoredSearch(id=stored.id, created=stored.created, search=changed))
    for _, run in manager.trials(search):
        if run.status in RESUMABLE and run.status != "failed" and PRUNED not in run.tags:
            try:
                manager.resume(run.id)
            except ValueError:
                if manager.store.get(run.id).status in RESUMABLE:  # not resumed by somebody else, or lost, meanwhile
                    raise
    return stored


def pause(manager: Manager, search: str) -> int:
    """Pause a search: no further run begins, and those that are queued or running write checkpoints and wait.

    Args:
        manager: Of the runs.
        search: Its identifier.

    Returns:
        How many runs were paused.

    Raises:
        ValueError: There is no such search.
    """
    return _end(manager, search, manager.pause)


def stop(manager: Manager, search: str) -> int:
    """Stop a search: no further run begins, and those that are queued or running end.

    Args:
        manager: Of the runs.
        search: Its identifier.

    Returns:
        How many runs were stopped.

    Raises:
        ValueError: There is no such search.
    """
    return _end(manager, search, manager.stop)


def _end(manager: Manager, search: str, end_run: Callable[[str], Any]) -> int:
    stored = get_search(manager, search)
    _save(manager, StoredSearch(id=stored.id, created=stored.created, search=stored.search.changed(stopped=True)))
    ended = 0
    for _, run in reversed(manager.trials(search)):  # the last first, so that no queued one starts meanwhile
        if run.active:
            with contextlib.suppress(ValueError):  # it has just ended by itself
                end_run(run.id)
                ended += 1
    return ended


def delete(manager: Manager, search: str) -> None:
    """Delete a search with its runs.

    Args:
        manager: Of the runs.
        search: Its identifier.

    Raises:
        ValueError: There is none, or some of its runs are queued or running; then nothing is deleted.
    """
    get_search(manager, search)
    runs = [run for _, run in manager.trials(search)]
    if active := sum(run.active for run in runs):
        raise ValueError(f"{active} runs of search {search} are queued or running; stop it first")
    for run in runs:
        manager.delete(run.id)
    manager.remove_experiment(search)
    with contextlib.suppress(OSError):
        (manager.root / "experiments" / f"{search}.lock").unlink()


def repeat(manager: Manager, search: str, number: int, seeds: Sequence[int]) -> int:
    """Train the network of a trial again from other seeds, for an interval of its accuracy.

    Args:
        manager: Of the runs.
        search: Its identifier.
        number: Of the trial.
        seeds: Those that it has been trained from are ignored.

    Returns:
        How many runs were queued.

    Raises:
        ValueError: There is no such search or trial, or it is too early to choose.
    """
    stored = get_search(manager, search)
    trials = collect_trials(manager, search, stored.search)
    if not 0 <= number < len(trials):
        raise ValueError(f"search {search} has no trial {number}; there are 0 to {len(trials) - 1}")
    trial = trials[number]
    queued = 0
    for seed in seeds:
        if seed == stored.search.seed:
            continue
        try:
            _create(
                manager, stored, trial.point, (trial.run.architecture, parse(trial.run.config).changed(seed=seed)),
                memory=trial.run.memory, label=f"trial {number}, seed {seed}",
            )
        except StoreError as error:
            if not error.duplicate:
                raise
            continue
        queued += 1
    return queued
