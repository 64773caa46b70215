"""How well networks did wherever they have been trained: run by run, or brought together by their settings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..architecture import Architecture, ArchitectureError, from_json
from ..runs import Manager, Run
from ..training import TrainConfig, parse
from ._results import ACCURACY
from ._statistics import SampleStatistics
from ._text import format_epochs

_FREE_SETTINGS = {"seed": 0, "device": "auto"}
"""Settings in which runs of one comparison may differ."""


@dataclass(frozen=True, kw_only=True)
class RunAccuracy:
    """What one training run of a network has reached."""

    place: int
    """Which of the networks, from 0."""
    run: str
    """What the run is called, for people."""
    data: str
    """Name of the data set."""
    seed: int
    epochs: int
    """Whole epochs behind it."""
    accuracy: tuple[float, ...]
    """Share of the test images answered rightly after each of them, as far as it was evaluated."""


@dataclass(frozen=True, kw_only=True)
class ComparableRuns:
    """Finished runs that differ in nothing but network, seed and device."""

    config: TrainConfig
    """What they have in common; its seed and device mean nothing."""
    accuracy: tuple[SampleStatistics, ...]
    """Of each network that was asked about: share of the test images answered rightly after the last epoch, by seed."""

    @property
    def key(self) -> str:
        """Eight letters that stand for these settings."""
        return hashlib.sha256(self.config.model_dump_json().encode()).hexdigest()[:8]

    @property
    def title(self) -> str:
        """Data set and what is changed most, for people."""
        config = self.config
        return (
            f"{config.dataset} · {format_epochs(config.epochs)} · {config.optimizer}, learning rate {config.lr:g}, "
            f"batch {config.batch_size}"
        )

    @property
    def runs(self) -> int:
        """How many there are."""
        return sum(len(sample.values) for sample in self.accuracy)


def group_comparable_runs(manager: Manager, architectures: Sequence[Architecture]) -> list[ComparableRuns]:
    """The finished runs of exactly these networks, whatever their names; what most networks have in common first.

    A network that was fitted to its data is another one. Where a seed was run twice the later run counts.
    """
    asked = [(each.input_shape, each.trunk) for each in architectures]
    found: dict[TrainConfig, dict[tuple[object, int], str]] = {}
    for run in manager.store.runs("finished"):
        network = parse_structure(run.architecture)
        if network in asked:
            try:
                config = parse(run.config)
            except ValueError:  # of another version of the program
                continue
            found.setdefault(config.changed(**_FREE_SETTINGS), {})[network, config.seed] = run.id
    curves = manager.store.curves([run for runs in found.values() for run in runs.values()], ACCURACY)
    groups = []
    for config, runs in found.items():
        ended = [(seed, run, network) for (network, seed), run in runs.items() if curves.get(run)]
        ended.sort(key=lambda each: each[:2])
        samples = [SampleStatistics.of([curves[run][-1] for _, run, of in ended if of == network]) for network in asked]
        groups.append(ComparableRuns(config=config, accuracy=tuple(samples)))
    groups = [group for group in groups if group.runs]
    return sorted(groups, key=lambda each: (-sum(1 for sample in each.accuracy if sample.values), -each.runs))


def find_runs(runs: Iterable[Run], architectures: Sequence[Architecture]) -> list[tuple[int, Run]]:
    """(place of the network, run) of all runs of exactly these networks, whatever their names, network by network."""
    asked = [(each.input_shape, each.trunk) for each in architectures]
    known = [(run, parse_structure(run.architecture)) for run in runs]
    return [(place, run) for place, network in enumerate(asked) for run, of in known if of == network]


def collect_accuracies(manager: Manager, runs: Iterable[tuple[int, Run]]) -> list[RunAccuracy]:
    """What runs have reached, each with the place of its network; without those that have not been evaluated yet."""
    runs = list(runs)
    curves = manager.store.curves([run.id for _, run in runs], ACCURACY)
    return [
        RunAccuracy(
            place=place, run=run.name, data=str(run.setting("dataset")), seed=int(run.setting("seed")),
            epochs=run.epoch, accuracy=tuple(curves[run.id]),
        )
        for place, run in runs
        if curves.get(run.id)
    ]  # fmt: skip


@lru_cache(maxsize=512)
def parse_structure(text: str) -> object:
    """What of a network in a JSON text decides how it computes: input shape and trunk; None where it cannot be read."""
    try:
        architecture = from_json(text)
    except ArchitectureError:
        return None
    return architecture.input_shape, architecture.trunk
