"""What a run starts from: the weights of another network, which part of them is held fixed, and for how long."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..analysis import analyze
from ..architecture import Architecture, edit, walk
from ..datasets import Preprocessing
from ..text import suggest

START_FILE = "start.safetensors"
"""Name, in a run's folder, of the copy of the weights that it starts from."""
Unfreeze = Literal["never", "block", "all"]
Numbers = Annotated[tuple[float, ...], Field(max_length=3)]


class StartFrom(BaseModel):
    """How a run begins with weights instead of random weights."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    weights: Annotated[str, Field(min_length=1, max_length=1000)]
    """What they are called: RUN, RUN@STEP, RUN@best, a shipped or published model, or the name of a file."""
    provenance: Annotated[str, Field(max_length=1000)] = ""
    """Where they come from, one phrase."""
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Of the copy that the run keeps in its folder; '' before there is a run."""
    head: Literal["auto", "new", "keep"] = "auto"
    """Whether the classifiers begin anew; 'auto': unless the weights have the classes of the data, name by name."""
    images: Literal["weights", "run"] = "weights"
    """By whose rule images are scaled and normalised: that of the weights, or the run's own, which squashes them to the
    input's size and normalises by the setting ``normalise``."""
    mean: Numbers = ()
    """Of the weights, for pixels from 0 to 1: one number a channel, or one for all; filled in when the run is made, as
    what follows is."""
    std: Numbers = ()
    """Likewise."""
    squash: bool = True
    """Whether images are scaled to exactly the input's size; else to cover ``cover``, and centre-cropped. This and the
    two below are the weights' own where the network takes images of their size; at another size nothing is cropped but
    what the proportions ask for."""
    cover: tuple[int, int] | None = None
    """(height, width) that a scaled image just covers before the centre crop; None: the input's own size."""
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    """How images are scaled."""
    freeze: Annotated[str, Field(max_length=1000)] = ""
    """Path of the last node that is held fixed: it and all before it, in the order of execution, keep their weights and
    the statistics of their norms, and their dropout is off. Classifiers and auxiliary heads are never held fixed."""
    unfreeze: Unfreeze = "never"
    """'block': after each ``unfreeze_epochs`` the last fixed block of the trunk is trained, too; 'all': after so many
    epochs everything is."""
    unfreeze_epochs: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Epochs between two steps of ``unfreeze``."""
    old_rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Factor on the learning rate of tensors that were carried over; what begins anew has the whole rate."""

    @model_validator(mode="after")
    def _fits_together(self) -> StartFrom:
        if self.unfreeze != "never" and not self.freeze:
            raise ValueError(f"unfreeze (={self.unfreeze}) needs freeze: nothing is held fixed; name its last node")
        if len(self.mean) != len(self.std):
            raise ValueError("mean and std must be as many numbers as each other")
        return self

    @property
    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Mean and deviation of the weights where images are normalised by them; None: the run's own setting counts."""
        return (self.mean, self.std) if self.images == "weights" and self.mean else None


def describe_scaling(start: StartFrom | None, shape: tuple[int, int, int]) -> Preprocessing:
    """Say how a run scales the images of its data set.

    Args:
        start: What the run starts from; None for random weights.
        shape: (channels, height, width) of the network's input.

    Returns:
        The scaling and cropping; its mean and deviation do not count.
    """
    if start is None or start.images == "run":
        return Preprocessing(shape=shape, squash=True)
    return Preprocessing(shape=shape, squash=start.squash, cover=start.cover, interpolation=start.interpolation)


def find_frozen(architecture: Architecture, start: StartFrom | None, epoch: int = 0) -> frozenset[str]:
    """Find the nodes that are held fixed in an epoch.

    Args:
        architecture: The network.
        start: What the run starts from; None holds nothing fixed.
        epoch: Number of the epoch, from 0.

    Returns:
        Their paths: leaves, and containers all of whose leaves are held fixed.

    Raises:
        ValueError: The node that is named is not there, or nothing would be left to train.
    """
    if start is None or not start.freeze:
        return frozenset()
    steps = 0 if start.unfreeze == "never" else epoch // start.unfreeze_epochs
    if start.unfreeze == "all" and steps:
        return frozenset()
    frozen = _frozen_at_first(architecture, start.freeze)
    if not steps:
        return frozen
    blocks = [name for name in _blocks_with_weights(architecture) if name in {_block(path) for path in frozen}]
    kept = set(blocks[: max(0, len(blocks) - steps)])
    return frozenset(path for path in frozen if _block(path) in kept)


def _frozen_at_first(architecture: Architecture, freeze: str) -> frozenset[str]:
    nodes = dict(walk(architecture))
    if freeze not in nodes:
        raise ValueError(
            f"freeze (={freeze[:120]}): {architecture.name[:60]!r} has no such node; "
            f"{suggest(freeze, list(nodes), 'name one by its path, such as ' + next(iter(nodes), 'conv1'))}"
        )
    heads = tuple(f"{path}/" for path, node in nodes.items() if node.op == "auxiliary")
    trained = {*edit.classifiers(architecture)}
    leaves = [path for path, node in nodes.items() if not node.nodes and not path.startswith(heads or "\0")]
    inside = [path for path in leaves if path == freeze or path.startswith(f"{freeze}/")]
    if not inside:
        raise ValueError(
            f"freeze (={freeze[:120]}) is an auxiliary head, which is always trained; name a node of the trunk"
        )
    frozen = {path for path in leaves[: leaves.index(inside[-1]) + 1] if path not in trained}
    for path, node in reversed(list(nodes.items())):
        below = [each for each in leaves if each.startswith(f"{path}/")]
        if node.nodes and node.op != "auxiliary" and below and all(each in frozen for each in below):
            frozen.add(path)
    weighted = {layer.path for layer in analyze(architecture).layers if layer.params and not layer.training_only}
    if weighted <= frozen:
        raise ValueError(
            f"freeze (={freeze[:120]}) holds every weight of {architecture.name[:60]!r} fixed, so there is nothing to "
            f"train; name an earlier node"
        )
    return frozenset(frozen)


def _blocks_with_weights(architecture: Architecture) -> list[str]:
    """Nodes of the trunk with weights, in the order of execution."""
    return list(dict.fromkeys(_block(layer.path) for layer in analyze(architecture).layers if layer.params))


def _block(path: str) -> str:
    return path.partition("/")[0]


def check_start(architecture: Architecture, start: StartFrom | None) -> None:
    """Check what a run starts from against the network, without reading the weights.

    Args:
        architecture: What is trained.
        start: What the run starts from; None needs no check.

    Raises:
        ValueError: A node is not there, nothing is left to train, or the weights' normalisation is for other channels.
    """
    if start is None:
        return
    find_frozen(architecture, start)
    channels = architecture.input_shape[0]
    if start.normalisation is not None and len(start.mean) not in (1, channels):
        raise ValueError(
            f"{start.weights[:80]} was trained on images of {len(start.mean)} channels (mean and deviation), "
            f"{architecture.name[:60]!r} takes {channels}; normalise by the run's own setting (--images run), or give "
            f"the network an input of {len(start.mean)} channels"
        )


def describe_start(architecture: Architecture, start: StartFrom) -> list[str]:
    """Say in sentences what is held fixed, for how long, and at which rate the old part learns.

    Args:
        architecture: The network.
        start: What the run starts from.

    Returns:
        One sentence for each; [] where nothing is out of the ordinary.

    Raises:
        ValueError: As ``check_start``.
    """
    said = []
    frozen = find_frozen(architecture, start)
    if frozen:
        epochs = "epoch" if start.unfreeze_epochs == 1 else f"{start.unfreeze_epochs:,} epochs"
        until = {
            "never": "",
            "all": f", for the first {epochs}",
            "block": f"; after every {epochs} the last block of what is fixed is trained, too",
        }[start.unfreeze]
        said.append(f"Everything up to {start.freeze} is held fixed, with the statistics of its norms{until}.")
    if start.old_rate < 1:
        said.append(f"What was carried over learns at {start.old_rate:g} times the learning rate.")
    if start.normalisation is not None:
        mean, std = (", ".join(f"{value:.4g}" for value in values) for values in start.normalisation)
        scaled = "; ".join(describe_scaling(start, architecture.input_shape).describe_scaling())
        said.append(f"Images are prepared as the weights expect them: {scaled}; mean {mean}, deviation {std}.")
    return said
