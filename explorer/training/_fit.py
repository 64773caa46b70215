"""Whether a run can work at all, said before it is started: classes, and memory with the numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..analysis import Analysis, analyze
from ..architecture import Architecture, ArchitectureError, edit, walk
from ..datasets import DatasetCard
from ._config import TrainConfig

_PROCESS_BYTES = 900_000_000
"""What a worker needs beside tensors: Python, torch, its compiled kernels and thread pools (measured: up to 800 MB)."""
_BLOCK = 16
_SLACK = 1.4
"""Workspaces of convolutions and the allocator's rounding, as a factor on activations and weights."""


def check_classes(architecture: Architecture, dataset: str, classes: int) -> None:
    """Check that a network scores exactly the classes of a data set.

    Args:
        architecture: The network.
        dataset: Name of the data set, for the message.
        classes: How many it has.

    Raises:
        ValueError: The network ends in a map, or in another number of scores.
    """
    shape = analyze(architecture).totals.output_shape
    name = architecture.name[:60]
    if len(shape) != 1:
        raise ValueError(
            f"{name!r} ends in a map of {'×'.join(map(str, shape))}, not in scores; "
            f"end it with global pooling, flatten and a linear layer of {classes} features"
        )
    if shape[0] != classes:
        raise ValueError(
            f"{name!r} gives {shape[0]} scores, the data set {dataset[:60]!r} has {classes} classes; "
            f"set out_features of the last linear layer to {classes}"
        )


def check_heads(architecture: Architecture, dataset: str, classes: int) -> None:
    """Raises ValueError unless every auxiliary head fits the image and scores exactly the classes of a data set."""
    heads = [path for path, node in walk(architecture) if node.op == "auxiliary"]
    found = analyze(architecture)
    misfits = [head.describe() for head in found.auxiliary if not head.fits]
    if misfits:
        raise ValueError("; ".join(misfits))
    layers = found.layers if heads else ()
    for head in heads:
        nested = tuple(f"{other}/" for other in heads if other.startswith(f"{head}/"))
        inside = [layer for layer in layers if layer.path.startswith(f"{head}/") and not layer.path.startswith(nested)]
        shape = inside[-1].output_shape
        if shape != (classes,):
            raise ValueError(
                f"the auxiliary head {head!r} gives {shape[0]} scores, the data set {dataset[:60]!r} has {classes} "
                f"classes; set out_features of its last linear layer to {classes}, or remove the head"
            )


def check_precision(config: TrainConfig, device: str) -> None:
    """Raises ValueError where a kind of device ('cpu', 'cuda', 'mps') cannot train in the chosen precision."""
    if config.precision == "fp16" and device != "cuda":
        raise ValueError(f"precision (=fp16) needs a CUDA GPU, not {device}; choose bf16, fp32 or auto")


def check_learnable(architecture: Architecture) -> None:
    """Raises ValueError for a network without a single weight."""
    if not analyze(architecture).totals.training_params:
        raise ValueError(
            f"{architecture.name[:60]!r} has no weights, so there is nothing to train; "
            "add a convolution or a linear layer"
        )


def training_window(architecture: Architecture, config: TrainConfig) -> tuple[int, int] | None:
    """Height and width of the part of each image that training shows at first; None where it shows whole images.

    That is also so for a network that takes no other size with the same weights.
    """
    channels, height, width = architecture.input_shape
    size = max(1, round(config.window * height)), max(1, round(config.window * width))
    if size == (height, width):
        return None
    try:
        smaller = analyze(architecture, (channels, *size))
    except ArchitectureError:
        return None
    return size if smaller.totals.params == analyze(architecture).totals.params else None


def pixel_share(architecture: Architecture, config: TrainConfig) -> float:
    """Pixels that training shows a network, as a share of those of whole images."""
    window = training_window(architecture, config)
    if window is None:
        return 1.0
    _, height, width = architecture.input_shape
    return 1 - config.window_share * (1 - window[0] * window[1] / (height * width))


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
    processes: int = 1
    """Of which each needs all this: the images and the weights are not divided."""

    @property
    def on_gpu(self) -> int:
        """Bytes on a GPU, where there is one; each process has its own."""
        return self.weights + self.activations + self.images

    @property
    def total(self) -> int:
        """Bytes of training on the CPU."""
        return self.processes * (self.on_gpu + self.process)


def estimate_memory(architecture: Architecture, config: TrainConfig, images: int) -> Memory:
    """Estimate what training will need, by arithmetic on the analysis alone; torch is not needed.

    Args:
        architecture: The network.
        config: How it is trained.
        images: Of the data set, for training and testing together.

    Returns:
        Bytes, an upper estimate; measured runs of 200 random networks stay below it.

    Raises:
        ArchitectureError: The layers do not fit together.
    """
    found: Analysis = analyze(architecture)
    totals = found.totals
    channels, height, width = found.input_shape
    copies = 2 + (2 if config.optimizer != "sgd" else config.momentum > 0) + (config.ema_decay is not None)
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
        images=2 * images * pixels + 4 * 4 * batch * pixels,
        process=_PROCESS_BYTES + 4 * totals.training_params * (copies + 1),
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


def check_memory(needed: Memory, config: TrainConfig, *, device: str, available: int) -> None:
    """Check that a device has the memory that a run needs.

    Args:
        needed: What ``estimate_memory`` gave.
        config: The configuration of the run, for what to change.
        device: Name of the device, such as cpu or cuda:0.
        available: Bytes that it has in all.

    Raises:
        ValueError: It has not; the message has the numbers and a configuration that fits, where there is one.
    """
    total = needed.total if device == "cpu" else needed.on_gpu
    if total <= available:
        return
    part, together = config.part_size, needed.processes if device == "cpu" else 1
    room = available / together - (total / together - needed.activations)
    fitting = int(part * room / needed.activations) if needed.activations else 0
    way = (
        f"set accumulate to {-(-config.batch_size // (fitting * config.processes))} (parts of {fitting} images), "
        f"or batch_size to {fitting * config.processes}"
        if fitting >= 2
        else "choose a smaller network or smaller images"
    )
    raise ValueError(
        f"needs about {total / 1e9:.1f} GB on {device} (activations of {part} images {needed.activations / 1e9:.1f}, "
        f"weights and optimizer {needed.weights / 1e9:.1f}, images {needed.images / 1e9:.1f}), which has "
        f"{available / 1e9:.1f} GB; {way}"
    )


def fit_to_data(
    architecture: Architecture, card: DatasetCard, *, classes: bool = True, image_size: bool = False
) -> Architecture:
    """Fit an architecture to the images of a data set.

    Args:
        architecture: The network as it is.
        card: Of the data set.
        classes: Give the last layer and the auxiliary heads as many outputs as the data has classes.
        image_size: Take images as large as the data has them; else they are scaled to the network's input.

    Returns:
        The new architecture. Its layers need not fit together at another image size.

    Raises:
        ArchitectureError: The network ends in no layer whose outputs are classes.
    """
    if image_size:
        shape = (architecture.input_shape[0], *card.shape[1:])
        architecture = architecture.model_copy(update={"input_shape": shape})
    return edit.set_classes(architecture, len(card.classes)) if classes else architecture
