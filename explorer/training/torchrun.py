"""Starting several processes for one run on this machine, and handing the run's lock to the first of them.

    manager → worker ─ starts ─→ torchrun ─ starts ─→ rank 0, rank 1, …
                └──────── the lock, by a socket ────────┘

torchrun lets its children inherit no open file, so rank 0 gets the lock through a socket: from then on whether the run
lives is, as always, whether the process lives that trains, writes and is signalled. Before that the worker holds it.
The other ranks look at the lock and end when rank 0 has. On a cluster each process has a supervisor instead.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..runs import Lock, is_locked, read_note

logger = logging.getLogger(__name__)

SOCKET = "EXPLORER_LOCK_SOCKET"
PEER_LOST = "another of its processes ended; log.txt in the run's folder says why"
GRACE_SECONDS = 30.0
"""In which a process whose peer died may end by itself: gloo raises an error, NCCL waits for ever."""
_POLL_SECONDS = 0.5
_LOOPBACK = {"linux": "lo", "darwin": "lo0"}


def spawn(run: str, processes: int, lock: Lock) -> int | None:
    """Train a run with several processes; returns when all have ended, the lock given up as soon as rank 0 has it.

    Args:
        run: Id of the run.
        processes: How many.
        lock: The run's lock, which this process holds.

    Returns:
        None, or the exit status of torchrun where it ended before rank 0 had the lock: then the lock is still ours.
    """
    folder = Path(tempfile.mkdtemp(prefix="explorer-"))  # ours alone (mode 0700); names of sockets must be short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "lock"))
            listener.listen(1)
            listener.settimeout(_POLL_SECONDS)
            command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
            command += ["--nproc-per-node", str(processes), "-m", __package__, run]
            torchrun = subprocess.Popen(command, env=_environment(processes, folder / "lock"))
            signal.signal(signal.SIGTERM, lambda *_: torchrun.terminate())
            if not _hand_over(listener, lock, torchrun):
                return torchrun.returncode
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    lock.release()
    torchrun.wait()
    return None


def _hand_over(listener: socket.socket, lock: Lock, torchrun: subprocess.Popen[bytes]) -> bool:
    while torchrun.poll() is None:
        with contextlib.suppress(TimeoutError):
            connection, _ = listener.accept()
            with connection:
                socket.send_fds(connection, [b"lock"], [lock.descriptor])
                if connection.recv(1):  # until rank 0 says that it has it, we hold it too
                    return True
    return False


def rank() -> int | None:
    """The number that this process was given among those of its run; None where it is alone, or starts them."""
    found = os.environ.get("RANK")
    return None if found is None else int(found)


def receive(path: Path) -> Lock:
    """Take over the run's lock, in rank 0.

    Args:
        path: The lock's file.

    Returns:
        The lock.

    Raises:
        OSError: The worker that had it is gone.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ.pop(SOCKET))
        _, descriptors, _, _ = socket.recv_fds(connection, 16, 1)
        if not descriptors:
            raise ConnectionError("the worker that held the lock is gone")
        os.set_inheritable(descriptors[0], False)
        connection.sendall(b"!")
    return Lock(path, descriptors[0])


def hold_rank_lock(folder: Path, number: int, attempt: int) -> Lock | None:
    """The lock that says that this rank lives, as long as the process does. Raises OSError where it cannot be made."""
    return Lock.acquire(_rank_lock(folder, number, attempt))


def watch_ranks(
    folder: Path, processes: int, attempt: int, over: Callable[[], bool], end: Callable[[], None]
) -> threading.Thread:
    """Watch the other ranks from rank 0. The kernel frees the lock of a process that dies, whatever this one waits for.

    Args:
        folder: Of the run.
        processes: How many train it.
        attempt: Number of the attempt, part of the locks' names.
        over: Whether the training is over, after which ranks may end.
        end: Called when another rank died and the training is not over within the grace period.

    Returns:
        The thread, started.
    """
    paths = [_rank_lock(folder, number, attempt) for number in range(1, processes)]
    for old in set(folder.glob("rank-*.lock")) - set(paths):
        old.unlink(missing_ok=True)

    def watch() -> None:
        lost_at: float | None = None
        while not over():
            now = time.monotonic()
            if not any(path.exists() and not is_locked(path) for path in paths):
                lost_at = None
            elif lost_at is None:
                lost_at = now
                logger.warning("another process of this run is gone")
            elif now - lost_at > GRACE_SECONDS:
                end()
                return
            time.sleep(_POLL_SECONDS)
        for path in paths:
            path.unlink(missing_ok=True)

    thread = threading.Thread(target=watch, name="watch-ranks", daemon=True)
    thread.start()
    return thread


def _rank_lock(folder: Path, number: int, attempt: int) -> Path:
    return folder / f"rank-{number}-of-attempt-{attempt}.lock"


def end_with_rank_0(path: Path, attempt: int) -> None:
    """End this process as soon as the lock is free, or another attempt's: whatever it waits for then never comes."""

    def watch() -> None:
        while is_locked(path) and read_note(path).get("attempt", attempt) == attempt:
            time.sleep(_POLL_SECONDS)
        os._exit(0)

    threading.Thread(target=watch, name="watch", daemon=True).start()


def _environment(processes: int, path: Path) -> dict[str, str]:
    found = {**os.environ, SOCKET: str(path)}
    # Without it torchrun gives every process a single thread.
    found.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    loopback = _LOOPBACK.get(sys.platform)
    if loopback:  # nobody else is to be met
        found |= {"GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback}
    return found
