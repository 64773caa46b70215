"""Polls control requests and sends heartbeats beside the loop, and buffers records while the store is away."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from ..runs import FOLDER_GONE, PATIENCE_SECONDS, Document, HistoryFile, Lock, Point, Status, Store, StoreError

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.5
_HEARTBEAT_SECONDS = 2.0


class RunEnded(Exception):
    """The run ends here, in this state and for this reason."""

    def __init__(self, status: Status, reason: str = "") -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class ControlThread(threading.Thread):
    """Polls control requests and sends heartbeats while the loop runs, which then only reads a variable."""

    def __init__(self, store: Store, run: str, lock: Lock, attempt: int | None = None) -> None:
        super().__init__(name="control", daemon=True)
        self._store, self._run, self._lock, self._attempt = store, run, lock, attempt
        self.requested_action: str = "run"
        self.done = threading.Event()
        """Set at the end: the thread then ends, too."""
        self.training_over = threading.Event()
        """Set when the other processes of the run are no longer needed."""

    def run(self) -> None:
        """Until ``done``. A store that is away is tried again; the loop ends the run when that takes too long."""
        heartbeat = 0.0
        while not self.done.wait(_POLL_SECONDS):
            try:
                if not self._lock.is_in_place():
                    self.requested_action = "lost"
                found = self._store.get(self._run)
                if self._attempt is not None and found.attempt != self._attempt:
                    self.requested_action = "superseded"
                if self.requested_action not in ("interrupt", "leave", "lost", "superseded"):
                    self.requested_action = found.requested_action
                if time.monotonic() - heartbeat > _HEARTBEAT_SECONDS:
                    heartbeat = time.monotonic()
                    self._store.update(self._run, where={"attempt": (found.attempt,)}, heartbeat=heartbeat)
            except StoreError as error:
                logger.warning("neither a request was read nor a heartbeat sent: %s", error)
            except ValueError:  # there is no such run any more
                self.requested_action = "stop"

    def check_folder(self) -> None:
        """Raises RunEnded where the run's folder is gone: what is written now would make another, incomplete one."""
        if not self._lock.is_in_place():
            raise RunEnded("lost", FOLDER_GONE)


class StoreSink:
    """A recorder's sink that outlives a store which cannot be reached for a while."""

    def __init__(self, store: Store, run: str, history: HistoryFile, attempt: int | None = None) -> None:
        self._store, self._run, self._history, self._attempt = store, run, history, attempt
        self._points: list[Point] = []
        self._documents: list[Document] = []
        self._progress: dict[str, Any] = {}
        self._failing_since: float | None = None

    def record(self, points: list[Point], documents: list[Document], **progress: Any) -> None:
        """Write, or keep for the next time.

        Raises StoreError for a full disk, or after ten minutes of failing, and Superseded.
        """
        self._history.append(points, **progress)
        self._points += points
        self._documents += documents
        self._progress |= progress
        try:
            self._store.record(
                self._run,
                self._points,
                self._documents,
                attempt=self._attempt,
                **self._progress,
                heartbeat=time.monotonic(),
            )
        except StoreError as error:
            now = time.monotonic()
            self._failing_since = self._failing_since or now
            logger.warning("records are kept for the next time: %s", error)
            if error.disk_full or now - self._failing_since > PATIENCE_SECONDS:
                raise
            return
        self._points, self._documents, self._progress, self._failing_since = [], [], {}, None

    def drain(self) -> None:
        """Wait until everything is written: no checkpoint may be ahead of the curves."""
        self.record([], [])
        while self._failing_since is not None:
            time.sleep(0.5)
            self.record([], [])
