"""Workers as processes of this machine: some runs on each of its devices, alive as long as they hold a lock."""

from __future__ import annotations

import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from ._devices import Device, ask_devices, device_choices, devices, devices_used
from ._files import Lock, is_locked, read_note
from ._home import RunFolder
from ._place import Settle
from ._records import FOLDER_GONE, Run, Status
from ._store import Store
from ._workers import reap_workers, signal_worker, start_worker

SILENT_SECONDS = 10.0
"""After so long without a heartbeat a worker is dead where no lock can tell."""


class Launch(NamedTuple):
    """What starting runs needs."""

    command: Sequence[str]
    """Works on a run when its id is put behind it."""
    known: Sequence[Device]
    """The devices of this machine, or the CPU alone where they are not known yet."""
    complete: bool
    """Whether ``known`` are all; else runs that may want another device wait."""


class LocalPlace:
    """The processes of this machine."""

    name = ""

    def __init__(
        self, root: Path, url: str | None, store: Store, command: Callable[[], Sequence[str]] | None, per_device: int
    ) -> None:
        self._root, self._url, self._store, self._command, self._per_device = root, url, store, command, per_device
        self._launch: Launch | None = None

    def prepare(self, active: Collection[Status]) -> None:
        """Ask for the devices: a driver that is asked for the first time takes its time."""
        self._launch = None
        if "queued" in active and self._command is not None:
            found = ask_devices()
            self._launch = Launch(command=self._command(), known=found or devices(0.0), complete=found is not None)

    def clean_up(self) -> None:
        """Forget children that have ended."""
        reap_workers()

    def is_alive(self, run: Run) -> bool:
        """Whether its lock is held; where the file is not the one that its worker has locked, the heartbeat counts."""
        lock = RunFolder(self._root, run.id).lock
        if is_locked(lock):
            return True
        # Not the locked file: its worker lives, and ends by itself when it sees that.
        return "attempt" not in read_note(lock) and abs(time.monotonic() - run.heartbeat) < SILENT_SECONDS

    def find_end(self, run: Run) -> tuple[Status, str]:
        """What its worker noted at the lock, or what was requested."""
        return end_of(run, RunFolder(self._root, run.id).lock)

    def start(self, queued: Sequence[Run], running: Sequence[Run], settle: Settle) -> None:
        """Start what can start, the oldest first.

        A run that has to wait for devices reserves them, so that later ones that need fewer do not overtake it for
        ever.
        """
        launch = self._launch
        if launch is None:
            return
        load: Counter[str] = Counter()
        for run in running:
            load.update(devices_used(run.device, run.setting("processes") or 1))
        names = [device.name for device in launch.known]
        for run in queued:
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
            if any(load[name] >= self._per_device for name in chosen):
                load.update(dict.fromkeys(chosen, self._per_device))
            elif self._start(run, chosen[0], launch.command, settle):
                load.update(chosen)

    def _start(self, run: Run, device: str, command: Sequence[str], settle: Settle) -> bool:
        """Start the worker of a queued run; whether there is one now.

        The run's lock is taken here and inherited by the worker: from before the store says 'running' until the
        worker's death there is no moment at which it is free.
        """
        folder = RunFolder(self._root, run.id)
        if run.attempt and not folder.path.is_dir():
            settle(run, "lost", FOLDER_GONE)
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
                heartbeat=time.monotonic(), place=self.name,
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

    def signal(self, run: Run, number: signal.Signals) -> bool:
        """Signal the worker that holds the run's lock."""
        return signal_worker(self._root, run, number)

    def close(self) -> None:
        """Nothing was opened."""


def end_of(run: Run, lock: Path) -> tuple[Status, str]:
    """The state, and the reason for it, of a run whose worker is dead."""
    note = read_note(lock)
    if note.get("attempt") == run.attempt and "status" in note:
        return note["status"], note.get("reason", "")
    if run.requested_action == "run":
        return "interrupted", "its worker died without a report (killed, or the machine went down)"
    return ("stopped" if run.requested_action == "stop" else "paused"), "its worker had to be killed"
