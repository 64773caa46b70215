"""Workers as processes of this machine: some runs on each of its devices, alive as long as they hold a lock."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ._devices import Device, ask_devices, device_choices, devices, devices_used
from ._fair import Claim, Job, Need, Queue
from ._files import Lock, is_locked, read_note
from ._home import RunFolder
from ._place import Book, Settle, Target, share_of_gpu
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

    def devices(self, patience_seconds: float) -> tuple[Device, ...]:
        """Those of this machine."""
        return devices(patience_seconds)

    def find_target(self, wanted: str, processes: int, threads: int) -> Target:  # noqa: ARG002  (has all CPUs)
        """On the first of the devices that would do, however many threads compute."""
        return find_local_target(wanted, processes)

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

    def find_others(self) -> list[Run]:
        """Nothing is known of them: the devices are taken to be ours alone."""
        return []

    def line_up(self, queued: Sequence[Run], running: Sequence[Run], book: Book) -> Queue | None:
        """Each device has room for so many runs; a GPU for some more where all of them agree to share it."""
        known = {device.name: device for device in (self._launch.known if self._launch else devices())}
        needs: dict[tuple[Claim, ...], Need] = {}

        def claim(run: Run, used: Iterable[str]) -> Claim:
            return tuple((name, self._share(run, known.get(name))) for name in used)

        def job(run: Run, choices: Iterable[Iterable[str]]) -> Job:
            claims = tuple(claim(run, used) for used in choices)
            weight = sum(amount for _, amount in claims[0])
            return book.enter(run, needs.setdefault(claims, Need(claims, weight)))

        at_work = []
        for run in running:
            used = devices_used(run.device, run.setting("processes") or 1)
            at_work.append((job(run, [used]), claim(run, used)))
        waiting = [
            job(run, choices) for run in queued if not isinstance(choices := self._choices(run, known), str) and choices
        ]
        return Queue(waiting, at_work, dict.fromkeys(known, float(self._per_device)), book.turns)

    def _choices(self, run: Run, known: Iterable[str]) -> list[tuple[str, ...]] | str:
        """The sets of devices on which a run can be trained, as far as they are known; or why on none.

        'auto' waits for a GPU where there is one, rather than start on the CPU.
        """
        wanted = run.setting("device") or "auto"
        if wanted != "cpu" and self._launch is not None and not self._launch.complete:
            return []
        try:
            return device_choices(wanted, run.setting("processes") or 1, known)
        except ValueError as error:
            return str(error)

    @staticmethod
    def _share(run: Run, device: Device | None) -> float:
        return 1.0 if device is None or device.name == "cpu" else share_of_gpu(run, device.memory_bytes)

    def start(self, queue: Queue, queued: Sequence[Run], settle: Settle) -> None:
        """Start whom there is room for, in the queue's order."""
        launch = self._launch
        if launch is None:
            return
        names = [device.name for device in launch.known]
        for run in queued:
            if isinstance(why := self._choices(run, names), str):
                self._store.update(run.id, where={"status": ("queued",)}, status="failed", reason=why)
        waiting = {run.id: run for run in queued}
        queue.give_turns(lambda job, claim: self._start(waiting[job.run], claim[0][0], launch.command, settle))

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
            lock.write_note(attempt=attempt, device=device, started=False)
            claimed = self._store.update(
                run.id,
                where={"status": ("queued",), "attempt": (run.attempt,)}, turn="begins",
                status="running", attempt=attempt, device=device, host=socket.gethostname(), reason="",
                heartbeat=time.monotonic(), place=self.name,
            )  # fmt: skip
            if not claimed:
                return False
            lock.write_note(attempt=attempt, device=device)
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

    def forget(self, run: str) -> None:
        """Nothing is kept elsewhere."""

    def close(self) -> None:
        """Nothing was opened."""


def find_local_target(wanted: str, processes: int) -> Target:
    """Find where a run would be trained on this machine.

    Args:
        wanted: The name of a device, or 'auto'.
        processes: How many the run has.

    Returns:
        The first of the devices that would do; all processes share the memory of the CPU.

    Raises:
        ValueError: There is none; the message says which there are.
    """
    known = {device.name: device for device in devices()}
    used = device_choices(wanted, processes, known)[0]
    return Target(known[used[0]], used[0], processes if used == ("cpu",) else 1)


def end_of(run: Run, lock: Path) -> tuple[Status, str]:
    """The state, and the reason for it, of a run whose worker is dead."""
    note = read_note(lock)
    if note.get("attempt") == run.attempt and "status" in note:
        return note["status"], note.get("reason", "")
    # Whoever claimed it never heard that it had, the connection to the database being cut, or died right then.
    unstarted = note.get("attempt") == run.attempt and note.get("started") is False
    if unstarted and run.requested_action == "run":
        return "queued", ""
    if run.requested_action == "run":
        return "interrupted", "its worker died without a report (killed, or the machine went down)"
    return ("stopped" if run.requested_action == "stop" else "paused"), "its worker had to be killed"
