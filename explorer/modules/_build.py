"""Architecture → nn.Module. State-dict names follow the paths: ``inception_3a.branch_3x3.reduce.conv.weight``.

Small modules, each one node kind; tensor names carry their shape (B batch, C channels, H height, W width, F features).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .. import architecture as arch
from ..analysis import Layer, analyze

Activation = Callable[[Tensor], Tensor]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "none": nn.Identity,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "hardswish": nn.Hardswish,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


class Outputs(NamedTuple):
    """What a network with auxiliary heads returns in training: class scores, and those of each head with its weight."""

    logits: Tensor
    auxiliary: tuple[tuple[float, Tensor], ...]


def _activation(kind: str) -> nn.Module:
    """The activation behind a layer of ours; ReLU works in place there, since nobody else holds that tensor."""
    return nn.ReLU(inplace=True) if kind == "relu" else ACTIVATIONS[kind]()


class ConvBlock(nn.Module):
    """Convolution ``conv``, then batch norm ``bn`` if there is one, then the activation."""

    def __init__(self, node: arch.Conv, layer: Layer) -> None:
        super().__init__()
        in_channels, out_channels = layer.input_shape[0], layer.output_shape[0]
        groups = in_channels if node.groups == "depthwise" else node.groups
        g = node.geometry
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            g.kernel,
            stride=g.stride,
            padding=g.pad,
            dilation=g.dilation,
            groups=groups,
            bias=node.has_bias,
        )
        # 'same' around an even kernel takes one zero more at the end, as torch's own does (which warns about it).
        self.extra = (0, g.pad_end[1] - g.pad[1], 0, g.pad_end[0] - g.pad[0])
        if node.norm == "batch":
            self.bn = nn.BatchNorm2d(out_channels, eps=node.norm_eps)
        self.has_norm = node.norm == "batch"
        self.activation = _activation(node.activation)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if any(self.extra):
            x_BCHW = nn.functional.pad(x_BCHW, self.extra)
        x_BCHW = self.conv(x_BCHW)
        if self.has_norm:
            x_BCHW = self.bn(x_BCHW)
        return self.activation(x_BCHW)


class LinearBlock(nn.Module):
    """Linear layer ``linear``, then the activation."""

    def __init__(self, node: arch.Linear, layer: Layer) -> None:
        super().__init__()
        self.linear = nn.Linear(layer.input_shape[0], node.out_features, bias=node.bias)
        self.activation = _activation(node.activation)

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


class _Named(nn.Module):
    """Children under the names of their nodes. They go straight into ``_modules``: a node may be called 'forward'."""

    def __init__(self, children: Iterable[tuple[str, nn.Module]]) -> None:
        super().__init__()
        for name, child in children:
            self._modules[name] = child

    def __setattr__(self, name: str, value: Any) -> None:
        # A node may also be called 'training' or 'fuse', and nn.Module would refuse to set an attribute of that name.
        if isinstance(value, nn.Module):
            super().__setattr__(name, value)
        else:
            object.__setattr__(self, name, value)


class SequenceBlock(_Named):
    """Children one after another; empty is the identity."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        for child in self._modules.values():
            x_BCHW = child(x_BCHW)  # type: ignore[misc]
        return x_BCHW


class ParallelBlock(_Named):
    """Branches on one input, joined by ``fuse``."""

    def __init__(self, children: Iterable[tuple[str, nn.Module]], fuse: str) -> None:
        super().__init__(children)
        self.fuse = fuse

    def forward(self, x_BCHW: Tensor) -> Tensor:
        outputs = [branch(x_BCHW) for branch in self._modules.values()]  # type: ignore[misc]
        if len(outputs) == 1:
            return outputs[0]
        if self.fuse == "concat":
            return torch.cat(outputs, dim=1)
        return reduce(operator.add if self.fuse == "add" else operator.mul, outputs)


class ResidualBlock(_Named):
    """activation(shortcut(x) + scale · body(x)); the projection, if any, is ``shortcut``."""

    def __init__(self, name: str, body: nn.Module, shortcut: nn.Module | None, scale: float, activation: str) -> None:
        super().__init__([(name, body)] if shortcut is None else [(name, body), ("shortcut", shortcut)])
        self.body_name = name
        self.projects = shortcut is not None
        self.scale = scale
        self._activation = [_activation(activation)]  # in a list: without weights it needs no name among the children

    def forward(self, x_BCHW: Tensor) -> Tensor:
        y_BCHW = self._modules[self.body_name](x_BCHW)  # type: ignore[misc]
        if self.projects:
            x_BCHW = self._modules["shortcut"](x_BCHW)  # type: ignore[misc]
        return self._activation[0](torch.add(x_BCHW, y_BCHW, alpha=self.scale))


class AuxiliaryBlock(SequenceBlock):
    """In training its children score the tapped tensor, into ``scores``; the tensor itself passes through."""

    def __init__(self, children: Iterable[tuple[str, nn.Module]], weight: float) -> None:
        super().__init__(children)
        self.weight = weight
        self.scores: Tensor | None = None

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if self.training:
            self.scores = super().forward(x_BCHW)
        return x_BCHW


class Network(SequenceBlock):
    """The whole network: (B, C, H, W) → (B, classes). In training with auxiliary heads it returns ``Outputs``."""

    def __init__(self, children: Iterable[tuple[str, nn.Module]]) -> None:
        super().__init__(children)
        self._heads = [[head] for head in self.modules() if isinstance(head, AuxiliaryBlock)]

    def forward(self, x_BCHW: Tensor) -> Any:
        logits_BK = super().forward(x_BCHW)
        if not self.training or not self._heads:
            return logits_BK
        auxiliary = []
        for (head,) in self._heads:
            assert head.scores is not None
            auxiliary.append((head.weight, head.scores))
            head.scores = None  # nothing keeps the graph alive between steps
        return Outputs(logits_BK, tuple(auxiliary))


def build(architecture: arch.Architecture, device: torch.device | str | None = None) -> Network:
    """The network of an architecture, freshly initialised by torch's defaults, in training mode.

    ``device='meta'`` makes shapes without memory. Raises ArchitectureError where the layers do not fit together.
    """
    layers = analyze(architecture).by_path
    with torch.device(device or "cpu"):
        return Network((node.name, _module(node, node.name, layers)) for node in architecture.trunk.nodes)


def _module(node: Any, path: str, layers: dict[str, Layer]) -> nn.Module:
    children = [(child.name, _module(child, f"{path}/{child.name}", layers)) for child in node.nodes]
    return _MAKE[type(node).__name__](node, layers.get(path), children)


def _residual(node: arch.Residual, layer: Layer, children: list[tuple[str, nn.Module]]) -> nn.Module:
    shortcut = None
    if node.shortcut == "projection":
        (_, *size_in), (out_channels, *size_out) = layer.input_shape, layer.output_shape
        conv = arch.Conv(
            name="shortcut",
            out_channels=out_channels,
            stride=(-(-size_in[0] // size_out[0]), -(-size_in[1] // size_out[1])),
            padding=0,
            norm=node.norm,
            activation="none",
        )
        shortcut = ConvBlock(conv, layer)
    return ResidualBlock(children[0][0], children[0][1], shortcut, node.scale, node.activation)


def _attention(node: arch.Attention, layer: Layer, _: Any) -> nn.Module:
    channels = layer.input_shape[0]
    hidden = max(1, channels // node.reduction)
    return SqueezeExcitation(channels, hidden) if node.kind == "se" else CBAM(channels, hidden, node.spatial_kernel)


def _pool(node: arch.Pool, _layer: Any, _children: Any) -> nn.Module:
    g = node.geometry
    if node.kind == "max":
        return nn.MaxPool2d(g.kernel, stride=g.stride, padding=g.pad, ceil_mode=node.ceil_mode)
    return nn.AvgPool2d(
        g.kernel, stride=g.stride, padding=g.pad, ceil_mode=node.ceil_mode, count_include_pad=node.count_include_pad
    )


def _global_pool(node: arch.GlobalPool, _layer: Any, _children: Any) -> nn.Module:
    kind = nn.AdaptiveMaxPool2d if node.kind == "max" else nn.AdaptiveAvgPool2d
    return kind(arch.pair(node.output_size))


_MAKE: dict[str, Callable[[Any, Any, list[tuple[str, nn.Module]]], nn.Module]] = {
    "Conv": lambda node, layer, _: ConvBlock(node, layer),
    "Pool": _pool,
    "GlobalPool": _global_pool,
    "Flatten": lambda *_: nn.Flatten(),
    "Linear": lambda node, layer, _: LinearBlock(node, layer),
    "Dropout": lambda node, *_: nn.Dropout(node.p),
    "LocalResponseNorm": lambda node, *_: nn.LocalResponseNorm(node.size, node.alpha, node.beta, node.k),
    "Norm": lambda node, layer, _: nn.BatchNorm2d(layer.input_shape[0], eps=node.eps),
    "Activation": lambda node, *_: ACTIVATIONS[node.kind](),
    "Attention": _attention,
    "Sequence": lambda _node, _layer, children: SequenceBlock(children),
    "Parallel": lambda node, _, children: ParallelBlock(children, node.fuse),
    "Residual": _residual,
    "Auxiliary": lambda node, _, children: AuxiliaryBlock(children, node.weight),
}
"""By class name, as in ``analysis``: a hot reload makes new classes of the same name."""
