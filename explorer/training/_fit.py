"""Whether a network, its data and a configuration fit one another, said before the start; and how they are made to."""

from __future__ import annotations

from typing import Literal

from ..analysis import Layer, analyze
from ..architecture import Architecture, ArchitectureError, edit, walk
from ..datasets import DatasetCard
from ..text import compact_shape
from ._config import TrainConfig


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
            f"{name!r} ends in a map of {compact_shape(shape)}, not in scores; "
            f"end it with global pooling, flatten and a linear layer of {classes:,} features"
        )
    if shape[0] != classes:
        raise ValueError(
            f"{name!r} gives {shape[0]:,} scores, the data set {dataset[:60]!r} has {classes:,} classes; "
            f"give its last layer {classes:,} outputs, or fit the network to the data (--fit)"
        )


def check_heads(architecture: Architecture, dataset: str, classes: int) -> None:
    """Check that every auxiliary head fits the image, and scores exactly the classes of a data set, as its loss needs.

    Args:
        architecture: The network.
        dataset: Name of the data set, for the message.
        classes: How many it has.

    Raises:
        ValueError: A head does not.
    """
    found = analyze(architecture)
    for head in found.auxiliary:
        if not head.fits:
            raise ValueError(
                f"the auxiliary head {head.path!r} does not fit images of {compact_shape(found.input_shape)}: "
                f"{head.reason}; leave the head out (--fit does), or train on larger images"
            )
    heads = [path for path, node in walk(architecture) if node.op == "auxiliary"]
    for path in heads:
        nested = tuple(f"{other}/" for other in heads if other.startswith(f"{path}/"))
        inside = [layer for layer in found.below(path) if not layer.path.startswith(nested)]
        shape = inside[-1].output_shape
        if shape != (classes,):
            raise ValueError(
                f"the auxiliary head {path!r} gives {shape[0]:,} scores, the data set {dataset[:60]!r} has {classes:,} "
                f"classes; set out_features of its last linear layer to {classes:,}, fit the network to the data "
                f"(--fit), or remove the head"
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


def check_split(card: DatasetCard, config: TrainConfig) -> int:
    """Check that a validation split leaves something to both of its parts.

    Args:
        card: Of the data set.
        config: How the network is trained.

    Returns:
        Images that are trained on; give or take half an image a class where some are held out.

    Raises:
        ValueError: No class has an image to spare.
    """
    if not config.validation:
        return card.train_count
    if card.train_count <= len(card.classes):
        raise ValueError(
            f"validation (={config.validation:g}) cannot be held out: {card.train_count:,} training images in "
            f"{len(card.classes):,} classes leave none to spare; set validation to 0, or bring more images"
        )
    return card.train_count - max(1, round(config.validation * card.train_count))


def steps_per_epoch(images: int, config: TrainConfig) -> int:
    """Updates per epoch; a last batch too small to give every part two images (batch norm needs them) is left out.

    Raises ValueError where there are fewer images than parts.
    """
    if images < config.parts:
        raise ValueError(
            f"{images:,} training images cannot be cut into {config.parts} parts (accumulate × processes); "
            f"set accumulate and processes to less"
        )
    whole, rest = divmod(images, config.batch_size)
    return max(1, whole + (rest >= 2 * config.parts))


def check_batches(architecture: Architecture, config: TrainConfig, images: int) -> None:
    """Check that every batch can be cut into its parts, and that batch norm has more than one number to average.

    torch refuses a batch norm in training where a channel has a single number: one image, and a map of 1×1.

    Args:
        architecture: The network.
        config: How it is trained.
        images: That are trained on.

    Raises:
        ValueError: There are fewer images than parts, or a batch norm would see single numbers.
    """
    steps_per_epoch(images, config)
    if min(config.batch_size, images) // config.parts > 1:
        return
    channels, height, width = architecture.input_shape
    normed = {path for path, node in walk(architecture) if node.norm_kind == "batch"}
    for size in {(height, width), training_window(architecture, config) or (height, width)}:
        for layer in analyze(architecture, (channels, *size)).layers:
            if layer.path in normed and set(layer.output_shape[1:]) <= {1}:
                raise ValueError(_describe_lone_norm(layer, config, images))


def _describe_lone_norm(layer: Layer, config: TrainConfig, images: int) -> str:
    enough = 2 * config.parts
    if images < min(config.batch_size, enough):
        way = f"set accumulate and processes to less, or bring at least {enough} training images"
    else:
        way = f"set batch_size to {enough} or more"
        if config.accumulate > 1:
            way += f", or accumulate to {max(1, config.batch_size // 2 // config.processes)} or less"
    where = "in an auxiliary head, which could be left out, " if layer.training_only else ""
    return (
        f"the batch norm of {layer.path!r} {where}works on maps of 1×1, and a part of a batch is one image: it has a "
        f"single number to average; {way}, or remove that norm"
    )


def training_window(architecture: Architecture, config: TrainConfig) -> tuple[int, int] | None:
    """Find the part of each image that training shows at first.

    Args:
        architecture: The network.
        config: How it is trained.

    Returns:
        Height and width in pixels; None where it shows whole images, as it does to a network that takes no other size
        with the same weights, or with its auxiliary heads.
    """
    channels, height, width = architecture.input_shape
    size = max(1, round(config.window * height)), max(1, round(config.window * width))
    if size == (height, width):
        return None
    try:
        smaller = analyze(architecture, (channels, *size))
    except ArchitectureError:
        return None
    whole = analyze(architecture).totals
    same = (smaller.totals.params, smaller.totals.training_params) == (whole.params, whole.training_params)
    return size if same and all(head.fits for head in smaller.auxiliary) else None


def pixel_share(architecture: Architecture, config: TrainConfig) -> float:
    """Pixels that training shows a network, as a share of those of whole images."""
    window = training_window(architecture, config)
    if window is None:
        return 1.0
    _, height, width = architecture.input_shape
    return 1 - config.window_share * (1 - window[0] * window[1] / (height * width))


def fit_to_data(
    architecture: Architecture,
    card: DatasetCard,
    *,
    classes: bool = True,
    image_size: bool = False,
    heads: bool | Literal["all"] = False,
) -> Architecture:
    """Fit an architecture to the images of a data set.

    Args:
        architecture: The network as it is.
        card: Of the data set.
        classes: Give the last layer and the auxiliary heads as many outputs as the data has classes.
        image_size: Take images as large as the data has them; else they are scaled to the network's input.
        heads: Leave out the auxiliary heads that do not fit the images; 'all': every one.

    Returns:
        The new architecture. Its layers need not fit together at another image size.

    Raises:
        ArchitectureError: The network ends in no layer whose outputs are classes, or, where heads are to be left out,
            does not fit the images.
    """
    if image_size:
        shape = (architecture.input_shape[0], *card.shape[1:])
        architecture = edit.replace(architecture, "", input_shape=shape)
    while heads and (misfits := find_heads(architecture) if heads == "all" else find_misfits(architecture)):
        architecture = edit.remove(architecture, misfits[0])
    return edit.set_classes(architecture, len(card.classes)) if classes else architecture


def find_heads(architecture: Architecture) -> list[str]:
    """Find the auxiliary heads of a network.

    Args:
        architecture: The network.

    Returns:
        Their paths.
    """
    return [path for path, node in walk(architecture) if node.op == "auxiliary"]


def find_misfits(architecture: Architecture) -> list[str]:
    """Find the auxiliary heads that do not fit the image.

    Args:
        architecture: The network.

    Returns:
        Their paths.

    Raises:
        ArchitectureError: The rest of the layers do not fit together.
    """
    return [head.path for head in analyze(architecture).auxiliary if not head.fits]


def describe_fit(before: Architecture, after: Architecture) -> list[str]:
    """Describe what ``fit_to_data`` has changed.

    Args:
        before: The network as it was.
        after: The network as it is now.

    Returns:
        One phrase for each change, to follow the network's name.
    """
    said = []
    (_, *was), (_, *now) = before.input_shape, after.input_shape
    if was != now:
        said.append(f"takes images of {compact_shape(now)} instead of {compact_shape(was)}")
    kept = {path for path, _ in walk(after)}
    gone = [path for path, node in walk(before) if node.op == "auxiliary" and path not in kept]
    misfits = set(find_misfits(edit.replace(before, "", input_shape=after.input_shape))) if gone else set()
    for path in gone:
        why = f", since it does not fit {compact_shape(now)}" if path in misfits else ""
        said.append(f"the auxiliary head {path} is left out{why}")
    scores = [set(edit.count_classes(each).values()) for each in (before, after)]
    if scores[0] != scores[1]:
        said.append(f"gives {max(scores[1])} scores instead of {max(scores[0])}")
    return said
