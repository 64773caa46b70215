"""Experiments in the run store: started, resumed, paused, stopped and deleted as one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..architecture import to_json
from ..datasets import get_card
from ..runs import RESUMABLE, ExperimentRow, Manager, Run, RunFolder, StoreError, Trial, new_run_id
from ..training import (
    START_FILE,
    TrainConfig,
    check_disk,
    estimate_checkpoints,
    find_import_size,
    import_data,
    prepare,
)
from ._experiment import Experiment, Variant

if TYPE_CHECKING:  # torch is loaded where weights are read
    from ..training.starting import StartWeights

TAG = "ablation"


@dataclass(frozen=True, kw_only=True)
class StoredExperiment:
    """An experiment in the run store."""

    id: str
    """Identifier in the run store."""
    created: float
    """Seconds since 1970."""
    experiment: Experiment
    """What was planned."""


def list_experiments(manager: Manager) -> list[StoredExperiment]:
    """List the experiments of a run store.

    Args:
        manager: Of the runs.

    Returns:
        All experiments, oldest first.

    Raises:
        ValueError: One of them cannot be read by this version.
    """
    return [_from_row(row) for row in manager.store.experiments.all() if row.kind == "experiment"]


def get_experiment(manager: Manager, experiment: str) -> StoredExperiment:
    """Find an experiment in the run store.

    Args:
        manager: Of the runs.
        experiment: Its identifier.

    Returns:
        The experiment.

    Raises:
        ValueError: There is none, or this version cannot read it.
    """
    return _from_row(manager.store.experiments.get(experiment, "experiment"))


def _from_row(row: ExperimentRow) -> StoredExperiment:
    return StoredExperiment(id=row.id, created=row.created, experiment=Experiment.from_json(row.name, row.plan))


def _to_row(stored: StoredExperiment) -> ExperimentRow:
    planned = stored.experiment
    return ExperimentRow(id=stored.id, name=planned.name, created=stored.created, plan=planned.to_json())


def start(manager: Manager, experiment: Experiment, weights: StartWeights | None = None) -> StoredExperiment:
    """Store an experiment and queue all its runs.

    All variants are checked first, so that either all runs are queued or none. ``resume`` queues what a crash in
    between left out.

    Args:
        manager: Of the runs.
        experiment: As ``plan`` gives it.
        weights: Those that some variants start from; each of their runs keeps a copy in its folder.

    Returns:
        The experiment with its identifier.

    Raises:
        ValueError: A variant does not fit the data or needs more memory than the device has, or there would be too many
            runs.
    """
    experiment, copy = _pin_starts(experiment, weights)
    experiment = _check_variants(manager, experiment, len(experiment.seeds))
    manager.check_capacity(len(experiment.trials))
    made, created = new_run_id(), time.time()
    stored = StoredExperiment(id=made, created=created, experiment=experiment)
    manager.save_experiment(_to_row(stored))
    _queue_missing(manager, stored, copy)
    return stored


def add_seeds(manager: Manager, experiment: str, seeds: Sequence[int]) -> StoredExperiment:
    """Train every variant from further seeds; those that the experiment has are ignored.

    Args:
        manager: Of the runs.
        experiment: Its identifier.
        seeds: Whole numbers from 0 to 2³² - 1.

    Returns:
        The larger experiment; its new runs are queued.

    Raises:
        ValueError: There is no such experiment, a seed is not allowed, a variant does not fit the data or needs more
            memory than the device has, or there would be too many runs. Nothing is then queued.
    """
    old = get_experiment(manager, experiment)
    larger = old.experiment.with_seeds(seeds)
    larger = _check_variants(manager, larger, len(larger.seeds) - len(old.experiment.seeds))
    manager.check_capacity(len(larger.trials) - len(old.experiment.trials))
    stored = replace(old, experiment=larger)
    manager.save_experiment(_to_row(stored))
    _queue_missing(manager, stored)
    return stored


def resume(manager: Manager, experiment: str) -> int:
    """Queue every run that is paused, interrupted, stopped or failed, and those that are missing.

    Args:
        manager: Of the runs.
        experiment: Its identifier.

    Returns:
        How many runs were queued.

    Raises:
        ValueError: There is no such experiment, or a run of it cannot be queued.
    """
    stored = get_experiment(manager, experiment)
    resumed = _apply_to_runs(manager, experiment, manager.resume, lambda run: run.status in RESUMABLE)
    return resumed + _queue_missing(manager, stored)


def pause(manager: Manager, experiment: str) -> int:
    """Ask every active run to write a checkpoint and release its device.

    Args:
        manager: Of the runs.
        experiment: Its identifier.

    Returns:
        How many runs were asked.

    Raises:
        ValueError: There is no such experiment, or a run of it cannot be paused.
    """
    get_experiment(manager, experiment)
    return _apply_to_runs(manager, experiment, manager.pause, lambda run: run.active)


def stop(manager: Manager, experiment: str) -> int:
    """Stop every run that is queued, running, paused or interrupted.

    Args:
        manager: Of the runs.
        experiment: Its identifier.

    Returns:
        How many runs were stopped.

    Raises:
        ValueError: There is no such experiment, or a run of it cannot be stopped.
    """
    get_experiment(manager, experiment)

    def can_stop(run: Run) -> bool:
        return run.active or run.status in ("paused", "interrupted")

    return _apply_to_runs(manager, experiment, manager.stop, can_stop)


def delete(manager: Manager, experiment: str) -> None:
    """Delete an experiment with its runs.

    Args:
        manager: Of the runs.
        experiment: Its identifier.

    Raises:
        ValueError: There is none, or some of its runs are queued or running; then nothing is deleted.
    """
    get_experiment(manager, experiment)
    runs = [run for _, run in manager.trials(experiment)]
    active = [run for run in runs if run.active]
    if active:
        raise ValueError(f"{len(active)} runs of experiment {experiment} are queued or running; stop it first")
    for run in runs:
        manager.delete(run.id)
    manager.remove_experiment(experiment)


def _check_variants(manager: Manager, experiment: Experiment, seeds: int) -> Experiment:
    """The experiment with its data imported. Raises ValueError where a variant cannot be trained from so many seeds."""
    config = experiment.config
    for variant in experiment.variants:
        prepared, _ = _prepare_variant(manager, variant, config)
        config = prepared.changed(start=None)
    check_disk(seeds * sum(estimate_checkpoints(each.architecture, config) for each in experiment.variants))
    return replace(experiment, config=config)


def _pin_starts(experiment: Experiment, weights: StartWeights | None) -> tuple[Experiment, bytes]:
    """The experiment with what the weights say of themselves, and the copy that runs keep; b'' where none starts so."""
    if experiment.config.start is not None:
        raise ValueError("start: give an ablation its weights as a factor (start=...), and not in its configuration")
    if not any(variant.start for variant in experiment.variants):
        return experiment, b""
    if weights is None:
        raise ValueError("start: the weights that variants start from are to be given, too, to be copied")
    from ..training import starting

    base, config = experiment.base, experiment.config
    config = import_data(config, find_import_size(base, starting.pin_start(base, config, weights)))
    classes, copy, variants = get_card(config.dataset).classes, b"", []
    for variant in experiment.variants:
        if variant.start is not None:
            given = config.changed(start=variant.start.model_dump())
            try:
                pinned, copy, _ = starting.pin(variant.architecture, given, weights, classes)
            except ValueError as error:
                raise ValueError(f"{variant.label}: {error}") from None
            variant = replace(variant, start=pinned.start)
        variants.append(variant)
    return replace(experiment, config=config, variants=tuple(variants)), copy


def _find_copy(manager: Manager, stored: StoredExperiment) -> bytes:
    """The weights that variants start from, of any run that still has them. Raises ValueError where none has."""
    from ..training.starting import StartWeights

    digest = next(variant.start.sha256 for variant in stored.experiment.variants if variant.start)
    for _, run in manager.trials(stored.id):
        path = RunFolder(manager.root, run.id).path / START_FILE
        if path.exists():
            with contextlib.suppress(ValueError):
                StartWeights.from_file(path, digest)
                return path.read_bytes()
    raise ValueError(
        f"no run of experiment {stored.id} has the weights any more that some of its variants start from; start a new "
        f"experiment"
    )


def _prepare_variant(manager: Manager, variant: Variant, config: TrainConfig) -> tuple[TrainConfig, int]:
    try:
        start = variant.start and variant.start.model_dump()
        return prepare(variant.architecture, config.changed(start=start), manager)
    except ValueError as error:
        raise ValueError(f"{variant.label}: {error}" if variant.factors else str(error)) from None


def _queue_missing(manager: Manager, stored: StoredExperiment, copy: bytes = b"") -> int:
    known = {(trial.variant, trial.seed) for trial, _ in manager.store.trials(stored.id)}
    missing = [(variant, seed) for variant, seed in stored.experiment.trials if (variant.label, seed) not in known]
    config = stored.experiment.config
    memory = {variant.label: _prepare_variant(manager, variant, config)[1] for variant, _ in missing}
    queued = 0
    if not copy and any(variant.start for variant, _ in missing):
        copy = _find_copy(manager, stored)
    for variant, seed in missing:
        try:
            manager.create(
                f"{variant.architecture.name}, seed {seed}",
                to_json(variant.architecture, indent=None),
                stored.experiment.config_of(variant, seed).model_dump_json(),
                memory=memory[variant.label],
                tags=(TAG, variant.label),
                trial=Trial(experiment=stored.id, variant=variant.label, seed=seed),
                files={START_FILE: copy} if variant.start else {},
            )
        except StoreError as error:
            if not error.duplicate:
                raise
            continue  # somebody else resumes it at the same moment
        except ValueError as error:  # runs that were started meanwhile have taken the room that there was
            raise ValueError(
                f"{error}. {queued} of the {len(missing)} runs are queued; resume experiment {stored.id} for the others"
            ) from None
        queued += 1
    return queued


def _apply_to_runs(manager: Manager, experiment: str, act: Callable[[str], Run], wanted: Callable[[Run], bool]) -> int:
    done = 0
    # The last first: were the first stopped first, its device would go to the next, only to be stopped as well.
    for _, run in reversed(manager.trials(experiment)):
        if not wanted(run):
            continue
        try:
            act(run.id)
        except ValueError:
            if wanted(manager.store.get(run.id)):  # not simply ended by itself, or resumed by somebody, meanwhile
                raise
            continue
        done += 1
    return done
