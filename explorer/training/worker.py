"""The process that trains one run: ``python -m explorer.training RUN_ID``, as the manager starts it.

It holds the run's lock as long as it lives and leaves its last words in the lock's note before it tells the store, so
that they are found even when the store cannot be written.
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

from ..architecture import from_json
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
from ._attendant import Attendant, StoreSink
from ._config import TrainConfig, parse

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
    lock = _lock(root, store, run_id)
    run = store.get(run_id)
    facts = {"attempt": run.attempt, "device": run.device, "pid": os.getpid(), "host": socket.gethostname()}
    lock.note(**facts)
    attendant = Attendant(store, run_id)
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
    import torch
    import torch._dynamo  # takes a second or two; the optimizer would load it in the middle of the first step

    from . import checkpoint
    from ._environment import environment
    from .compiling import compiler_trouble
    from .data import on_device, open_data
    from .loop import steps_per_epoch, train
    from .recording import Diverged, Recorder
    from .samples import samples_of
    from .state import State

    folder = RunFolder(root, run.id).checkpoints
    checkpoint.tidy(folder)
    config, architecture = parse(run.config), from_json(run.architecture)
    captured, complaints = checkpoint.newest(folder, run.id)
    for complaint in complaints:
        store.tell(run.id, f"{complaint}; set aside, the checkpoint before it is used")
    if run.attempt > 1 and captured is None:
        store.tell(run.id, "there is no usable checkpoint; begins anew")

    device = torch.device(run.device)
    threads = config.threads or (captured or {}).get("threads") or torch.get_num_threads()
    torch.set_num_threads(threads)
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark = True
    if config.compile and (trouble := compiler_trouble(device)):
        store.tell(run.id, f"trains without torch.compile, which does not work here ({trouble})")
        config = config.changed(compile=False)
    torch._dynamo.config.suppress_errors = True  # a part of a network that it cannot handle runs as it is
    source = open_data(config, architecture)
    state, data = State(architecture, config, device), on_device(source, config, device)
    steps = steps_per_epoch(len(data.train), config)
    if captured is not None:
        _check_same(captured, source.fingerprint, steps, config)
        state.restore(captured)
    begin = state.epoch * steps + state.step
    facts = environment(config, device, source.name, source.fingerprint)
    documents = [
        Document(name="environment", step=begin, data=facts),
        Document(name=SAMPLES, step=0, data=samples_of(data.evaluated["test"], source.classes).to_data()),
    ]
    store.record(run.id, [], documents, steps=config.epochs * steps)
    store.tell(run.id, f"attempt {run.attempt} trains on {run.device} from step {begin}")

    sink = StoreSink(store, run.id)
    log = Recorder(device, sink)
    extra = {"fingerprint": source.fingerprint, "threads": threads, "steps_per_epoch": steps}
    saved_step, saved_at = -1, 0.0

    def save() -> None:
        nonlocal saved_step, saved_at
        step = state.epoch * steps + state.step
        log.flush(state)
        sink.drain()
        if step != saved_step:
            if not state.finite():
                raise Diverged(f"a weight is no longer a finite number after step {step}")
            checkpoint.save(folder, run.id, step, {**state.capture(), **extra})
        saved_step, saved_at = step, time.monotonic()

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
    train(state, data, config, log, between)
    save()
    return "finished", ""


def _check_same(captured: dict[str, Any], fingerprint: str, steps: int, config: TrainConfig) -> None:
    """Refuse to go on with other images, or with epochs of another length."""
    if captured["fingerprint"] != fingerprint:
        raise ValueError(
            f"the data set {config.dataset[:60]!r} is no longer the one that this run began with: its fingerprint is "
            f"{fingerprint[:12]}…, not {captured['fingerprint'][:12]}…; bring the old data back, or clone the run"
        )
    if captured["steps_per_epoch"] != steps:
        raise ValueError(
            f"an epoch now has {steps} steps, the checkpoint was made with {captured['steps_per_epoch']}; "
            f"clone the run to train with another batch size"
        )
