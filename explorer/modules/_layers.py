"""Layers with weights: what one leaf of an architecture becomes.

Tensor names carry their shape (B batch, C channels, H height, W width, F features).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .. import architecture as arch
from ..analysis import Layer
from ._padding import Border

Activation = Callable[[Tensor], Tensor]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "none": nn.Identity,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "gelu_tanh": lambda: nn.GELU(approximate="tanh"),
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "hard_swish": nn.Hardswish,
    "sigmoid": nn.Sigmoid,
    "hard_sigmoid": nn.Hardsigmoid,
    "tanh": nn.Tanh,
}
"""Element-wise functions by the name that nodes give them: what makes the module."""


def activation_of(kind: str) -> nn.Module:
    """The activation behind a layer of ours; ReLU works in place there, since nobody else holds that tensor."""
    return nn.ReLU(inplace=True) if kind == "relu" else ACTIVATIONS[kind]()


class ConvBlock(nn.Module):
    """Convolution ``conv``, then batch norm ``bn``, or another ``norm``, if there is one, then the activation.

    It is made of numbers and not of a node: a projection may be wider and take larger steps than a node's fields allow.
    ``sized`` says that the padding depends on the size of the map, as TensorFlow's SAME does.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        g: arch.Geometry,
        *,
        groups: int = 1,
        bias: bool,
        norm: nn.Module | None = None,
        activation: str,
        sized: bool = False,
    ) -> None:
        super().__init__()
        # What one end has more than the other is padded before, as torch's own 'same' does it around an even kernel;
        # all of it, where it depends on the size of the map.
        common = (0, 0) if sized else (min(g.pad[0], g.pad_end[0]), min(g.pad[1], g.pad_end[1]))
        self.border = Border(g, common, sized)
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            g.kernel,
            stride=g.stride,
            padding=common,
            dilation=g.dilation,
            groups=groups,
            bias=bias,
        )
        self.norm_name = "" if norm is None else "bn" if isinstance(norm, nn.BatchNorm2d) else "norm"
        if norm is not None:
            self.add_module(self.norm_name, norm)
        self.activation = activation_of(activation)
        self.pool: nn.Module | None = None
        """An average that is taken after the convolution, though it stands before it."""

    @property
    def rectifies(self) -> bool:
        """Whether it ends in a ReLU."""
        return isinstance(self.activation, nn.ReLU)

    @property
    def reduces(self) -> bool:
        """Whether each output is a mixture of one position's channels, nothing added, and there are fewer outputs."""
        conv = self.conv
        one = conv.kernel_size == conv.stride == (1, 1) and conv.padding == (0, 0) and self.border.is_empty
        return one and conv.groups == 1 and conv.bias is None and conv.out_channels < conv.in_channels

    def forward(self, x_BCHW: Tensor) -> Tensor:
        x_BCHW = self.conv(self.border.pad(x_BCHW))
        if self.pool is not None:
            x_BCHW = self.pool(x_BCHW)
        if self.norm_name:
            x_BCHW = self._modules[self.norm_name](x_BCHW)  # type: ignore[misc]
        return self.activation(x_BCHW)


class RectifiedMaxPool(nn.MaxPool2d):
    """Max pooling, then ReLU: what ReLU, then max pooling gives, since ReLU keeps the order of numbers.

    The gradients are the same too: where the largest number of a window is not above zero, there is none.
    """

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__(pool.kernel_size, pool.stride, pool.padding, ceil_mode=pool.ceil_mode)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        return torch.relu_(super().forward(input))


class LinearBlock(nn.Module):
    """Linear layer ``linear``, then the activation."""

    def __init__(self, node: arch.Linear, layer: Layer) -> None:
        super().__init__()
        self.linear = nn.Linear(layer.input_shape[0], node.out_features, bias=node.bias)
        self.activation = activation_of(node.activation)

    def forward(self, x_BF: Tensor) -> Tensor:
        return self.activation(self.linear(x_BF))


class SqueezeExcitation(nn.Module):
    """Channel weights from the mean of each channel (Hu et al. 2018, section 3)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def _gate(self, x_BCHW: Tensor) -> Tensor:
        gate_BC11 = x_BCHW.mean((2, 3), keepdim=True)
        gate_BC11 = torch.relu_(self.reduce(gate_BC11))
        return torch.sigmoid(self.expand(gate_BC11))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW * self._gate(x_BCHW)


class CBAM(nn.Module):
    """Channel weights from mean and maximum, then position weights (Woo et al. 2018, sections 3.1 and 3.2)."""

    def __init__(self, channels: int, hidden: int, kernel_size: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, hidden, 1, bias=False)
        self.expand = nn.Conv2d(hidden, channels, 1, bias=False)
        self.spatial = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def _mlp(self, x_BC11: Tensor) -> Tensor:
        return self.expand(torch.relu_(self.reduce(x_BC11)))

    def _channel_gate(self, x_BCHW: Tensor) -> Tensor:
        mean_BC11 = self._mlp(x_BCHW.mean((2, 3), keepdim=True))
        peak_BC11 = self._mlp(x_BCHW.amax((2, 3), keepdim=True))
        return torch.sigmoid(mean_BC11 + peak_BC11)

    def _position_gate(self, x_BCHW: Tensor) -> Tensor:
        planes_B2HW = torch.cat((x_BCHW.mean(1, keepdim=True), x_BCHW.amax(1, keepdim=True)), dim=1)
        return torch.sigmoid(self.spatial(planes_B2HW))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        x_BCHW = x_BCHW * self._channel_gate(x_BCHW)
        return x_BCHW * self._position_gate(x_BCHW)


class ChannelAttention(nn.Module):
    """Channel weights from the means of neighbouring channels (ECA; Wang et al. 2020, section 3.3)."""

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        gate_B1C = torch.sigmoid(self.conv(x_BCHW.mean((2, 3))[:, None]))
        return x_BCHW * gate_B1C[:, 0, :, None, None]


class AveragePool(nn.AdaptiveAvgPool2d):
    """Average of each channel over all positions, whose gradient lies in memory as the maps before it do.

    torch's own hands back a gradient with its channels outermost, and what then meets maps with theirs innermost is
    several times slower: 5 % of the time of a small network (measured on a CPU with bf16).
    """

    def __init__(self) -> None:
        super().__init__(1)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's name)
        if input.is_contiguous(memory_format=torch.channels_last):
            return input.permute(0, 2, 3, 1).flatten(1, 2).mean(1)[:, :, None, None]
        return super().forward(input)
