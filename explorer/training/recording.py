"""What a run writes down, gathered on the device and handed over in small batches: a step never waits for a number."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..runs import Document, Point, series
from ..text import format_number
from . import system_metrics
from .activations import OBSERVED_IMAGES, ActivationObserver
from .evaluation import Evaluation
from .state import State

FLUSH_SECONDS = 1.0
FLUSH_STEPS = 1000
"""The logging interval: whichever comes first. A transaction takes some 10 ms, so this is about 1 % of the time."""


DIVERGED_FACTOR = 2.0
DIVERGED_STEPS = 100


class Diverged(ArithmeticError):
    """A loss or a weight is no longer a finite number, or the loss ended far above that of guessing."""


def check_convergence(first: float, last: Sequence[float], chance: float) -> str:
    """Check at the end of a run that its loss has not gone for good.

    Args:
        first: Loss of the first step.
        last: Losses of the last ``DIVERGED_STEPS`` steps.
        chance: Loss of a network that finds all classes equally probable.

    Returns:
        What is to be told where the run has learnt nothing: its last losses are no better than guessing, in the median;
        '' else.

    Raises:
        Diverged: The median of the last losses is above ``DIVERGED_FACTOR`` times that of guessing, and above the
            first: a short run that began high and came down has not diverged.
    """
    middle = statistics.median(last) if last else 0.0
    said = f"the loss of its last {len(last):,} steps is {format_number(middle)} (median)"
    if middle > max(DIVERGED_FACTOR * chance, first):
        raise Diverged(f"{said}; guessing gives {format_number(chance)}")
    if middle < chance:
        return ""
    above = f", and above its first ({format_number(first)})" if middle > first else ""
    return f"{said}, no better than guessing ({format_number(chance)}){above}"


class Sink(Protocol):
    """Where the numbers go."""

    def record(self, points: list[Point], documents: list[Document], **progress: Any) -> None:
        """Metrics, tables such as confusion matrices, and the run's progress, all at once."""


class Log(Protocol):
    """What the loop reports; ``Recorder`` says what each means."""

    def begin_step(self) -> None: ...
    def data_ready(self) -> None: ...
    def end_step(self, state: State, step: int, loss: Tensor, correct: Tensor, images: int, lr: float) -> None: ...
    def record_gradients(self, state: State, step: int, norms: dict[str, Tensor]) -> None: ...
    def record_activations(self, state: State, step: int, x_BCHW: Tensor, precision: Callable[[], Any]) -> None: ...
    def record_updates(self, state: State, step: int, before: list[Tensor]) -> None: ...
    def end_epoch(self, state: State, step: int, results: dict[str, Evaluation]) -> None: ...


class NullLog:
    """A log for processes whose numbers another one writes down."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


class WallClock:
    """The time of a device that computes while Python waits: the CPU."""

    is_free = True
    """Whether a reading costs nothing, so that every step can be timed."""

    def read(self) -> Any:
        return time.perf_counter()

    def seconds(self, start: Any, end: Any) -> float:
        return float(end - start)


class CudaClock(WallClock):
    """Events in the stream of kernels: the device notes the time, nothing waits for it."""

    def read(self) -> Any:
        event: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def seconds(self, start: Any, end: Any) -> float:
        return float(start.elapsed_time(end)) / 1000


class MpsClock(WallClock):
    """Waits for the device before it looks: else it would time how fast Python hands out work."""

    is_free = False

    def read(self) -> Any:
        torch.mps.synchronize()
        return time.perf_counter()


_CLOCKS: dict[str, type[WallClock]] = {"cuda": CudaClock, "mps": MpsClock}


class Recorder:
    """Gathers the numbers of the steps and gives them to a sink, about once a second."""

    def __init__(self, device: torch.device, sink: Sink) -> None:
        self._sink = sink
        self._clock = _CLOCKS.get(device.type, WallClock)()
        self._device = device
        self._steps: list[tuple[int, Tensor, Tensor, int, float, float]] = []
        self._norms: list[tuple[str, int, float, dict[str, Tensor]]] = []
        self._observer: ActivationObserver | None = None
        self._times: list[tuple[Any, Any, Any, int]] = []
        self._points: list[Point] = []
        self._documents: list[Document] = []
        self._progress: dict[str, Any] = {}
        self._counted_until = self._written = time.monotonic()
        self._first = True

    def begin_step(self) -> None:
        """A step begins."""
        self._timed = self._clock.is_free or not self._steps
        if self._timed:
            self._start = self._clock.read()

    def data_ready(self) -> None:
        """Its images are ready."""
        if self._timed:
            self._ready = self._clock.read()

    def end_step(self, state: State, step: int, loss: Tensor, correct: Tensor, images: int, lr: float) -> None:
        """It is done; ``step`` counts updates from 1. Raises ``Diverged`` if a loss is not finite."""
        if self._timed:
            self._times.append((self._start, self._ready, self._clock.read(), images))
        self._update_clock(state)
        self._steps.append((step, loss, correct, images, lr, state.seconds))
        if self._first or len(self._steps) >= FLUSH_STEPS or self._is_due():
            self._first = False
            self.flush(state)

    def flush(self, state: State) -> None:
        """Hand over everything. Raises ``Diverged`` after handing over what was still finite."""
        try:
            self._collect(state)
        finally:
            self._write(state)

    def _is_due(self) -> bool:
        return time.monotonic() - self._written >= FLUSH_SECONDS

    def _write(self, state: State) -> None:
        self._written = time.monotonic()
        points, documents, progress = self._points, self._documents, self._progress
        self._points, self._documents, self._progress = [], [], {}
        self._sink.record(points, documents, **{"epoch": state.epoch, "seconds": state.seconds, **progress})

    def _collect(self, state: State) -> None:
        """Fetch the numbers of the steps from the device, which waits for it."""
        self._update_clock(state)
        steps, times = self._steps, self._times
        self._steps, self._times = [], []
        if not steps:
            return
        self._collect_norms()
        losses: list[float] = torch.stack([each[1] for each in steps]).tolist()
        counts: list[float] = torch.stack([each[2] for each in steps]).tolist()
        for (step, _, _, images, lr, seconds), loss, correct in zip(steps, losses, counts, strict=True):
            if not math.isfinite(loss):
                raise Diverged(f"the loss became {loss} at step {step}")
            state.sums = [state.sums[0] + loss * images, state.sums[1] + correct, state.sums[2] + images]
            numbers = {series.TRAIN_LOSS: loss, series.TRAIN_ACCURACY: correct / images, series.LEARNING_RATE: lr}
            for name, value in numbers.items():
                self._points.append(Point(series=name, step=step, value=value, seconds=seconds))
            self._progress["step"] = step
        busy = max(1e-9, sum(self._clock.seconds(start, end) for start, _, end, _ in times))
        data = sum(self._clock.seconds(start, ready) for start, ready, _, _ in times)
        images = sum(each[3] for each in times)
        rates = {series.IMAGES_PER_SECOND: images / busy, series.DATA_SHARE: data / busy}
        for name, value in (rates | system_metrics.read(self._device)).items():
            self._points.append(Point(series=name, step=steps[-1][0], value=value, seconds=state.seconds))

    def record_gradients(self, state: State, step: int, norms: dict[str, Tensor]) -> None:
        """Length of the gradient, block by block."""
        self._norms.append((series.GRADIENT_NORM, step, state.seconds, norms))

    def record_activations(self, state: State, step: int, x_BCHW: Tensor, precision: Callable[[], Any]) -> None:
        """How large the output of each block is, and how many of its ReLUs are dead, for some images of the batch."""
        if self._observer is None:
            self._observer = ActivationObserver(state.architecture, state.model)
        scales, dead = self._observer.observe(x_BCHW[:OBSERVED_IMAGES], precision)
        self._norms.append((series.ACTIVATION_SCALE, step, state.seconds, scales))
        self._norms.append((series.DEAD_RELUS, step, state.seconds, dead))

    @torch.no_grad()
    def record_updates(self, state: State, step: int, before: list[Tensor]) -> None:
        """Length of an update as a share of that of the weights, block by block."""
        old = {id(new): old for new, old in zip(state.model.parameters(), before, strict=True)}
        lengths = block_norms(state.model, lambda parameter: old[id(parameter)])
        moves = block_norms(state.model, lambda parameter: parameter.detach() - old[id(parameter)])
        ratios = {name: move / lengths[name].clamp(min=1e-12) for name, move in moves.items()}
        self._norms.append((series.UPDATE_RATIO, step, state.seconds, ratios))

    def _collect_norms(self) -> None:
        waiting, self._norms = self._norms, []
        for family, step, seconds, norms in waiting:
            values: list[float] = torch.stack(list(norms.values())).tolist() if norms else []
            for block, value in zip(norms, values, strict=True):
                name = series.of_block(family, block)
                self._points.append(Point(series=name, step=step, value=value, seconds=seconds))

    def end_epoch(self, state: State, step: int, results: dict[str, Evaluation]) -> None:
        """An epoch is done and evaluated; ``step`` counts its updates too."""
        try:
            self._collect(state)
        except Diverged:
            self._write(state)
            raise
        loss, correct, images = state.sums
        values = {
            series.of_epoch("train", "loss"): loss / max(images, 1.0),
            series.of_epoch("train", "accuracy"): correct / max(images, 1.0),
        }
        values |= {series.MEMORY_PEAK: float(system_metrics.peak_memory_bytes(self._device))}
        for name, result in results.items():
            values[series.of_epoch(name, "loss")] = result.loss
            values[series.of_epoch(name, "accuracy")] = result.accuracy
            self._documents.append(Document(name=f"confusion/{name}", step=step, data=result.confusion))
            if result.predictions:
                self._documents.append(Document(name=f"predictions/{name}", step=step, data=result.predictions))
        self._points += [Point(series=s, step=step, value=v, seconds=state.seconds) for s, v in values.items()]
        state.sums = [0.0, 0.0, 0.0]
        self._progress |= {"epoch": state.epoch + 1, "step": step}
        if self._is_due():  # epochs of a fraction of a second must not wait for the store each time
            self._write(state)

    def _update_clock(self, state: State) -> None:
        now = time.monotonic()
        state.seconds += now - self._counted_until
        self._counted_until = now


def block_norms(model: nn.Module, tensor_of: Callable[[nn.Parameter], Tensor | None]) -> dict[str, Tensor]:
    """Euclidean length over all parameters below each top-level block, blocks without parameters left out."""
    lengths = {}
    for name, block in model.named_children():
        tensors = [found for each in block.parameters() if (found := tensor_of(each)) is not None]
        if tensors:
            lengths[name] = torch.stack(torch._foreach_norm(tensors)).norm()
    return lengths
