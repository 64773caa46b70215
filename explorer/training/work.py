"""What the processes of a run do: get ready, and train; the first of them with checkpoints, numbers and events."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import torch
import torch._dynamo  # takes a second or two; the optimizer would load it in the middle of the first step

from ..architecture import from_json
from ..runs import SAMPLES, Document, Run, RunFolder, Status, Store
from . import checkpoint
from ._allocator import keep_freed_memory
from ._attendant import Attendant, Ended, StoreSink
from ._config import TrainConfig, parse
from ._environment import environment
from .compiling import compiler_trouble
from .data import Tensors, on_device, open_data
from .loop import steps_per_epoch, train
from .peers import ALONE, Peers, device_of, ended
from .recording import Diverged, Mute, Recorder
from .samples import samples_of
from .state import State

if TYPE_CHECKING:
    from ..datasets._dataset import Dataset


@dataclass(frozen=True, kw_only=True)
class Work:
    """A run, ready to go on from where ``state`` stands."""

    config: TrainConfig
    device: torch.device
    threads: int
    source: Dataset
    data: Tensors
    state: State
    steps: int
    """Per epoch."""

    @property
    def step(self) -> int:
        """Updates done."""
        return self.state.epoch * self.steps + self.state.step

    @classmethod
    def prepared(cls, run: Run, captured: dict[str, Any] | None, rank: int, tell: Callable[[str], None]) -> Work:
        """The work of one process. ``captured`` is the state of a checkpoint; ``tell`` is for people.

        Raises ValueError where the data or the configuration do not fit, or are no longer those of the checkpoint.
        """
        config, architecture = parse(run.config), from_json(run.architecture)
        device = device_of(run.device, rank)
        threads = config.threads or (captured or {}).get("threads") or torch.get_num_threads()
        torch.set_num_threads(threads)
        if device.type == "cpu":
            keep_freed_memory()
        if device.type == "cuda":
            torch.cuda.set_device(device)
            torch.backends.cudnn.benchmark = True
        if config.compile and (trouble := compiler_trouble(device)):
            tell(f"trains without torch.compile, which does not work here ({trouble})")
            config = config.changed(compile=False)
        torch._dynamo.config.suppress_errors = True  # a part of a network that it cannot handle runs as it is
        source = open_data(config, architecture)
        state, data = State(architecture, config, device), on_device(source, config, device)
        steps = steps_per_epoch(len(data.train), config)
        if captured is not None:
            check_same(captured, source.fingerprint, steps, config)
            state.restore(captured)
        return cls(
            config=config, device=device, threads=threads, source=source, data=data, state=state, steps=steps
        )


def lead(root: Path, store: Store, run: Run, attendant: Attendant) -> tuple[Status, str]:
    """Train a run as rank 0, or alone: with its checkpoints, numbers and events, and an ear for what people wish."""
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
        del captured  # as large as the network and more
        train(state, work.data, config, log, between, peers)
    except Exception as error:
        if config.processes > 1 and ended(error):
            raise Ended("interrupted", "another of its processes ended; log.txt in the run's folder says why") from None
        raise
    save()
    return "finished", ""


def assist(run: Run, rank: int) -> None:
    """Compute for rank 0, to the end of the training or until another process is gone."""
    peers = Peers.joined(device_of(run.device, rank))
    work = Work.prepared(run, peers.shared(None), rank, lambda _: None)
    try:
        train(work.state, work.data, work.config, Mute(), peers=peers)
    except Exception as error:
        if not ended(error):
            raise


def check_same(captured: dict[str, Any], fingerprint: str, steps: int, config: TrainConfig) -> None:
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
