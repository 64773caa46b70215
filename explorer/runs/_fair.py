"""Whose turn it is: the order in which waiting runs start, fair between people and between what each of them trains.

The next run is that of the person who has the least at work; of a person's experiments, searches and single runs, that
of the one with the least at work; then the oldest. Of equals those come first who have waited longest: since they were
given a turn, counted in turns and not by any clock. Who has to wait for room holds what becomes free, so that later
runs that need less do not overtake for ever. The same order tells when a run is expected to start.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from operator import attrgetter
from typing import NamedTuple

Claim = tuple[tuple[str, float], ...]
"""What a run takes while it works: names of devices, or of what machines have, and how much of each: a whole number of
sixteenths, so that sums are exact."""


@dataclass(frozen=True, eq=False, slots=True)
class Need:
    """What a run needs in order to start. Runs that need the same have the same object: one that has to wait says so
    of all."""

    claims: tuple[Claim, ...]
    """Any of them will do."""
    weight: float
    """What it counts for in a person's share: devices, or a part of one."""
    parts: int = 1
    """How many of the claims it takes, the same or others: processes of one run may be on several machines."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What the order knows of a run."""

    run: str
    """Its id."""
    owner: str
    """The person whose it is."""
    part: str
    """The experiment or search that it belongs to, or the run itself."""
    need: Need
    """What it needs."""
    since: float = 0.0
    """How many turns had been given when it was queued."""


@dataclass
class Room:
    """What is free of each device, or of what each machine has."""

    free: dict[str, float]
    """By name."""

    def find(self, need: Need) -> Claim | None:
        """Find what would do now: of several the fullest, so that what needs a whole device finds one."""
        return self._find_parts(need, Room._find_fullest)

    def take(self, claim: Claim) -> None:
        """Take what a run needs."""
        for name, amount in claim:
            self.free[name] = self.free.get(name, 0.0) - amount

    def give_back(self, claim: Claim) -> None:
        """Give it back."""
        for name, amount in claim:
            self.free[name] += amount

    def hold(self, need: Need) -> None:
        """Let nobody else have what would do soonest."""
        self.take(self.nearest(need))

    def nearest(self, need: Need) -> Claim:
        """What would do soonest; nothing where there never is room."""
        return self._find_parts(need, Room._find_nearest) or ()

    def _find_parts(self, need: Need, find: Callable[[Room, Sequence[Claim]], Claim | None]) -> Claim | None:
        """Find the parts one after the other, each of them as if those before were taken."""
        if need.parts == 1:
            return find(self, need.claims)
        trial, total = Room(dict(self.free)), dict[str, float]()
        for _ in range(need.parts):
            claim = find(trial, need.claims)
            if claim is None:
                return None
            trial.take(claim)
            for name, amount in claim:
                total[name] = total.get(name, 0.0) + amount
        return tuple(total.items())

    def _find_fullest(self, claims: Sequence[Claim]) -> Claim | None:
        fits = [claim for claim in claims if self._lack(claim) <= 0]
        return min(fits, key=lambda claim: sum(self.free[name] for name, _ in claim)) if fits else None

    def _find_nearest(self, claims: Sequence[Claim]) -> Claim | None:
        return min(claims, key=lambda claim: (self._lack(claim), self._lack_in_all(claim)), default=None)

    def _lack(self, claim: Claim) -> float:
        return max(amount - self.free.get(name, -inf) for name, amount in claim)

    def _lack_in_all(self, claim: Claim) -> float:
        return sum(amount - self.free.get(name, -inf) for name, amount in claim)


@dataclass(slots=True)
class _Party:
    """A person, or something that they train."""

    last: float
    """The number of the last turn that it was given."""
    work: float = 0.0
    """What it has at work."""
    lines: list[_Line] = field(default_factory=list)
    """Of a part: its runs that wait."""

    def refresh(self) -> None:
        """Say to those who wait that something has changed."""
        for line in self.lines:
            line.refresh()


@dataclass(slots=True)
class _Line:
    """Waiting runs of one person and one part that need the same, oldest first."""

    part: _Party
    jobs: deque[tuple[int, Job]] = field(default_factory=deque)
    key: tuple[float, float, int] = (0.0, 0.0, 0)

    def refresh(self) -> None:
        """Compute its place among the lines of a person: the smallest comes first."""
        if self.jobs:
            place, job = self.jobs[0]
            # One who has just arrived comes before one who has just had a turn, hence the half.
            self.key = (self.part.work, max(self.part.last + 0.5, job.since), place)


class Turns(NamedTuple):
    """Which turns were given so far, the first being 1."""

    people: Mapping[str, int] = {}
    """The last one of each person."""
    parts: Mapping[str, int] = {}
    """The last one of each experiment, search or single run."""

    @property
    def given(self) -> int:
        """How many."""
        return max(self.people.values(), default=0)


class Queue:
    """Who waits and who is at work, and what is free."""

    def __init__(
        self, waiting: Iterable[Job], at_work: Sequence[tuple[Job, Claim]], free: Mapping[str, float], turns: Turns
    ) -> None:
        """Line up.

        Args:
            waiting: Runs that wait, oldest first.
            at_work: Those that have been started, and what each took.
            free: How much there is of each device, or of what each machine has, were nobody at work.
            turns: Which turns were given so far.
        """
        self.at_work = at_work
        self._room, self._turns, self._given = Room(dict(free)), turns, float(turns.given)
        self._people: dict[str, _Party] = {}
        self._parts: dict[tuple[str, str], _Party] = {}
        self._lines: dict[str, dict[Need, list[_Line]]] = {}
        """By person and need: those who wait."""
        for job, claim in at_work:
            self._begin(job, claim)
        lines: dict[tuple[str, str, Need], _Line] = {}
        for place, job in enumerate(waiting):
            _, part = self._parties(job)
            line = lines.get((job.owner, job.part, job.need))
            if line is None:
                line = lines[job.owner, job.part, job.need] = _Line(part)
                part.lines.append(line)
                self._lines.setdefault(job.owner, {}).setdefault(job.need, []).append(line)
            line.jobs.append((place, job))
        for line in lines.values():
            line.refresh()

    def give_turns(self, start: Callable[[Job, Claim], bool]) -> None:
        """Start whom there is room for, in the fair order.

        Args:
            start: Starts a run; whether it did. One that could not start waits no longer, and its room is free.
        """
        held = Room(dict(self._room.free))
        blocked: set[Need] = set()
        while True:
            found = self._next(blocked)
            if found is None:
                return
            line, owner = found
            job = line.jobs[0][1]
            claim = held.find(job.need)
            if claim is None:
                held.hold(job.need)
                blocked.add(job.need)
                continue
            line.jobs.popleft()
            if not line.jobs:
                self._lines[owner][job.need].remove(line)
            line.refresh()
            if start(job, claim):
                held.take(claim)
                self._given += 1
                self._begin(job, claim, self._given)

    def foresee(self, left: Mapping[str, float | None]) -> list[tuple[str, float | None]]:
        """Tell who starts when, if all goes on as expected.

        Args:
            left: The seconds that each run still takes, at work or once it has begun; None where nobody knows. The
                queue is used up.

        Returns:
            The ids of the waiting runs in the order in which they start, and in how many seconds; None where that is
            not known. Runs for which there is no room at all are left out.
        """
        found: list[tuple[str, float | None]] = []
        now, number = 0.0, itertools.count()
        ends: list[tuple[float, int, Job, Claim]] = []

        def begin(job: Job, claim: Claim) -> bool:
            seconds = left.get(job.run)
            heapq.heappush(ends, (inf if seconds is None else now + seconds, next(number), job, claim))
            return True

        def start(job: Job, claim: Claim) -> bool:
            found.append((job.run, None if now == inf else now))
            return begin(job, claim)

        for job, claim in self.at_work:
            begin(job, claim)
        self.give_turns(start)
        while ends and any(line for lines in self._lines.values() for line in lines.values()):
            now, _, job, claim = heapq.heappop(ends)
            self._end(job, claim)
            while ends and ends[0][0] == now < inf:
                self._end(*heapq.heappop(ends)[2:])
            self.give_turns(start)
        return found

    def _next(self, blocked: set[Need]) -> tuple[_Line, str] | None:
        """Whose turn it is, of those who do not need what is not there: their line, and the person."""
        best: tuple[tuple[float, ...], _Line, str] | None = None
        for owner, needs in self._lines.items():
            person = self._people[owner]
            for need, lines in needs.items():
                if lines and need not in blocked:
                    line = min(lines, key=attrgetter("key"))
                    key = (person.work, person.last, *line.key)
                    if best is None or key < best[0]:
                        best = key, line, owner
        return best and best[1:]

    def _parties(self, job: Job) -> tuple[_Party, _Party]:
        person = self._people.get(job.owner)
        if person is None:
            person = self._people[job.owner] = _Party(self._turns.people.get(job.owner, 0))
        part = self._parts.get((job.owner, job.part))
        if part is None:
            part = self._parts[job.owner, job.part] = _Party(self._turns.parts.get(job.part, 0))
        return person, part

    def _begin(self, job: Job, claim: Claim, turn: float = 0.0) -> None:
        self._room.take(claim)
        for party in self._parties(job):
            party.work += job.need.weight
            party.last = max(party.last, turn)
            party.refresh()

    def _end(self, job: Job, claim: Claim) -> None:
        self._room.give_back(claim)
        for party in self._parties(job):
            party.work -= job.need.weight
            party.refresh()
