"""A sheet of training images before and after augmentation, made by the very function that a run calls."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from .. import datasets
from ..architecture import Architecture
from ..datasets import transforms
from ._augmentation import describe_augmentation
from ._config import TrainConfig
from ._fit import training_window
from ._start import describe_scaling
from .data import Subset, Tensors, choose_rows, describe_preprocessing, make_generator
from .loop import Batch

SMALLEST_PX, LARGEST_PX = 72, 144
"""A tile's side is brought between them: by whole times for small images, so that each pixel stays a square."""
_GAP_PX, _HEAD_PX, _NAME_PX = 4, 18, 92
_COLOURS = {False: ("white", "#31333f", "#31333f99"), True: ("#0e1117", "#fafafa", "#fafafa99")}
"""Of the sheet, its text and its lesser text, in the light and in the dark theme."""


@dataclass(frozen=True, kw_only=True)
class AugmentationSheet:
    """Some training images as they are, and as a run with these settings would show them."""

    labels: tuple[str, ...]
    """Class of each image."""
    before: Tensor
    """uint8 (N, C, H, W), adapted to the network's input."""
    after: tuple[Tensor, ...]
    """For each draw uint8 (N, C, H, W), or the window of each that is shown at that time."""
    seed: int
    """Of the run."""
    first: int
    """Epoch of the first draw, from 1."""
    steps: tuple[str, ...]
    """What is done, see ``describe_augmentation``."""

    def to_png(self, *, dark: bool = False) -> bytes:
        """Draw a row for each image: its class, as it is, and its draws with their epochs above them."""
        paper, ink, faint = _COLOURS[dark]
        size = _tile_size(*self.before.shape[2:])
        columns = [self.before, *self.after]
        step_x, step_y = size[1] + _GAP_PX, size[0] + _GAP_PX
        apart = 3 * _GAP_PX  # between what is and what becomes of it
        width = _NAME_PX + len(columns) * step_x + apart
        sheet = Image.new("RGB", (width, _HEAD_PX + len(self.labels) * step_y), paper)
        draw, font = ImageDraw.Draw(sheet, "RGBA"), ImageFont.load_default(12)
        heads = ["as it is", *(f"epoch {self.first + place}" for place in range(len(self.after)))]
        for place, (head, images) in enumerate(zip(heads, columns, strict=True)):
            x = _NAME_PX + place * step_x + (apart if place else 0)
            draw.text((x, 2), _shorten(head, font, size[1]), ink, font)
            for row, tile in enumerate(_scale(images, size, self.before.shape[2:])):
                high, wide = tile.shape[1:]
                at = x + (size[1] - wide) // 2, _HEAD_PX + row * step_y + (size[0] - high) // 2
                sheet.paste(Image.fromarray(tile.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy()), at)
        for row, label in enumerate(self.labels):
            draw.text((2, _HEAD_PX + row * step_y + size[0] // 2 - 8), _shorten(label, font, _NAME_PX - 8), faint, font)
        file = io.BytesIO()
        sheet.save(file, "PNG", optimize=True)
        return file.getvalue()


def draw_augmentations(
    config: TrainConfig, architecture: Architecture, *, images: int = 6, draws: int = 5, first: int = 1
) -> AugmentationSheet:
    """Augment some training images as a run would do it in the first step of some epochs.

    Args:
        config: How the network is trained: its data set, seed and augmentations.
        architecture: The network, for the size of its input.
        images: How many, as many of each class as of every other.
        draws: Epochs.
        first: The first of them, from 1.

    Returns:
        The images before and after; the numbers drawn are those of the run's generators for these epochs, for a batch
        of these images.

    Raises:
        ValueError: There is no such data set, its images do not fit, or a number is below 1.
    """
    if min(images, draws, first) < 1:
        raise ValueError(f"images (={images}), draws (={draws}) and the first epoch (={first}) must be at least 1")
    data = datasets.load(config.dataset)
    rows = list(choose_rows(data.train_labels.tolist(), config.seed, images))
    # Where a square is blanked it takes the mean colour, for which all images are read; nothing else depends on it.
    plain = config if config.cutout else config.changed(normalise="half")
    before = describe_scaling(config.start, architecture.input_shape).adapt(data.train_images[rows])
    few = replace(data, train_images=before, train_labels=data.train_labels[rows], stored_shape=data.shape)
    if before.shape[1] != data.shape[0]:
        plain = config.changed(normalise="half")
    known = describe_preprocessing(few if plain.normalise == "half" else data, plain)
    tensors = Tensors(
        train=Subset(images=before, labels=few.train_labels), evaluated={}, preprocessing=known,
        classes=len(data.classes),
    )  # fmt: skip
    window = training_window(architecture, config)
    after = []
    for epoch in range(first - 1, first - 1 + draws):
        shown = window if epoch < config.window_share * config.epochs else None
        generator = make_generator(config.seed, epoch, 0, "images")
        batch = Batch.assemble(before, few.train_labels, tensors, config, generator, shown)
        after.append(_denormalise(batch.x_BCHW, tensors))
    return AugmentationSheet(
        labels=tuple(data.classes[label] for label in few.train_labels.tolist()),
        before=before,
        after=tuple(after),
        seed=config.seed,
        first=first,
        steps=tuple(describe_augmentation(config, architecture)),
    )


def _denormalise(x_BCHW: Tensor, data: Tensors) -> Tensor:
    made = data.normalisation
    return ((x_BCHW - made.offset) / made.factor).round().clamp(0, 255).to(torch.uint8)


def _tile_size(height: int, width: int) -> tuple[int, int]:
    longest = max(height, width)
    if longest < SMALLEST_PX:
        times = -(-SMALLEST_PX // longest)
        return height * times, width * times
    share = min(1.0, LARGEST_PX / longest)
    return max(1, round(height * share)), max(1, round(width * share))


def _scale(images: Tensor, size: tuple[int, int], whole: torch.Size) -> Tensor:
    """The images, or windows of them, at the scale at which whole ones have the size of a tile."""
    height, width = (round(side * new / old) for side, new, old in zip(images.shape[2:], size, whole, strict=True))
    if size[0] > whole[0]:
        times = size[0] // whole[0]
        return images.repeat_interleave(times, 2).repeat_interleave(times, 3)
    return transforms.adapt(images, (images.shape[1], max(1, height), max(1, width)))


def _shorten(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    while len(text) > 1 and font.getlength(text) > width:
        text = text.rstrip("…")[:-1] + "…"
    return text
