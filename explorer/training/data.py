"""The images of a run on its device, and the seeds from which all its random choices come."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .. import datasets
from ..architecture import Architecture
from ..datasets import Preprocessing, transforms
from ._config import TrainConfig
from ._fit import check_classes, check_heads

if TYPE_CHECKING:
    from ..datasets._dataset import Dataset


_SHOWN = 24
"""Test images whose predictions are kept after every evaluation."""


@dataclass(frozen=True, kw_only=True)
class Subset:
    """Part of a data set on a device."""

    images: Tensor
    """uint8 (N, C, H, W)."""
    labels: Tensor
    """int64 (N,)."""
    shown: tuple[int, ...] = ()
    """Rows whose predictions are kept after every evaluation."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, kw_only=True)
class Tensors:
    """Everything that a run reads, on its device."""

    train: Subset
    evaluated: dict[str, Subset]
    """By name: 'test', and 'validation' if there is one."""
    preprocessing: Preprocessing
    """What was done to the images, and is done to their numbers. Whoever predicts with the network must do the same."""
    classes: int
    normalisation: transforms.Normalisation = field(init=False, repr=False, compare=False)
    """By mean and deviation, on the device."""

    def __post_init__(self) -> None:
        images, how = self.train.images, self.preprocessing
        made = transforms.Normalisation.of(images.shape[1], how.mean, how.std, images.device)
        object.__setattr__(self, "normalisation", made)


def open_data(config: TrainConfig, architecture: Architecture) -> Dataset:
    """The data set of a configuration, adapted to a network. Raises ValueError if there is none, or it does not fit."""
    data = datasets.load(config.dataset, architecture.input_shape)
    check_classes(architecture, data.name, len(data.classes))
    check_heads(architecture, data.name, len(data.classes))
    return data


def load_to_device(data: Dataset, config: TrainConfig, device: torch.device) -> Tensors:
    """The images of a data set on a device, the validation images set apart from those of training."""
    part = data.with_validation(config.validation, config.seed) if config.validation else data
    shown = choose_rows(data.test_labels.tolist(), config.seed)
    test = Subset(images=data.test_images.to(device), labels=data.test_labels.to(device), shown=shown)
    evaluated = {"test": test}
    if part is not data:
        if not len(part.test_labels):
            raise ValueError(
                f"validation (={config.validation:g}) cannot be held out: no class of {data.name[:60]!r} has a "
                f"training image to spare; set validation to 0"
            )
        evaluated["validation"] = Subset(images=part.test_images.to(device), labels=part.test_labels.to(device))
    return Tensors(
        train=Subset(images=part.train_images.to(device), labels=part.train_labels.to(device)),
        evaluated=evaluated,
        preprocessing=describe_preprocessing(data, config),
        classes=len(data.classes),
    )


def describe_preprocessing(data: Dataset, config: TrainConfig) -> Preprocessing:
    """What a run does to images: those of its data set, adapted to its network, and later ones."""
    half = config.normalise == "half"
    return Preprocessing(
        shape=data.shape,
        mean=(0.5,) if half else data.mean,
        std=(0.5,) if half else data.std,
        dataset_shape=data.stored_shape,
        dataset_squash=data.squashed,
        squash=True,
        mirror=config.flip_average,
    )


def derive_seed(*parts: int | str) -> int:
    """A seed that depends on all parts, and on nothing else: there is no generator to be saved and restored."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:7], "big")


def make_generator(*parts: int | str) -> torch.Generator:
    """A generator seeded by all parts; on the CPU, so that every device is dealt the same choices."""
    return torch.Generator().manual_seed(derive_seed(*parts))


def normalise_images(images_BCHW: Tensor, data: Tensors, *, channels_last: bool) -> Tensor:
    """uint8 pixels as float32 around 0."""
    x_BCHW = data.normalisation(images_BCHW)
    return x_BCHW.contiguous(memory_format=torch.channels_last) if channels_last else x_BCHW


def choose_rows(labels: Sequence[int], seed: int, count: int = _SHOWN) -> tuple[int, ...]:
    """Rows of a data set, drawn by the seed, as many of each class as of every other (give or take one), by class."""
    order = list(range(len(labels)))
    random.Random(seed).shuffle(order)
    seen: Counter[int] = Counter()
    turn = {}
    for row in order:
        turn[row] = seen[labels[row]]
        seen[labels[row]] += 1
    first = sorted(order, key=turn.__getitem__)[:count]
    return tuple(sorted(first, key=lambda row: (labels[row], turn[row])))
