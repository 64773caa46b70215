"""From an architecture and a configuration to a run: what cannot work is refused before, with the reason."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import datasets
from ..analysis import analyze
from ..architecture import Architecture, ArchitectureError, from_json, to_json
from ..runs import EARLY_STOP, Manager, Run, RunFolder, find_local_target
from ..text import compact_shape
from ._balance import describe_imbalance
from ._config import TrainConfig, parse
from ._fit import (
    check_batches,
    check_classes,
    check_heads,
    check_learnable,
    check_precision,
    check_split,
    training_window,
)
from ._loading import describe_loading, plan_for
from ._resources import Memory, check_disk, check_memory, estimate_checkpoints, estimate_memory
from ._start import START_FILE, check_start, describe_scaling

if TYPE_CHECKING:  # torch is loaded where weights are read
    from .starting import StartWeights

_ENLARGED = 1.2
"""Times by which images may be enlarged without a word: 28 pixels to 32."""


def start(
    manager: Manager,
    architecture: Architecture,
    config: TrainConfig,
    *,
    name: str | None = None,
    notes: str = "",
    tags: Iterable[str] = (),
    weights: StartWeights | None = None,
) -> Run:
    """Queue a new run; the manager's owner starts it as soon as its device is free.

    Args:
        manager: Of the data directory in which the run is kept.
        architecture: What is trained.
        config: How. A data set given as a path is imported first.
        name: Title of the run; the architecture's name unless given.
        notes: Free text of the person who starts it.
        tags: Words by which runs are found.
        weights: What it starts from, in the way that ``config.start`` says (by default: all that fits, a new head);
            a copy is kept in its folder. None: from random weights.

    Returns:
        The run, in the state ``queued``.

    Raises:
        ValueError: The network does not fit the data or the device, or needs more memory than the device has; or
            nothing of the weights fits it.
    """
    if weights is not None:
        from . import starting

        config = starting.pin_start(architecture, config, weights)
    config, memory = prepare(architecture, config, manager)
    files = {}
    if weights is not None:
        config, copy, _ = starting.pin(architecture, config, weights, datasets.get_card(config.dataset).classes)
        files[START_FILE] = copy
    elif config.start is not None:
        raise ValueError(f"start: the weights {config.start.weights[:80]!r} are to be given, too, to be copied")
    title, settings = name or architecture.name, config.model_dump_json()
    return manager.create(
        title, to_json(architecture, indent=None), settings, memory=memory, notes=notes, tags=tags, files=files
    )


def prepare(
    architecture: Architecture, config: TrainConfig, manager: Manager | None = None
) -> tuple[TrainConfig, int]:
    """Do what ``start`` does before it queues a run: import the data, and check that the run can work.

    Args:
        architecture: What is to be trained.
        config: How.
        manager: Where it is to be trained; None: on this machine.

    Returns:
        The configuration with the name of the imported data set, and the bytes that the run is expected to need.

    Raises:
        ValueError: As ``start``.
    """
    config = import_data(config, find_import_size(architecture, config))
    return config, check(architecture, config, manager).bytes


def find_warnings(architecture: Architecture, config: TrainConfig) -> list[str]:
    """Find what is allowed and will most likely spoil a run, or waste its time.

    Args:
        architecture: What is to be trained.
        config: How; its data set is one that ``explorer.datasets`` knows by name.

    Returns:
        A sentence for each, with what to change.

    Raises:
        ValueError: There is no such data set.
    """
    card = datasets.get_card(config.dataset)
    found = []
    mirrored = [name for name in ("flip", "flip_average") if getattr(config, name)]
    if mirrored and card.classes and all(len(name) == 1 for name in card.classes):
        found.append(
            f"the classes ({', '.join(card.classes[:3])} …) look like digits or letters, whose mirror images are none: "
            f"turn {' and '.join(mirrored)} off"
        )
    found += _describe_enlargement(architecture, card)
    found += filter(None, [describe_imbalance(config)])
    trained = check_split(card, config)
    if config.batch_size > trained:
        found.append(
            f"a batch of {config.batch_size:,} images is more than the {trained:,} that are trained on: every epoch is "
            f"a single update; choose a smaller batch"
        )
    if config.mixup and min(config.part_size * config.parts, trained) < 2:
        found.append("mixup mixes nothing in batches of one image; choose a larger batch, or set mixup to 0")
    held_out = card.train_count - trained
    if 0 < held_out < 10 * len(card.classes):
        found.append(
            f"about {held_out:,} images are held out for validation, in {len(card.classes):,} classes: their accuracy "
            f"says little; hold out more, or none"
        )
    return found


def _describe_enlargement(architecture: Architecture, card: datasets.DatasetCard) -> list[str]:
    """A sentence where a network takes images that are much larger than a data set keeps them, with what to change."""
    (_, *stored), (channels, *wanted) = card.shape, architecture.input_shape
    if max(new / old for new, old in zip(wanted, stored, strict=True)) <= _ENLARGED:
        return []
    ways = ["import them larger"] if card.name in datasets.list_imports() else []
    with contextlib.suppress(ArchitectureError):  # it takes no such small ones
        analyze(architecture, (channels, stored[0], stored[1]))
        ways.append(f"let the network take {compact_shape(stored)} (Image size on the page, --input data)")
    return [
        f"{architecture.name} takes images of {compact_shape(wanted)}, and {card.title} has them at "
        f"{compact_shape(stored)}: they are enlarged, which costs time and shows nothing more"
        + (f"; {', or '.join(ways)}" if ways else "")
    ]


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
    if config.range_steps:
        raise ValueError("a learning-rate range test has no epochs to add; train with the rate that it proposes")
    early = found.status == "finished" and found.reason.startswith(EARLY_STOP)
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
    weights = None if config.start is None else read_start(manager, run)
    network = from_json(found.architecture)
    return start(manager, network, config, name=name or found.name, tags=found.tags, weights=weights)


def read_start(manager: Manager, run: str) -> StartWeights:
    """Read the weights that a run started from, of which it keeps a copy. Imports torch.

    Args:
        manager: Of the data directory that has the run.
        run: Its identifier.

    Returns:
        The weights, with their network, classes and preprocessing.

    Raises:
        ValueError: There is no such run, it started from random weights, or its copy is gone or damaged.
    """
    from . import starting

    found = manager.run(run)
    config = parse(found.config)
    if config.start is None:
        raise ValueError(f"run {run} started from random weights, so it keeps no weights that it started from")
    return starting.StartWeights.from_file(RunFolder(manager.root, found.id).path / START_FILE, config.start.sha256)


def find_import_size(architecture: Architecture, config: TrainConfig) -> tuple[int, int]:
    """Find at which size images are best imported for a run.

    Args:
        architecture: What is trained.
        config: How; its ``start`` has the preprocessing of the weights.

    Returns:
        (height, width): the network's input, or what the weights' preprocessing covers before it crops.
    """
    how = describe_scaling(config.start, architecture.input_shape)
    return how.cover or how.shape[1:]


def import_data(
    config: TrainConfig, size: tuple[int, int] | None = None, *, progress: datasets.Progress | None = None
) -> TrainConfig:
    """Import the data set of a configuration where it is a path: the worker runs in another folder.

    Args:
        config: How a network is to be trained.
        size: (height, width) to which images of mixed or large sizes are scaled; default: the import's own.
        progress: Is called with the images done and their number.

    Returns:
        The configuration with the name of the imported set.

    Raises:
        ValueError: The path cannot be imported.
    """
    path = datasets.find_source(config.dataset)
    if path is None:
        return config
    return config.changed(dataset=datasets.import_images(path, size=size, progress=progress).name)


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
    """Bytes that the device has in all; 0 where nobody knows."""
    window: tuple[int, int] | None
    """Height and width of the part of each image that is shown at first; None where images are shown whole."""
    disk: int
    """Bytes that its checkpoints take at most."""
    images: str = ""
    """A sentence that says where the images are while it trains: in memory, or streamed and how."""
    waits_for: str = ""
    """What it would wait for beside its turn, such as a machine that a cluster does not have now."""


def check(architecture: Architecture, config: TrainConfig, manager: Manager | None = None) -> Fit:
    """Check that a run can be started: its data is there, and network, data, device, memory and disk fit one another.

    Args:
        architecture: What is to be trained.
        config: How; its data set is one that ``explorer.datasets`` knows by name.
        manager: Where it is to be trained, here or on a cluster; None: on this machine.

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
    check_start(architecture, config.start)
    check_batches(architecture, config, check_split(card, config))
    loading = plan_for(card, architecture, config)
    needed = estimate_memory(architecture, config, card.train_count + card.test_count, loading)
    if manager is None:
        target = find_local_target(config.device, config.processes)
    else:
        target = manager.find_target(config.device, config.processes, config.threads or 1)
    device = target.device
    check_precision(config, device.name.partition(":")[0])
    # A worker may use what is there in all: what other runs use now is free again when its turn comes.
    if device.memory_bytes:
        check_memory(needed, config, target)
    disk = estimate_checkpoints(architecture, config)
    check_disk(disk)
    return Fit(
        device=device.name,
        memory=needed,
        bytes=needed.total if device.name == "cpu" else needed.on_gpu,
        available=device.memory_bytes,
        window=training_window(architecture, config),
        disk=disk,
        images=describe_loading(card, loading),
        waits_for=target.waits_for,
    )
