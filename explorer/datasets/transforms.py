"""Batches of images as pure functions: to a network's input, to numbers, and changed at random for training.

Every function takes a batch (N, C, H, W) on any device and returns a new one there. Random ones draw from the generator
they are given and from nothing else. A generator on the CPU gives the same choices whatever device the images are on;
only a few numbers a batch travel, so that is also the quickest where the loop does not wait for the device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as functional

from ._errors import DatasetError

Mode = Literal["resize", "pad"]

_LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the grey value, ITU-R BT.601, as Pillow's mode 'L' uses them."""


def adapt(images: torch.Tensor, input_shape: tuple[int, int, int], mode: Mode = "resize") -> torch.Tensor:
    """Make uint8 images fit an input: (N, C, H, W) → (N, *input_shape).

    Channels: grey is repeated to three, three become one by luma (ITU-R BT.601). Size: 'resize' scales to exactly
    height×width by bilinear interpolation, antialiased when it shrinks, and distorts where the proportions differ;
    'pad' shrinks only if it must, keeps the proportions, and puts black around, the image in the middle. Computed in
    float32 and rounded, so that all devices agree within one step of 255.

    Args:
        images: uint8 (N, C, H, W).
        input_shape: (channels, height, width) of the network's input.
        mode: 'resize' or 'pad'.

    Returns:
        uint8 (N, *input_shape); the same tensor where nothing is to be done.

    Raises:
        DatasetError: The numbers of channels are others than 1 and 3.
    """
    channels, height, width = input_shape
    if tuple(images.shape[1:]) == (channels, height, width):
        return images
    if (images.shape[1], channels) not in ((1, 1), (1, 3), (3, 3), (3, 1)):
        raise DatasetError(f"images of {images.shape[1]} channels cannot feed an input of {channels}; 1 and 3 can")
    if images.shape[1] == 3 and channels == 1:
        images = _grey(images)  # before scaling: a third of the work
    if mode == "pad":
        images = _pad(images, height, width)
    elif tuple(images.shape[2:]) != (height, width):
        images = _resize(images, height, width)
    return images.repeat(1, 3, 1, 1) if images.shape[1] == 1 and channels == 3 else images


@dataclass(frozen=True)
class Normalisation:
    """(value / 255 − mean) / std, its constants on the device of the images: nothing is copied for a batch."""

    offset: torch.Tensor
    """float32 (1, C, 1, 1)."""
    factor: torch.Tensor
    """float32 (1, C, 1, 1)."""

    @classmethod
    def of(
        cls, channels: int, mean: Sequence[float] | None, std: Sequence[float] | None, device: torch.device
    ) -> Normalisation:
        """Constants for images of so many channels; ``mean`` and ``std`` as for ``to_float``.

        Raises:
            DatasetError: neither one number nor one for each channel is given.
        """
        means, spreads = _per_channel(mean, channels), _per_channel(std, channels)
        spreads = torch.where(spreads > 0, spreads, torch.ones_like(spreads))
        return cls((-means / spreads).to(device), (1 / (255 * spreads)).to(device))

    def __call__(self, images: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """uint8 images (N, C, H, W) as numbers; keeps the memory format."""
        # One multiplication and addition, in float32 whatever comes out: bfloat16 has too few digits for the offset.
        return torch.addcmul(self.offset, images.float(), self.factor).to(dtype)


def to_float(
    images: torch.Tensor,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """Normalise uint8 images: (value / 255 − mean) / std, one mean and std a channel.

    Args:
        images: uint8 (N, C, H, W).
        mean: One number a channel, or one for all, as for grey images shown to a network of three; None: 0.5.
        std: Likewise; None: 0.5, which gives −1 to 1. Zero (a constant channel) counts as one.
        dtype: Of the result.

    Returns:
        (N, C, H, W) in the memory format of ``images``.

    Raises:
        DatasetError: Neither one number nor one for each channel is given.
    """
    return Normalisation.of(images.shape[1], mean, std, images.device)(images, dtype)


def random_crop(images: torch.Tensor, padding: int, generator: torch.Generator) -> torch.Tensor:
    """Move each image by up to ``padding`` pixels along both axes; black comes in from the borders.

    Args:
        images: (N, C, H, W).
        padding: Pixels.
        generator: Draws the moves.

    Returns:
        (N, C, H, W).
    """
    height, width = images.shape[2:]
    return random_window(functional.pad(images, (padding, padding, padding, padding)), (height, width), generator)


def random_window(images: torch.Tensor, size: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    """Cut a part out of each image, anywhere within it.

    Args:
        images: (N, C, H, W).
        size: (height, width) of the part, at most the image's.
        generator: Draws the places.

    Returns:
        (N, C, *size).
    """
    windows = images.unfold(2, size[0], 1).unfold(3, size[1], 1)  # a view: (N, C, rows, columns, *size)
    count, _, rows, columns = windows.shape[:4]
    row = _integers(rows, (count,), generator, images.device)
    column = _integers(columns, (count,), generator, images.device)
    return windows[torch.arange(count, device=images.device), :, row, column]


def random_affine(images: torch.Tensor, degrees: float, zoom: float, generator: torch.Generator) -> torch.Tensor:
    """Turn each image about its middle and scale it, by bilinear interpolation; black comes in from outside.

    Args:
        images: uint8 (N, C, H, W).
        degrees: Each is turned by up to so many, either way.
        zoom: Below 1; its size is multiplied by a number from 1 − zoom to 1 + zoom, the same on both axes.
        generator: Draws both.

    Returns:
        uint8 (N, C, H, W).
    """
    count, _, height, width = images.shape
    drawn = send(torch.rand(2, count, generator=generator, device=generator.device), images.device) * 2 - 1
    angle, size = drawn[0] * math.radians(degrees), 1 + zoom * drawn[1]
    cosine, sine, none = angle.cos() / size, angle.sin() / size, torch.zeros_like(angle)
    # From places in the result to places in the image, both in halves of its sides, as affine_grid counts them.
    rows = (cosine, sine * (height / width), none), (-sine * (width / height), cosine, none)
    theta_N23 = torch.stack([torch.stack(row, 1) for row in rows], 1)
    grid = functional.affine_grid(theta_N23, list(images.shape), align_corners=False)
    return _bytes(functional.grid_sample(images.float(), grid, align_corners=False))


def random_flip(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each image mirrored left to right with probability one half."""
    flipped = _integers(2, (len(images), 1, 1, 1), generator, images.device).bool()
    return torch.where(flipped, images.flip(3), images)


def cutout(images: torch.Tensor, size: int, generator: torch.Generator) -> torch.Tensor:
    """Set a size×size square of each image to zero, its centre anywhere, cut where it leaves the image.

    Args:
        images: (N, C, H, W); on normalised images zero is the mean colour, on uint8 images black.
        size: Pixels a side.
        generator: Draws the centres.

    Returns:
        (N, C, H, W).

    Source: DeVries & Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", arXiv 1708.04552.
    """
    count, _, height, width = images.shape
    rows = _integers(height, (count, 1), generator, images.device) - size // 2
    columns = _integers(width, (count, 1), generator, images.device) - size // 2
    row, column = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
    in_rows = (row >= rows) & (row < rows + size)
    in_columns = (column >= columns) & (column < columns + size)
    return images.masked_fill((in_rows[:, :, None] & in_columns[:, None, :])[:, None], 0)


def mixup(
    images: torch.Tensor, labels: torch.Tensor, classes: int, alpha: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Blend every image with another of the batch, and its label likewise.

    Args:
        images: Floating point, normalised, (N, C, H, W).
        labels: Classes, int64 (N,).
        classes: How many there are.
        alpha: > 0; one share a batch is drawn from Beta(alpha, alpha).
        generator: Draws the share and the partners.

    Returns:
        (images (N, C, H, W), targets float32 (N, classes) that sum to one).

    Raises:
        ValueError: ``alpha`` is not above 0, or the images are whole numbers.

    Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization", arXiv 1710.09412.
    """
    if not alpha > 0 or not images.is_floating_point():
        raise ValueError(f"mixup needs alpha > 0 (={alpha}) and floating-point images, not {images.dtype}")
    share = _beta(alpha, generator)
    order = send(torch.randperm(len(images), generator=generator, device=generator.device), images.device)
    # one_hot would look for the smallest label, and wait for the device.
    targets = torch.zeros(len(labels), classes, device=images.device).scatter_(1, labels[:, None], 1.0)
    return images.lerp(images[order], 1 - share), targets.lerp(targets[order], 1 - share)


def _grey(images: torch.Tensor) -> torch.Tensor:
    weights = torch.tensor(_LUMA, device=images.device).view(1, 3, 1, 1)
    return _bytes((images.float() * weights).sum(1, keepdim=True))


def _resize(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    return _bytes(
        functional.interpolate(images.float(), (height, width), mode="bilinear", align_corners=False, antialias=True)
    )


def _pad(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    rows, columns = images.shape[2:]
    scale = min(height / rows, width / columns)
    if scale < 1:
        rows, columns = max(1, round(rows * scale)), max(1, round(columns * scale))
        images = _resize(images, rows, columns)
    top, left = (height - rows) // 2, (width - columns) // 2
    return functional.pad(images, (left, width - columns - left, top, height - rows - top))


def _bytes(values: torch.Tensor) -> torch.Tensor:
    return values.round_().clamp_(0, 255).to(torch.uint8)


def _per_channel(values: Sequence[float] | None, channels: int) -> torch.Tensor:
    tensor = torch.tensor([0.5] if values is None else list(values), dtype=torch.float32)
    if tensor.numel() not in (1, channels):
        raise DatasetError(f"{tensor.numel():,} means or standard deviations for images of {channels} channels")
    return tensor.expand(channels).reshape(1, channels, 1, 1)


def _integers(below: int, shape: tuple[int, ...], generator: torch.Generator, device: torch.device) -> torch.Tensor:
    return send(torch.randint(below, shape, generator=generator, device=generator.device), device)


def send(drawn: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Send a few numbers to a device without waiting: from pinned memory, since CUDA stages other copies."""
    if device.type == "cuda" and drawn.device.type == "cpu":
        drawn = drawn.pin_memory()
    return drawn.to(device, non_blocking=True)


def _beta(alpha: float, generator: torch.Generator) -> float:
    """One number from Beta(alpha, alpha): a / (a + b) for a, b from Gamma(alpha).

    In logarithms, by Gamma(alpha) = Gamma(alpha + 1) × U^(1 / alpha): for a small alpha both would be zero as numbers.
    """
    device = generator.device
    gammas = torch._standard_gamma(torch.full((2,), alpha + 1, dtype=torch.float64, device=device), generator=generator)
    uniform = 1 - torch.rand(2, generator=generator, dtype=torch.float64, device=device)  # never zero
    logs = gammas.log() + uniform.log() / alpha
    return float(torch.sigmoid(logs[0] - logs[1]))
