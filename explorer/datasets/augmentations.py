"""Random changes of colour and shape for training, on whole batches of uint8 images, each image with its own choices.

Every function takes a batch (N, C, H, W) of 1 or 3 channels on any device and returns a new one there. The pixels are
those that torchvision's functions give for each image alone (``torchvision.transforms.v2``); those take one strength
for a batch, and some of them wait for the device, so what differs from image to image is computed here. Choices come
from the generator alone; a few numbers a batch travel to the device, without waiting.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray

from .transforms import send

MAGNITUDES = 31
"""Of RandAugment, from 0 to 30."""
_TRIES = 10
"""Of a random part of an image, before its middle is taken, as torchvision does."""
_RATIOS = math.log(3 / 4), math.log(4 / 3)
_LUMA = (0.2989, 0.587, 0.114)
"""torchvision's, of which the last digits differ from ITU-R BT.601."""

Change = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(uint8 images (N, C, H, W), float32 strengths (N,)) → uint8 images."""


def random_resized_crop(images: torch.Tensor, least: float, generator: torch.Generator) -> torch.Tensor:
    """Cut a part out of each image and enlarge it to the image's size, by bilinear interpolation.

    Its area is a share of the image's between ``least`` and 1, its width 3/4 to 4/3 of its height (in logarithms), both
    drawn evenly; of ten such parts the first that fits into the image is taken, else its middle.

    Args:
        images: uint8 (N, C, H, W).
        least: Smallest share of the area, above 0 and at most 1.
        generator: Draws the parts.

    Returns:
        uint8 (N, C, H, W).

    Source: Szegedy et al. 2015, "Going Deeper with Convolutions", section 6; torchvision's RandomResizedCrop.
    """
    count, _, height, width = images.shape
    parts_4N = send(torch.from_numpy(_draw_parts(count, height, width, least, _on_host(generator))), images.device)
    top, left, high, wide = parts_4N[:, :, None]

    def places(first: torch.Tensor, length: torch.Tensor, size: int) -> torch.Tensor:
        """In the image, in pixels, of the result's pixels; within the part, beyond whose border nothing is seen."""
        centres = (torch.arange(size, device=images.device) + 0.5) * (length / size) - 0.5
        inside = torch.minimum(centres.clamp(min=0), length - 1) + first
        return (2 * inside + 1) / size - 1  # as grid_sample counts

    y, x = places(top, high, height), places(left, wide, width)
    grid_NHW2 = torch.stack([x[:, None, :].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width)], 3)
    return _round(functional.grid_sample(images.float(), grid_NHW2, padding_mode="border", align_corners=False))


def _draw_parts(
    count: int, height: int, width: int, least: float, draw: np.random.Generator
) -> NDArray[np.float32]:
    """(top, left, height, width) of a part of each image, (4, N)."""
    area = height * width * draw.uniform(least, 1, (_TRIES, count))
    ratio = np.exp(draw.uniform(*_RATIOS, (_TRIES, count)))
    wide, high = np.rint(np.sqrt(area * ratio)), np.rint(np.sqrt(area / ratio))
    fits = (wide > 0) & (wide <= width) & (high > 0) & (high <= height)
    first = fits.argmax(0)
    wide, high = (each[first, np.arange(count)] for each in (wide, high))
    # The largest part in the middle whose sides are in a ratio that is allowed.
    least_ratio, most_ratio = map(math.exp, _RATIOS)
    middle_wide, middle_high = width, height
    if width / height < least_ratio:
        middle_high = round(width / least_ratio)
    elif width / height > most_ratio:
        middle_wide = round(height * most_ratio)
    found = fits.any(0)
    top, left = (np.floor(draw.random(count) * (size - part + 1)) for size, part in ((height, high), (width, wide)))
    parts = np.stack([top, left, high, wide])
    middle = np.array([(height - middle_high) // 2, (width - middle_wide) // 2, middle_high, middle_wide])
    return np.where(found, parts, middle[:, None]).astype(np.float32)


def random_colours(
    images: torch.Tensor,
    generator: torch.Generator,
    *,
    brightness: float = 0.0,
    contrast: float = 0.0,
    saturation: float = 0.0,
    hue: float = 0.0,
) -> torch.Tensor:
    """Change brightness, contrast, saturation and hue, each by a number drawn for each image.

    The order of the four is drawn once for the batch. Grey images have neither saturation nor hue.

    Args:
        images: uint8 (N, C, H, W).
        generator: Draws the numbers and the order.
        brightness: The factor is drawn from 1 ± this, 0 to 1; so for the next two.
        contrast: About the mean grey of the image.
        saturation: About the grey image.
        hue: Turned by up to this share of the circle, either way, 0 to 0.5.

    Returns:
        uint8 (N, C, H, W).

    Source: torchvision's ColorJitter, which draws the order for each image.
    """
    count = len(images)
    strengths_4N = send(torch.rand(4, count, generator=generator, device=generator.device), images.device) * 2 - 1
    steps: tuple[tuple[Change, float, float], ...] = (
        (adjust_brightness, 1, brightness), (adjust_contrast, 1, contrast),
        (adjust_saturation, 1, saturation), (adjust_hue, 0, hue),
    )  # fmt: skip
    for place in _on_host(generator).permutation(4).tolist():
        change, middle, most = steps[place]
        if most:
            images = change(images, middle + most * strengths_4N[place])
    return images


def rand_augment(images: torch.Tensor, count: int, magnitude: int, generator: torch.Generator) -> torch.Tensor:
    """Change each image by some operations drawn for it, all of one magnitude.

    The fourteen operations and their strengths are torchvision's: none, shear and shift along both axes, turn,
    brightness, saturation, contrast, sharpness, fewer bits, solarise, autocontrast and equalise.

    Args:
        images: uint8 (N, C, H, W).
        count: Operations an image, one after another.
        magnitude: 0 to 30.
        generator: Draws the operations, and of those that go both ways the direction.

    Returns:
        uint8 (N, C, H, W).

    Source: Cubuk et al., "RandAugment", arXiv 1909.13719; torchvision's RandAugment.
    """
    draw = _on_host(generator)
    for _ in range(count):
        chosen = draw.integers(len(OPERATIONS), size=len(images))
        signs = np.where(draw.random(len(images)) <= 0.5, -1, 1).astype(np.float32)
        images = apply_operations(images, chosen, signs, magnitude)
    return images


def apply_operations(
    images: torch.Tensor, chosen: NDArray[np.int64], signs: NDArray[np.float32], magnitude: int
) -> torch.Tensor:
    """Change each image by the operation of ``OPERATIONS`` with its number, in its direction (1 or -1)."""
    share = magnitude / (MAGNITUDES - 1)
    result = images.clone()
    for number, operation in enumerate(OPERATIONS.values()):
        rows = np.flatnonzero(chosen == number)
        if len(rows) and operation is not None:
            there = send(torch.from_numpy(rows), images.device)
            directions = send(torch.from_numpy(signs[rows]), images.device)
            result.index_copy_(0, there, operation(images[there], share, directions))
    return result


# ---- colours: torchvision's functions, a strength for each image ---------------------------------------------------


def _blend(images: torch.Tensor, other: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """``factor`` parts of an image and 1 − factor parts of another; fractions are cut off, as torchvision does."""
    shares = factors.view(-1, 1, 1, 1)
    return (images * shares + other * (1 - shares)).clamp_(0, 255).to(torch.uint8)


def _grey(images: torch.Tensor) -> torch.Tensor:
    if images.shape[1] == 1:
        return images.float()
    red, green, blue = images.float().tensor_split(3, 1)
    return (red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2]).floor_()


def adjust_brightness(images: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Between black (0), the image (1) and beyond."""
    return _blend(images, torch.zeros_like(images), factors)


def adjust_contrast(images: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Between its mean grey (0), the image (1) and beyond."""
    return _blend(images, _grey(images).mean((1, 2, 3), keepdim=True), factors)


def adjust_saturation(images: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Between the grey image (0), the image (1) and beyond."""
    return images if images.shape[1] == 1 else _blend(images, _grey(images), factors)


def adjust_sharpness(images: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Between the image blurred over 3×3 pixels (0), the image (1) and beyond; pixels of the border stay."""
    if min(images.shape[2:]) <= 2:
        return images
    middle = images[:, :, 1:-1, 1:-1].float()
    # The eight neighbours once, the middle five times.
    blurred = (functional.avg_pool2d(images.float(), 3, stride=1) * 9 + 4 * middle) / 13
    result = images.clone()
    result[:, :, 1:-1, 1:-1] = _blend(middle, blurred.round_(), factors)
    return result


def adjust_hue(images: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Turn the hue by a share of the circle; lightness and saturation stay (HSV)."""
    if images.shape[1] == 1:
        return images
    x = images.float() / 255
    low, high = x.aminmax(dim=1, keepdim=True)
    spread = high - low
    red, green, blue = ((high - x) / spread.where(spread > 0, 1)).tensor_split(3, 1)
    sixths = torch.where(x[:, 1:2] == high, 2 + red - blue, 4 + green - red)
    sixths = torch.where(x[:, :1] == high, blue - green, sixths)
    sixths = sixths + 6 * shifts.view(-1, 1, 1, 1)
    # A channel is full within one sixth of the circle of its own colour, and empty beyond two.
    channels = [((sixths + offset).remainder(6) - 3).abs() - 1 for offset in (0, 4, 2)]
    return ((high - spread + spread * torch.cat(channels, 1).clamp(0, 1)) * (256 - 1e-3)).to(torch.uint8)


# ---- the operations of RandAugment ----------------------------------------------------------------------------------

Operation = Callable[[torch.Tensor, float, torch.Tensor], torch.Tensor]
"""(uint8 images, magnitude from 0 to 1, direction of each image) → uint8 images."""


def _warp(images: torch.Tensor, across: list[torch.Tensor], down: list[torch.Tensor]) -> torch.Tensor:
    """Nearest pixels at places that are (x, y, 1) · across and · down, in pixels from the middle; black outside."""
    height, width = images.shape[2:]
    theta_N23 = torch.stack(
        [
            torch.stack([across[0], across[1] * (height / width), across[2] * (2 / width)], 1),
            torch.stack([down[0] * (width / height), down[1], down[2] * (2 / height)], 1),
        ],
        1,
    )
    grid = functional.affine_grid(theta_N23, list(images.shape), align_corners=False)
    return _round(functional.grid_sample(images.float(), grid, mode="nearest", align_corners=False))


def _shear_x(images: torch.Tensor, share: float, signs: torch.Tensor) -> torch.Tensor:
    slope, one, none = 0.3 * share * signs, torch.ones_like(signs), torch.zeros_like(signs)
    return _warp(images, [one, slope, slope * (images.shape[2] / 2)], [none, one, none])  # the upper border stays


def _shear_y(images: torch.Tensor, share: float, signs: torch.Tensor) -> torch.Tensor:
    slope, one, none = 0.3 * share * signs, torch.ones_like(signs), torch.zeros_like(signs)
    return _warp(images, [one, none, none], [slope, one, slope * (images.shape[3] / 2)])


def _translate(images: torch.Tensor, share: float, signs: torch.Tensor, axis: int) -> torch.Tensor:
    pixels = int(float(np.float32(150 / 331 * images.shape[axis] * share)))
    one, none = torch.ones_like(signs), torch.zeros_like(signs)
    shift = [-pixels * signs if axis == each else none for each in (3, 2)]
    return _warp(images, [one, none, shift[0]], [none, one, shift[1]])


def _rotate(images: torch.Tensor, share: float, signs: torch.Tensor) -> torch.Tensor:
    angle = math.radians(30 * share) * signs
    cosine, sine, none = angle.cos(), angle.sin(), torch.zeros_like(signs)
    return _warp(images, [cosine, -sine, none], [sine, cosine, none])


def _by_factor(change: Change) -> Operation:
    return lambda images, share, signs: change(images, 1 + 0.9 * share * signs)


def _posterize(images: torch.Tensor, share: float, _: torch.Tensor) -> torch.Tensor:
    bits = 8 - round(4 * share)
    return images & (255 << 8 - bits & 255)


def _solarize(images: torch.Tensor, share: float, _: torch.Tensor) -> torch.Tensor:
    return torch.where(images >= 255 * (1 - share), 255 - images, images)


def _autocontrast(images: torch.Tensor, _: float, __: torch.Tensor) -> torch.Tensor:
    x = images.float()
    low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    flat = low == high
    spread = (high - low) * (1 / 255)
    return ((x - low.where(~flat, 0)) / spread.where(~flat, 1)).clamp_(0, 255).to(torch.uint8)


def _equalize(images: torch.Tensor, _: float, __: torch.Tensor) -> torch.Tensor:
    from torchvision.transforms.v2.functional import equalize_image

    result: torch.Tensor = equalize_image(images)
    return result


OPERATIONS: dict[str, Operation | None] = {
    "Identity": None,
    "ShearX": _shear_x,
    "ShearY": _shear_y,
    "TranslateX": lambda images, share, signs: _translate(images, share, signs, 3),
    "TranslateY": lambda images, share, signs: _translate(images, share, signs, 2),
    "Rotate": _rotate,
    "Brightness": _by_factor(adjust_brightness),
    "Color": _by_factor(adjust_saturation),
    "Contrast": _by_factor(adjust_contrast),
    "Sharpness": _by_factor(adjust_sharpness),
    "Posterize": _posterize,
    "Solarize": _solarize,
    "AutoContrast": _autocontrast,
    "Equalize": _equalize,
}
"""Those of RandAugment, by torchvision's names."""


def _on_host(generator: torch.Generator) -> np.random.Generator:
    """A generator whose choices are known on the host at once, seeded by a number of torch's."""
    return np.random.default_rng(
        int(torch.randint(2**53, (), dtype=torch.float64, generator=generator, device=generator.device))
    )


def _round(values: torch.Tensor) -> torch.Tensor:
    return values.round_().clamp_(0, 255).to(torch.uint8)
