"""A model: a network with its weights, classes and preprocessing, ready to predict."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..analysis import analyze
from ..architecture import Architecture, to_json
from ..datasets import Preprocessing, transforms
from ..modules import Network

logger = logging.getLogger(__name__)

_BATCH_BYTES = 256 * 2**20
"""Limit for the activations of a batch, whose size the analysis knows."""
_BATCH = 128
_DARK = 0.35
"""Mean of pixels from 0 to 1, below which the training images are light figures on a dark ground."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkState:
    """A network with some weights, whether it classifies pictures or not.

    The network is shared by all callers: it stays in evaluation mode, its weights have no gradients, and hooks are put
    on copies only (see ``hooks.copy_for_hooks``).
    """

    name: str
    architecture: Architecture
    network: Network = field(repr=False)
    """float32, on ``device``."""
    provenance: str
    """Where the weights come from, one phrase."""
    weights_sha256: str
    """SHA-256 of the weights themselves, whatever file they come from."""
    device: torch.device
    """Where the network computes. Inputs and results are on the CPU, whatever it is."""

    @cached_property
    def batch_size(self) -> int:
        """Images in a forward pass: as many as fit into 256 MB of activations, at most 128."""
        return max(1, min(_BATCH, _BATCH_BYTES // analyze(self.architecture).totals.inference_bytes))

    @cached_property
    def gradient_batch_size(self) -> int:
        """The same with gradients, for which the activations of all layers are stored."""
        totals = analyze(self.architecture).totals
        return max(1, min(_BATCH, _BATCH_BYTES // (totals.training_bytes + totals.inference_bytes)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Model(NetworkState):
    """A network that predicts the class of a picture."""

    classes: tuple[str, ...] = field(repr=False)
    """Names, in the order of the scores."""
    preprocessing: Preprocessing
    notes: tuple[str, ...] = ()
    """Warnings about the weights, such as damaged checkpoints that were passed over; one sentence each."""
    conversions: tuple[str, ...] = ()
    """What was done between the file of weights and the network, and where facts were found; one phrase each."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that determines a prediction: the key for caches."""
        described = to_json(self.architecture, indent=None)
        parts = (described, repr(self.preprocessing), repr(self.classes), self.weights_sha256)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    @property
    def has_class_names(self) -> bool:
        """Whether the names of its classes are known."""
        return self.classes != _number_classes(len(self.classes))

    @property
    def reads_light_ink(self) -> bool:
        """Whether it learnt light handwriting on a dark ground, as MNIST's: single letters or digits, in grey, mostly
        dark.
        """
        about = self.preprocessing
        grey = 1 in (about.shape[0], (about.dataset_shape or about.shape)[0])
        return grey and sum(about.mean) / len(about.mean) < _DARK and all(len(name) == 1 for name in self.classes)

    def tell_limits(self, most: int = 20) -> str:
        """One sentence: that the model has no answer but its classes; with their names up to ``most``."""
        count = len(self.classes)
        names = self.classes if count <= most else (*self.classes[: most // 2], "…", *self.classes[-2:])
        return (
            f"It knows {count:,} classes and nothing else ({', '.join(names)}): "
            f"a picture of anything else is given one of them, too."
        )

    def prepare(self, *images: NDArray[np.uint8]) -> Tensor:
        """RGB images, uint8 (height, width, 3) of any sizes, as inputs: float32 (N, C, H, W), on the CPU."""
        pixels = np.stack([self.preprocessing.pixels(image) for image in images])
        return self.normalise(torch.from_numpy(pixels))

    def normalise(self, images_BCHW: Tensor) -> Tensor:
        """uint8 images (N, C, H, W) as normalised float32, on the same device."""
        return transforms.to_float(images_BCHW, *self.preprocessing.normalisation)

    @torch.no_grad()
    def logits(self, x_BCHW: Tensor) -> Tensor:
        """The scores of inputs (N, C, H, W) on any device: float32 (N, classes), on the CPU."""
        scores_BK: Tensor = self.network(x_BCHW.to(self.device))
        return scores_BK.cpu()

    def scores(self, x_BCHW: Tensor) -> Tensor:
        """The scores by which inputs (N, C, H, W) are classified: float32 (N, classes), on the CPU.

        They are the logits; where the preprocessing averages with the mirror image, logarithms of mean probabilities.
        """
        logits_BK = self.logits(x_BCHW)
        if not self.preprocessing.mirror:
            return logits_BK
        both = torch.stack([logits_BK.log_softmax(1), self.logits(x_BCHW.flip(3)).log_softmax(1)])
        return both.logsumexp(0) - math.log(2)

    def class_index(self, chosen: int | str) -> int:
        """The number of a class that is given by number or name. Raises ValueError if there is none."""
        if isinstance(chosen, str) and chosen in self.classes:
            return self.classes.index(chosen)
        if isinstance(chosen, int) and 0 <= chosen < len(self.classes):
            return chosen
        raise ValueError(
            f"{self.name} has no class {str(chosen)[:60]!r}; its classes are numbered from 0 to {len(self.classes) - 1}"
        )


def make_model(
    architecture: Architecture,
    network: Network,
    *,
    name: str,
    classes: Sequence[str],
    preprocessing: Preprocessing,
    provenance: str,
    notes: tuple[str, ...] = (),
    conversions: tuple[str, ...] = (),
    device: torch.device | str = "cpu",
) -> Model:
    """A network with its weights as a model: in evaluation mode, without gradients, moved to a device.

    Args:
        architecture: what the network computes.
        network: on the CPU, float32; the model takes it over.
        name: as ``open_model`` takes it, or the name of a file.
        classes: names in the order of the scores; empty: the classes are numbered.
        preprocessing: how images become inputs; its shape must be the architecture's input shape.
        provenance: where the weights come from, one phrase.
        notes: warnings, one sentence each.
        conversions: what was done between the file and the network, one phrase each.
        device: 'cpu', 'mps' or 'cuda:N'; see ``inspection.choose_device``.

    Raises:
        ValueError: the number of names is not the number of scores, the shapes differ, or the device cannot hold the
            network.
    """
    scores = check_scores(architecture)
    names = tuple(classes) or _number_classes(scores)
    if len(names) != scores:
        raise ValueError(f"{architecture.name[:60]!r} has {scores:,} scores, but {len(names):,} classes have names")
    if preprocessing.shape != architecture.input_shape:
        raise ValueError(
            f"preprocessing gives images of {preprocessing.shape}, the network takes {architecture.input_shape}"
        )
    weights_sha256 = digest_weights(network)
    return Model(
        name=name,
        architecture=architecture,
        network=move(network.requires_grad_(False).eval(), torch.device(device)),
        classes=names,
        preprocessing=preprocessing,
        provenance=provenance,
        weights_sha256=weights_sha256,
        notes=notes,
        conversions=conversions,
        device=torch.device(device),
    )


def move(network: Network, device: torch.device) -> Network:
    """Move a network to a device. Raises ValueError where that cannot hold it."""
    try:
        return network.to(device)
    except RuntimeError as error:  # out of memory, or a driver that fails
        logger.warning("the network cannot be moved to %s", device, exc_info=True)
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"the network cannot be moved to the device {device} ({reason}); choose the device cpu"
        ) from None


def _number_classes(count: int) -> tuple[str, ...]:
    return tuple(f"class {number}" for number in range(count))


def digest_weights(network: Network) -> str:
    """SHA-256 of a network's weights and statistics; it is on the CPU."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy())
    return digest.hexdigest()


def check_scores(architecture: Architecture) -> int:
    """The number of classes that a network scores. Raises ValueError where its output is not a vector of scores."""
    shape = analyze(architecture).totals.output_shape
    if len(shape) != 1:
        raise ValueError(
            f"{architecture.name[:60]!r} ends in a map of {'×'.join(map(str, shape))}, not in scores; "
            f"end it with global pooling, flatten and a linear layer"
        )
    return shape[0]
