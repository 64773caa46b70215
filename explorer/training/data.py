"""What training asks of a data set, and its images on the device as uint8 tensors."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ._config import TrainConfig


class Split(Protocol):
    """Images and their classes, index by index."""

    @property
    def images(self) -> Tensor:
        """uint8, (N, C, H, W)."""

    @property
    def labels(self) -> Tensor:
        """int64, (N,)."""


class ImageData(Protocol):
    """A data set whose images have the network's input shape."""

    @property
    def name(self) -> str:
        """Name for people."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the labels."""

    @property
    def fingerprint(self) -> str:
        """Digest of all images and labels: equal data, equal text."""

    @property
    def train(self) -> Split:
        """Images to learn from."""

    @property
    def test(self) -> Split:
        """Images to be judged by."""

    @property
    def mean(self) -> tuple[float, ...]:
        """Of each channel of the training images, pixels as 0 to 1."""

    @property
    def std(self) -> tuple[float, ...]:
        """Of each channel of the training images, pixels as 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Subset:
    """Part of a data set on a device."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, kw_only=True)
class Tensors:
    """Everything that a run reads, on its device."""

    train: Subset
    evaluated: dict[str, Subset]
    """By name: 'test', and 'validation' if there is one."""
    mean_C11: Tensor
    std_C11: Tensor
    classes: int


def seed_of(*parts: int | str) -> int:
    """A seed that depends on all parts, and on nothing else: there is no generator to be saved and restored."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:7], "big")


def permutation(size: int, *parts: int | str) -> Tensor:
    """The numbers 0 to size - 1 in an order that depends on the parts only; (size,) int64, on the CPU."""
    return torch.randperm(size, generator=torch.Generator().manual_seed(seed_of(*parts)))


def on_device(data: ImageData, config: TrainConfig, device: torch.device) -> Tensors:
    """The images of a data set on a device, the validation images set apart from those of training."""
    order = permutation(len(data.train.labels), config.seed, "validation")
    held = round(config.validation * len(order))

    def subset(split: Split, rows: Tensor | None = None) -> Subset:
        images, labels = split.images, split.labels
        if rows is not None:
            images, labels = images[rows], labels[rows]
        return Subset(images=images.to(device), labels=labels.to(device))

    if held:
        evaluated = {"test": subset(data.test), "validation": subset(data.train, order[:held].sort().values)}
        train = subset(data.train, order[held:].sort().values)
    else:
        evaluated, train = {"test": subset(data.test)}, subset(data.train)
    channels = data.train.images.shape[1]
    half = config.normalise == "half"
    mean, std = ((0.5,) * channels, (0.5,) * channels) if half else (data.mean, data.std)
    return Tensors(
        train=train,
        evaluated=evaluated,
        mean_C11=torch.tensor(mean, device=device).view(-1, 1, 1),
        std_C11=torch.tensor(std, device=device).clamp(min=1e-3).view(-1, 1, 1),
        classes=len(data.classes),
    )


def normalised(images_BCHW: Tensor, data: Tensors, *, channels_last: bool) -> Tensor:
    """uint8 pixels as float32 around 0."""
    x_BCHW = (images_BCHW.float() / 255 - data.mean_C11) / data.std_C11
    return x_BCHW.contiguous(memory_format=torch.channels_last) if channels_last else x_BCHW
