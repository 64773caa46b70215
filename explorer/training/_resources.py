"""What a run takes: memory while it trains, and room on the disk for its checkpoints. By arithmetic, without torch."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..analysis import Analysis, analyze
from ..architecture import Architecture, walk
from ..home import home
from ..runs import Target
from ..text import format_bytes
from ._config import TrainConfig
from ._loading import LoadingPlan
from ._optimizers import count_tensors

_PROCESS_BYTES = 900_000_000
"""What a worker needs beside tensors: Python, torch, its compiled kernels and thread pools (measured: up to 800 MB)."""
_BLOCK = 16
_SLACK = 1.4
"""Workspaces of convolutions and the allocator's rounding, as a factor on activations and weights."""
_CHECKPOINTS = 4
"""Files of a run at a time: the last two, the best one, and one that is being written."""
_CHECKPOINT_BYTES = 200_000
"""Of a checkpoint beside its numbers: names, and torch's own form."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What a run is expected to need, in bytes; an upper estimate, float32 throughout."""

    weights: int
    """Weights, gradients, optimizer state and the running average."""
    activations: int
    """What the backward pass of the largest part of a batch needs, or an evaluation batch if that is more."""
    images: int
    """The data set as uint8, and a batch of it as numbers."""
    process: int
    """The worker itself: Python, torch, its threads, the best weights so far, and a checkpoint while it is written."""
    loading: int = 0
    """The processes that read a streamed data set, and the batches that they are ahead; in the machine's memory."""
    processes: int = 1
    """Of which each needs all this: the images and the weights are not divided."""

    @property
    def on_gpu(self) -> int:
        """Bytes on a GPU, where there is one; each process has its own."""
        return self.weights + self.activations + self.images

    @property
    def on_cpu(self) -> int:
        """Bytes of each process, where it trains on the CPU."""
        return self.on_gpu + self.process + self.loading

    @property
    def total(self) -> int:
        """Bytes of training on the CPU."""
        return self.processes * self.on_cpu


def estimate_memory(
    architecture: Architecture, config: TrainConfig, images: int, loading: LoadingPlan | None = None
) -> Memory:
    """Estimate what training will need, by arithmetic on the analysis alone; torch is not needed.

    Args:
        architecture: The network.
        config: How it is trained.
        images: Of the data set, for training and testing together.
        loading: How a streamed data set is read; None: it is kept in memory.

    Returns:
        Bytes, an upper estimate; measured runs of 200 random networks stay below it.

    Raises:
        ArchitectureError: The layers do not fit together.
    """
    found: Analysis = analyze(architecture)
    totals = found.totals
    channels, height, width = found.input_shape
    copies = 2 + count_tensors(config.optimizer, config.momentum) + (config.ema_decay is not None)
    part = config.part_size
    batch = min(config.batch_size, images)
    workspace = 0 if config.channels_last else _blocked_bytes(found)
    training = min(part, images) * (totals.training_bytes + workspace)
    evaluation = min(2 * part, images) * (totals.inference_bytes + workspace)
    # The largest gradient of an activation exists beside its activation.
    backward = min(part, images) * totals.inference_bytes
    pixels = channels * height * width
    return Memory(
        weights=int(_SLACK * 4 * totals.training_params * copies),
        activations=int(_SLACK * max(training + backward, evaluation)),
        # Twice: while they are adapted to the network, or split for validation, both copies exist.
        images=2 * (images if loading is None else batch) * pixels + 4 * 4 * batch * pixels,
        process=_PROCESS_BYTES + 4 * totals.training_params * (copies + 1),
        loading=0 if loading is None else loading.bytes,
        processes=config.processes,
    )


def _blocked_bytes(found: Analysis) -> int:
    """Bytes of an image's copies with which the CPU convolves where channels are outermost (the largest layer's).

    oneDNN brings input and output into blocks of 16 channels then, of which few channels fill a small part only.
    """

    def blocked(shape: tuple[int, ...]) -> int:
        return -(-shape[0] // _BLOCK) * _BLOCK * math.prod(shape[1:])

    convolutions = (layer for layer in found.layers if layer.op == "conv")
    return 4 * max((blocked(each.input_shape) + blocked(each.output_shape) for each in convolutions), default=0)


def check_memory(needed: Memory, config: TrainConfig, target: Target) -> None:
    """Check that a device has the memory that a run needs.

    Args:
        needed: What ``estimate_memory`` gave.
        config: The configuration of the run, for what to change.
        target: Where it would be trained.

    Raises:
        ValueError: It has not; the message has the numbers and a configuration that fits, where there is one.
    """
    each = needed.on_cpu if target.device.name == "cpu" else needed.on_gpu
    available, processes = target.device.memory_bytes, target.processes
    total = processes * each
    if total <= available:
        return
    part = config.part_size
    room = available / processes - (each - needed.activations)
    fitting = int(part * room / needed.activations) if needed.activations else 0
    way = (
        f"set accumulate to {-(-config.batch_size // (fitting * config.processes))} (parts of {fitting} images), "
        f"or batch_size to {fitting * config.processes}"
        if fitting >= 2
        else "choose a smaller network or smaller images"
    )
    raise ValueError(
        f"needs about {total / 1e9:.1f} GB on {target.where} "
        f"(activations of {part} images {needed.activations / 1e9:.1f}, "
        f"weights and optimizer {needed.weights / 1e9:.1f}, images {needed.images / 1e9:.1f}), "
        f"which has {available / 1e9:.1f} GB; {way}"
    )


def estimate_checkpoints(architecture: Architecture, config: TrainConfig) -> int:
    """Estimate the room that the checkpoints of a run take, and the one that is being written beside them.

    Args:
        architecture: The network.
        config: How it is trained.

    Returns:
        Bytes on the disk, once the run has as many checkpoints as are kept, those that are kept for good included.

    Raises:
        ArchitectureError: The layers do not fit together.
    """
    found = analyze(architecture)
    normed = [path for path, node in walk(architecture) if node.norm_kind == "batch"]
    totals, norms = found.totals, sum(found.by_path[path].norm_params for path in normed)  # which have statistics
    averages, moments = int(config.ema_decay is not None), count_tensors(config.optimizer, config.momentum)
    numbers = totals.training_params * (1 + moments + averages) + norms * (1 + averages)
    weights = (totals.training_params + norms) * (1 + averages)
    kept = len(config.kept_epochs) * (4 * weights + _CHECKPOINT_BYTES)
    start = 0 if config.start is None else 4 * totals.training_params
    return _CHECKPOINTS * (4 * numbers + _CHECKPOINT_BYTES) + kept + start


def check_disk(needed: int, root: Path | None = None) -> int:
    """Check that the disk has room for checkpoints.

    Args:
        needed: Bytes, as ``estimate_checkpoints`` gives them, of all the runs together.
        root: The data directory in which runs are kept; default: ``explorer.home``.

    Returns:
        Bytes that are free there.

    Raises:
        ValueError: It has not; the message has both numbers and a way out.
    """
    root = root or home()
    place = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise ValueError(
            f"checkpoints take up to {format_bytes(needed)}, and the disk of {str(root)!r} has {format_bytes(free)} "
            f"free; delete runs that are no longer needed, or set EXPLORER_HOME to a folder on another disk"
        )
    return free
