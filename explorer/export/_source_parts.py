"""What sources that were written are made of beside torch.nn: real code, of which each source gets what it uses.

It is never imported: ``_pytorch`` reads its text. It is laid out in 88 columns, as what is written is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Outputs(NamedTuple):
    """What the network returns in training: its scores and those of its heads."""

    scores: Tensor
    auxiliary: tuple[tuple[float, Tensor], ...]
    """(weight of the loss, scores) of each auxiliary head."""


class AnyNames(nn.Module):
    """A module whose parts have names that torch keeps for itself, as 'forward'."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, nn.Module):
            super().__setattr__(name, value)
        else:
            object.__setattr__(self, name, value)

    def add(self, name: str, part: nn.Module) -> None:
        self._modules[name] = part

    def part(self, name: str) -> nn.Module:
        found = self._modules[name]
        assert found is not None
        return found


class Chain(AnyNames):
    """Layers one after another, under names that torch keeps for itself."""

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        super().__init__()
        self._modules.update(layers)

    def forward(self, x: Tensor) -> Tensor:
        for name in self._modules:
            x = self.part(name)(x)
        return x


class AuxiliaryHead(Chain):
    """A second classifier: in training it scores the maps that pass through it."""

    def __init__(
        self, layers: dict[str, nn.Module], weight: float, misfit: str = ""
    ) -> None:
        super().__init__(layers)
        self.loss_weight = weight
        self.misfit = misfit
        self.found: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            if self.misfit:
                raise ValueError(self.misfit)
            self.found = super().forward(x)
        return x

    def take(self) -> tuple[float, Tensor]:
        """The weight of its loss, and the scores of the last batch."""
        found, self.found = self.found, None
        assert found is not None
        return self.loss_weight, found


def pad_same(
    x: Tensor,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...] = (1, 1),
    value: float = 0.0,
) -> Tensor:
    """Pad as TensorFlow's SAME does, by the size of the map; the odd row is behind."""
    border: list[int] = []
    for axis in (1, 0):
        size, step = x.shape[2 + axis], stride[axis]
        reach = dilation[axis] * (kernel[axis] - 1)
        total = max((-(-size // step) - 1) * step + reach + 1 - size, 0)
        border += [total // 2, total - total // 2]
    return F.pad(x, border, value=value) if any(border) else x


class PaddedMaxPool(nn.Module):
    """Max pooling behind a border (left, right, top, bottom); None is SAME."""

    def __init__(
        self,
        kernel_size: tuple[int, int],
        stride: tuple[int, int],
        border: tuple[int, int, int, int] | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.border = kernel_size, stride, border

    def forward(self, x: Tensor) -> Tensor:
        lowest = float("-inf")
        if self.border is None:
            x = pad_same(x, self.kernel_size, self.stride, value=lowest)
        elif any(self.border):
            x = F.pad(x, self.border, value=lowest)
        return F.max_pool2d(x, self.kernel_size, self.stride)


class PaddedAvgPool(nn.Module):
    """Average pooling behind a border (left, right, top, bottom); None is SAME."""

    def __init__(
        self,
        kernel_size: tuple[int, int],
        stride: tuple[int, int],
        border: tuple[int, int, int, int] | None = None,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.border = kernel_size, stride, border
        self.count_include_pad = count_include_pad

    def forward(self, x: Tensor) -> Tensor:
        padded = self.pad(x)
        pooled = F.avg_pool2d(padded, self.kernel_size, self.stride)
        if self.count_include_pad or padded is x:
            return pooled
        ones = self.pad(x.new_ones(1, 1, *x.shape[2:]))
        return pooled.div_(F.avg_pool2d(ones, self.kernel_size, self.stride))

    def pad(self, x: Tensor) -> Tensor:
        if self.border is None:
            return pad_same(x, self.kernel_size, self.stride)
        return F.pad(x, self.border) if any(self.border) else x


class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation over the channels of each place."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        x = input.permute(0, 2, 3, 1)
        x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        x = x.permute(0, 3, 1, 2)
        return x if input.stride(1) == 1 else x.contiguous()


class ChannelScale(nn.Module):
    """A factor for each channel of maps, or for each number of vectors; with one channel the same for all."""

    def __init__(
        self, channels: int, init: float = 1.0, bias: bool = False, learned: bool = True
    ) -> None:
        super().__init__()
        self.factor = init
        self.weight = nn.Parameter(torch.full((channels,), init)) if learned else None
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1,) + (1,) * (x.ndim - 2)
        bias = None if self.bias is None else self.bias.view(shape)
        if self.weight is None:
            if bias is None:
                return x * self.factor
            return x * self.factor + bias
        weight = self.weight.view(shape)
        return x * weight if bias is None else torch.addcmul(bias, x, weight)


class ChannelSlice(nn.Module):
    """The channels from the one number up to the other."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.start : self.stop]


class SqueezeExcitation(nn.Module):
    """Channel weights from the mean of each channel (Hu et al. 2018)."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = x.mean((2, 3), keepdim=True)
        gate = torch.relu(self.reduce(gate))
        return x * torch.sigmoid(self.expand(gate))


class CBAM(nn.Module):
    """Weights for channels, then for positions (Woo et al. 2018)."""

    def __init__(
        self, channels: int, reduction: int = 16, spatial_kernel: int = 7
    ) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.reduce = nn.Conv2d(channels, hidden, 1, bias=False)
        self.expand = nn.Conv2d(hidden, channels, 1, bias=False)
        self.spatial = nn.Conv2d(
            2, 1, spatial_kernel, padding=spatial_kernel // 2, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        peak = x.amax((2, 3), keepdim=True)
        mean = self.expand(torch.relu(self.reduce(mean)))
        peak = self.expand(torch.relu(self.reduce(peak)))
        x = x * torch.sigmoid(mean + peak)
        planes = torch.cat((x.mean(1, keepdim=True), x.amax(1, keepdim=True)), dim=1)
        return x * torch.sigmoid(self.spatial(planes))


class ChannelAttention(nn.Module):
    """Channel weights from the means of neighbouring channels (ECA, Wang et al. 2020)."""

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(
            1, 1, kernel_size, padding=kernel_size // 2, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.conv(x.mean((2, 3))[:, None]))
        return x * gate[:, 0, :, None, None]


def stochastic_depth(x: Tensor, p: float) -> Tensor:
    """Leave out each image with the probability p (Huang et al. 2016)."""
    kept = 1 - p
    shape = (len(x),) + (1,) * (x.ndim - 1)
    return x * x.new_empty(shape).bernoulli_(kept).div_(kept)


def print_shapes(network: nn.Module, image: Tensor) -> None:
    """Run the network once and print the shape behind each of its parts."""

    def watch(name: str) -> Any:
        return lambda _part, _input, y: print(f"{name:28} {tuple(y.shape)}")

    for name, part in network.named_children():
        part.register_forward_hook(watch(name))
    with torch.no_grad():
        scores = network.eval()(image)
    params = sum(each.numel() for each in network.parameters())
    print(f"{'result':28} {tuple(scores.shape)}, {params:,} parameters")


class Concat(nn.ModuleList):
    """Branches on the same maps, joined along the channels."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self], dim=1)


class Add(nn.ModuleList):
    """Branches on the same maps, added."""

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self[0](x)
        for branch in list(self)[1:]:
            y = y + branch(x)
        return y


class Multiply(nn.ModuleList):
    """Branches on the same maps, multiplied."""

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self[0](x)
        for branch in list(self)[1:]:
            y = y * branch(x)
        return y


class Residual(nn.Module):
    """What comes in, or its projection, and what a body makes of it, added."""

    def __init__(
        self,
        body: nn.Module,
        projection: nn.Module | None = None,
        scale: float = 1.0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.body = body
        self.projection = projection
        self.scale = scale
        self.drop_path = drop_path

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        if self.training and self.drop_path:
            y = stochastic_depth(y, self.drop_path)
        if self.projection is not None:
            x = self.projection(x)
        return torch.add(x, y, alpha=self.scale)
