"""The trials of a search, as its runs tell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..runs import Manager, Run, series
from ..text import shorten
from ..training import measure_networks
from ._search import Search
from ._space import Point

TAG, PRUNED = "search", "pruned"
"""What the runs of a search, and those that it ended early, are tagged with."""
VALIDATION_ACCURACY = series.of_epoch("validation", "accuracy")
State = Literal["finished", "pruned", "running", "waiting", "stopped", "failed"]
"""'waiting' is paused or interrupted: ``resume`` lets it go on."""
_STATES: dict[str, State] = {
    "finished": "finished", "queued": "running", "running": "running", "paused": "waiting", "interrupted": "waiting",
    "stopped": "stopped",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SearchTrial:
    """One trial: a point, and the run that tells how good it is."""

    number: int
    """From 0 on, in the order in which they were begun; 0 is the given network where it keeps the limits."""
    point: Point
    """Where in the space it is."""
    run: Run
    """Its run."""
    state: State
    """What has become of it."""
    values: tuple[float, ...]
    """One for each objective, as far as they are known: accuracy, 0 to 1, is that of the last epoch so far."""
    curve: tuple[float, ...]
    """Validation accuracy after each epoch, 0 to 1."""
    reason: str
    """Why it was pruned or failed, '' otherwise."""
    numbers: Mapping[str, int] = field(compare=False)
    """The metrics of its network by their keys in ``METRICS``."""
    repeats: tuple[Run, ...] = field(default=())
    """Runs of the same network from other seeds."""

    @property
    def complete(self) -> bool:
        """Whether it was trained to the end, so that all its values count."""
        return self.state == "finished" and bool(self.curve)


def collect_trials(manager: Manager, search_id: str, search: Search) -> list[SearchTrial]:
    """Collect the trials of a search.

    Args:
        manager: Of the runs.
        search_id: The search's identifier.
        search: What is searched.

    Returns:
        The trials in the order in which they were begun; a trial whose run was deleted is not among them.
    """
    found = manager.trials(search_id)
    first = [(trial, run) for trial, run in found if trial.seed == search.seed]
    curves = manager.store.curves([run.id for _, run in first], VALIDATION_ACCURACY)
    networks = measure_networks(manager.store, (run.architecture for _, run in first))
    repeats: dict[str, list[Run]] = {}
    for trial, run in found:
        if trial.seed != search.seed:
            repeats.setdefault(trial.variant, []).append(run)
    return [
        _read_trial(
            search, number, trial.variant, run, curves.get(run.id, ()), networks[run.architecture].numbers,
            repeats.get(trial.variant, ()),
        )
        for number, (trial, run) in enumerate(first)
    ]  # fmt: skip


def _read_trial(
    search: Search, number: int, code: str, run: Run, curve: Sequence[float], numbers: Mapping[str, int],
    repeats: Sequence[Run],
) -> SearchTrial:  # fmt: skip
    pruned = PRUNED in run.tags and run.status != "finished"
    state: State = "pruned" if pruned else _STATES.get(run.status, "failed")
    reason = run.notes if pruned else shorten(run.reason, 200) if state in ("failed", "stopped") else ""
    if run.setting("epochs") != search.epochs:
        state, reason = "failed", f"it was extended to {run.setting('epochs')} epochs, and no longer counts"
    elif state == "finished" and not curve:
        state, reason = "failed", "it has no accuracy on images held out"
    accuracy = (curve[-1],) if curve else ()
    others = [float(numbers.get(each.key, 0)) for each in search.objectives[1:]]
    return SearchTrial(
        number=number,
        point=search.space.decode(code),
        run=run,
        state=state,
        values=(*(accuracy or (0.0,)), *others),
        curve=tuple(curve),
        reason=reason,
        numbers=numbers,
        repeats=tuple(repeats),
    )
