"""What Ray runs on the machine that it has chosen for a run: starts the run's worker there and stays while it lives."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ..home import home
from ..process import start_process
from ._copies import Copies
from ._files import read_note
from ._home import RunFolder
from ._local import end_of
from ._open import connect_store
from ._records import WORKER_GONE, Run, Status, StoreError

_RETRY_SECONDS = 2.0
_LOOK_SECONDS = 1.0


def find_end(run: Run, lock: Path, gone: str) -> tuple[Status, str]:
    """What a dead worker of a cluster noted, or was requested; else the run waits for another one, since it is gone."""
    note = read_note(lock)
    if run.requested_action != "run" or (note.get("attempt") == run.attempt and "status" in note):
        return end_of(run, lock)
    return "queued", gone


class Supervisor:
    """The process that holds a run's CPUs and GPUs in Ray's books. It and the run's worker end together."""

    def __init__(self, worker: dict[str, Any]) -> None:
        """Start the worker.

        Args:
            worker: The arguments of Python (``arguments``), the ``environment`` that names the run, and where the run
                is: ``root``, ``url``, ``run``, ``attempt``; where machines share no folder, also the object ``storage``
                and the ``home`` whose run it is.

        Raises:
            OSError: The run's folder is not here, or no process can be started.
        """
        self._order, self._root = worker, Path(worker["root"])
        self._copies: Copies | None = None
        if worker.get("storage"):
            self._root = home() / "cluster" / worker["home"]
            self._copies = Copies(worker, self._root)
            self._copies.bring()
            worker["environment"]["EXPLORER_HOME"] = str(self._root)
        # Its standard input ends when this process does: so it notices. It has its last files sent through it, too.
        self._line, line = socket.socketpair()
        with line, RunFolder(self._root, worker["run"]).log.open("ab") as output:
            self._worker = start_process(
                [sys.executable, *worker["arguments"]],
                env={**os.environ, **worker["environment"]},
                stdin=line,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if self._copies is not None:
            threading.Thread(target=self._copies.send_forever, name="copies", daemon=True).start()
        threading.Thread(target=self._answer, name="line", daemon=True).start()
        threading.Thread(target=self._wait, name="worker", daemon=True).start()

    def signal(self, number: int) -> None:
        """Signal the worker."""
        with contextlib.suppress(ProcessLookupError):
            self._worker.send_signal(number)

    def _answer(self) -> None:
        """Send what the worker leaves before it says that it has ended: who goes on elsewhere then finds it all."""
        with contextlib.suppress(OSError):
            while self._line.recv(1):
                if self._copies is not None:
                    self._copies.send_last()
                self._line.send(b".")

    def _wait(self) -> None:
        """Until the worker has ended, or Ray's node: one that has lost its head ends, and leaves us behind."""
        node = os.getppid()
        try:
            while self._worker.poll() is None:
                if os.getppid() != node:
                    return  # nobody knows any more what is used here; the worker notices, and its run goes on elsewhere
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._worker.wait(_LOOK_SECONDS)
            if self._copies is not None:
                self._copies.send_last()
            self._settle()
        finally:
            os._exit(0)  # gives the CPUs and GPUs back

    def _settle(self) -> None:
        """Give the run the state that its worker could not give it any more, as soon as the store can be reached."""
        root, attempt = self._root, self._order["attempt"]
        store = connect_store(root, self._order["url"])
        while True:
            try:
                run = store.get(self._order["run"])
                if (run.status, run.attempt) == ("running", attempt):
                    status, reason = find_end(run, RunFolder(root, run.id).lock, WORKER_GONE)
                    where = {"status": ("running",), "attempt": (attempt,)}
                    store.update(run.id, where=where, event=f"{status}: {reason}", status=status, reason=reason)
            except StoreError:
                time.sleep(_RETRY_SECONDS)
            except ValueError:  # the run was deleted
                return
            else:
                return
