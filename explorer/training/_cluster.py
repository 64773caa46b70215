"""What differs for a worker on a cluster: the store says who trains a run, and a supervisor looks after the process."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

from ..runs import Lock, RunFolder, Store
from ._control import ControlThread

_ATTEMPT = "EXPLORER_RUN_ATTEMPT"
"""Names the attempt that the worker is to claim."""
_LOCK_PATIENCE_SECONDS = 15.0


class SupervisorLine(threading.Thread):
    """Our standard input, which ends when the supervisor that started this process is gone, or its machine."""

    def __init__(self) -> None:
        super().__init__(name="supervisor", daemon=True)
        self.control: ControlThread | None = None
        """Set when the run is this process's: it then leaves it to another machine. Before, it just ends."""
        self._heard = threading.Event()

    @classmethod
    def open(cls) -> SupervisorLine | None:
        """Listen; None where no cluster has started this process."""
        if _ATTEMPT not in os.environ:
            return None
        made = cls()
        made.start()
        return made

    def run(self) -> None:
        """Until the supervisor says something, which it does once, or is gone."""
        if not os.read(0, 1):
            if self.control is None:
                os._exit(1)
            if self.control.requested_action == "run":
                self.control.requested_action = "leave"
        self._heard.set()

    def have_files_sent(self) -> None:
        """Have all that we leave where whoever goes on elsewhere finds it, before the store says that somebody may."""
        with contextlib.suppress(OSError):  # nobody is there
            os.write(0, b".")
            self._heard.wait()


def claim(root: Path, store: Store, run_id: str) -> Lock:
    """Begin an attempt on a machine of a cluster: the store says who may, the lock only that a process is here.

    Raises ValueError where the run no longer waits for this attempt.
    """
    folder, attempt = RunFolder(root, run_id), int(os.environ[_ATTEMPT])
    lock = Lock.acquire(folder.lock)
    end = time.monotonic() + _LOCK_PATIENCE_SECONDS
    while lock is None and time.monotonic() < end:  # a worker before us on this machine is on its way out
        time.sleep(0.2)
        lock = Lock.acquire(folder.lock)
    if lock is None:  # of a machine that is gone, and whose lock the file server has not noticed to be free
        lock = Lock(folder.lock, os.open(folder.lock, os.O_RDWR | os.O_CLOEXEC))
    device = os.environ["EXPLORER_RUN_DEVICE"]
    fields: dict[str, Any] = {"status": "running", "attempt": attempt, "device": device, "reason": "", "place": "ray"}
    fields |= {"host": socket.gethostname(), "heartbeat": time.monotonic()}
    if not store.update(run_id, where={"status": ("queued",), "attempt": (attempt - 1,)}, **fields):
        found = store.get(run_id)
        if any(getattr(found, name) != value for name, value in fields.items()):  # else the answer alone was lost
            lock.release()
            raise ValueError(f"run {run_id} no longer waits for attempt {attempt}")
    return lock
