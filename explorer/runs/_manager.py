"""The manager: makes runs, starts their workers, asks them to pause or stop, and keeps the store truthful.

Any number of programs may open a manager on a data directory to look and to ask. Starting workers and tidying up is for
one at a time, the *owner*: a server for as long as it lives, a command for a moment. Who is alive is told by locks that
the kernel frees, never by a process number or a clock.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..home import home
from ._devices import device_choices, devices, devices_used
from ._experiments import Trial
from ._files import Lock, atomic_write, is_locked, read_note, remove_folder
from ._home import RunFolder, new_run_id, validate_run_id
from ._open import describe, open_store
from ._store import RESUMABLE, RequestedAction, Run, Status, StoreError
from ._workers import reap_workers, signal_worker, start_worker

RESPONDS_SECONDS = 10.0
"""Without a sign of life for so long, a worker is shown as not responding."""
TERMINATE_SECONDS, KILL_SECONDS = 10.0, 30.0
"""Patience with a worker that was asked to pause or stop."""
MAX_ACTIVE = 200
_TICK_SECONDS = 0.5
_log = logging.getLogger(__name__)


class AlreadyManaged(RuntimeError):
    """Another living program manages this data directory; the message says which."""


class Manager:
    """The runs of one data directory. Methods raise ValueError, in one sentence, for what a person asked in vain."""

    def __init__(
        self,
        root: Path | None = None,
        url: str | None = None,
        *,
        worker_command: Callable[[], Sequence[str]] | None = None,
        per_device: int = 1,
    ) -> None:
        """Open the runs of a data directory.

        Args:
            root: The data directory; by default ``explorer.home.home()``.
            url: Another database, as SQLAlchemy writes it; by default ``EXPLORER_DATABASE_URL``, then SQLite.
            worker_command: Gives the command that works on a run when its id is put behind it, asked when a worker is
                started. Without it queued runs stay queued.
            per_device: How many runs may share a device.

        Raises:
            StoreError: The store cannot be read or written.
        """
        self.root = root or home()
        self.url = url or os.environ.get("EXPLORER_DATABASE_URL") or None
        self.worker_command = worker_command
        self.per_device = per_device
        self.store, self.messages = open_store(self.root, self.url)
        """``messages``: what had to be put right in the store, for people."""
        self._owner: Lock | None = None
        self._closing = threading.Event()
        self._guard = threading.RLock()

    # ---- ownership --------------------------------------------------------------------------------------------------

    def acquire(self, patience: float = 2.0) -> None:
        """Become the owner until ``close``, waiting ``patience`` seconds for another one. Raises AlreadyManaged."""
        end = time.monotonic() + patience
        with self._guard:
            while self._owner is None:
                self._owner = Lock.acquire(self.root / "manager.lock")
                if self._owner is None and time.monotonic() >= end:
                    raise AlreadyManaged(self._describe_owner())
                if self._owner is None:
                    time.sleep(0.05)
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
            while not self._closing.wait(_TICK_SECONDS):
                try:
                    self.tick()
                except Exception:  # noqa: BLE001  (a full disk today must not end the supervision for good)
                    _log.exception("the runs could not be looked after; trying again")

        threading.Thread(target=forever, name="runs", daemon=True).start()

    def close(self) -> None:
        """Give the directory up. Workers go on."""
        self._closing.set()
        with self._guard:
            if self._owner is not None:
                self._owner.release()
                self._owner = None

    def tick(self) -> None:
        """Bring the store in line with who is alive, end those who did not listen, start what can start.

        Raises AlreadyManaged if another program does this.
        """
        with self._guard:
            mine = self._owner is not None
            if not mine:
                self.acquire(patience=0.0)
            try:
                self._reap()
                self._reconcile()
                self._escalate()
                self._start_queued()
            finally:
                if not mine and self._owner is not None:
                    self._owner.release()
                    self._owner = None

    def _describe_owner(self) -> str:
        note = read_note(self.root / "manager.lock")
        return (
            f"the data directory {str(self.root)!r} is managed by process {note.get('pid', '?')} "
            f"({note.get('program', '?')}) on {note.get('host', '?')}; use that one, or set EXPLORER_HOME"
        )

    # ---- what people ask for ----------------------------------------------------------------------------------------

    def create(
        self,
        name: str,
        architecture: str,
        config: str,
        *,
        memory: int = 0,
        notes: str = "",
        tags: Iterable[str] = (),
        trial: Trial | None = None,
    ) -> Run:
        """A new run, queued. ``architecture`` and ``config`` are JSON; ``memory`` is what it is expected to need."""
        self.check_capacity(1)
        run = self.store.add(
            id=new_run_id(), name=name, created=time.time(), architecture=architecture, config=config, memory=memory,
            notes=notes, tags=tuple(tags), status="queued", trial=trial,
        )  # fmt: skip
        self._describe(run)
        return run

    def check_capacity(self, runs: int) -> None:
        """Raises ValueError where so many more runs would be too many at a time."""
        active = len(self.store.runs("queued", "running"))
        if active + runs > MAX_ACTIVE:
            raise ValueError(
                f"{active} runs are queued or running, and {runs} more were asked for; at most {MAX_ACTIVE} are "
                f"allowed: stop or delete some, or ask for fewer"
            )

    def trials(self, experiment: str) -> list[tuple[Trial, Run]]:
        """The runs of an experiment, oldest first, dead workers told apart from living ones."""
        self._reconcile_if_possible()
        return self.store.trials(experiment)

    def runs(self) -> list[Run]:
        """All runs, oldest first, with dead workers told apart from living ones even where nobody is the owner."""
        self._reconcile_if_possible()
        return self.store.runs()

    def run(self, run: str) -> Run:
        """One run. Raises ValueError if there is none."""
        found = self.store.get(validate_run_id(run))
        if found.status == "running":
            self._reconcile_if_possible()
            found = self.store.get(run)
        return found

    def is_responding(self, run: Run) -> bool:
        """Whether a running worker gave a sign of life lately. A hint for people: nothing is decided by it."""
        return run.status != "running" or abs(time.monotonic() - run.heartbeat) < RESPONDS_SECONDS

    def pause(self, run: str) -> Run:
        """Have a run write a checkpoint and give its device up; ``resume`` goes on from there."""
        return self._request(run, "pause", "paused")

    def stop(self, run: str) -> Run:
        """End a run. Wins over a pause that was asked for at the same time."""
        return self._request(run, "stop", "stopped")

    def resume(self, run: str) -> Run:
        """Queue a run again, to go on from its last checkpoint. Of two who ask at once one is told it is queued."""
        before = self.run(run)
        if not self.store.update(run, where={"status": RESUMABLE}, status="queued", requested_action="run", reason=""):
            now = self.store.get(run)
            way = "extend it by some epochs" if now.status == "finished" else "there is nothing to resume"
            raise ValueError(f"run {run} is {now.status} already; {way}")
        self.store.log_event(run, f"resumed after it was {before.status}")
        return self.store.get(run)

    def reconfigure(self, run: str, config: str, *, memory: int, queue: bool = False) -> Run:
        """Another training configuration (JSON) for a run that does not work at present; ``queue`` resumes it too."""
        statuses: tuple[Status, ...] = (*RESUMABLE, "finished")
        self.run(run)
        fields: dict[str, Any] = {"config": config, "memory": memory}
        if queue:
            fields |= {"status": "queued", "requested_action": "run", "reason": ""}
        if not self.store.update(run, where={"status": statuses}, **fields):
            raise ValueError(f"run {run} is {self.store.get(run).status}; pause it first")
        self._describe(self.store.get(run))
        return self.store.get(run)

    def annotate(
        self, run: str, *, name: str | None = None, notes: str | None = None, tags: Iterable[str] | None = None
    ) -> Run:
        """Another title, other notes or tags."""
        given: dict[str, Any] = {"name": name, "notes": notes, "tags": None if tags is None else tuple(tags)}
        fields = {key: value for key, value in given.items() if value is not None}
        if fields:
            self.store.update(validate_run_id(run), **fields)
            self._describe(self.store.get(run))
        return self.store.get(run)

    def delete(self, run: str) -> None:
        """Remove a run with its checkpoints and curves. Raises ValueError while its worker lives."""
        folder = RunFolder(self.root, run)
        self.run(run)
        folder.path.mkdir(parents=True, exist_ok=True)
        lock = Lock.acquire(folder.lock)
        if lock is None:
            raise ValueError(f"run {run} is running; stop it first")
        with lock:
            # Out of sight first: were we killed here, no half run would be listed again from its folder.
            away = folder.path.with_name(f".deleted-{run}-{os.getpid()}")
            os.replace(folder.path, away)
            self.store.remove(run)
        remove_folder(away)

    def _request(self, run: str, action: RequestedAction, end: Status) -> Run:
        before = self.run(run)
        idle: tuple[Status, ...] = ("queued",) if action == "pause" else ("queued", "paused", "interrupted")
        weaker = ("run",) if action == "pause" else ("run", "pause")
        while True:
            if self.store.update(run, where={"status": idle}, status=end, requested_action=action):
                self.store.log_event(run, f"{end} while it was {before.status}")
                return self.store.get(run)
            asked = self.store.update(
                run,
                where={"status": ("running",), "requested_action": weaker},
                requested_action=action,
                requested_at=time.monotonic(),
            )
            now = self.store.get(run)
            if asked or now.status not in idle:
                break
            before = now  # it ran when the first question was put, and came to rest before the second: once more
        if asked:
            self.store.log_event(run, f"asked to {action}")
        elif now.status not in ("running", end):
            raise ValueError(f"run {run} is {now.status}; there is nothing to {action}")
        return now

    def _describe(self, run: Run) -> None:
        folder = RunFolder(self.root, run.id)
        folder.path.mkdir(parents=True, exist_ok=True)
        atomic_write(folder.description, json.dumps(describe(run)).encode())

    # ---- what the owner does ----------------------------------------------------------------------------------------

    def _reap(self) -> None:
        reap_workers()
        for folder in (self.root / "runs").glob(".deleted-*"):
            remove_folder(folder)

    def _reconcile(self) -> None:
        """Runs whose worker is dead get the state that the worker left in its note, or that was requested."""
        for run in self.store.runs("running"):
            lock = RunFolder(self.root, run.id).lock
            if is_locked(lock):
                continue
            note = read_note(lock)
            if note.get("attempt") == run.attempt and "status" in note:
                status, reason = note["status"], note.get("reason", "")
            elif run.requested_action == "run":
                status, reason = "interrupted", "its worker ended without a word (killed, or the machine went down)"
            else:
                status, reason = (
                    ("stopped" if run.requested_action == "stop" else "paused"),
                    "its worker had to be killed",
                )
            where: dict[str, tuple[object, ...]] = {
                "status": ("running",),
                "attempt": (run.attempt,),
                "requested_action": (run.requested_action,),
            }
            if self.store.update(run.id, where=where, status=status, reason=reason):
                self.store.log_event(run.id, f"{status}: {reason}" if reason else status)

    def _reconcile_if_possible(self) -> None:
        try:
            self._reconcile()
        except StoreError as error:
            if not error.disk_full:  # to look at runs is possible all the same
                raise

    def _escalate(self) -> None:
        for run in self.store.runs("running"):
            waited = time.monotonic() - run.requested_at
            if run.requested_action == "run" or waited < TERMINATE_SECONDS:
                continue
            number = signal.SIGTERM if waited < KILL_SECONDS else signal.SIGKILL
            if signal_worker(self.root, run, number):
                _log.info("%s sent to the worker of run %s", number.name, run.id)

    def _start_queued(self) -> None:
        queued = self.store.runs("queued")
        if not queued or self.worker_command is None:
            return
        load: Counter[str] = Counter()
        for run in self.store.runs("running"):
            load.update(devices_used(run.device, run.setting("processes") or 1))
        for run in queued:
            wanted, processes = run.setting("device") or "auto", run.setting("processes") or 1
            try:
                choice = device_choices(wanted, processes, [device.name for device in devices()])
            except ValueError as error:
                self.store.update(run.id, where={"status": ("queued",)}, status="failed", reason=str(error))
                continue
            # Of equal choices the first; 'auto' waits for a GPU where there is one, rather than start on the CPU.
            chosen = min(choice, key=lambda names: max(load[name] for name in names))
            free = all(load[name] < self.per_device for name in chosen)
            if free and self._start(run, chosen[0], self.worker_command()):
                load.update(chosen)

    def _start(self, run: Run, device: str, command: Sequence[str]) -> bool:
        """Start the worker of a queued run; whether there is one now.

        The run's lock is taken here and inherited by the worker: from before the store says 'running' until the
        worker's death there is no moment at which it is free.
        """
        folder = RunFolder(self.root, run.id)
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            lock = Lock.acquire(folder.lock)
        except OSError as error:
            reason = f"cannot write in {folder.path}: {error.strerror or error}"
            self.store.update(run.id, where={"status": ("queued",)}, status="failed", reason=reason)
            return False
        if lock is None:  # its last worker is still on its way out
            return False
        with lock:
            attempt = run.attempt + 1
            lock.write_note(attempt=attempt, device=device)
            claimed = self.store.update(
                run.id,
                where={"status": ("queued",), "attempt": (run.attempt,)},
                status="running", attempt=attempt, device=device, reason="", heartbeat=time.monotonic(),
            )  # fmt: skip
            if not claimed:
                return False
            try:
                start_worker(command, self.root, self.url, run, lock)
            except OSError as error:
                reason = f"its worker cannot be started: {error.strerror or error}"
                self.store.update(run.id, where={"status": ("running",)}, status="failed", reason=reason)
                return False
        return True


def wait_until_ended(manager: Manager, run: str, seconds: float = 60.0) -> Run:
    """Wait until a run neither waits nor works, looking after the directory meanwhile where nobody else does."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(AlreadyManaged):
            manager.tick()
        found = manager.run(run)
        if not found.active or time.monotonic() > end:
            return found
        time.sleep(0.1)
