"""The process that trains one run: ``python -m explorer.training RUN_ID``, as the manager starts it.

It holds the run's lock as long as it lives and notes how it ended at the lock before it updates the store, so
that they are found even when the store cannot be written. A run of several processes is started in this way too; then
the worker is rank 0 (see ``torchrun``).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from ..datasets import CancelledError
from ..home import home
from ..process import collect_seldom
from ..runs import (
    RESUMABLE,
    WORKER_GONE,
    AlreadyManaged,
    Lock,
    PatientStore,
    RequestedAction,
    Run,
    RunFolder,
    Status,
    StorageError,
    Store,
    StoreError,
    Superseded,
    connect_store,
    read_home_id,
    validate_run_id,
)
from . import torchrun
from ._cluster import SupervisorLine, claim
from ._control import ControlThread, RunEnded
from ._workers import open_manager

logger = logging.getLogger(__name__)

_STATUS_OF_ACTION: dict[str, Status] = {
    "run": "interrupted",
    "interrupt": "interrupted",
    "pause": "paused",
    "stop": "stopped",
    "lost": "lost",
    "leave": "queued",
    "superseded": "interrupted",
}
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_OUT_OF_MEMORY = re.compile(
    r"out of memory|DefaultCPUAllocator: (can't allocate|not enough) memory|std::bad_alloc|_ALLOC_FAILED"
    r"|\Acould not (create a primitive|create a memory object|execute a primitive)\Z"
)
"""What torch says where memory ends and its error is not OutOfMemoryError: an allocator of the CPU or of MPS, cuBLAS,
and oneDNN, which does not name it (its other messages of this form are about what it does not support)."""


class SigtermReceived(BaseException):
    """SIGTERM came and cannot wait for the end of the batch. A BaseException: nothing on its way may swallow it."""


def main(arguments: list[str]) -> int:
    """Train a run to its end, pause, stop or failure; the exit status is 0 unless it failed."""
    if len(arguments) != 1:
        print("usage: python -m explorer.training RUN_ID", file=sys.stderr)
        return 2
    root, run_id = home(), validate_run_id(arguments[0])
    supervisor = SupervisorLine.open()
    store = connect_store(root, os.environ.get("EXPLORER_DATABASE_URL") or None)
    path, patient = RunFolder(root, run_id).lock, PatientStore(store)
    by_torchrun = torchrun.SOCKET in os.environ
    rank = torchrun.rank() if by_torchrun or supervisor else None
    if rank:
        return _run_worker_rank(root, patient.get(run_id), rank, on_cluster=supervisor is not None)
    if by_torchrun:
        lock = torchrun.receive(path)
    else:
        lock = claim(root, patient, run_id) if supervisor else _acquire_lock(root, store, run_id)
    run = patient.get(run_id)
    facts = {"attempt": run.attempt, "device": run.device, "pid": os.getpid(), "host": socket.gethostname()}
    lock.write_note(**facts)
    control = ControlThread(store, run_id, lock, run.attempt)
    status: Status
    if (run.setting("processes") or 1) > 1 and rank is None:
        ended = torchrun.spawn(run_id, run.setting("processes"), lock)
        if ended is None:
            return 0
        asked = _requested_status(patient, run_id)
        reason = f"torchrun ended with status {ended} before rank 0 began; log.txt has the details"
        status = "failed" if asked == "interrupted" else asked
    else:
        _handle_signals(control, "leave" if supervisor else "interrupt", by_torchrun=by_torchrun)
        control.start()
        if supervisor:
            supervisor.control = control
        if by_torchrun:
            _watch_other_ranks(root, store, run, control, lock, facts)
        status, reason = _run_training(root, store, run, control)
        if supervisor and reason == torchrun.PEER_LOST:
            status, reason = "queued", WORKER_GONE

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    lock.write_note(**facts, status=status, reason=reason)
    if supervisor:
        supervisor.have_files_sent()
    control.done.set()
    _record_end_if_possible(store, run, status, reason)
    lock.release()
    if supervisor:  # Ray starts the next
        return 1 if status == "failed" else 0
    # The last one out starts the next: a queue goes on where nobody supervises it.
    with contextlib.suppress(AlreadyManaged, ValueError, OSError):
        open_manager(root).tick()
    return 1 if status == "failed" else 0


def _acquire_lock(root: Path, store: Store, run_id: str) -> Lock:
    """The run's lock: inherited from the manager, or taken where a person started this by hand."""
    folder = RunFolder(root, run_id)
    inherited = os.environ.pop("EXPLORER_RUN_LOCK", "")
    if inherited.isdecimal():
        os.set_inheritable(int(inherited), False)
        return Lock(folder.lock, int(inherited))
    if store.get(run_id).home != read_home_id(root):
        raise ValueError(f"run {run_id} belongs to another data directory, which shares this database; start it there")
    folder.path.mkdir(parents=True, exist_ok=True)
    lock = Lock.acquire(folder.lock)
    if lock is None:
        raise ValueError(f"run {run_id} has a worker already")
    run = store.get(run_id)
    device = run.setting("device")
    fields: dict[str, Any] = {"status": "running", "requested_action": "run", "attempt": run.attempt + 1, "reason": ""}
    fields |= {"heartbeat": time.monotonic(), "device": "cpu" if device == "auto" else device}
    if not store.update(run_id, where={"status": ("queued", *RESUMABLE)}, **fields):
        raise ValueError(f"run {run_id} is {run.status}; there is nothing to train")
    return lock


def _handle_signals(control: ControlThread, action: str, *, by_torchrun: bool) -> None:
    """SIGTERM without a request does this after this batch; after a request that took too long, or twice, at once.

    Where all processes are terminated one gets it twice: torchrun hands on its own. So there twice counts once.
    """

    def handle(*_: object) -> None:
        if control.requested_action == "run":
            control.requested_action = action
        elif not (by_torchrun and control.requested_action == action):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the manager repeats it; once is enough
            raise SigtermReceived

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _load_torch() -> None:
    """Load all that training needs, the larger half of torch too, which the first optimizer would ask for."""
    with collect_seldom():
        import torch._dynamo  # noqa: F401

        from . import job  # noqa: F401


def _run_worker_rank(root: Path, run: Run, rank: int, *, on_cluster: bool) -> int:
    """Be another rank than 0: compute, and end with rank 0."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # rank 0 may need us for the rest of its batch
    folder, alive = RunFolder(root, run.id), None
    if not on_cluster:  # there our supervisor knows of rank 0's, and the other way round
        os.environ.pop(torchrun.SOCKET)
        torchrun.end_with_rank_0(folder.lock, run.attempt)
        alive = torchrun.hold_rank_lock(folder.path, rank, run.attempt)  # the kernel frees it when we die
    _load_torch()
    from . import job

    # On a cluster the first process may not have said in the store by now where it is.
    device = os.environ["EXPLORER_RUN_DEVICE"] if on_cluster else run.device
    job.run_worker_rank(root, run, device, int(os.environ["LOCAL_RANK"]))
    if alive is not None:
        alive.release()
    return 0


def _watch_other_ranks(
    root: Path, store: Store, run: Run, control: ControlThread, lock: Lock, facts: dict[str, Any]
) -> None:
    """End this process where another rank died and the main thread still waits for it, as it does with NCCL."""

    def over() -> bool:
        return control.done.is_set() or control.training_over.is_set()

    def end() -> None:
        if over():
            return
        lock.write_note(**facts, status="interrupted", reason=torchrun.PEER_LOST)
        _record_end_if_possible(store, run, "interrupted", torchrun.PEER_LOST)
        os._exit(1)

    torchrun.watch_ranks(RunFolder(root, run.id).path, run.setting("processes"), run.attempt, over, end)


def _record_end_if_possible(store: Store, run: Run, status: Status, reason: str) -> None:
    try:
        _record_end(store, run, status, reason)
    except StoreError as error:  # the manager reads the lock's note then
        logger.warning("how the run ended is noted at its lock alone: %s", error)


def _record_end(store: Store, run: Run, status: Status, reason: str) -> None:
    """Record how the run ended. A request wins, also where it came while something else happened."""
    weaker: dict[Status, tuple[RequestedAction, ...]] = {
        "interrupted": ("run",),
        "queued": ("run",),
        "paused": ("run", "pause"),
    }
    where: dict[str, Any] = {"status": ("running",), "attempt": (run.attempt,)}
    allowed = {**where, "requested_action": weaker[status]} if status in weaker else where

    def tell(status: Status) -> str:
        return f"{status}: {reason}" if reason else status

    # With its event, so that whoever sees that it ended sees how.
    if not store.update(run.id, where=allowed, event=tell(status), status=status, reason=reason):
        status = _requested_status(store, run.id)
        store.update(run.id, where=where, event=tell(status), status=status, reason=reason)


def _requested_status(store: Store, run: str) -> Status:
    """The state of a run that ends now, by the requested action."""
    return _STATUS_OF_ACTION[store.get(run).requested_action]


def _run_training(root: Path, store: Store, run: Run, control: ControlThread) -> tuple[Status, str]:
    """Train, and say in which state and why it ended. The traceback of what nobody foresaw goes to the log."""
    try:
        _load_torch()
        from . import job

        return job.run_main_rank(root, store, run, control)
    except RunEnded as ended:
        return ended.status, ended.reason
    except CancelledError:
        return _STATUS_OF_ACTION[control.requested_action], "before its first step"
    except SigtermReceived:
        status = _STATUS_OF_ACTION[control.requested_action]
        return status, "ended in the middle of a long batch; the checkpoint before it is kept"
    except Exception as error:  # noqa: BLE001  (whatever it was, the run must not be left 'running')
        try:
            control.check_folder()
        except RunEnded as ended:
            return ended.status, ended.reason
        if isinstance(error, Superseded):
            return "interrupted", str(error)
        return "failed", _describe_failure(error, run)


def _describe_failure(error: Exception, run: Run) -> str:
    """What went wrong, in a sentence with a way out where there is one."""
    from .recording import Diverged

    if isinstance(error, Diverged):
        return f"diverged: {error}; the last finite checkpoint is kept, try a lower learning rate"
    if isinstance(error, StoreError):
        return f"disk full: {error}" if error.disk_full else str(error)
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return f"disk full: {error.strerror}; the checkpoint before is kept"
    if isinstance(error, ValueError | StorageError):
        return str(error)
    logger.error("the training failed", exc_info=error)
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename}"
    first_line = str(error).partition("\n")[0]
    if isinstance(error, MemoryError | RuntimeError) and _is_out_of_memory(error):
        return _describe_memory(first_line, run)
    if first_line.startswith("CUDA error"):
        return f"{first_line}; log.txt in the run's folder has the details"
    return f"unexpected {type(error).__name__}: {first_line}; log.txt in the run's folder has the details"


def _is_out_of_memory(error: Exception) -> bool:
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or bool(_OUT_OF_MEMORY.search(str(error)))


def _describe_memory(message: str, run: Run) -> str:
    import torch

    from .system_metrics import peak_memory_bytes

    peak = peak_memory_bytes(torch.device(run.device)) / 1e6
    source = f" (oneDNN {message})" if message.startswith("could not") else ""
    return f"out of memory (peak {peak:,.0f} MB); use a smaller batch, or accumulate{source}"
