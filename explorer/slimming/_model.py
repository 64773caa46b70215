"""A slimmed network as a model, so that all that is done with models can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from ..architecture import Architecture
from ..inspection.models import Model, make_model
from ..modules import Network

if TYPE_CHECKING:
    from ..datasets._dataset import Dataset


def as_model(model: Model, architecture: Architecture, network: Network) -> Model:
    """Put a slimmed network in the place of a model's own.

    Args:
        model: The model that was slimmed.
        architecture: Of the slimmed network.
        network: With its weights, on the CPU.

    Returns:
        A model with the same classes and preprocessing, on the same device.
    """
    return make_model(
        architecture, network, name=f"{model.name}, slimmed", classes=model.classes if model.has_class_names else (),
        preprocessing=model.preprocessing, provenance=f"made slim from {model.name}: {model.provenance}",
        device=model.device,
    )  # fmt: skip


def read_inputs(model: Model, dataset: Dataset, part: Literal["train", "test"], count: int) -> Tensor:
    """Read images of a data set as a model takes them.

    Args:
        model: Says how images are prepared.
        dataset: The data set.
        part: Training or test images.
        count: How many at most; drawn at random, always the same.

    Returns:
        float32 (N, C, H, W), on the CPU.
    """
    images = dataset.train_images if part == "train" else dataset.test_images
    places = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:count].sort().values
    here = images[places].cpu()
    adapted = dataset.shape == model.preprocessing.shape != dataset.stored_shape
    return model.normalise(here if adapted else model.preprocessing.adapt(here))
