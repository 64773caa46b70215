"""The owner of a data directory: of the programs that have it open, the one that starts its runs and watches them."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ._files import Lock, read_note
from ._place import Place
from ._scheduler import Scheduler

_TICK_SECONDS = 0.5
_log = logging.getLogger(__name__)


class AlreadyManaged(RuntimeError):
    """Another living program manages this data directory; the message says which."""


class Supervisor:
    """Owns a data directory for as long as it holds its lock, and lets the scheduler work."""

    def __init__(self, root: Path, scheduler: Scheduler, places: Sequence[Place]) -> None:
        self._root, self._scheduler, self._places = root, scheduler, places
        self._owner: Lock | None = None
        self._closing = threading.Event()
        self._guard = threading.RLock()

    def acquire(self, patience: float = 2.0) -> None:
        """Become the owner until ``close``, waiting ``patience`` seconds for another one. Raises AlreadyManaged."""
        end = time.monotonic() + patience
        with self._guard:
            while self._owner is None:
                self._owner = Lock.acquire(self._root / "manager.lock", note=False)
                if self._owner is None and time.monotonic() >= end:
                    raise AlreadyManaged(self._describe_owner())
                if self._owner is None:
                    time.sleep(0.05)
            with contextlib.suppress(OSError):  # on a full disk, where what makes room must remain possible
                self._owner.write_note(pid=os.getpid(), host=socket.gethostname(), program=Path(sys.argv[0]).name)

    @property
    def supervising(self) -> bool:
        """Whether this manager owns the directory."""
        return self._owner is not None

    def supervise(self, patience: float = 2.0) -> None:
        """Own the directory and keep it in order from a thread, until ``close`` or the end of the process.

        Does nothing where it does so already. Raises AlreadyManaged.
        """
        with self._guard:
            if self.supervising:
                return
            self.acquire(patience)

        def forever() -> None:
            told = ""
            while not self._closing.wait(_TICK_SECONDS):
                try:
                    self.tick()
                    told = ""
                except Exception as error:  # noqa: BLE001  (a full disk today must not end the supervision for good)
                    if told != str(error):  # a database may be away for long
                        _log.exception("the runs could not be looked after; trying again")
                    told = str(error)

        threading.Thread(target=forever, name="runs", daemon=True).start()

    def close(self) -> None:
        """Give the directory up. Workers go on."""
        self._closing.set()
        with self._guard:
            if self._owner is not None:
                self._owner.release()
                self._owner = None
        for place in self._places:
            place.close()

    def wait_for_close(self, seconds: float) -> bool:
        """Wait so long, or until somebody closes the manager. Returns whether it is closed."""
        return self._closing.wait(seconds)

    def tick(self) -> None:
        """Enter in the store which workers live, end those that ignore a request, start the runs that can start.

        Raises AlreadyManaged if another program does this.
        """
        states = self._scheduler.prepare()  # before the lock
        with self._guard:
            mine = self._owner is not None
            if not mine:
                self.acquire(patience=0.0)
            try:
                self._scheduler.look_after(states)
            finally:
                if not mine and self._owner is not None:
                    self._owner.release()
                    self._owner = None

    def _describe_owner(self) -> str:
        note = read_note(self._root / "manager.lock")
        return (
            f"the data directory {str(self._root)!r} is managed by process {note.get('pid', '?')} "
            f"({note.get('program', '?')}) on {note.get('host', '?')}; use that one, or set EXPLORER_HOME"
        )
