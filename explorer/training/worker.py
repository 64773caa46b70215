"""The process that trains one run: ``python -m explorer.training RUN_ID``, as the manager starts it.

It holds the run's lock as long as it lives and leaves its last words in the lock's note before it tells the store, so
that they are found even when the store cannot be written. A run of several processes is started in this way too; then
the worker is rank 0 (see ``torchrun``).
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

from ..home import home
from ..runs import (
    RESUMABLE,
    SAMPLES,
    Document,
    Lock,
    Manager,
    Owned,
    Run,
    RunFolder,
    Status,
    Store,
    StoreError,
    checked_id,
    store_of,
)
from . import torchrun
from ._attendant import Attendant, StoreSink

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Ended(Exception):
    """The run ends here, in this state and for this reason."""

    def __init__(self, status: Status, reason: str = "") -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Terminated(BaseException):
    """SIGTERM came and cannot wait for the end of the batch. A BaseException: nothing on its way may swallow it."""


def main(arguments: list[str]) -> int:
    """Train a run to its end, pause, stop or failure; the exit status is 0 unless it failed."""
    if len(arguments) != 1:
        print("usage: python -m explorer.training RUN_ID", file=sys.stderr)
        return 2
    root, run_id = home(), checked_id(arguments[0])
    store = store_of(root, os.environ.get("EXPLORER_DATABASE_URL") or None)
    ranked = torchrun.SOCKET in os.environ
    if ranked and torchrun.rank() > 0:
        return _help(root, store.get(run_id))
    path = RunFolder(root, run_id).lock
    lock = torchrun.receive(path) if ranked else _lock(root, store, run_id)
    run = store.get(run_id)
    facts = {"attempt": run.attempt, "device": run.device, "pid": os.getpid(), "host": socket.gethostname()}
    attendant = Attendant(store, run_id)
    status: Status
    if (run.setting("processes") or 1) > 1 and not ranked:
        ended = torchrun.spawn(run_id, run.setting("processes"), lock)
        if ended is None:
            return 0
        status, reason = "failed", f"torchrun ended with status {ended} before rank 0 began; log.txt has the details"
    else:
        lock.note(**facts)
        _listen(attendant)
        attendant.start()
        status, reason = _outcome(root, store, run, attendant)

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    attendant.done.set()
    lock.note(**facts, status=status, reason=reason)
    with contextlib.suppress(StoreError):  # then the manager reads the note
        _settle(store, run, status, reason)
    lock.release()
    # The last one out starts the next: a queue goes on where nobody supervises it.
    with contextlib.suppress(Owned, ValueError, OSError):
        Manager(root).tick()
    return 1 if status == "failed" else 0


def _lock(root: Path, store: Store, run_id: str) -> Lock:
    """The run's lock: inherited from the manager, or taken where a person started this by hand."""
    folder = RunFolder(root, run_id)
    inherited = os.environ.pop("EXPLORER_RUN_LOCK", "")
    if inherited.isdecimal():
        os.set_inheritable(int(inherited), False)
        return Lock(folder.lock, int(inherited))
    folder.path.mkdir(parents=True, exist_ok=True)
    lock = Lock.take(folder.lock)
    if lock is None:
        raise ValueError(f"run {run_id} has a worker already")
    run = store.get(run_id)
    device = run.setting("device")
    fields = {"status": "running", "wish": "run", "attempt": run.attempt + 1, "beat": time.monotonic(), "reason": ""}
    fields["device"] = "cpu" if device == "auto" else device
    if not store.update(run_id, where={"status": ("queued", *RESUMABLE)}, **fields):
        raise ValueError(f"run {run_id} is {run.status}; there is nothing to train")
    return lock


def _listen(attendant: Attendant) -> None:
    """SIGTERM out of the blue ends the run after this batch; after a wish that went unheard, or twice, at once."""

    def handle(*_: object) -> None:
        if attendant.wish == "run":
            attendant.wish = "interrupt"
        else:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the manager repeats it; once is enough
            raise Terminated

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _settle(store: Store, run: Run, status: Status, reason: str) -> None:
    """Tell the store how it ended. Stop wins over a pause, also one that came while the pause was carried out."""
    where: dict[str, Any] = {"status": ("running",), "attempt": (run.attempt,)}
    if status == "paused":
        if store.update(run.id, where={**where, "wish": ("run", "pause")}, status=status, reason=reason):
            store.tell(run.id, "paused")
            return
        status = "stopped"
    if store.update(run.id, where=where, status=status, reason=reason):
        store.tell(run.id, f"{status}: {reason}" if reason else status)


def _outcome(root: Path, store: Store, run: Run, attendant: Attendant) -> tuple[Status, str]:
    """Train, and say in which state and why it ended."""
    try:
        import torch

        from .gauges import memory_peak
        from .recording import Diverged

        device = torch.device(run.device)
        try:
            return _train(root, store, run, attendant)
        except Diverged as error:
            return "failed", f"diverged: {error}; the last finite checkpoint is kept, try a lower learning rate"
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            text = str(error)
            if isinstance(error, RuntimeError) and "memory" not in text:
                raise
            peak = memory_peak(device) / 1e6
            return "failed", f"out of memory (peak {peak:,.0f} MB); use a smaller batch, or accumulate"
    except Ended as ended:
        return ended.status, ended.reason
    except Terminated:
        wish = attendant.wish
        status: Status = "stopped" if wish == "stop" else "paused" if wish == "pause" else "interrupted"
        return status, "ended in the middle of a long batch; the checkpoint before it is kept"
    except StoreError as error:
        return "failed", f"disk full: {error}" if error.disk_full else str(error)
    except OSError as error:
        if error.errno in _NO_ROOM:
            return "failed", f"disk full: {error.strerror}; the checkpoint before is kept"
        traceback.print_exc()
        return "failed", f"{error.strerror or error}: {error.filename}"
    except ValueError as error:
        return "failed", str(error)
    except Exception as error:  # noqa: BLE001  (whatever it was, the run must not be left 'running')
        traceback.print_exc()
        return "failed", f"unexpected {type(error).__name__}: {error}; log.txt in the run's folder has the details"


def _train(root: Path, store: Store, run: Run, attendant: Attendant) -> tuple[Status, str]:
    from . import checkpoint
    from ._environment import environment
    from .loop import train
    from .peers import ALONE, Peers, ended
    from .recording import Diverged, Recorder
    from .samples import samples_of
    from .state import State
    from .work import Work

    folder = RunFolder(root, run.id).checkpoints
    checkpoint.tidy(folder)
    captured, complaints = checkpoint.newest(folder, run.id)
    for complaint in complaints:
        store.tell(run.id, f"{complaint}; set aside, the checkpoint before it is used")
    if run.attempt > 1 and captured is None:
        store.tell(run.id, "there is no usable checkpoint; begins anew")

    work = Work.prepared(run, captured, 0, lambda text: store.tell(run.id, text))
    config, state = work.config, work.state
    facts = environment(config, work.device, work.source.name, work.source.fingerprint)
    documents = [
        Document(name="environment", step=work.step, data=facts),
        Document(name=SAMPLES, step=0, data=samples_of(work.data.evaluated["test"], work.source.classes).to_data()),
    ]
    store.record(run.id, [], documents, steps=config.epochs * work.steps)
    where = f"{run.device} in {config.processes} processes" if config.processes > 1 else run.device
    store.tell(run.id, f"attempt {run.attempt} trains on {where} from step {work.step}")

    sink = StoreSink(store, run.id)
    log = Recorder(work.device, sink)
    extra = {
        "fingerprint": work.source.fingerprint,
        "threads": work.threads,
        "steps_per_epoch": work.steps,
        # What whoever opens the network later must know, without the data set.
        "classes": list(work.source.classes),
        "mean": list(work.data.mean),
        "std": list(work.data.std),
    }
    saved_step, saved_at = -1, 0.0

    def save() -> None:
        nonlocal saved_step, saved_at
        log.flush(state)
        sink.drain()
        if work.step != saved_step:
            if not state.finite():
                raise Diverged(f"a weight is no longer a finite number after step {work.step}")
            checkpoint.save(folder, run.id, work.step, {**state.capture(), **extra})
        saved_step, saved_at = work.step, time.monotonic()

    def end(status: Status, reason: str = "") -> NoReturn:
        save()
        raise Ended(status, reason)

    def between(_: State) -> None:
        if attendant.wish == "stop":
            end("stopped")
        if attendant.wish == "pause":
            end("paused")
        if attendant.wish == "interrupt":
            end("interrupted", "the system asked its programs to end")
        if config.time_limit is not None and state.seconds >= config.time_limit:
            end("stopped", f"its time limit of {config.time_limit:g} s is reached")
        if time.monotonic() - saved_at >= config.checkpoint_seconds:
            save()

    save()
    try:
        peers = Peers.joined(work.device) if config.processes > 1 else ALONE
        peers.shared(captured)
        train(state, work.data, config, log, between, peers)
    except Exception as error:
        if config.processes > 1 and ended(error):
            raise Ended("interrupted", "another of its processes ended; log.txt in the run's folder says why") from None
        raise
    save()
    return "finished", ""


def _help(root: Path, run: Run) -> int:
    """Be another rank than 0: compute, and end with rank 0."""
    os.environ.pop(torchrun.SOCKET)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # rank 0 may need us for the rest of its batch
    torchrun.end_with_rank_0(RunFolder(root, run.id).lock, run.attempt)

    from .loop import train
    from .peers import Peers, device_of, ended
    from .recording import Mute
    from .work import Work

    rank = torchrun.rank()
    peers = Peers.joined(device_of(run.device, rank))
    work = Work.prepared(run, peers.shared(None), rank, lambda _: None)
    try:
        train(work.state, work.data.to_learn, work.config, Mute(), peers=peers)
    except Exception as error:
        if not ended(error):
            raise
    return 0
