"""What training scripts that were written are made of: real code, of which each script gets what it calls.

It is never imported: ``_script`` reads its text. It is laid out in 88 columns, as what is written is. Random numbers
are those of ``training``: the same seeds, drawn in the same order; tests compare whole runs.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset, TensorDataset

BATCH_SIZE, CLASSES, IMAGE_SIZE = 128, 10, (32, 32)
MEAN, STD = (0.5,), (0.5,)
NEW_HEAD, FROZEN = ("fc",), {0: ("conv1",)}
Images = Dataset[Any]


def derive_seed(*parts: int | str) -> int:
    """A seed for each purpose, epoch and step, made from the run's one seed."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:7], "big")


def make_generator(*parts: int | str) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(*parts))


def draw(below: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Whole numbers from 0, drawn on the CPU so that every device gets the same."""
    return torch.randint(below, shape, generator=generator)


def load_arrays(file: str) -> tuple[Images, Images]:
    """(training, test) from an .npz file of train_images, train_labels and so on."""
    with np.load(file) as arrays:
        train, test = (
            TensorDataset(
                torch.from_numpy(arrays[f"{part}_images"]),
                torch.from_numpy(arrays[f"{part}_labels"]).long(),
            )
            for part in ("train", "test")
        )
    return train, test


def open_image(path: str) -> Image.Image:
    """An image in colour, turned as its camera says."""
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def read_labels(images: Any) -> Tensor:
    """The class of every image, without reading the images."""
    if isinstance(images, TensorDataset):
        return images.tensors[1]
    return torch.as_tensor(images.targets)


def hold_out(labels: Tensor, share: float, seed: int) -> tuple[list[int], list[int]]:
    """(rows to train on, rows held out): a share of each class, drawn by SplitMix64."""
    words = []
    for number in range(1, len(labels) + 1):
        word = (seed + number * 0x9E3779B97F4A7C15) % 2**64
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        word = (word ^ word >> 27) * 0x94D049BB133111EB % 2**64
        words.append(word ^ word >> 31)
    rows_of: dict[int, list[int]] = {}
    for row in sorted(range(len(words)), key=words.__getitem__):
        rows_of.setdefault(int(labels[row]), []).append(row)
    held = set[int]()
    for rows in rows_of.values():
        held.update(rows[: min(max(1, round(share * len(rows))), len(rows) - 1)])
    return [row for row in range(len(words)) if row not in held], sorted(held)


def balance_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """As many rows as there are, each class equally often, in a random order."""
    order, ends = labels.argsort(stable=True), labels.bincount().cumsum(0)[:-1]
    groups = [rows for rows in order.tensor_split(ends) if len(rows)]
    times, more = divmod(len(labels), len(groups))
    lucky = set(torch.randperm(len(groups), generator=generator)[:more].tolist())
    drawn = []
    for place, rows in enumerate(groups):
        whole, rest = divmod(times + (place in lucky), len(rows))
        some = torch.randperm(len(rows), generator=generator)[:rest]
        drawn += [rows] * whole + [rows[some]]
    return torch.cat(drawn)[torch.randperm(len(labels), generator=generator)]


def weigh_equally(labels: Tensor) -> Tensor:
    """Weights with which each class counts the same; their mean over images is 1."""
    counts = labels.bincount(minlength=CLASSES).double()
    weights = len(labels) / ((counts > 0).sum() * counts.clamp(min=1))
    return torch.where(counts > 0, weights, 1.0).float()


def weigh_by_roots(labels: Tensor) -> Tensor:
    """Weights of classes by 1 / sqrt(images); their mean over images is 1."""
    counts = labels.bincount(minlength=CLASSES).double()
    weights = len(labels) / (counts.sqrt().sum() * counts.clamp(min=1).sqrt())
    return torch.where(counts > 0, weights, 1.0).float()


def to_bytes(pixels: Tensor) -> Tensor:
    return pixels.round().clamp(0, 255).to(torch.uint8)


def scale_images(images: Tensor) -> Tensor:
    """Scale to exactly the input's size, antialiased."""
    if images.shape[2:] == IMAGE_SIZE:
        return images
    return to_bytes(
        F.interpolate(images.float(), IMAGE_SIZE, mode="bilinear", antialias=True)
    )


def to_grey(images: Tensor) -> Tensor:
    """One channel of red, green and blue (ITU-R BT.601)."""
    luma = torch.tensor([0.299, 0.587, 0.114], device=images.device).view(1, 3, 1, 1)
    return to_bytes((images.float() * luma).sum(1, keepdim=True))


def random_window(
    images: Tensor, size: tuple[int, int], generator: torch.Generator
) -> Tensor:
    """Cut a part out of each image, anywhere within it."""
    windows = images.unfold(2, size[0], 1).unfold(3, size[1], 1)
    count, _, rows, columns = windows.shape[:4]
    row = draw(rows, (count,), generator).to(images.device)
    column = draw(columns, (count,), generator).to(images.device)
    return windows[torch.arange(count, device=images.device), :, row, column]


def random_crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Move each image by up to so many pixels; black comes in from the borders."""
    height, width = images.shape[2:]
    padded = F.pad(images, (padding, padding, padding, padding))
    return random_window(padded, (height, width), generator)


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror every second image, at random, left to right."""
    mirrored = draw(2, (len(images), 1, 1, 1), generator).to(images.device).bool()
    return torch.where(mirrored, images.flip(3), images)


def random_affine(
    images: Tensor, degrees: float, zoom: float, generator: torch.Generator
) -> Tensor:
    """Turn each image about its middle and scale it; black comes in from outside."""
    count, _, height, width = images.shape
    drawn = torch.rand(2, count, generator=generator).to(images.device) * 2 - 1
    angle, size = drawn[0] * math.radians(degrees), 1 + zoom * drawn[1]
    cosine, sine, zero = angle.cos() / size, angle.sin() / size, angle * 0
    rows = [
        torch.stack([cosine, sine * (height / width), zero], 1),
        torch.stack([-sine * (width / height), cosine, zero], 1),
    ]
    theta = torch.stack(rows, 1)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return to_bytes(F.grid_sample(images.float(), grid, align_corners=False))


def cutout(x: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Blank a square of each image, its centre anywhere (DeVries & Taylor 2017)."""
    count, _, height, width = x.shape
    top = draw(height, (count, 1), generator).to(x.device) - size // 2
    left = draw(width, (count, 1), generator).to(x.device) - size // 2
    row = torch.arange(height, device=x.device)
    column = torch.arange(width, device=x.device)
    in_rows = (row >= top) & (row < top + size)
    in_columns = (column >= left) & (column < left + size)
    return x.masked_fill((in_rows[:, :, None] & in_columns[:, None, :])[:, None], 0)


def mixup(
    x: Tensor, labels: Tensor, alpha: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Blend each image, and its target, with another's (Zhang et al. 2018)."""
    shape = torch.full((2,), alpha + 1, dtype=torch.float64)
    gammas = torch._standard_gamma(shape, generator=generator)
    uniform = 1 - torch.rand(2, generator=generator, dtype=torch.float64)
    logs = gammas.log() + uniform.log() / alpha
    share = float(torch.sigmoid(logs[0] - logs[1]))  # of Beta(alpha, alpha)
    other = torch.randperm(len(x), generator=generator).to(x.device)
    target = F.one_hot(labels, CLASSES).float()
    return x.lerp(x[other], 1 - share), target.lerp(target[other], 1 - share)


@torch.no_grad()
def update_average(
    average: nn.Module, model: nn.Module, decay: float, update: int
) -> None:
    """Move the running average towards the weights; at first it forgets faster."""
    decay = min(decay, (1 + update) / (10 + update))
    now = model.state_dict()
    for name, kept in average.state_dict().items():
        if kept.is_floating_point():
            kept.lerp_(now[name], 1 - decay)
        else:
            kept.copy_(now[name])


def load_start(model: nn.Module, file: str) -> set[str]:
    """Take the weights of a file that have the name and shape of the model's own.

    Returns their names; the rest stays random.
    """
    if Path(file).suffix == ".safetensors":
        from safetensors.torch import load_file  # pip install safetensors

        weights = load_file(file)
    else:
        weights = torch.load(file, map_location="cpu", weights_only=True)
    own = model.state_dict()
    taken = {
        name: value
        for name, value in weights.items()
        if name in own
        and value.shape == own[name].shape
        and not name.startswith(NEW_HEAD)
    }
    model.load_state_dict(taken, strict=False)
    print(f"{len(taken)} of {len(own)} tensors are those of {file}")
    return set(taken)


def hold_fixed(model: nn.Module, epoch: int) -> None:
    """Keep weights, norm statistics and dropout of a part of the model as they are."""
    names = FROZEN[max(first for first in FROZEN if first <= epoch)]
    for name, module in model.named_modules():
        if any(name == each or name.startswith(f"{each}.") for each in names):
            module.eval()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(tuple(f"{each}." for each in names)))
