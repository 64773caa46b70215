"""Preprocessing as data: from an image to a network's input, and back from the input to the image."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import ConfigDict, TypeAdapter, ValidationError

from ..text import format_number
from ._images import scale_to
from ._plan import LARGEST_SIDE_PX, SMALLEST_SIDE_PX

if TYPE_CHECKING:
    from torch import Tensor

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's training images, used by torchvision's published networks."""
MAX_ASPECT_RATIO = 50
"""Longer side of an image over its shorter one. A thin image, scaled to cover an input, would need too much memory."""
_MAX_SIDE = 100_000


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
    """Where an input lies in the image from which it was cut."""

    image_size: tuple[int, int]
    """(height, width) of the image, in pixels."""
    scaled_size: tuple[float, float]
    """(height, width) that the whole image has in the scale of the input, in pixels."""
    top: float
    """First row of the input in the scaled image."""
    left: float
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
    """How an image becomes a network's input: scaled, cut, normalised.

    A training run makes one, trains and evaluates by it, and keeps it in its checkpoints; whoever opens the run
    predicts by the same one.

    Raises ValueError for an input that an image cannot feed, and for a mean or deviation of the wrong length.
    """

    __pydantic_config__ = ConfigDict(extra="ignore")

    shape: tuple[int, int, int]
    """(channels, height, width) of the input; 3 channels are RGB, 1 is luma (ITU-R BT.601)."""
    mean: tuple[float, ...] = (0.5,)
    """Subtracted from pixels from 0 to 1; one for each channel, or one for all."""
    std: tuple[float, ...] = (0.5,)
    """The difference is divided by it; one for each channel, or one for all."""
    dataset_shape: tuple[int, int, int] | None = None
    """(channels, height, width) of the images from which the network learnt, as their data set keeps them. Another
    image is brought to this form first: scaled without distortion to cover the size, centre-cropped, and made grey
    where they are grey. None: nothing comes before the input's own size."""
    dataset_squash: bool = False
    """Whether it is squashed to that size instead, and nothing cut off, as the data set's import did."""
    squash: bool = False
    """True: scaled to exactly the input's height and width, which distorts where the proportions differ. False: scaled
    without distortion to cover them, and centre-cropped."""
    cover: tuple[int, int] | None = None
    """(height, width) that the scaled image just covers, before the centre crop; None: the input's own size."""
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    """How the image is scaled to cover; always antialiased."""
    transform_input: bool = False
    """torchvision's switch of that name: inside the network, the normalisation by ImageNet's mean and deviation is
    changed to one by 0.5 and 0.5, with which the published weights were trained."""
    mirror: bool = False
    """Whether the probabilities of an image and of its mirror image are averaged."""

    def __post_init__(self) -> None:
        channels = self.shape[0]
        if channels not in (1, 3):
            raise ValueError(f"an image has 1 or 3 channels, the network's input {channels}; it cannot classify images")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, channels) or not all(np.isfinite(values)):
                raise ValueError(f"{name} (={values}) must be {channels} finite numbers, or one for all channels")
        for name, sizes in (("shape", self.shape), ("dataset_shape", self.dataset_shape), ("cover", self.cover)):
            if sizes is not None and not all(1 <= size <= _MAX_SIDE for size in sizes):
                raise ValueError(f"{name} (={sizes}) must be from 1 to {_MAX_SIDE:,} in each direction")
        if self.squash and self.cover is not None:
            raise ValueError("what is squashed to the input's size is not cropped; leave cover out")

    @classmethod
    def from_data(cls, data: Any) -> Preprocessing:
        """Read what ``to_data`` gave. Raises ValueError where the data describe no preprocessing."""
        try:
            return _adapter().validate_python(data)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "preprocessing"
            raise ValueError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None

    @property
    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation by which the first layer's input is normalised, ``transform_input`` included.

        ((p - m) / s) · s / 0.5 + (m - 0.5) / 0.5 is (p - 0.5) / 0.5.
        """
        return ((0.5,), (0.5,)) if self.transform_input else (self.mean, self.std)

    @property
    def decoded_side(self) -> int | None:
        """Pixels a side that ``datasets.decode`` need not fall below (its ``at_least``), as when the data set was
        imported; None: images are decoded whole."""
        return max(self.dataset_shape[1:]) if self.dataset_shape else None

    @property
    def import_size(self) -> tuple[int, int]:
        """(height, width) at which images of any size are best imported for this network: what it asks for first."""
        height, width = self.dataset_shape[1:] if self.dataset_shape else self.cover or self.shape[1:]
        height, width = (min(max(side, SMALLEST_SIDE_PX), LARGEST_SIDE_PX) for side in (height, width))
        return height, width

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
        """Find where the input lies in an image of this size in pixels.

        Raises ValueError for an image that is too long and thin to be scaled as a whole.
        """
        if self.dataset_shape is None:
            return self._placement_in(height, width)
        _, tall, wide = self.dataset_shape
        if (height, width) != (tall, wide) and not self.dataset_squash:
            _check_proportions(height, width)
        scales = (tall / height, wide / width)
        scaled = [size * (each if self.dataset_squash else max(scales))
                  for size, each in zip((height, width), scales, strict=True)]  # fmt: skip
        inner = self._placement_in(tall, wide)
        down, across = (whole / size for whole, size in zip(inner.scaled_size, (tall, wide), strict=True))
        return Placement(
            image_size=(height, width),
            scaled_size=(scaled[0] * down, scaled[1] * across),
            top=(scaled[0] - tall) / 2 * down + inner.top,
            left=(scaled[1] - wide) / 2 * across + inner.left,
        )

    def _placement_in(self, height: int, width: int) -> Placement:
        """Where the input lies in an image that has the data set's form."""
        _, rows, columns = self.shape
        if self.squash:
            return Placement(image_size=(height, width), scaled_size=(rows, columns), top=0, left=0)
        _check_proportions(height, width)
        scaled = self._scaled_size(height, width)
        top, left = round((scaled[0] - rows) / 2), round((scaled[1] - columns) / 2)
        return Placement(image_size=(height, width), scaled_size=scaled, top=top, left=left)

    def _scaled_size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) of an image once it covers, as torchvision's presets scale it."""
        tall, wide = self.cover or self.shape[1:]
        if tall * width >= wide * height:  # the height decides
            return tall, max(wide, int(tall * width / height))
        return max(tall, int(wide * height / width)), wide

    def pixels(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Convert an RGB image to the network's pixels.

        Args:
            image: uint8 (height, width, 3), of any size.

        Returns:
            uint8 of the shape ``shape``.

        Raises:
            ValueError: The image is too long and thin.
        """
        scaled = Image.fromarray(image)
        if self.dataset_shape is not None:
            channels, height, width = self.dataset_shape
            if (scaled.height, scaled.width) != (height, width):
                if not self.dataset_squash:
                    _check_proportions(scaled.height, scaled.width)
                scaled = Image.fromarray(scale_to(image, height, width, squash=self.dataset_squash))
            scaled = scaled.convert("L") if channels == 1 else scaled
        if self.squash:
            return self._squash(_channels_first(scaled))
        _, rows, columns = self.shape
        scaled = scaled.convert("L" if self.shape[0] == 1 else "RGB")
        place = self._placement_in(scaled.height, scaled.width)
        size = self._scaled_size(scaled.height, scaled.width)
        if size != place.image_size:
            scaled = scaled.resize(size[::-1], Image.Resampling[self.interpolation.upper()])
        top, left = int(place.top), int(place.left)
        return _channels_first(scaled.crop((left, top, left + columns, top + rows)))

    def _squash(self, image_CHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
        import torch

        from . import transforms

        return transforms.adapt(torch.from_numpy(image_CHW)[None], self.shape)[0].numpy()

    def keeps(self, form: tuple[int, ...]) -> bool:
        """Whether images of this shape (channels, height, width) become inputs as they are, pixel by pixel."""
        return form == self.shape and self.cover in (None, self.shape[1:]) and self.dataset_shape in (None, form)

    def adapt(self, images_BCHW: Tensor) -> Tensor:
        """Convert images of a data set to the network's pixels, each as ``pixels`` would give it.

        Args:
            images_BCHW: uint8 of 1 or 3 channels, on the CPU.

        Returns:
            uint8 (B, *shape).

        Raises:
            ValueError: The images are too long and thin, or have other numbers of channels.
        """
        import torch

        from . import transforms

        form = tuple(images_BCHW.shape[1:])
        if self.squash and self.dataset_shape in (None, form):
            return transforms.adapt(images_BCHW, self.shape)
        if self.keeps(form):
            return images_BCHW
        if not len(images_BCHW):
            return torch.empty((0, *self.shape), dtype=torch.uint8)
        rgb_BHWC = images_BCHW.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).contiguous().numpy()
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="scale") as pool:  # Pillow is C
            return torch.from_numpy(np.stack(list(pool.map(self.pixels, rgb_BHWC))))

    def steps(self) -> tuple[str, ...]:
        """List the steps in words, one phrase each."""
        mean, std = (", ".join(format_number(value) for value in values) for values in (self.mean, self.std))
        steps = [*self.describe_scaling()]
        if self.shape[0] == 3 and self.dataset_shape is not None and self.dataset_shape[0] == 1:
            steps.append("grey repeated in red, green and blue")
        steps.append(f"(pixel / 255 - mean) / deviation with mean {mean} and deviation {std}")
        if self.transform_input:
            steps.append("transform_input: changed to mean 0.5 and deviation 0.5")
        if self.mirror:
            steps.append("probabilities averaged with those of its mirror image")
        return tuple(steps)

    def describe_scaling(self) -> tuple[str, ...]:
        """List in words what is done to pixels before they are repeated or normalised, one phrase each."""
        channels, rows, columns = self.shape
        grey, height, width = False, 0, 0
        steps = []
        if self.dataset_shape is not None:
            (_, height, width), grey = self.dataset_shape, self.dataset_shape[0] == 1
            how = f"scaled without distortion to cover {height:,}×{width:,} (bilinear, antialiased) and centre-cropped"
            if self.dataset_squash:
                how = f"scaled to {height:,}×{width:,} (bilinear, antialiased), whatever its proportions"
            steps.append(f"like the images it learnt from: {how}, unless it has that size")
        if grey or channels == 1:
            steps.append("converted to greyscale (BT.601)")
        if not self.squash:
            tall, wide = self.cover or (rows, columns)
            steps.append(f"scaled without distortion to cover {tall}×{wide} ({self.interpolation}, antialiased)")
            steps.append(f"centre crop of {rows:,}×{columns:,}")
        elif (height, width) != (rows, columns):
            distorts = height * columns != width * rows
            steps.append(
                f"scaled to {rows:,}×{columns:,} (bilinear, antialiased)"
                + (", whatever its proportions: nothing is cut off" if distorts else "")
            )
        return tuple(steps)

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON and checkpoints."""
        return {**asdict(self), "steps": self.steps()}


@cache
def _adapter() -> TypeAdapter[Preprocessing]:
    return TypeAdapter(Preprocessing)


def _check_proportions(height: int, width: int) -> None:
    """Raise ValueError for an image of which a cut would leave next to nothing."""
    if max(height, width) > MAX_ASPECT_RATIO * min(height, width):
        raise ValueError(
            f"the image ({width:,}×{height:,} pixels) is more than {MAX_ASPECT_RATIO} times as long as it is wide; "
            f"crop it first"
        )


def _channels_first(image: Image.Image) -> NDArray[np.uint8]:
    """Pixels (C, H, W), contiguous and writable, of a grey or RGB image."""
    array = np.array(image)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))
