"""How long a run will take: scaled from what this machine has trained before, or from a speed probe run once."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from .. import datasets
from ..analysis import analyze
from ..architecture import Architecture, from_json
from ..runs import Run
from ..text import format_duration
from ._config import TrainConfig, parse
from ._fit import pixel_share
from ._loading import plan_for

_HELD_UP = 4.0
"""So many times slower than the device's other networks: twice the factor by which the scaling may be wrong."""
_NEWEST = 200
"""So many runs of a device are looked at, the newest: each has a network to be analysed."""
_LATEST = 20
"""So many measurements, the last ones, tell the range."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast a network was trained on a device."""

    device: str
    """Its name, such as cpu or cuda:0."""
    macs: int
    """Of one image, forwards."""
    bytes: int
    """What one image leaves in memory for the backward pass."""
    seconds: float
    """Of one whole image in training, forwards and backwards."""
    what: str
    """Where this was seen, for people."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """An estimate and what it rests on."""

    seconds: float
    """The estimate."""
    basis: str
    """The runs, or the measurement, that it is scaled from."""
    fastest: float
    """Seconds by the fastest of the speeds that tell the range."""
    slowest: float
    """Seconds by the slowest of them."""
    measured: int
    """How many they are: of runs of one network where there are two, else of all that the device has trained."""

    @property
    def reliability(self) -> str:
        """How far it can be trusted: the range of what was measured, in a few words."""
        if self.measured < 2:
            return "measured once, so its range is not known"
        fastest, slowest = format_duration(self.fastest), format_duration(self.slowest)
        return f"from {fastest} to {slowest} by the fastest and the slowest of {self.measured} measurements"


def add_forecasts(parts: Sequence[tuple[Forecast, int]]) -> Forecast:
    """Estimate how long several runs will take, one after another.

    Args:
        parts: The estimate for a run, and how many such runs there are; at least one.

    Returns:
        The sum; its range is that of runs that are all fast, or all slow.
    """

    def total(of: Callable[[Forecast], float]) -> float:
        return sum(of(each) * count for each, count in parts)

    bases = list(dict.fromkeys(each.basis for each, _ in parts))
    more = [f"{len(bases) - 2} more"] if len(bases) > 3 else []
    return Forecast(
        seconds=total(lambda each: each.seconds), fastest=total(lambda each: each.fastest),
        slowest=total(lambda each: each.slowest), measured=min(each.measured for each, _ in parts),
        basis=", and from ".join([*bases[:2], *more] if more else bases),
    )  # fmt: skip


def collect_speeds(runs: Iterable[Run]) -> list[Speed]:
    """Collect the speeds of devices from the runs that were trained on them.

    Args:
        runs: In the order in which they were made.

    Returns:
        A speed for each of the device's last 200 runs that have trained a whole epoch and that this version can read,
        in the same order.
    """
    found: list[Speed] = []
    counts: Counter[str] = Counter()
    for run in reversed(list(runs)):
        if run.epoch < 1 or run.seconds <= 0 or not run.steps or counts[run.device] == _NEWEST:
            continue
        cost = _cost(run.architecture, run.config)
        if cost is not None and _is_streamed(cost[1]):  # it may have waited for its images
            continue
        share = run.step / run.steps  # of all its images, with the evaluations after each epoch
        if cost is None or not share:
            continue
        network, config, macs, size = cost
        if config.range_steps:  # it may have ended early, and evaluates nothing
            continue
        images = share * _images(network, config)
        if images:
            seconds = run.seconds / images
            what = f"the run {run.name!r}"
            found.append(Speed(device=run.device, macs=macs, bytes=size, seconds=seconds, what=what))
            counts[run.device] += 1
    return found[::-1]


def forecast(architecture: Architecture, config: TrainConfig, device: str, known: Iterable[Speed]) -> Forecast | None:
    """Estimate how long a run will take, from the most similar network that its device has trained.

    The time per image is scaled half by multiply-adds and half by the memory that goes through the device: small
    networks are bound by the one, large ones by the other. How fast the images of a streamed set can be read is tried
    on some of them.

    Args:
        architecture: What is to be trained.
        config: How.
        device: Where, such as cpu or cuda:0.
        known: Measured speeds, of this device and of others; of equally similar networks the median counts, unless it
            is far slower than what the device did with others.

    Returns:
        Seconds and what they rest on; None where the device has trained nothing.

    Raises:
        ArchitectureError: The layers do not fit together.
    """
    there = [speed for speed in known if speed.device == device]
    if not there:
        return None
    cost = analyze(architecture)
    found = _forecast_computing(architecture, config, (cost.macs, cost.training_bytes), there)
    return _add_reading(found, architecture, config, device) if _is_streamed(config) else found


def forecast_seconds(run: Run, there: list[Speed]) -> float | None:
    """Estimate quickly how long a stored run will take in all, nothing being tried.

    Args:
        run: Any run.
        there: Speeds of its device.

    Returns:
        Seconds; None where the device has trained nothing, the run cannot be read, or its images are streamed.
    """
    cost = _cost(run.architecture, run.config) if there else None
    if cost is None or _is_streamed(cost[1]):
        return None
    network, config, *amounts = cost
    return _forecast_computing(network, config, (amounts[0], amounts[1]), there).seconds


def _forecast_computing(
    architecture: Architecture, config: TrainConfig, cost: tuple[int, int], there: list[Speed]
) -> Forecast:
    """The estimate without the time in which a streamed set is read, from MACs and bytes of one image."""
    macs, size = cost
    far = [_distance(macs, speed.macs) + _distance(size, speed.bytes) for speed in there]
    least = min(far)
    nearest = [speed for speed, distance in zip(there, far, strict=True) if distance == least]
    images = _images(architecture, config)

    def predict(speeds: Iterable[Speed]) -> list[float]:
        return [images * each.seconds * 0.5 * (macs / each.macs + size / each.bytes) for each in speeds]

    times, all_times = predict(nearest), predict(there)
    last = nearest[-1].what
    basis = last if len(nearest) == 1 else f"{len(nearest)} runs of one network, the last {last}"
    # Of equals the median: one that something else on the machine has held up must not speak for all. Where most of the
    # few equals may have been held up, what the device did with other networks says so.
    seconds, usual = statistics.median_low(times), statistics.median_low(all_times)
    if seconds > _HELD_UP * usual:
        seconds, basis = usual, f"{len(there)} speeds of this device, since {last} was far slower than them"
        times = all_times
    seen = (times if len(times) > 1 else all_times)[-_LATEST:]
    return Forecast(
        seconds=seconds, basis=basis, fastest=min(seconds, *seen), slowest=max(seconds, *seen), measured=len(seen)
    )


def _add_reading(found: Forecast, architecture: Architecture, config: TrainConfig, device: str) -> Forecast:
    """The same with the time in which the images of a streamed set are read."""
    card = datasets.get_card(config.dataset)
    plan = plan_for(card, architecture, config)
    assert plan is not None
    try:
        seconds = datasets.measure_reading(config.dataset) / max(1, plan.workers * config.processes)
    except datasets.DatasetError as error:
        return replace(found, basis=f"{found.basis}, without reading the images, which failed ({error})")
    cached = min(card.train_count, config.processes * plan.cache_bytes // math.prod(architecture.input_shape))
    images = config.epochs * (card.train_count + card.test_count) - (config.epochs - 1) * cached

    def add(computing: float) -> float:
        # A GPU computes while the processors read; a CPU does the one after the other.
        return computing + images * seconds if device == "cpu" else max(computing, images * seconds)

    return replace(
        found, seconds=add(found.seconds), fastest=add(found.fastest), slowest=add(found.slowest),
        basis=f"{found.basis}, and from reading {1 / seconds:,.0f} images a second, tried on this machine",
    )  # fmt: skip


def _is_streamed(config: TrainConfig) -> bool:
    try:
        return datasets.get_card(config.dataset).streamed
    except datasets.DatasetError:
        return False


def _distance(one: int, other: int) -> float:
    """How many times one is the other, as a logarithm; a network of norms and pooling alone has no multiply-adds."""
    return abs(math.log(max(1, one) / max(1, other)))


@lru_cache(maxsize=1024)
def _cost(architecture: str, config: str) -> tuple[Architecture, TrainConfig, int, int] | None:
    """A run's network and configuration, MACs and bytes of one image; None if unreadable."""
    try:
        network, read = from_json(architecture), parse(config)
        found = analyze(network)
    except ValueError:  # of another version of the program
        return None
    return (network, read, found.macs, found.training_bytes) if found.macs and found.training_bytes else None


def _images(architecture: Architecture, config: TrainConfig) -> float:
    """Whole images in training that take as long as all epochs with their evaluations.

    In evaluation an image goes forwards only, which is a third of the work, once or, with its mirror image, twice.
    """
    try:
        card = datasets.get_card(config.dataset)
    except datasets.DatasetError:
        return 0.0
    if config.range_steps:
        return config.range_steps * min(config.batch_size, card.train_count) * pixel_share(architecture, config)
    held_out = card.train_count * config.validation
    trained = (card.train_count - held_out) * pixel_share(architecture, config)
    evaluated = (card.test_count + held_out) * (2 if config.flip_average else 1)
    return config.epochs * (trained + evaluated / 3)
