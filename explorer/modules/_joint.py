"""Several 1×1 convolutions on one input as one: the input is read once, and its gradient written once.

The weights stay where they are, one parameter a layer, and are laid side by side for every pass: a copy of some
kilobytes. Batch normalisation works channel by channel, so it too runs once over all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._layers import ConvBlock


def group_mergeable(blocks: dict[str, ConvBlock]) -> list[tuple[str, ...]]:
    """Groups of two or more names whose blocks are 1×1 convolutions that can run as one."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for name, block in blocks.items():
        conv = block.conv
        apart = block.norm_name in ("", "bn")  # a norm of other kinds looks at several channels at once
        plain = conv.kernel_size == (1, 1) and conv.padding == (0, 0) and block.border.is_empty and conv.groups == 1
        if plain and apart:
            eps = _batch_norm_of(block).eps if block.norm_name else None
            form = (conv.stride, conv.bias is None, eps, repr(block.activation))
            groups.setdefault(form, []).append(name)
    return [tuple(names) for names in groups.values() if len(names) > 1]


def _batch_norm_of(block: ConvBlock) -> nn.BatchNorm2d:
    norm = block.get_submodule("bn")
    assert isinstance(norm, nn.BatchNorm2d)
    return norm


def run_merged(blocks: Sequence[ConvBlock], x_BCHW: Tensor) -> tuple[Tensor, ...]:
    """The outputs of blocks that are one group of ``group_mergeable``, each (B, its channels, H, W)."""
    convs = [block.conv for block in blocks]
    bias_C = None if convs[0].bias is None else torch.cat([conv.bias for conv in convs if conv.bias is not None])
    y_BCHW = F.conv2d(x_BCHW, torch.cat([conv.weight for conv in convs]), bias_C, convs[0].stride)
    if blocks[0].norm_name:
        y_BCHW = _batch_norm(blocks, y_BCHW)
    return blocks[0].activation(y_BCHW).split([conv.out_channels for conv in convs], dim=1)


def _batch_norm(blocks: Sequence[ConvBlock], x_BCHW: Tensor) -> Tensor:
    norms = [_batch_norm_of(block) for block in blocks]
    if len({norm.training for norm in norms}) > 1:  # some of the branches are held fixed
        parts = x_BCHW.split_with_sizes([norm.num_features for norm in norms], dim=1)
        return torch.cat([norm(part) for norm, part in zip(norms, parts, strict=True)], dim=1)
    first, widths = norms[0], [norm.num_features for norm in norms]
    means = [norm.get_buffer("running_mean") for norm in norms]
    variances = [norm.get_buffer("running_var") for norm in norms]
    mean_C, variance_C = torch.cat(means), torch.cat(variances)
    weight_C, bias_C = torch.cat([norm.weight for norm in norms]), torch.cat([norm.bias for norm in norms])
    assert first.momentum is not None  # torch's default, as in every norm of ours
    y_BCHW = F.batch_norm(
        x_BCHW, mean_C, variance_C, weight_C, bias_C, first.training, momentum=first.momentum, eps=first.eps
    )
    if first.training:
        torch._foreach_copy_(means + variances, mean_C.split_with_sizes(widths) + variance_C.split_with_sizes(widths))
        torch._foreach_add_([norm.get_buffer("num_batches_tracked") for norm in norms], 1)
    return y_BCHW
