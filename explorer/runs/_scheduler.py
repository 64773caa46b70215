"""What the owner of a data directory does in turn: find dead workers, end those that do not listen, start runs.

Only runs of this data directory (``home``) are looked at: of another one's, which may share the database, neither the
locks nor the clock nor the devices are here.
"""

from __future__ import annotations

import logging
import signal
import socket
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ._devices import Device, device_choices, devices_used
from ._files import Lock, is_locked, read_note, remove_folder
from ._home import RunFolder
from ._records import Run, Status, StoreError
from ._store import Store
from ._workers import reap_workers, signal_worker, start_worker

TERMINATE_SECONDS, KILL_SECONDS = 10.0, 30.0
"""Patience with a worker that was asked to pause or stop."""
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
            remove_folder(folder)

    def reconcile(self) -> None:
        """Runs whose worker is dead get the state that the worker left in its note, or that was requested."""
        for run in self._store.runs("running", home=self._home):
            lock = RunFolder(self._root, run.id).lock
            if is_locked(lock):
                continue
            status, reason = _end_of(run, lock)
            where: dict[str, tuple[object, ...]] = {
                "status": ("running",),
                "attempt": (run.attempt,),
                "requested_action": (run.requested_action,),
            }
            if self._store.update(run.id, where=where, status=status, reason=reason):
                self._store.log_event(run.id, f"{status}: {reason}" if reason else status)

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
