"""What the owner of a data directory does in turn: find dead workers, end those that do not listen, start runs.

Only runs of this data directory (``home``) are looked at: of another one's, which may share the database, neither the
locks nor the clock nor the devices are here.
"""

from __future__ import annotations

import logging
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ._devices import Device, device_choices, devices_used
from ._files import Lock, empty_folder, is_locked, read_note, remove_folder
from ._home import RUN_ID, RunFolder, run_folders
from ._records import FOLDER_GONE, RESUMABLE, Run, Status, StoreError
from ._store import Store
from ._workers import reap_workers, signal_worker, start_worker

TERMINATE_SECONDS, KILL_SECONDS = 10.0, 30.0
"""Patience with a worker that was asked to pause or stop."""
SILENT_SECONDS = 10.0
"""After so long without a heartbeat a worker is dead where no lock can tell."""
_DELETED = re.compile(rf"\.deleted-({RUN_ID.pattern})-\d+")
"""What the folder of a run is called while it is being deleted."""
_log = logging.getLogger(__name__)


class Launch(NamedTuple):
    """What starting runs needs."""

    command: Sequence[str]
    """Works on a run when its id is put behind it."""
    per_device: int
    """How many runs may share a device."""
    known: Sequence[Device]
    """The devices of this machine, or the CPU alone where they are not known yet."""
    complete: bool
    """Whether ``known`` are all; else runs that may want another device wait."""


class Scheduler:
    """Keeps the runs of one data directory truthful, and starts those that wait."""

    def __init__(self, root: Path, url: str | None, store: Store, home: str) -> None:
        self._root, self._url, self._store, self._home = root, url, store, home

    def clean_up(self) -> None:
        """Forget children that have ended, and complete deletions that were interrupted."""
        reap_workers()
        for folder in (self._root / "runs").glob(".deleted-*"):
            try:
                self.complete_deletion(folder)
            except (StoreError, OSError) as error:
                _log.warning("the deletion of a run could not be completed: %s", error)

    def complete_deletion(self, away: Path) -> None:
        """Forget the run whose folder was put away under this name. Its files go first: they make room on a full disk
        for what the store has to write; its folder goes last, so that a deletion that was cut short is completed."""
        if away.is_dir():
            empty_folder(away)
        name = _DELETED.fullmatch(away.name)
        if name:
            self._store.remove(name[1])
        remove_folder(away)

    def reconcile(self) -> None:
        """Runs whose worker is dead get the state that the worker left in its note, or that was requested.

        Those whose folder is gone are lost, until it is back.
        """
        folders = set(run_folders(self._root))
        for run in self._store.runs("running", home=self._home):
            lock = RunFolder(self._root, run.id).lock
            if is_locked(lock):
                continue
            silent = abs(time.monotonic() - run.heartbeat) >= SILENT_SECONDS
            if "attempt" not in read_note(lock) and not silent:
                continue  # not the file that its worker has locked: it lives, and ends by itself when it sees that
            if run.id in folders:
                self._settle(run, *_end_of(run, lock))
            else:
                self._settle(run, "lost", FOLDER_GONE)
        for name, status in self._store.statuses(home=self._home).items():
            if (status == "lost") == (name in folders) and status in (*RESUMABLE, "lost"):
                run = self._store.get(name)
                if status == "lost":
                    self._settle(run, *_end_of(run, RunFolder(self._root, name).lock))
                elif run.attempt:  # one that never began has nothing to lose
                    before = f"{status}: {run.reason}" if run.reason else status
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
            if not run.requested_at:  # asked by another host, whose clock is not ours: patience begins now
                self._store.update(run.id, where={"requested_at": (0.0,)}, requested_at=time.monotonic())
                continue
            waited = time.monotonic() - run.requested_at
            if waited < TERMINATE_SECONDS:
                continue
            number = signal.SIGTERM if waited < KILL_SECONDS else signal.SIGKILL
            if signal_worker(self._root, run, number):
                _log.info("%s sent to the worker of run %s", number.name, run.id)

    def has_queued(self) -> bool:
        """Whether a run waits to be started here."""
        return "queued" in self._store.statuses(home=self._home).values()

    def start_queued(self, launch: Launch) -> None:
        """Start what can start, the oldest first.

        A run that has to wait for devices reserves them, so that later ones that need fewer do not overtake it for
        ever.
        """
        load: Counter[str] = Counter()
        for run in self._store.runs("running", home=self._home):
            load.update(devices_used(run.device, run.setting("processes") or 1))
        names = [device.name for device in launch.known]
        for run in self._store.runs("queued", home=self._home):
            wanted, processes = run.setting("device") or "auto", run.setting("processes") or 1
            if wanted != "cpu" and not launch.complete:
                continue
            try:
                choices = device_choices(wanted, processes, names)
            except ValueError as error:
                self._store.update(run.id, where={"status": ("queued",)}, status="failed", reason=str(error))
                continue
            # Of equal choices the first; 'auto' waits for a GPU where there is one, rather than start on the CPU.
            chosen = min(choices, key=lambda used: (max(load[name] for name in used), sum(load[name] for name in used)))
            if any(load[name] >= launch.per_device for name in chosen):
                load.update(dict.fromkeys(chosen, launch.per_device))
            elif self._start(run, chosen[0], launch.command):
                load.update(chosen)

    def _start(self, run: Run, device: str, command: Sequence[str]) -> bool:
        """Start the worker of a queued run; whether there is one now.

        The run's lock is taken here and inherited by the worker: from before the store says 'running' until the
        worker's death there is no moment at which it is free.
        """
        folder = RunFolder(self._root, run.id)
        if run.attempt and not folder.path.is_dir():
            self._settle(run, "lost", FOLDER_GONE)
            return False
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            lock = Lock.acquire(folder.lock)
        except OSError as error:
            reason = f"cannot write in {folder.path}: {error.strerror or error}"
            self._store.update(run.id, where={"status": ("queued",)}, status="failed", reason=reason)
            return False
        if lock is None:  # its last worker is still on its way out
            return False
        with lock:
            attempt = run.attempt + 1
            lock.write_note(attempt=attempt, device=device)
            claimed = self._store.update(
                run.id,
                where={"status": ("queued",), "attempt": (run.attempt,)},
                status="running", attempt=attempt, device=device, host=socket.gethostname(), reason="",
                heartbeat=time.monotonic(),
            )  # fmt: skip
            if not claimed:
                return False
            try:
                start_worker(command, self._root, self._url, run, lock)
            except OSError as error:
                reason = f"its worker cannot be started: {error.strerror or error}"
                self._store.update(run.id, where={"status": ("running",)}, status="failed", reason=reason)
                return False
        return True


def _end_of(run: Run, lock: Path) -> tuple[Status, str]:
    """The state, and the reason for it, of a run whose worker is dead."""
    note = read_note(lock)
    if note.get("attempt") == run.attempt and "status" in note:
        return note["status"], note.get("reason", "")
    if run.requested_action == "run":
        return "interrupted", "its worker died without a report (killed, or the machine went down)"
    return ("stopped" if run.requested_action == "stop" else "paused"), "its worker had to be killed"
