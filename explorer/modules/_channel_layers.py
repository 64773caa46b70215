"""Layers that normalise, scale or cut out channels, and the norms by the names that nodes give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..architecture import Scale


class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation over the channels of each place, as torchvision's and timm's class of that name.

    What comes in with its channels outermost goes out so, too: the layers behind it take what they always take.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        x_BHWC = input.permute(0, 2, 3, 1)
        y_BHWC = F.layer_norm(x_BHWC, self.normalized_shape, self.weight, self.bias, self.eps)
        y_BCHW = y_BHWC.permute(0, 3, 1, 2)
        return y_BCHW if input.stride(1) == 1 else y_BCHW.contiguous()


NORMS: dict[str, Callable[[int, float, int], nn.Module]] = {
    "batch": lambda channels, eps, _: nn.BatchNorm2d(channels, eps=eps),
    "layer": lambda channels, eps, _: LayerNorm2d(channels, eps=eps),
    "group": lambda channels, eps, groups: nn.GroupNorm(groups, channels, eps=eps),
}
"""Norms by kind: ``make(channels, eps, groups)``."""


def make_norm(node: Any, channels: int) -> nn.Module | None:
    """The norm behind a node's convolution, None where it has none."""
    return NORMS[node.norm](channels, node.norm_eps, node.norm_groups) if node.norm in NORMS else None


class ChannelScale(nn.Module):
    """A factor, and perhaps a summand, for each channel of maps, or for each number of vectors, or one for all."""

    def __init__(self, shape: tuple[int, ...], node: Scale) -> None:
        super().__init__()
        factors, summands = node.count_params(shape[0])
        self.factor = node.init
        self.weight = nn.Parameter(torch.full((factors,), node.init)) if factors else None
        self.bias = nn.Parameter(torch.zeros(summands)) if summands else None
        self._ones = (1,) * (len(shape) - 1)

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.view(-1, *self._ones)
        if self.weight is None:
            return x * self.factor if bias is None else x * self.factor + bias
        weight = self.weight.view(-1, *self._ones)
        return x * weight if bias is None else torch.addcmul(bias, x, weight)


class ChannelSlice(nn.Module):
    """The channels from ``start`` up to ``stop``, without a copy."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def extra_repr(self) -> str:
        return f"{self.start}, {self.stop}"

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW[:, self.start : self.stop]
