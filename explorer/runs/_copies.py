"""On the machine that trains a run, its files: brought from an object store, and sent there as they change."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

from ._home import RunFolder
from ._mirror import find_dataset, run_name
from ._open import connect_store
from ._records import StoreError
from ._storage import Storage, StorageError

_SEND_SECONDS = 2.0
_PATIENCE_SECONDS = 600.0
"""How long an object store may be away at the end of a run."""
_log = logging.getLogger(__name__)


class Copies:
    """The files of one attempt of a run."""

    def __init__(self, order: dict[str, Any], root: Path) -> None:
        """Copy for a run.

        Args:
            order: What the supervisor was given.
            root: A folder of this machine.
        """
        self._run, self._attempt, self._root = order["run"], order["attempt"], root
        self._storage, self._store = Storage(order["storage"]), connect_store(root, order["url"])
        self._folder = RunFolder(root, self._run).path
        self._guard = threading.Lock()
        self._ended = threading.Event()

    def bring(self) -> None:
        """Bring the run's folder as it was left last, and its data set. Raises StorageError, StoreError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._storage.pull(run_name(self._run), self._folder)
        data = find_dataset(self._root, self._store.get(self._run))
        if data is None or data[0].is_dir():
            return
        staged = data[0].with_name(f".staging-{os.getpid()}")
        try:
            if self._storage.pull(data[1], staged):
                with contextlib.suppress(OSError):  # another run has brought it meanwhile
                    staged.rename(data[0])
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def send_forever(self) -> None:
        """Send what changes, until the worker has ended."""
        while not self._ended.wait(_SEND_SECONDS):
            self._send()

    def send_last(self) -> None:
        """Send what the worker has left, as soon as the object store can be reached."""
        self._ended.set()
        end = time.monotonic() + _PATIENCE_SECONDS
        while not self._send() and time.monotonic() < end:
            time.sleep(_SEND_SECONDS)

    def _send(self) -> bool:
        """Whether there is nothing left to send: a later attempt's files are never replaced."""
        with self._guard:
            try:
                if self._store.get(self._run).attempt <= self._attempt:
                    self._storage.push(self._folder, run_name(self._run))
            except (StorageError, StoreError) as error:
                _log.warning("files of run %s wait: %s", self._run, error)
                return False
            except ValueError:  # the run was deleted
                return True
        return True
