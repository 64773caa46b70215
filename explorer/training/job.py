"""What the processes of a run do: get ready, and train; rank 0 also keeps checkpoints, records and events."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import torch
import torch._dynamo  # takes a second or two; the optimizer would load it in the middle of the first step

from .. import datasets
from ..architecture import from_json, walk
from ..modules import CarryPlan
from ..runs import (
    CARRIED,
    CLASS_COUNTS,
    EARLY_STOP,
    FOLDER_GONE,
    NODE_GONE,
    SAMPLES,
    Document,
    HistoryFile,
    PatientStore,
    Run,
    RunFolder,
    Status,
    Store,
    series,
)
from . import checkpoint, torchrun
from ._allocator import keep_freed_memory
from ._config import TrainConfig, parse
from ._control import ControlThread, RunEnded, StoreSink
from ._environment import environment
from ._fit import check_batches, steps_per_epoch
from ._images import bring_images
from ._loading import describe_loading
from ._rate_range import has_exploded, read_rate_range
from .compiling import find_compiler_problem
from .data import Tensors, load_to_device, measure_moments, open_data
from .distributed import SINGLE_PROCESS, ProcessGroup, is_peer_failure, rank_device
from .loop import train
from .recording import DIVERGED_STEPS, Diverged, NullLog, Recorder, check_convergence
from .samples import make_samples
from .starting import Beginning
from .state import State

if TYPE_CHECKING:
    from ..datasets._dataset import Dataset

logger = logging.getLogger(__name__)

_LOOKS = 20
"""Times that the loss of a range test is looked at."""


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
    plan: CarryPlan | None = None
    """What was carried over from the weights that the run starts from."""

    @property
    def step(self) -> int:
        """Updates done."""
        return self.state.epoch * self.steps + self.state.step

    @classmethod
    def prepare(
        cls,
        run: Run,
        folder: RunFolder,
        captured: dict[str, Any] | None,
        device: torch.device,
        log_event: Callable[[str], None],
        cancel: Callable[[], bool] | None = None,
    ) -> TrainingJob:
        """The job of one process. ``captured`` is the state of a checkpoint; ``log_event`` is for people; ``folder``
        has the weights that the run starts from, if any.

        Raises ValueError where the data or the configuration do not fit, or are no longer those of the checkpoint, and
        CancelledError where ``cancel`` says so while a streamed set is measured.
        """
        config, architecture = parse(run.config), from_json(run.architecture)
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
        bring_images(config.dataset, run.home, log_event, cancel)
        source = open_data(config, architecture)
        measure_moments(source, config, log_event, cancel)
        beginning = Beginning.read(folder.path, architecture, config, source.classes)
        if beginning is not None and captured is None:
            log_event(f"starts from {beginning.weights.name}: {beginning.plan.describe()}")
        state = State(architecture, config, device, beginning)
        data = load_to_device(source, config, device)
        check_batches(architecture, config, len(data.train))  # now that the number of images is exact
        steps = steps_per_epoch(len(data.train), config)
        if captured is not None:
            check_same(captured, source.fingerprint, steps, config)
            state.restore(captured)
        return cls(
            config=config, device=device, threads=threads, source=source, data=data, state=state, steps=steps,
            plan=None if beginning is None else beginning.plan,
        )  # fmt: skip


class MainRank:
    """What rank 0 does around the loop: it writes records, checkpoints and events, and obeys control requests."""

    def __init__(self, root: Path, store: Store, run: Run, control: ControlThread, job: TrainingJob) -> None:
        self._store, self._run, self._control, self._job = PatientStore(store), run, control, job
        folder = RunFolder(root, run.id)
        self._folder = folder.checkpoints
        history = HistoryFile(folder.history, job.config.count_updates(job.steps))
        self._sink = StoreSink(store, run.id, history, run.attempt)
        self.log = Recorder(job.device, self._sink)
        self._first_step = job.step
        self._environment = {
            **environment(job.config, job.device, job.source.name, job.source.fingerprint),
            "preprocessing": "; ".join(job.data.preprocessing.steps()),
        }
        self._compilation_seen: tuple[int, int] | None = None
        self._saved_step, self._saved_at = -1, 0.0
        self._epochs_to_keep = {epoch for epoch in job.config.kept_epochs if epoch >= job.state.epoch}

    def log_event(self, text: str) -> None:
        """A line of the run's history, for people."""
        self._store.log_event(self._run.id, text)

    def begin(self) -> None:
        """Record what is known before the first step."""
        run, job = self._run, self._job
        test = job.data.evaluated["test"]
        counts = torch.bincount(test.labels, minlength=job.data.classes).tolist()
        documents = [
            self._environment_document(),
            Document(name=SAMPLES, step=0, data=make_samples(test, job.source.classes).to_data()),
            Document(name=CLASS_COUNTS, step=0, data=counts),
        ]
        if job.plan is not None:
            documents.append(Document(name=CARRIED, step=0, data=job.plan.to_data()))
        self._store.record(run.id, [], documents, attempt=run.attempt, steps=job.config.count_updates(job.steps))
        processes = job.config.processes
        where = f"{run.device} in {processes} processes" if processes > 1 else run.device
        self.log_event(f"attempt {run.attempt} trains on {where} from step {job.step}")
        if job.data.loader is not None:
            self.log_event(describe_loading(datasets.get_card(job.config.dataset), job.data.loader.plan))

    def save(self) -> None:
        """Write all records, then a checkpoint. Raises ``Diverged`` where a weight is no longer finite."""
        job = self._job
        self.log.flush(job.state)
        self._sink.drain()
        self._control.check_folder()
        self.save_best()  # also where nothing but an evaluation has come since the last checkpoint
        if job.step != self._saved_step and not job.config.range_steps:  # whose weights nobody is to take for trained
            if not job.state.is_finite():
                raise Diverged(f"a weight is no longer a finite number after step {job.step}")
            checkpoint.save(self._folder, self._run.id, job.step, {**job.state.capture(), **self._checkpoint_facts()})
        self._saved_step, self._saved_at = job.step, time.monotonic()

    def save_best(self) -> None:
        """Write the weights of the best epoch where that is due: before the checkpoint that knows of them."""
        best, weights = self._job.state.best, self._job.state.best_weights
        if best is None or weights is None:
            return
        averaged = self._job.state.ema_model is not None
        kept = {"model": weights, "average": weights if averaged else None}
        facts = {**self._checkpoint_facts(), "best": asdict(best)}
        checkpoint.save_best(self._folder, self._run.id, best.split, best.step, {**kept, **facts})
        self._job.state.best_weights = None

    def keep_weights(self) -> None:
        """Keep the weights of this moment for good where that was asked for: at the start, or after an epoch."""
        state = self._job.state
        if state.step or state.epoch not in self._epochs_to_keep:
            return
        self.save()  # first: the newest checkpoint is never older than what is kept
        average = None if state.ema_model is None else state.ema_model.state_dict()
        kept = {"model": state.model.state_dict(), "average": average, **self._checkpoint_facts()}
        checkpoint.save_kept(self._folder, self._run.id, self._job.step, kept)
        self._epochs_to_keep.discard(state.epoch)

    def after_batch(self, state: State) -> None:
        """End the run where that is requested or due, else save a checkpoint where that is due."""
        self._report_compilation()
        self.keep_weights()
        action, limit = self._control.requested_action, self._job.config.time_limit
        if action == "lost":
            raise RunEnded("lost", FOLDER_GONE)
        if action == "superseded":
            raise RunEnded("interrupted", "another worker trains it")
        if action == "stop":
            self._end("stopped")
        if action == "pause":
            self._end("paused")
        if action == "interrupt":
            self._end("interrupted", "the system asked its programs to end")
        if action == "leave":
            self._end("queued", NODE_GONE)
        if limit is not None and state.seconds >= limit:
            self._end("stopped", f"its time limit of {limit:g} s is reached")
        if self._job.config.range_steps:
            self._end_range_test_if_due()
        elif time.monotonic() - self._saved_at >= self._job.config.checkpoint_seconds:
            self.save()

    def _end_range_test_if_due(self) -> None:
        """End a range test after its last step, or as soon as its loss has exploded: looked at now and then."""
        job, steps = self._job, self._job.config.range_steps
        if job.step < steps and job.step % max(1, steps // _LOOKS):
            return
        self.log.flush(job.state)
        if job.step >= steps or has_exploded(self._read_curve(series.TRAIN_LOSS)):
            raise RunEnded("finished", self.describe_range_test())

    def describe_range_test(self) -> str:
        """The rate that a range test proposes, of what was recorded until now, and why."""
        self._sink.drain()
        curves = (self._read_curve(name) for name in (series.LEARNING_RATE, series.TRAIN_LOSS))
        return read_rate_range(*curves).describe()

    def _read_curve(self, name: str) -> list[float]:
        return [point.value for point in self._store.points(self._run.id, name) if point.step <= self._job.step]

    def check_convergence(self) -> str:
        """What is to be told where it has learnt nothing. Raises ``Diverged`` where its loss is far above guessing."""
        run, name, step = self._run.id, series.TRAIN_LOSS, self._job.step
        first = self._store.points(run, name, limit=1)
        last = [point.value for point in self._store.points(run, name, after=step - DIVERGED_STEPS)]
        heads = [node.weight for _, node in walk(from_json(self._run.architecture)) if node.op == "auxiliary"]
        chance = math.log(self._job.data.classes) * (1 + sum(heads))
        return check_convergence(first[0].value, last, chance) if first else ""

    def _end(self, status: Status, reason: str = "") -> NoReturn:
        self.save()
        raise RunEnded(status, reason)

    def _checkpoint_facts(self) -> dict[str, Any]:
        job = self._job
        return {
            "fingerprint": job.source.fingerprint,
            "threads": job.threads,
            "steps_per_epoch": job.steps,
            # What whoever opens the network later must know, without the data set.
            "classes": list(job.source.classes),
            "preprocessing": job.data.preprocessing.to_data(),
        }

    def _environment_document(self) -> Document:
        graphs = self._job.state.compilation.graphs
        facts = {**self._environment, "compiled": graphs > 0, "compiled_graphs": graphs}
        return Document(name="environment", step=self._first_step, data=facts)

    def _report_compilation(self) -> None:
        """Say what torch.compile has done, as soon as there is something new: after the first batch, or never."""
        done, seen = self._job.state.compilation, self._compilation_seen
        self._compilation_seen = done.graphs, len(done.failures)
        if not self._job.config.compile or self._compilation_seen == seen:
            return
        self._sink.record([], [self._environment_document()])
        part = "a part of the network" if done.graphs else "the network"
        if done.failures and not (seen and seen[1]):
            self.log_event(f"trains {part} without torch.compile, which failed there ({done.failures[0]})")
        elif not done.graphs:
            self.log_event("trains the network without torch.compile, which found nothing in it to compile")


def run_main_rank(root: Path, store: Store, run: Run, control: ControlThread) -> tuple[Status, str]:
    """Train a run as rank 0, or alone, from its newest usable checkpoint.

    Returns:
        The state in which the run ends, and why.

    Raises:
        RunEnded: it was asked to end, or another process is gone.
        Diverged: a loss or a weight is no longer a finite number.
        ValueError: data, device and configuration do not fit one another, or the checkpoint.
    """
    folder, events = RunFolder(root, run.id).checkpoints, PatientStore(store)
    folder.mkdir(exist_ok=True)
    checkpoint.remove_leftovers(folder)
    captured, problems = checkpoint.load_newest(folder, run.id)
    for problem in problems:
        events.log_event(run.id, f"{problem}; quarantined, the checkpoint before it is used")
    if run.attempt > 1 and captured is None:
        events.log_event(run.id, "there is no usable checkpoint; begins anew")
    job = TrainingJob.prepare(
        run, RunFolder(root, run.id), captured, rank_device(run.device, 0),
        lambda text: events.log_event(run.id, text), lambda: control.requested_action != "run",
    )  # fmt: skip
    main = MainRank(root, store, run, control, job)
    try:
        main.begin()
        main.save()
        main.keep_weights()
        group = ProcessGroup.join(job.device) if job.config.processes > 1 else SINGLE_PROCESS
        group.broadcast_object(captured)
        del captured  # as large as the network and more
        train(job.state, job.data, job.config, main.log, main.after_batch, group)
    except Diverged:
        if job.config.range_steps:  # that is what it looks for
            return "finished", main.describe_range_test()
        main.save_best()
        raise
    except Exception as error:
        if job.config.processes > 1 and is_peer_failure(error):
            raise RunEnded("interrupted", torchrun.PEER_LOST) from None
        raise
    finally:
        job.data.close()
    main.save()
    group.leave()
    control.training_over.set()
    return "finished", "; ".join(filter(None, (_why_early(job), main.check_convergence())))


def _why_early(job: TrainingJob) -> str:
    """Why not all epochs were trained; '' where they were."""
    best, epoch = job.state.best, job.state.epoch
    if best is None or epoch >= job.config.epochs:
        return ""
    waited = epoch - best.epoch
    return f"{EARLY_STOP} after epoch {epoch}: no better for {waited} epoch{'' if waited == 1 else 's'}"


def run_worker_rank(root: Path, run: Run, first_device: str, local_rank: int) -> None:
    """Compute for rank 0, to the end of the training or until another process is gone.

    Args:
        root: The data directory.
        run: The run.
        first_device: The device of the first process on this machine.
        local_rank: The number of this one among those on this machine.
    """
    group = ProcessGroup.join(rank_device(first_device, local_rank))
    job = TrainingJob.prepare(run, RunFolder(root, run.id), group.broadcast_object(None), group.device, lambda _: None)
    try:
        train(job.state, job.data, job.config, NullLog(), group=group)
        group.leave()
    except Exception as error:
        if not is_peer_failure(error):
            raise
        logger.warning("ends, since another process is gone: %s", error)
    finally:
        job.data.close()


def check_same(captured: dict[str, Any], fingerprint: str, steps: int, config: TrainConfig) -> None:
    """Refuse to go on with other images, or with epochs of another length."""
    if captured["fingerprint"] != fingerprint:
        raise ValueError(
            f"the data set {config.dataset[:60]!r} is no longer the one that this run began with: its fingerprint is "
            f"{fingerprint[:12]}…, not {captured['fingerprint'][:12]}…; bring the old data back, or clone the run"
        )
    if captured["steps_per_epoch"] != steps:
        raise ValueError(
            f"an epoch now has {steps:,} steps, the checkpoint was made with {captured['steps_per_epoch']:,}; "
            f"clone the run to train with another batch size"
        )
