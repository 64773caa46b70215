"""Architecture → nn.Module. State-dict names follow the paths: ``inception_3a.branch_3x3.reduce.conv.weight``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .. import architecture as arch
from ..analysis import Layer, analyze, projection_stride
from ._channel_layers import NORMS, ChannelScale, ChannelSlice, make_norm
from ._containers import AuxiliaryBlock, NamedBlock, ParallelBlock, ResidualBlock, SequenceBlock
from ._layers import ACTIVATIONS, CBAM, ChannelAttention, ConvBlock, LinearBlock, SqueezeExcitation
from ._padding import PaddedPool


class Outputs(NamedTuple):
    """What a network with auxiliary heads returns in training."""

    logits: Tensor
    """Class scores, (B, K)."""
    auxiliary: tuple[tuple[float, Tensor], ...]
    """(weight of the loss, class scores (B, K)) of each auxiliary head."""


class Network(SequenceBlock):
    """The whole network: (B, C, H, W) → (B, classes). In training with auxiliary heads it returns ``Outputs``."""

    def __init__(self, children: Iterable[tuple[str, nn.Module]]) -> None:
        super().__init__(children)
        self._heads = [[head] for head in self.modules() if isinstance(head, AuxiliaryBlock)]

    def forward(self, x_BCHW: Tensor) -> Any:
        """Compute the class scores of a batch.

        Args:
            x_BCHW: Images, float32.

        Returns:
            Scores (B, K); in training with auxiliary heads ``Outputs``.
        """
        logits_BK = super().forward(x_BCHW)
        if not self.training or not self._heads:
            return logits_BK
        auxiliary = []
        for (head,) in self._heads:
            assert head.scores is not None
            auxiliary.append((head.weight, head.scores))
            head.scores = None  # nothing keeps the graph alive between steps
        return Outputs(logits_BK, tuple(auxiliary))


def build(
    architecture: arch.Architecture, device: torch.device | str | None = None, *, fused: bool = False
) -> Network:
    """Build the network of an architecture, freshly initialised by torch's defaults, in training mode.

    Args:
        architecture: The network.
        device: Where its parameters are made, 'cpu' by default; 'meta' makes shapes without memory.
        fused: Run the 1×1 convolutions with which the branches of a block begin as one, a ReLU before a max pooling
            after it, and a reduction after an average before it: the same weights under the same names and the same
            results, quicker; hooks on those layers see other values, or are not called.

    Returns:
        A module (B, C, H, W) → (B, classes); its parameters are named after the paths, with dots for slashes. Unless
        ``fused``, all that other tools count (convolutions, norms, activations, pools) are plain modules of torch.nn.

    Raises:
        ArchitectureError: The layers do not fit together. An auxiliary head that does not fit the image is there, with
            its weights, and raises ValueError in training.
    """
    found = analyze(architecture)
    with torch.device(device or "cpu"):
        network = Network((node.name, _module(node, node.name, found.by_path)) for node in architecture.trunk.nodes)
    modules = dict(network.named_modules())
    for head in found.auxiliary:
        if not head.fits:
            modules[head.path.replace("/", ".")].__dict__["misfit"] = head.describe()
    if fused:
        blocks = [module for module in network.modules() if isinstance(module, NamedBlock)]
        for block in blocks:
            block.take_means()
            if isinstance(block, SequenceBlock):
                block.reorder()
        for block in blocks:  # after that, since branches run as one where their activations are of one form
            if isinstance(block, ParallelBlock):
                block.join()
    return network


def _module(node: Any, path: str, layers: dict[str, Layer]) -> nn.Module:
    children = [(child.name, _module(child, f"{path}/{child.name}", layers)) for child in node.nodes]
    return MAKERS[node.op](node, layers.get(path), children)


def _conv(node: arch.Conv, layer: Layer, _: Any) -> nn.Module:
    in_channels = layer.input_shape[0]
    return ConvBlock(
        in_channels,
        layer.output_shape[0],
        node.geometry,
        groups=in_channels if node.groups == "depthwise" else node.groups,
        bias=node.has_bias,
        norm=make_norm(node, layer.output_shape[0]),
        activation=node.activation,
        sized=node.is_sized,
    )


def _residual(node: arch.Residual, layer: Layer, children: list[tuple[str, nn.Module]]) -> nn.Module:
    shortcut = None
    if node.shortcut == "projection":
        (in_channels, *size_in), (out_channels, *size_out) = layer.input_shape, layer.output_shape
        g = arch.Geometry((1, 1), projection_stride(size_in, size_out), (1, 1), (0, 0), (0, 0))
        norm = make_norm(node, out_channels)
        shortcut = ConvBlock(in_channels, out_channels, g, bias=norm is None, norm=norm, activation="none")
    return ResidualBlock(children[0][0], children[0][1], shortcut, node.scale, node.drop_path, node.activation)


def _attention(node: arch.Attention, layer: Layer, _: Any) -> nn.Module:
    channels = layer.input_shape[0]
    if node.kind == "eca":
        return ChannelAttention(node.channel_kernel_of(channels))
    hidden = max(1, channels // node.reduction)
    return SqueezeExcitation(channels, hidden) if node.kind == "se" else CBAM(channels, hidden, node.spatial_kernel)


def _pool(node: arch.Pool, _layer: Any, _children: Any) -> nn.Module:
    g = node.geometry
    if node.is_sized or not g.is_symmetric:
        return PaddedPool(node)
    if node.kind == "max":
        return nn.MaxPool2d(g.kernel, stride=g.stride, padding=g.pad, ceil_mode=node.ceil_mode)
    return nn.AvgPool2d(
        g.kernel, stride=g.stride, padding=g.pad, ceil_mode=node.ceil_mode, count_include_pad=node.count_include_pad
    )


def _channel_shuffle(node: arch.ChannelShuffle, layer: Layer, _: Any) -> nn.Module:
    moves = 1 < node.groups < layer.input_shape[0]  # torch copies what keeps its place, too
    return nn.ChannelShuffle(node.groups) if moves else nn.Identity()


def _global_pool(node: arch.GlobalPool, _layer: Any, _children: Any) -> nn.Module:
    size = arch.pair(node.output_size)
    return nn.AdaptiveMaxPool2d(size) if node.kind == "max" else nn.AdaptiveAvgPool2d(size)


MAKERS: dict[str, Callable[[Any, Any, list[tuple[str, nn.Module]]], nn.Module]] = {
    "conv": _conv,
    "pool": _pool,
    "global_pool": _global_pool,
    "flatten": lambda *_: nn.Flatten(),
    "linear": lambda node, layer, _: LinearBlock(node, layer),
    "dropout": lambda node, *_: nn.Dropout(node.p),
    "local_response_norm": lambda node, *_: nn.LocalResponseNorm(node.size, node.alpha, node.beta, node.k),
    "norm": lambda node, layer, _: NORMS[node.kind](layer.input_shape[0], node.eps, node.groups),
    "scale": lambda node, layer, _: ChannelScale(layer.input_shape, node),
    "slice": lambda node, layer, _: ChannelSlice(node.start, node.start + layer.output_shape[0]),
    "channel_shuffle": _channel_shuffle,
    "activation": lambda node, *_: ACTIVATIONS[node.kind](),
    "attention": _attention,
    "sequence": lambda _node, _layer, children: SequenceBlock(children),
    "parallel": lambda node, _, children: ParallelBlock(children, node.fuse),
    "residual": _residual,
    "auxiliary": lambda node, _, children: AuxiliaryBlock(children, node.weight),
}
"""For each op the function that makes the module: ``make(node, layer, children)``.

``layer`` is the node's row of the analysis (None for a container without one), ``children`` are the modules of its
child nodes with their names.
"""
