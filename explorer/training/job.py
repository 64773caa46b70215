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
from ._config import TrainConfig, parse
from ._control import ControlThread, RunEnded, StoreSink
from ._environment import environment
from .compiling import find_compiler_problem
from .data import Tensors, load_to_device, open_data
from .distributed import SINGLE_PROCESS, ProcessGroup, is_peer_failure, rank_device
from .loop import steps_per_epoch, train
from .recording import Diverged, NullLog, Recorder
from .samples import make_samples
from .state import State

if TYPE_CHECKING:
    from ..datasets._dataset import Dataset


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
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
    def prepare(
        cls, run: Run, captured: dict[str, Any] | None, rank: int, log_event: Callable[[str], None]
    ) -> TrainingJob:
        """The work of one process. ``captured`` is the state of a checkpoint; ``log_event`` is for people.

        Raises ValueError where the data or the configuration do not fit, or are no longer those of the checkpoint.
        """
        config, architecture = parse(run.config), from_json(run.architecture)
        device = rank_device(run.device, rank)
        threads = config.threads or (captured or {}).get("threads") or torch.get_num_threads()
        torch.set_num_threads(threads)
        if device.type == "cpu":
            keep_freed_memory()
        if device.type == "cuda":
            torch.cuda.set_device(device)
            torch.backends.cudnn.benchmark = True
        if config.compile and (problem := find_compiler_problem(device)):
            log_event(f"trains without torch.compile, which does not work here ({problem})")
            config = config.changed(compile=False)
        torch._dynamo.config.suppress_errors = True  # a part of a network that it cannot handle runs as it is
        source = open_data(config, architecture)
        state, data = State(architecture, config, device), load_to_device(source, config, device)
        steps = steps_per_epoch(len(data.train), config)
        if captured is not None:
            check_same(captured, source.fingerprint, steps, config)
            state.restore(captured)
        return cls(config=config, device=device, threads=threads, source=source, data=data, state=state, steps=steps)


def run_main_rank(root: Path, store: Store, run: Run, control: ControlThread) -> tuple[Status, str]:
    """Train a run as rank 0, or alone: with its checkpoints, numbers and events, and an ear for what people wish."""
    folder = RunFolder(root, run.id).checkpoints
    checkpoint.remove_leftovers(folder)
    captured, problems = checkpoint.load_newest(folder, run.id)
    for problem in problems:
        store.log_event(run.id, f"{problem}; set aside, the checkpoint before it is used")
    if run.attempt > 1 and captured is None:
        store.log_event(run.id, "there is no usable checkpoint; begins anew")

    job = TrainingJob.prepare(run, captured, 0, lambda text: store.log_event(run.id, text))
    config, state = job.config, job.state
    facts = environment(config, job.device, job.source.name, job.source.fingerprint)
    documents = [
        Document(name="environment", step=job.step, data=facts),
        Document(name=SAMPLES, step=0, data=make_samples(job.data.evaluated["test"], job.source.classes).to_data()),
    ]
    store.record(run.id, [], documents, steps=config.epochs * job.steps)
    where = f"{run.device} in {config.processes} processes" if config.processes > 1 else run.device
    store.log_event(run.id, f"attempt {run.attempt} trains on {where} from step {job.step}")

    sink = StoreSink(store, run.id)
    log = Recorder(job.device, sink)
    extra = {
        "fingerprint": job.source.fingerprint,
        "threads": job.threads,
        "steps_per_epoch": job.steps,
        # What whoever opens the network later must know, without the data set.
        "classes": list(job.source.classes),
        "mean": list(job.data.mean),
        "std": list(job.data.std),
    }
    saved_step, saved_at = -1, 0.0

    def save() -> None:
        nonlocal saved_step, saved_at
        log.flush(state)
        sink.drain()
        if job.step != saved_step:
            if not state.is_finite():
                raise Diverged(f"a weight is no longer a finite number after step {job.step}")
            checkpoint.save(folder, run.id, job.step, {**state.capture(), **extra})
        saved_step, saved_at = job.step, time.monotonic()

    def end(status: Status, reason: str = "") -> NoReturn:
        save()
        raise RunEnded(status, reason)

    def after_batch(_: State) -> None:
        if control.requested_action == "stop":
            end("stopped")
        if control.requested_action == "pause":
            end("paused")
        if control.requested_action == "interrupt":
            end("interrupted", "the system asked its programs to end")
        if config.time_limit is not None and state.seconds >= config.time_limit:
            end("stopped", f"its time limit of {config.time_limit:g} s is reached")
        if time.monotonic() - saved_at >= config.checkpoint_seconds:
            save()

    save()
    try:
        group = ProcessGroup.join(job.device) if config.processes > 1 else SINGLE_PROCESS
        group.broadcast_object(captured)
        del captured  # as large as the network and more
        train(state, job.data, config, log, after_batch, group)
    except Exception as error:
        if config.processes > 1 and is_peer_failure(error):
            raise RunEnded(
                "interrupted", "another of its processes ended; log.txt in the run's folder says why"
            ) from None
        raise
    save()
    return "finished", ""


def run_worker_rank(run: Run, rank: int) -> None:
    """Compute for rank 0, to the end of the training or until another process is gone."""
    group = ProcessGroup.join(rank_device(run.device, rank))
    job = TrainingJob.prepare(run, group.broadcast_object(None), rank, lambda _: None)
    try:
        train(job.state, job.data, job.config, NullLog(), group=group)
    except Exception as error:
        if not is_peer_failure(error):
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
