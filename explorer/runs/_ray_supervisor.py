"""What Ray runs on the machine that it has chosen for a run: starts the run's worker there and stays while it lives."""

from __future__ import annotations

import contextlib
import os
import shutil
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
from ._ray_peers import PeerGone, Peers
from ._records import WORKER_GONE, Run, Status, StoreError

_RETRY_SECONDS = 2.0
_LOOK_SECONDS = 1.0
_MOST_LOG_BYTES = 20_000


def find_end(run: Run, lock: Path, gone: str) -> tuple[Status, str]:
    """What a dead worker of a cluster noted, or was requested; else the run waits for another one, since it is gone."""
    note = read_note(lock)
    if run.requested_action != "run" or (note.get("attempt") == run.attempt and "status" in note):
        return end_of(run, lock)
    return "queued", gone


def _make_room(root: Path, rank: int) -> Path:
    """A data directory for another process than the first one, which has the data sets of this machine's."""
    found = root / "ranks" / str(rank)
    found.mkdir(parents=True, exist_ok=True)
    (root / "data").mkdir(exist_ok=True)
    with contextlib.suppress(FileExistsError):
        (found / "data").symlink_to("../../data")
    return found


class Supervisor:
    """The process that holds a run's CPUs and GPUs in Ray's books, or those of one of its processes. It and the worker
    that it starts end together."""

    def __init__(self, worker: dict[str, Any]) -> None:
        """Start the worker; where a run has several, as soon as all are there.

        Args:
            worker: The arguments of Python (``arguments``), the ``environment`` that names the run, and where the run
                is: ``root``, ``url``, ``run``, ``attempt``; where machines share no folder, also the object ``storage``
                and the ``home`` whose run it is. Of how many ``processes`` it is which (``rank``), and the ``name`` of
                the first one's actor.

        Raises:
            OSError: The run's folder is not here, or no process can be started.
        """
        self._order, self._root = worker, Path(worker["root"])
        self._rank = worker["rank"]
        self._peers = Peers(worker["name"], worker["rank"], worker["processes"]) if worker["processes"] > 1 else None
        self._copies: Copies | None = None
        self._worker: subprocess.Popen[bytes] | None = None
        self._forwarded = 0
        """So many bytes of what the worker has printed were passed on."""
        if worker.get("storage"):
            self._root = home() / "cluster" / worker["home"]
            if self._rank:  # another process of the run may be on this machine, too
                self._root = _make_room(self._root, self._rank)
            self._copies = Copies(worker, self._root)
            self._copies.bring()
            worker["environment"]["EXPLORER_HOME"] = str(self._root)
        # The worker's standard input ends when this process does: so it notices. It has its last files sent through it.
        self._line, self._other_end = socket.socketpair()
        if self._peers is None:
            self._start({})
        threading.Thread(target=self._answer, name="line", daemon=True).start()
        threading.Thread(target=self._wait, name="worker", daemon=True).start()

    def _start(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        outer = {name: value for name, value in os.environ.items() if name != "RANK"}  # of whoever started the node
        with self._other_end, RunFolder(self._root, self._order["run"]).log.open("ab") as output:
            self._worker = start_process(
                [sys.executable, *self._order["arguments"]],
                env={**outer, **self._order["environment"], **environment},
                stdin=self._other_end,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if self._copies is not None and not self._rank:
            threading.Thread(target=self._copies.send_forever, name="copies", daemon=True).start()
        return self._worker

    def signal(self, number: int) -> None:
        """Signal the worker."""
        if self._worker is not None:
            with contextlib.suppress(ProcessLookupError):
                self._worker.send_signal(number)

    def describe(self) -> dict[str, Any]:
        """What the supervisors of the run's other processes must know; that it answers tells that this one lives."""
        return {} if self._peers is None else self._peers.facts

    def note_departure(self, rank: int, status: int) -> None:
        """Another process of the run has ended."""
        if self._peers is not None and not status:
            self._peers.note_departure(rank)
        if status:
            self.append_log(rank, f"ended with status {status}\n")

    def append_log(self, rank: int, printed: str) -> None:
        """Write in the run's log what another process has printed on its own machine."""
        with RunFolder(self._root, self._order["run"]).log.open("a", encoding="utf-8") as log:
            log.writelines(f"[rank {rank}] {line}\n" for line in printed.splitlines())

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
            worker = self._worker or self._start(self._peers.meet() if self._peers else {})
            while worker.poll() is None:
                if os.getppid() != node:
                    return  # nobody knows any more what is used here; the worker notices, and its run goes on elsewhere
                if self._peers is not None and self._peers.is_lost():
                    worker.kill()
                self._forward()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    worker.wait(_LOOK_SECONDS)
            if self._rank:
                self._depart(worker.returncode)
                return
            if self._copies is not None:
                self._copies.send_last()
            self._settle()
        except PeerGone as error:
            print(f"the run {self._order['run']} does not begin: {error}", file=sys.stderr)
        finally:
            if self._peers is not None and not self._rank:
                self._peers.dismiss()
            os._exit(0)  # gives the CPUs and GPUs back

    def _forward(self, *, last: bool = False) -> None:
        """Have whole lines of what another process than the first one prints where only its machine sees it stand in
        the first one's log, which is the run's; of very many the end."""
        if self._peers is None or self._copies is None or not self._rank:
            return
        with contextlib.suppress(OSError), RunFolder(self._root, self._order["run"]).log.open("rb") as log:
            self._forwarded = max(self._forwarded, log.seek(0, os.SEEK_END) - _MOST_LOG_BYTES)
            log.seek(self._forwarded)
            printed = log.read()
            printed = printed if last else printed[: printed.rfind(b"\n") + 1]
            if printed and self._peers.forward(printed.decode("utf-8", errors="replace")):
                self._forwarded += len(printed)

    def _depart(self, status: int) -> None:
        """Let the first process know that this one has ended, and what it has printed."""
        assert self._peers is not None
        self._forward(last=True)
        self._peers.depart(status)
        if self._copies is not None:
            shutil.rmtree(RunFolder(self._root, self._order["run"]).path, ignore_errors=True)

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
