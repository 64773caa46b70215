"""A stand-in data set made of numbers alone: one faint random pattern per class, under noise. It needs no files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

NAME = "patterns"


@dataclass(frozen=True, kw_only=True)
class Images:
    """Images and their classes."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True, kw_only=True)
class Patterns:
    """``count`` training images and half as many for testing, of any shape."""

    name: str
    classes: tuple[str, ...]
    fingerprint: str
    train: Images
    test: Images
    mean: tuple[float, ...]
    std: tuple[float, ...]


def patterns(shape: tuple[int, int, int], classes: int, count: int = 256) -> Patterns:
    """The set for images of a shape (channels, height, width); always the same."""
    generator = torch.Generator().manual_seed(1)
    means_KCHW = torch.randint(64, 192, (classes, *shape), generator=generator).float()

    def made(size: int) -> Images:
        labels = torch.arange(size) % classes
        noise = torch.randn((size, *shape), generator=generator) * 24
        return Images(images=(means_KCHW[labels] + noise).clamp(0, 255).to(torch.uint8), labels=labels)

    train, test = made(count), made(max(classes, count // 2))
    digest = hashlib.sha256()
    for tensor in (train.images, train.labels, test.images, test.labels):
        digest.update(tensor.numpy().tobytes())
    pixels_CN = train.images.transpose(0, 1).flatten(1).float() / 255
    return Patterns(
        name=NAME if count == 256 else f"{NAME}-{count}",
        classes=tuple(f"pattern {index}" for index in range(classes)),
        fingerprint=digest.hexdigest(),
        train=train,
        test=test,
        mean=tuple(pixels_CN.mean(1).tolist()),
        std=tuple(pixels_CN.std(1).tolist()),
    )
