"""Preprocessing as data: from an image to a network's input, and back from the input to the image."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's training images, used by torchvision's published networks."""
MAX_ASPECT_RATIO = 50
"""Longer side of an image over its shorter one. A thin image, scaled to cover an input, would need too much memory."""


class Box(NamedTuple):
    """A rectangle in pixels: rows from ``top`` to below ``bottom``, columns from ``left`` to below ``right``."""

    top: float
    """First row."""
    left: float
    """First column."""
    bottom: float
    """Row behind the last."""
    right: float
    """Column behind the last."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where an input lies in the image from which it was cropped."""

    image_size: tuple[int, int]
    """(height, width) of the image, in pixels."""
    scaled_size: tuple[int, int]
    """(height, width) to which the whole image is scaled, in pixels."""
    top: int
    """First row of the input in the scaled image."""
    left: int
    """First column of the input in the scaled image."""

    def to_image(self, box: Box) -> Box:
        """Convert a rectangle of the input to pixels of the image, clipped at the image's border."""
        (height, width), (rows, columns) = self.image_size, self.scaled_size
        down, across = height / rows, width / columns
        return Box(
            top=max(0.0, (box.top + self.top) * down),
            left=max(0.0, (box.left + self.left) * across),
            bottom=min(float(height), (box.bottom + self.top) * down),
            right=min(float(width), (box.right + self.left) * across),
        )


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How an image becomes a network's input: scaled, cropped, normalised.

    Raises ValueError for an input that an image cannot feed, and for a mean or deviation of the wrong length.
    """

    shape: tuple[int, int, int]
    """(channels, height, width) of the input; 3 channels are RGB, 1 is luma (ITU-R BT.601)."""
    mean: tuple[float, ...] = (0.5,)
    """Subtracted from pixels from 0 to 1; one for each channel, or one for all."""
    std: tuple[float, ...] = (0.5,)
    """The difference is divided by it; one for each channel, or one for all."""
    cover: tuple[int, int] | None = None
    """(height, width) that the scaled image just covers, before the centre crop; None: the input's own size."""
    transform_input: bool = False
    """torchvision's switch of that name: inside the network, the normalisation by ImageNet's mean and deviation is
    changed to one by 0.5 and 0.5, with which the published weights were trained."""

    def __post_init__(self) -> None:
        channels = self.shape[0]
        if channels not in (1, 3):
            raise ValueError(f"an image has 1 or 3 channels, the network's input {channels}; it cannot classify images")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, channels) or not all(np.isfinite(values)):
                raise ValueError(f"{name} (={values}) must be {channels} finite numbers, or one for all channels")

    @property
    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation by which the first layer's input is normalised, ``transform_input`` included.

        ((p - m) / s) · s / 0.5 + (m - 0.5) / 0.5 is (p - 0.5) / 0.5.
        """
        return ((0.5,), (0.5,)) if self.transform_input else (self.mean, self.std)

    def restore_pixels(self, input_CHW: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Restore the pixels of a network's input, as they were before it was normalised.

        Args:
            input_CHW: One input, normalised; float32.

        Returns:
            uint8 of shape (H, W, 3), or (H, W) where there is one channel.
        """
        mean, std = (np.array(each, np.float32).reshape(-1, 1, 1) for each in self.normalisation)
        std = np.where(std > 0, std, 1)
        pixels_CHW = np.rint(255 * (input_CHW * std + mean)).clip(0, 255).astype(np.uint8)
        return pixels_CHW[0] if len(pixels_CHW) == 1 else np.ascontiguousarray(pixels_CHW.transpose(1, 2, 0))

    def placement(self, height: int, width: int) -> Placement:
        """Find where the input lies in an image of this size in pixels; scaled and cropped as torchvision's presets do.

        Raises ValueError for an image that is too long and thin.
        """
        if max(height, width) > MAX_ASPECT_RATIO * min(height, width):
            raise ValueError(
                f"the image ({width:,}×{height:,} pixels) is more than {MAX_ASPECT_RATIO} times as long as it is "
                f"wide; crop it first"
            )
        _, rows, columns = self.shape
        tall, wide = self.cover or (rows, columns)
        if tall * width >= wide * height:  # the height decides
            scaled = (tall, max(wide, int(tall * width / height)))
        else:
            scaled = (max(tall, int(wide * height / width)), wide)
        top, left = round((scaled[0] - rows) / 2), round((scaled[1] - columns) / 2)
        return Placement(image_size=(height, width), scaled_size=scaled, top=top, left=left)

    def pixels(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Convert an RGB image, uint8 (height, width, 3), to the network's uint8 (channels, height, width).

        Scaled by Pillow's antialiased bilinear filter, without distortion, then centre-cropped.
        """
        channels, rows, columns = self.shape
        place = self.placement(*image.shape[:2])
        scaled = Image.fromarray(image)
        if channels == 1:
            scaled = scaled.convert("L")
        if place.scaled_size != place.image_size:
            scaled = scaled.resize(place.scaled_size[::-1], Image.Resampling.BILINEAR)
        array = np.asarray(scaled.crop((place.left, place.top, place.left + columns, place.top + rows)))
        return np.ascontiguousarray(array[None] if channels == 1 else array.transpose(2, 0, 1))

    def steps(self) -> tuple[str, ...]:
        """List the steps in words, one phrase each."""
        channels, rows, columns = self.shape
        tall, wide = self.cover or (rows, columns)

        def numbers(values: tuple[float, ...]) -> str:
            return ", ".join(f"{value:.4g}" for value in values)

        return (
            *(("converted to greyscale (BT.601)",) if channels == 1 else ()),
            f"scaled without distortion to cover {tall}×{wide} (bilinear, antialiased)",
            f"centre crop of {rows}×{columns}",
            f"(pixel / 255 - mean) / deviation with mean {numbers(self.mean)} and deviation {numbers(self.std)}",
            *(("transform_input: changed to mean 0.5 and deviation 0.5",) if self.transform_input else ()),
        )

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON."""
        return {**asdict(self), "steps": self.steps()}
