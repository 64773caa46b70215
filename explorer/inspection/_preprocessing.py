"""From a picture to a network's input, as data that can be shown, and back from the input to the picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's training images, as torchvision's published networks expect them."""
MAX_ASPECT_RATIO = 50
"""Longer side of a picture over its shorter one: of a thread, scaled to cover an input, no memory would be enough."""


class Box(NamedTuple):
    """A rectangle in pixels; ``bottom`` and ``right`` are the first row and column that are no longer inside."""

    top: float
    left: float
    bottom: float
    right: float


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where an input lies in the picture that it was cut from."""

    image_size: tuple[int, int]
    """(height, width) of the picture."""
    scaled_size: tuple[int, int]
    """(height, width) to which the whole picture is scaled."""
    top: int
    """First row of the input in the scaled picture; ``left`` is its first column."""
    left: int

    def to_image(self, box: Box) -> Box:
        """A rectangle of the input in the picture's pixels, clipped at the picture's border."""
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
    """What is done to a picture before a network sees it. Raises ValueError for an input that no picture can feed."""

    shape: tuple[int, int, int]
    """(channels, height, width) of the input; 3 channels are RGB, 1 is luma (ITU-R BT.601)."""
    mean: tuple[float, ...] = (0.5,)
    """Subtracted, pixels being 0 to 1; one for each channel, or one for all."""
    std: tuple[float, ...] = (0.5,)
    """Divided by after that."""
    cover: tuple[int, int] | None = None
    """(height, width) that the scaled picture just covers, before the middle is cut out; None: the input's own."""
    transform_input: bool = False
    """torchvision's switch of that name: what ImageNet's mean and deviation did is changed to 0.5 and 0.5 inside the
    network, because the published weights were learnt so."""

    def __post_init__(self) -> None:
        channels = self.shape[0]
        if channels not in (1, 3):
            raise ValueError(f"a picture has 1 or 3 channels, the network's input {channels}; it cannot be shown any")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, channels) or not all(np.isfinite(values)):
                raise ValueError(f"{name} (={values}) must be {channels} finite numbers, or one for all channels")

    @property
    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and deviation that the first layer's input has been through, ``transform_input`` included.

        ((p - m) / s) · s / 0.5 + (m - 0.5) / 0.5 is (p - 0.5) / 0.5.
        """
        return ((0.5,), (0.5,)) if self.transform_input else (self.mean, self.std)

    def restore_pixels(self, input_CHW: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The pixels of a network's input, as they were before it was normalised.

        Args:
            input_CHW: one input, normalised; float32.

        Returns:
            uint8 of shape (H, W, 3), or (H, W) where there is one channel.
        """
        mean, std = (np.array(each, np.float32).reshape(-1, 1, 1) for each in self.normalisation)
        std = np.where(std > 0, std, 1)
        pixels_CHW = np.rint(255 * (input_CHW * std + mean)).clip(0, 255).astype(np.uint8)
        return pixels_CHW[0] if len(pixels_CHW) == 1 else np.ascontiguousarray(pixels_CHW.transpose(1, 2, 0))

    def placement(self, height: int, width: int) -> Placement:
        """Where the input lies in a picture of so many pixels; scaling and cutting as torchvision's presets do.

        Raises ValueError for a picture that is too long and thin.
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

    def pixels(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """An RGB picture (height, width, 3) as the network's (channels, height, width), before it becomes numbers.

        Scaled by Pillow's antialiased bilinear filter, without distortion, and cut to the middle.
        """
        channels, rows, columns = self.shape
        place = self.placement(*picture.shape[:2])
        image = Image.fromarray(picture)
        if channels == 1:
            image = image.convert("L")
        if place.scaled_size != place.image_size:
            image = image.resize(place.scaled_size[::-1], Image.Resampling.BILINEAR)
        image = image.crop((place.left, place.top, place.left + columns, place.top + rows))
        array = np.asarray(image)
        return np.ascontiguousarray(array[None] if channels == 1 else array.transpose(2, 0, 1))

    def steps(self) -> tuple[str, ...]:
        """What is done, one phrase a step, for people."""
        channels, rows, columns = self.shape
        tall, wide = self.cover or (rows, columns)

        def numbers(values: tuple[float, ...]) -> str:
            return ", ".join(f"{value:.4g}" for value in values)

        return (
            *(("colours to grey (BT.601)",) if channels == 1 else ()),
            f"scaled without distortion to cover {tall}×{wide} (bilinear, antialiased)",
            f"the middle {rows}×{columns} cut out",
            f"(pixel / 255 - mean) / deviation with mean {numbers(self.mean)} and deviation {numbers(self.std)}",
            *(("transform_input: changed to mean 0.5 and deviation 0.5",) if self.transform_input else ()),
        )

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "steps": self.steps()}
