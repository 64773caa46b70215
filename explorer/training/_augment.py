"""Augmentation: pure functions of a uint8 batch and a generator, on the batch's device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def _uniform(high: int, count: int, x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randint(high, (count,), device=x.device, generator=generator)


def shifted(x_BCHW: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
    """Each image moved by up to ``pixels`` either way on both axes; its edge is reflected."""
    batch, _, height, width = x_BCHW.shape
    reach = (min(pixels, width - 1), min(pixels, height - 1))
    padded = F.pad(x_BCHW.float(), (reach[0], reach[0], reach[1], reach[1]), mode="reflect").to(x_BCHW.dtype)
    left = _uniform(2 * reach[0] + 1, batch, x_BCHW, generator)
    top = _uniform(2 * reach[1] + 1, batch, x_BCHW, generator)
    rows_BH = top[:, None] + torch.arange(height, device=x_BCHW.device)
    columns_BW = left[:, None] + torch.arange(width, device=x_BCHW.device)
    first_B = torch.arange(batch, device=x_BCHW.device)
    return padded.permute(0, 2, 3, 1)[first_B[:, None, None], rows_BH[:, :, None], columns_BW[:, None, :]].permute(
        0, 3, 1, 2
    )


def flipped(x_BCHW: Tensor, generator: torch.Generator) -> Tensor:
    """Every image mirrored with probability one half."""
    mirror_B = _uniform(2, len(x_BCHW), x_BCHW, generator).bool()
    return torch.where(mirror_B[:, None, None, None], x_BCHW.flip(3), x_BCHW)


def cut_out(x_BCHW: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """A square around a random pixel of each image set to mid-grey."""
    batch, _, height, width = x_BCHW.shape
    y_B, x_B = _uniform(height, batch, x_BCHW, generator), _uniform(width, batch, x_BCHW, generator)
    rows_H, columns_W = torch.arange(height, device=x_BCHW.device), torch.arange(width, device=x_BCHW.device)
    inside_BH = (rows_H >= y_B[:, None] - side // 2) & (rows_H < y_B[:, None] - side // 2 + side)
    inside_BW = (columns_W >= x_B[:, None] - side // 2) & (columns_W < x_B[:, None] - side // 2 + side)
    return x_BCHW.masked_fill((inside_BH[:, :, None] & inside_BW[:, None, :])[:, None], 127)


def mixing(alpha: float, count: int, generator: torch.Generator) -> tuple[float, Tensor]:
    """Share of the first image, and for each image the index of the one that it is mixed with."""
    # Beta(a, a) from two gamma variates; torch's own Beta takes no generator, so the global one is seeded from it.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**32, (1,), generator=generator)))
        share = float(torch.distributions.Beta(alpha, alpha).sample())
    return max(share, 1 - share), torch.randperm(count, generator=generator)
