"""From an architecture and a configuration to a run: what cannot work is refused before, with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .. import datasets
from ..architecture import Architecture, from_json, to_json
from ..runs import Manager, Run, device_choices, devices
from ._config import TrainConfig, parse
from ._fit import (
    Memory,
    check_classes,
    check_heads,
    check_learnable,
    check_memory,
    check_precision,
    estimate_memory,
    training_window,
)


def start(
    manager: Manager,
    architecture: Architecture,
    config: TrainConfig,
    *,
    name: str | None = None,
    notes: str = "",
    tags: Iterable[str] = (),
) -> Run:
    """Queue a new run; the manager's owner starts it as soon as its device is free.

    Args:
        manager: Of the data directory in which the run is kept.
        architecture: What is trained.
        config: How. A data set given as a path is imported first.
        name: Title of the run; the architecture's name unless given.
        notes: Free text of the person who starts it.
        tags: Words by which runs are found.

    Returns:
        The run, in the state ``queued``.

    Raises:
        ValueError: The network does not fit the data or the device, or needs more memory than the device has.
    """
    config, memory = prepare(architecture, config)
    title, settings = name or architecture.name, config.model_dump_json()
    return manager.create(title, to_json(architecture, indent=None), settings, memory=memory, notes=notes, tags=tags)


def prepare(architecture: Architecture, config: TrainConfig) -> tuple[TrainConfig, int]:
    """Do what ``start`` does before it queues a run: import the data, and check that the run can work.

    Args:
        architecture: What is to be trained.
        config: How.

    Returns:
        The configuration with the name of the imported data set, and the bytes that the run is expected to need.

    Raises:
        ValueError: As ``start``.
    """
    config = _with_known_data(config, architecture)
    return config, check(architecture, config).bytes


def config_warnings(config: TrainConfig) -> list[str]:
    """Find what is allowed and will most likely spoil a run.

    Args:
        config: The configuration of the run.

    Returns:
        A sentence for each, with what to change.

    Raises:
        ValueError: There is no such data set.
    """
    mirrored = [name for name in ("flip", "flip_average") if getattr(config, name)]
    classes = datasets.get_card(config.dataset).classes
    if mirrored and classes and all(len(name) == 1 for name in classes):
        return [
            f"the classes ({', '.join(classes[:3])} …) look like digits or letters, whose mirror images are none: turn "
            f"{' and '.join(mirrored)} off"
        ]
    return []


def extend(manager: Manager, run: str, epochs: int) -> Run:
    """Queue a run that has ended for some more epochs; a falling schedule then falls towards the new end.

    One that was stopped early goes on after the epoch at which it was, without early stopping.

    Args:
        manager: Of the data directory that has the run.
        run: Its identifier.
        epochs: How many more.

    Returns:
        The run, in the state ``queued``.

    Raises:
        ValueError: There is no such run, it has not ended, or ``epochs`` is below 1.
    """
    found = manager.run(run)
    if epochs < 1:
        raise ValueError(f"epochs (={epochs}) must be at least 1")
    config = parse(found.config)
    early = found.status == "finished" and 0 < found.epoch < config.epochs
    # One that was stopped early goes on from there: that it does not stop again at once, it has no patience any more.
    if early:
        longer = config.changed(epochs=found.epoch + epochs, patience=None)
    else:
        longer = config.changed(epochs=config.epochs + epochs)
    return manager.reconfigure(run, longer.model_dump_json(), memory=found.memory, queue=True)


def clone(manager: Manager, run: str, *, name: str | None = None, **changes: Any) -> Run:
    """Queue a new run with the architecture and the configuration of another one, some fields of it changed.

    Args:
        manager: Of the data directory that has the run.
        run: Identifier of the other run.
        name: Title of the new one; that of the other unless given.
        **changes: Fields of ``TrainConfig`` and their new values.

    Returns:
        The new run, in the state ``queued``.

    Raises:
        ValueError: There is no such run, a field cannot have that value, or as ``start``.
    """
    found = manager.run(run)
    config = parse(found.config).changed(**changes)
    return start(manager, from_json(found.architecture), config, name=name or found.name, tags=found.tags)


def _with_known_data(config: TrainConfig, architecture: Architecture) -> TrainConfig:
    """The configuration with the name of the imported set in place of a path: the worker runs in another folder."""
    path = datasets.find_source(config.dataset)
    if path is None:
        return config
    return config.changed(dataset=datasets.import_images(path, size=architecture.input_shape[1:]).name)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Where a run would go and what it would take there."""

    device: str
    """The device on which it would be trained now."""
    memory: Memory
    """What it would need."""
    bytes: int
    """What of it counts on that device."""
    available: int
    """Bytes that the device has in all."""
    window: tuple[int, int] | None
    """Height and width of the part of each image that is shown at first; None where images are shown whole."""


def check(architecture: Architecture, config: TrainConfig) -> Fit:
    """Check that a run can be started: its data is there, and network, data, device and memory fit one another.

    Args:
        architecture: What is to be trained.
        config: How; its data set is one that ``explorer.datasets`` knows by name.

    Returns:
        Where it would be trained now, and what it would take there.

    Raises:
        ValueError: It cannot; the message names the value, the rule and what to change.
    """
    card = datasets.get_card(config.dataset)
    if not card.available:
        hint = card.manual_download or "import it first"
        raise ValueError(f"the data set {config.dataset!r} is not on this machine; {hint}")
    check_classes(architecture, card.name, len(card.classes))
    check_heads(architecture, card.name, len(card.classes))
    check_learnable(architecture)
    needed = estimate_memory(architecture, config, card.train_count + card.test_count)
    known = {device.name: device for device in devices()}
    device = device_choices(config.device, config.processes, known)[0][0]
    check_precision(config, device.partition(":")[0])
    # A worker may use what is there in all: what other runs use now is free again when its turn comes.
    check_memory(needed, config, device=device, available=known[device].memory_bytes)
    counted = needed.total if device == "cpu" else needed.on_gpu
    window = training_window(architecture, config)
    return Fit(device=device, memory=needed, bytes=counted, available=known[device].memory_bytes, window=window)
