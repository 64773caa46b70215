"""When the runs that wait are expected to start: the scheduler's own order, played through with forecast times."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ..runs import Manager, Run, devices
from ..text import format_duration, format_ordinal
from ._forecast import Speed, collect_speeds, forecast_seconds

BEGIN_SECONDS = 5.0
"""What a worker needs until its first step."""
_FRESH_SECONDS = 20.0
"""For so long speeds count as the newest: of thousands of runs they are not collected anew at every look."""


class ExpectedStart(NamedTuple):
    """When it is a run's turn."""

    position: int
    """Its place in the fair order of all that wait, the first being 1."""
    seconds: float | None
    """In how many seconds it is expected to start; None where something before it cannot be forecast."""

    def describe(self, *, brief: bool = False) -> str:
        """Say it in a few words.

        Args:
            brief: As a cell of a table.

        Returns:
            Such as '3rd in the queue, starts in about 4:10', or '3rd, in about 4:10'.
        """
        place = format_ordinal(self.position) if brief else f"{format_ordinal(self.position)} in the queue"
        if self.seconds is None:
            return place
        when = f"in about {format_duration(self.seconds)}" if self.seconds else "now"
        return f"{place}, {when}" if brief else f"{place}, starts {when}"


def describe_next(turns: Iterable[ExpectedStart]) -> str:
    """Say how many of several runs wait, and when the next of them starts.

    Args:
        turns: Of those that wait.

    Returns:
        A few words, such as '3 wait; the next is 2nd in the queue, starts in about 4:10'; '' where none waits.
    """
    found = list(turns)
    return f"{len(found):,} wait; the next is {min(found).describe()}" if found else ""


def describe_wait(manager: Manager) -> str:
    """Say what a run that is started now may have to wait for.

    Args:
        manager: Of the data directory. All runs count, whoever's they are.

    Returns:
        A sentence; '' where nothing waits.

    Raises:
        StoreError: The store cannot be read.
    """
    turns = list(expect_starts(manager.everybody).values())
    if not turns:
        return ""
    last = max(turns)
    count = f"{len(turns):,} run{'s wait' if len(turns) > 1 else ' waits'} already"
    if last.seconds is None:
        return f"{count}; when the last of them starts is not known."
    one = "the last of them starts" if len(turns) > 1 else "it starts"
    return f"{count}; {one} in about {format_duration(last.seconds)}, and a new run behind it, or sooner by its turn."


@dataclass
class _Known:
    """The speeds of a store's devices, and the forecasts that rest on them."""

    speeds: list[Speed]
    collected: float
    forecasts: dict[tuple[str, str, str], float | None] = field(default_factory=dict)

    def forecast(self, run: Run, device: str) -> float | None:
        key = run.architecture, run.config, device
        if key not in self.forecasts:
            kind = device.partition(":")[0]
            there = [speed for speed in self.speeds if speed.device.partition(":")[0] == kind]
            self.forecasts[key] = forecast_seconds(run, there)
        return self.forecasts[key]


_known: dict[str, _Known] = {}


def expect_starts(manager: Manager) -> dict[str, ExpectedStart]:
    """Tell when it is the turn of each queued run of a data directory.

    A running run is taken to go on at its own pace, others to take as long as ``forecast`` says. Runs that nobody
    foresees, those that are pruned, paused or added, change it.

    Args:
        manager: Of the data directory. Where it acts for somebody, all runs count, and theirs alone are told.

    Returns:
        What is expected, by the run's id. Without those that cannot start as things are.

    Raises:
        StoreError: The store cannot be read.
    """
    everybody = manager.everybody
    waiting = everybody.store.runs("queued", home=manager.home_id)
    if not waiting:
        return {}
    known = _collect(everybody)
    # Of a cluster's GPUs it is only known what was trained on them.
    best = known.speeds[-1].device if manager.place and known.speeds else devices(0.0)[0].name
    working = everybody.store.runs("running", home=manager.home_id)
    left = {run.id: _find_left(run, known, best) for run in waiting}
    left |= {run.id: _find_left(run, known, run.device) for run in working}
    foreseen = enumerate(manager.foresee(left), start=1)
    found = {run: ExpectedStart(place, seconds) for place, (run, seconds) in foreseen}
    return found if manager is everybody else {run.id: found[run.id] for run in manager.store.find(found)}


def _collect(everybody: Manager) -> _Known:
    known = _known.get(everybody.store.location)
    if known is None or time.monotonic() - known.collected > _FRESH_SECONDS:
        there = (run for run in everybody.store.runs() if run.place == everybody.place)
        known = _known[everybody.store.location] = _Known(collect_speeds(there), time.monotonic())
    return known


def _find_left(run: Run, known: _Known, device: str) -> float | None:
    """The seconds that a run still takes on a device, once it has begun."""
    if run.status == "queued" and run.setting("device") not in (None, "auto"):
        device = run.setting("device")
    if run.status == "running" and run.step:
        return run.seconds / run.step * max(0, run.steps - run.step)
    whole = known.forecast(run, device)
    if whole is None:
        return None
    return BEGIN_SECONDS + whole * (1 - run.step / run.steps if run.steps else 1.0)
