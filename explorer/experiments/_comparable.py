"""The accuracies that networks have reached in any training run: run by run, or grouped by equal settings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..architecture import Architecture
from ..runs import Manager, Run
from ..training import TrainConfig, describe_structure
from ._parsing import parse_settings, read_structures
from ._results import ACCURACY
from ._statistics import SampleStatistics
from ._text import format_epochs

_HASHED = {
    "dataset", "epochs", "batch_size", "accumulate", "optimizer", "lr", "momentum", "nesterov", "weight_decay",
    "schedule", "warmup_epochs", "step_epochs", "step_factor", "label_smoothing", "clip_norm", "ema_decay",
    "normalise", "crop", "flip", "rotate", "zoom", "window", "window_share", "cutout", "mixup", "flip_average",
    "precision", "channels_last", "compile", "device", "processes", "threads", "seed", "validation", "patience",
    "time_limit", "checkpoint_seconds",
}  # fmt: skip
"""The settings of the first addresses; those that came later count where they are not what was before."""


@dataclass(frozen=True, kw_only=True)
class RunAccuracy:
    """The test accuracy of one training run. The field names are keys of ``compare --json``."""

    place: int
    """Index of the network, from 0."""
    run: str
    """Name of the run."""
    data: str
    """Name of the data set."""
    seed: int
    """Of the run."""
    epochs: int
    """Completed epochs."""
    accuracy: tuple[float, ...]
    """Share of correct predictions on the test images after each evaluated epoch, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class ComparableRuns:
    """Finished runs whose settings differ in network, seed, device and kept checkpoints only."""

    config: TrainConfig
    """The common settings; these are placeholders."""
    accuracy: tuple[SampleStatistics, ...]
    """For each network: test accuracies after the last epoch, 0 to 1, by seed."""

    @property
    def key(self) -> str:
        """A short hash of the settings, for addresses; later settings that mean what was before do not change it."""
        fields = TrainConfig.model_fields.items()
        later = {name for name, field in fields if name not in _HASHED and getattr(self.config, name) == field.default}
        settings = self.config.model_dump_json(exclude=later)
        return hashlib.sha256(settings.encode()).hexdigest()[:8]

    @property
    def title(self) -> str:
        """Data set and main settings, shown to people."""
        config = self.config
        return (
            f"{config.dataset} · {format_epochs(config.epochs)} · {config.optimizer}, learning rate {config.lr:g}, "
            f"batch {config.batch_size}"
        )

    @property
    def runs(self) -> int:
        """Number of runs."""
        return sum(len(sample.values) for sample in self.accuracy)


def group_comparable_runs(manager: Manager, architectures: Sequence[Architecture]) -> list[ComparableRuns]:
    """Group the finished runs of some networks by equal settings.

    Args:
        manager: Of the runs.
        architectures: The networks; input shape and layers must be equal, names need not.

    Returns:
        Groups, those with most of the networks first. Where a seed was run twice, the later run is used.
    """
    asked = [describe_structure(each) for each in architectures]
    found: dict[TrainConfig, dict[tuple[str, int], str]] = {}
    for structure, run in read_structures(manager, manager.store.runs("finished")):
        if structure in asked:
            config = parse_settings(run.config)
            if config is not None:
                found.setdefault(config, {})[structure, run.setting("seed")] = run.id
    curves = manager.store.curves([run for runs in found.values() for run in runs.values()], ACCURACY)
    groups = []
    for config, runs in found.items():
        ended = [(seed, run, network) for (network, seed), run in runs.items() if curves.get(run)]
        ended.sort(key=lambda each: each[:2])
        samples = [SampleStatistics.of([curves[run][-1] for _, run, of in ended if of == network]) for network in asked]
        groups.append(ComparableRuns(config=config, accuracy=tuple(samples)))
    groups = [group for group in groups if group.runs]
    return sorted(groups, key=lambda each: (-sum(1 for sample in each.accuracy if sample.values), -each.runs))


def find_runs(manager: Manager, architectures: Sequence[Architecture]) -> list[tuple[int, Run]]:
    """Find all runs of some networks.

    Args:
        manager: Of the runs.
        architectures: The networks; input shape and layers must be equal, names need not.

    Returns:
        (index of the network, run), network by network.
    """
    asked = [describe_structure(each) for each in architectures]
    known = read_structures(manager, manager.runs())
    return [(place, run) for place, network in enumerate(asked) for structure, run in known if structure == network]


def collect_accuracies(manager: Manager, runs: Iterable[tuple[int, Run]]) -> list[RunAccuracy]:
    """Collect the test accuracies of runs.

    Args:
        manager: Of the runs.
        runs: (index of the network, run), as ``find_runs`` gives them.

    Returns:
        One record per run, in the same order; runs that have not been evaluated yet are left out.
    """
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
