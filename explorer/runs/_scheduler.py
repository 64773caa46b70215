"""What the owner of a data directory does in turn: find dead workers, end those that do not listen, start runs.

Only runs of this data directory (``home``) are looked at: of another one's, which may share the database, neither the
locks nor the clock nor the devices are here.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ._fair import Queue
from ._files import empty_folder, remove_folder
from ._home import RUN_ID, RunFolder, run_folders
from ._place import Book, Place
from ._records import ACTIVE, FOLDER_GONE, RESUMABLE, Run, Status, StoreError
from ._store import Store

TERMINATE_SECONDS, KILL_SECONDS = 10.0, 30.0
"""Patience with a worker that was asked to pause or stop."""
_DELETED = re.compile(rf"\.deleted-({RUN_ID.pattern})-\d+")
"""What the folder of a run is called while it is being deleted."""
_log = logging.getLogger(__name__)


class Scheduler:
    """Keeps the runs of one data directory truthful, and starts those that wait."""

    def __init__(self, root: Path, store: Store, home: str, places: Sequence[Place]) -> None:
        """Runs are started at the last of the places; at the others those go on that were started there."""
        self._root, self._store, self._home = root, store, home
        self._places = {place.name: place for place in places}
        self._start_at = places[-1]
        self._asked: dict[tuple[str, int, str], float] = {}
        """When requests to runs elsewhere were first seen, on the clock of this machine."""

    @property
    def place(self) -> Place:
        """Where runs are started."""
        return self._start_at

    def prepare(self) -> dict[str, Status]:
        """Find out what ``look_after`` needs; it may take its time.

        Returns:
            The state of each run that may need something, by its id. Where nothing is to be done, that was all that
            the database is asked: each question to it is a connection.
        """
        states = self._read_states()
        active = set(states.values()) & set(ACTIVE)
        for place in self._places.values():
            place.prepare(active if place is self._start_at else active - {"queued"})
        return states

    def _read_states(self) -> dict[str, Status]:
        return self._store.statuses(*ACTIVE, *RESUMABLE, "lost", home=self._home)

    def look_after(self, states: Mapping[str, Status]) -> None:
        """Enter who lives, end those that ignore a request, start what can start.

        Args:
            states: As ``prepare`` gave them. What has changed since is seen the next time, and never overwritten.
        """
        self.clean_up()
        self.escalate(self.reconcile(states))
        if "queued" in states.values():
            self.start_queued()

    def clean_up(self) -> None:
        """Forget children that have ended, and complete deletions that were interrupted."""
        for place in self._places.values():
            place.clean_up()
        folder = self._root / "runs"
        for name in os.listdir(folder) if folder.is_dir() else ():
            if not name.startswith(".deleted-"):
                continue
            try:
                self.complete_deletion(folder / name)
            except (StoreError, OSError) as error:
                _log.warning("the deletion of a run could not be completed: %s", error)

    def complete_deletion(self, away: Path) -> None:
        """Forget the run whose folder was put away under this name. Its files go first: they make room on a full disk
        for what the store has to write; its folder goes last, so that a deletion that was cut short is completed."""
        if away.is_dir():
            empty_folder(away)
        name = _DELETED.fullmatch(away.name)
        if name:
            for place in self._places.values():
                place.forget(name[1])
            self._store.remove(name[1])
        remove_folder(away)

    def reconcile(self, states: Mapping[str, Status]) -> list[Run]:
        """Runs whose worker is dead get the state that the worker left in its note, or that was requested.

        Those whose folder is gone are lost, until it is back.

        Args:
            states: Of all runs that may be such, a moment ago.

        Returns:
            Those whose worker is not known to be dead.
        """
        living = []
        for run in self._store.runs("running", home=self._home) if "running" in states.values() else ():
            place = self._places.get(run.place)
            if place is None or place.is_alive(run):  # of a place that is not used here, nothing is known
                living.append(run)
            elif RunFolder(self._root, run.id).path.is_dir():
                self._settle(run, *place.find_end(run))
            else:
                self._settle(run, "lost", FOLDER_GONE)
        ended = {run: status for run, status in states.items() if status not in ACTIVE}
        folders = set(run_folders(self._root)) if ended else set()
        astray = [name for name, status in ended.items() if (status == "lost") == (name in folders)]
        for run in self._store.find(astray) if astray else ():
            if run.status == "lost" and run.id in folders:
                self._settle(run, *self._places[""].find_end(run))
            elif run.status in RESUMABLE and run.id not in folders and run.attempt:  # else it has nothing to lose
                before = f"{run.status}: {run.reason}" if run.reason else run.status
                self._settle(run, "lost", f"{FOLDER_GONE}; before, it was {before}")
        return living

    def _settle(self, run: Run, status: Status, reason: str) -> None:
        """Give a run another state, unless somebody has changed it since it was read."""
        where = {name: (getattr(run, name),) for name in ("status", "attempt", "requested_action")}
        event = f"{status}: {reason}" if reason else status
        self._store.update(run.id, where=where, event=event, status=status, reason=reason)

    def reconcile_if_possible(self) -> None:
        """The same; a full disk is no reason not to look at the runs."""
        try:
            self.reconcile(self._read_states())
        except StoreError as error:
            if not error.disk_full:
                raise
            _log.warning("the state of ended runs could not be written: %s", error)

    def escalate(self, running: Iterable[Run]) -> None:
        """SIGTERM, later SIGKILL, to workers that have not paused or stopped for long enough after they were asked."""
        for run in running:
            if run.requested_action == "run":
                continue
            place = self._places.get(run.place)
            if place is None:
                continue
            if run.place:
                waited = time.monotonic() - self._asked.setdefault(
                    (run.id, run.attempt, run.requested_action), time.monotonic()
                )
            elif not run.requested_at:  # asked by another host, whose clock is not ours: patience begins now
                self._store.update(run.id, where={"requested_at": (0.0,)}, requested_at=time.monotonic())
                continue
            else:
                waited = time.monotonic() - run.requested_at
            if waited < TERMINATE_SECONDS:
                continue
            number = signal.SIGTERM if waited < KILL_SECONDS else signal.SIGKILL
            if place.signal(run, number):
                _log.info("%s sent to the worker of run %s", number.name, run.id)

    def start_queued(self) -> None:
        """Start what can start."""
        queued, queue = self._line_up()
        if queue is not None:
            self._start_at.start(queue, queued, self._settle)

    def foresee(self, left: Mapping[str, float | None]) -> list[tuple[str, float | None]]:
        """Tell who starts when: ``Queue.foresee`` with all that waits and works now. [] where nothing is known."""
        queued, queue = self._line_up()
        if queue is None:
            return []
        begun = {job.run for job, _ in queue.at_work}  # on a cluster: handed over, and not yet at work
        return [*((run.id, 0.0) for run in queued if run.id in begun), *queue.foresee(left)]

    def _line_up(self) -> tuple[list[Run], Queue | None]:
        """Our runs that wait, and whose turn it is; None where none waits, or nothing is known."""
        active = self._store.runs(*ACTIVE, home=self._home)
        queued = [run for run in active if run.status == "queued"]
        if not queued:
            return queued, None
        running = [run for run in active if run.status == "running" and run.place == self._start_at.name]
        waiting, others = queued, self._start_at.find_others()
        if others:
            running += [run for run in others if run.status == "running"]
            waiting = sorted(
                (*queued, *(run for run in others if run.status == "queued")), key=lambda run: (run.created, run.id)
            )
        book = Book(*self._store.turns.read(run.id for run in (*waiting, *running)))
        return queued, self._start_at.line_up(waiting, running, book)
