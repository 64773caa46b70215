"""A model: a network with its weights, ready to be asked, and everything that must be known to ask it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..analysis import analyze
from ..architecture import Architecture, to_json
from ..datasets import transforms
from ..modules import Network
from ._preprocessing import Preprocessing

_BATCH_BYTES = 256 * 2**20
"""Of activations at a time; what a batch takes is told by the analysis."""
_BATCH = 128


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A network that can be asked. Its network is shared by all who ask: it stays in evaluation mode, its weights take
    no gradients, and nobody puts hooks on it (see ``hooks.private``)."""

    name: str
    architecture: Architecture
    network: Network = field(repr=False)
    """On the CPU, float32."""
    classes: tuple[str, ...] = field(repr=False)
    """Names, in the order of the scores."""
    preprocessing: Preprocessing
    provenance: str
    """Where the weights come from, one phrase."""
    weights_sha256: str
    """SHA-256 of the weights themselves, whatever file they come from."""
    notes: tuple[str, ...] = ()
    """What had to be put up with, one sentence each."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that decides an answer: the key for caches."""
        described = to_json(self.architecture, indent=None)
        parts = (described, repr(self.preprocessing), repr(self.classes), self.weights_sha256)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    @cached_property
    def batch_size(self) -> int:
        """Images that go through the network at a time: as many as 256 MB of activations hold, at most 128."""
        return max(1, min(_BATCH, _BATCH_BYTES // analyze(self.architecture).totals.inference_bytes))

    @cached_property
    def gradient_batch_size(self) -> int:
        """The same where gradients are asked for, which keep the activations of all layers."""
        totals = analyze(self.architecture).totals
        return max(1, min(_BATCH, _BATCH_BYTES // (totals.training_bytes + totals.inference_bytes)))

    @property
    def has_class_names(self) -> bool:
        """Whether the names of its classes are known."""
        return self.classes != _number_classes(len(self.classes))

    def prepare(self, *pictures: NDArray[np.uint8]) -> Tensor:
        """RGB pictures (height, width, 3) of any size as the network's input: float32 (N, C, H, W)."""
        pixels = np.stack([self.preprocessing.pixels(picture) for picture in pictures])
        return self.normalise(torch.from_numpy(pixels))

    def normalise(self, images_BCHW: Tensor) -> Tensor:
        """uint8 images (N, C, H, W) as float32 around 0, as the first layer gets them."""
        return transforms.to_float(images_BCHW, *self.preprocessing.normalisation)

    @torch.no_grad()
    def logits(self, x_BCHW: Tensor) -> Tensor:
        """The scores (N, classes) of inputs."""
        scores_BK: Tensor = self.network(x_BCHW)
        return scores_BK

    def class_index(self, chosen: int | str) -> int:
        """The number of a class given by number or name. Raises ValueError."""
        if isinstance(chosen, str) and chosen in self.classes:
            return self.classes.index(chosen)
        if isinstance(chosen, int) and 0 <= chosen < len(self.classes):
            return chosen
        raise ValueError(f"{self.name} has no class {str(chosen)[:60]!r}; it has {len(self.classes)} classes, from 0")


def make_model(
    architecture: Architecture,
    network: Network,
    *,
    name: str,
    classes: Sequence[str],
    preprocessing: Preprocessing,
    provenance: str,
    notes: tuple[str, ...] = (),
) -> Model:
    """A network, its weights already in it, as a model: put into evaluation mode, its gradients off.

    Raises ValueError unless it scores as many classes as there are names; without names they are numbered.
    """
    scores = check_scores(architecture)
    names = tuple(classes) or _number_classes(scores)
    if len(names) != scores:
        raise ValueError(f"{architecture.name[:60]!r} gives {scores:,} scores; {len(names):,} classes have names")
    if preprocessing.shape != architecture.input_shape:
        raise ValueError(f"pictures become {preprocessing.shape}, the network takes {architecture.input_shape}")
    return Model(
        name=name,
        architecture=architecture,
        network=network.requires_grad_(False).eval(),
        classes=names,
        preprocessing=preprocessing,
        provenance=provenance,
        weights_sha256=_digest(network),
        notes=notes,
    )


def _number_classes(count: int) -> tuple[str, ...]:
    return tuple(f"class {number}" for number in range(count))


def _digest(network: Network) -> str:
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy())
    return digest.hexdigest()


def check_scores(architecture: Architecture) -> int:
    """How many classes a network scores. Raises ValueError where it ends in something else."""
    shape = analyze(architecture).totals.output_shape
    if len(shape) != 1:
        raise ValueError(
            f"{architecture.name[:60]!r} ends in a map of {'×'.join(map(str, shape))}, not in scores; "
            f"end it with global pooling, flatten and a linear layer"
        )
    return shape[0]
