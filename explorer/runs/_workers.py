"""Worker processes: started, reaped and signalled here, and nowhere else."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..process import start_process
from ._files import Lock, is_locked, read_note
from ._home import RunFolder
from ._records import Run

CHILDREN: list[subprocess.Popen[bytes]] = []
"""Workers that this process started, to be reaped; they outlive every manager."""


def start_worker(command: Sequence[str], root: Path, url: str | None, run: Run, lock: Lock) -> None:
    """Start the worker of a run, ``command`` with the run's id behind it; it inherits the run's lock."""
    environment = {**os.environ, "EXPLORER_HOME": str(root), "EXPLORER_RUN_LOCK": str(lock.descriptor)}
    if url is not None:
        environment["EXPLORER_DATABASE_URL"] = url
    with RunFolder(root, run.id).log.open("ab") as output:
        worker = start_process(
            [*command, run.id],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(lock.descriptor,),
        )
    CHILDREN.append(worker)


def reap_workers() -> None:
    """Collect the exit statuses of workers that have ended."""
    CHILDREN[:] = [child for child in CHILDREN if child.poll() is None]


def signal_worker(root: Path, run: Run, number: signal.Signals) -> bool:
    """Signal the worker of a run if it lives; whether it did. No other process can ever be hit.

    The number in the note is trusted only while the lock is held, and only through a descriptor that was opened
    before that was seen: a process that is alive afterwards under this number is the one that the descriptor means.
    """
    lock = RunFolder(root, run.id).lock
    note = read_note(lock)
    process = note.get("pid")
    ours = note.get("attempt") == run.attempt and note.get("host") == socket.gethostname()
    if not isinstance(process, int) or not ours:
        return False
    try:
        if not hasattr(os, "pidfd_open"):
            if is_locked(lock):
                os.kill(process, number)
                return True
            return False
        descriptor = os.pidfd_open(process)
        try:
            if not is_locked(lock) or read_note(lock).get("pid") != process:
                return False
            signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
    except ProcessLookupError:
        return False
    return True
