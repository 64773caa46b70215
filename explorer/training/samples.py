"""The sample images whose predictions are kept after every epoch: which they are, and all as one PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence

import torch
from PIL import Image

from ..datasets import transforms
from ..runs import Samples
from .data import AnySubset

COLUMNS = 8
LARGEST = 96
"""Longest side of a tile in pixels: the picture stays below a megabyte."""


def make_samples(subset: AnySubset, classes: Sequence[str]) -> Samples:
    """The images of ``Subset.shown`` as the network gets them before they are normalised; large ones made smaller."""
    rows = list(subset.shown)
    images = subset.pick(rows).cpu()
    count, channels, height, width = images.shape
    shrink = min(1.0, LARGEST / max(height, width))
    height, width = max(1, round(shrink * height)), max(1, round(shrink * width))
    tiles = transforms.adapt(images, (channels, height, width))
    lines = -(-count // COLUMNS)
    sheet = torch.zeros(lines * COLUMNS, channels, height, width, dtype=torch.uint8)
    sheet[:count] = tiles
    pixels = sheet.view(lines, COLUMNS, channels, height, width).permute(0, 3, 1, 4, 2)
    pixels = pixels.reshape(lines * height, COLUMNS * width, channels)
    file = io.BytesIO()
    Image.fromarray(pixels.expand(-1, -1, 3).numpy()).save(file, "PNG", optimize=True)
    return Samples(
        classes=tuple(classes),
        rows=tuple(rows),
        labels=tuple(subset.labels[rows].tolist()),
        columns=COLUMNS,
        width=width,
        height=height,
        png=file.getvalue(),
    )
