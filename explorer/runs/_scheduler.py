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
from collections.abc import Mapping, Sequence
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

    def prepare(self) -> None:
        """Find out what the steps below need; it may take its time."""
        active = set(self._store.statuses(*ACTIVE, home=self._home).values())
        for place in self._places.values():
            place.prepare(active if place is self._start_at else active - {"queued"})

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

    def reconcile(self) -> None:
        """Runs whose worker is dead get the state that the worker left in its note, or that was requested.

        Those whose folder is gone are lost, until it is back.
        """
        for run in self._store.runs("running", home=self._home):
            place = self._places.get(run.place)
            if place is None or place.is_alive(run):  # of a place that is not used here, nothing is known
                continue
            if RunFolder(self._root, run.id).path.is_dir():
                self._settle(run, *place.find_end(run))
            else:
                self._settle(run, "lost", FOLDER_GONE)
        ended = self._store.statuses(*RESUMABLE, "lost", home=self._home)
        folders = set(run_folders(self._root)) if ended else set()
        astray = [name for name, status in ended.items() if (status == "lost") == (name in folders)]
        for run in self._store.find(astray) if astray else ():
            if run.status == "lost":
                self._settle(run, *self._places[""].find_end(run))
            elif run.status in RESUMABLE and run.attempt:  # one that never began has nothing to lose
                before = f"{run.status}: {run.reason}" if run.reason else run.status
                self._settle(run, "lost", f"{FOLDER_GONE}; before, it was {before}")

    def _settle(self, run: Run, status: Status, reason: str) -> None:
        """Give a run another state, unless somebody has changed it since it was read."""
        where = {name: (getattr(run, name),) for name in ("status", "attempt", "requested_action")}
        event = f"{status}: {reason}" if reason else status
        self._store.update(run.id, where=where, event=event, status=status, reason=reason)

    def reconcile_if_possible(self) -> None:
        """The same; a full disk is no reason not to look at the runs."""
        try:
            self.reconcile()
        except StoreError as error:
            if not error.disk_full:
                raise
            _log.warning("the state of ended runs could not be written: %s", error)

    def escalate(self) -> None:
        """SIGTERM, later SIGKILL, to workers that have not paused or stopped for long enough after they were asked."""
        for run in self._store.runs("running", home=self._home):
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
        queued = self._store.runs("queued", home=self._home)
        queue = self._line_up(queued) if queued else None
        if queue is not None:
            self._start_at.start(queue, queued, self._settle)

    def foresee(self, left: Mapping[str, float | None]) -> list[tuple[str, float | None]]:
        """Tell who starts when: ``Queue.foresee`` with all that waits and works now. [] where nothing is known."""
        queued = self._store.runs("queued", home=self._home)
        queue = self._line_up(queued) if queued else None
        if queue is None:
            return []
        begun = {job.run for job, _ in queue.at_work}  # on a cluster: handed over, and not yet at work
        return [*((run.id, 0.0) for run in queued if run.id in begun), *queue.foresee(left)]

    def _line_up(self, queued: Sequence[Run]) -> Queue | None:
        running = [run for run in self._store.runs("running", home=self._home) if run.place == self._start_at.name]
        others = self._start_at.find_others()
        if others:
            running += [run for run in others if run.status == "running"]
            waiting = [run for run in others if run.status == "queued"]
            queued = sorted((*queued, *waiting), key=lambda run: (run.created, run.id))
        book = Book(*self._store.turns.read(run.id for run in (*queued, *running)))
        return self._start_at.line_up(queued, running, book)
