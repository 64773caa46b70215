"""Branches that are added, folded into the one convolution that they are together, once they have learnt."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..architecture import MAX_KERNEL, MAX_TITLE, Architecture, Conv, Geometry, Parallel, edit, walk
from ..text import quote, shorten
from ._build import Network, build
from ._containers import SequenceBlock
from ._layers import ConvBlock
from ._weights import fill


@dataclass(frozen=True, kw_only=True)
class FoldedNetwork:
    """A network with fewer layers and the same answers."""

    architecture: Architecture
    """With a convolution in the place of each block that was folded."""
    network: Network = field(repr=False)
    """With its weights, on the CPU, in evaluation mode."""
    paths: tuple[str, ...]
    """The blocks that were folded, each now a convolution of that name."""


class _Branch(NamedTuple):
    """A branch as a convolution without padding of its own, in float64."""

    weight: Tensor
    """(outputs, inputs / groups, height, width)."""
    bias: Tensor
    groups: int
    geometry: Geometry


_POINT = Geometry((1, 1), (1, 1), (1, 1), (0, 0), (0, 0))


class _Axis(NamedTuple):
    """Where a window reads on one axis, counted from the first pixel that a window without padding would read."""

    first: int
    last: int
    step: int
    slack: int
    """Padding behind the border less ``last``: windows of equal slack give maps of equal size for every image."""


def fold_branches(architecture: Architecture, network: Network) -> FoldedNetwork:
    """Fold the branches of each block that adds them into one convolution with a bias.

    A block is folded whose branches are convolutions without activation, batch normalisation, both, or the identity, if
    all take equal steps. Batch normalisation is taken with the statistics that it has gathered: it learns no more.

    Args:
        architecture: The network as it was trained.
        network: Its module with the weights; it stays as it is.

    Returns:
        The folded network. In evaluation its answers are the same but for rounding.

    Raises:
        ValueError: It has no such block.

    Source: Ding et al. 2021, "RepVGG: Making VGG-style ConvNets great again", section 3.3.
    """
    modules = dict(network.named_modules())
    tensors = {name: tensor.detach().cpu() for name, tensor in network.state_dict().items()}
    folded, paths = architecture, []
    for path, node in walk(architecture):
        name = path.replace("/", ".")
        if not isinstance(node, Parallel) or node.fuse != "add" or name not in modules:
            continue
        branches = _read_branches(node, modules[name])
        window = branches and _common_window([branch.geometry for branch in branches])
        if not window:
            continue
        conv, weight, bias = _join(node.name, branches, window)
        folded = edit.put(folded, path, conv)
        tensors = {key: tensor for key, tensor in tensors.items() if not key.startswith(f"{name}.")}
        tensors |= {f"{name}.conv.weight": weight, f"{name}.conv.bias": bias}
        paths.append(path)
    if not paths:
        raise ValueError(
            f"{quote(architecture.name)} has nothing to fold: blocks are folded whose branches are added and are "
            f"convolutions of equal stride without activation, batch norms or the identity"
        )
    title = shorten(architecture.name, MAX_TITLE - len(", folded"))
    folded = edit.replace(folded, "", name=f"{title}, folded")
    result = build(folded, "meta")
    fill(result, tensors, title)
    return FoldedNetwork(architecture=folded, network=result.eval(), paths=tuple(paths))


def _read_branches(node: Parallel, block: nn.Module) -> list[_Branch]:
    """The branches as convolutions; [] where they cannot be, or where none is one already."""
    modules = [block._modules[branch.name] for branch in node.branches]
    first = next((each.conv for each in modules if isinstance(each, ConvBlock)), None)
    if first is None:
        return []
    branches = []
    for branch, module in zip(node.branches, modules, strict=True):
        if isinstance(branch, Conv) and isinstance(module, ConvBlock):
            if branch.activation != "none" or branch.norm not in ("none", "batch") or branch.is_sized:
                return []
            conv = module.conv
            norm = module._modules.get("bn")
            weight, geometry, groups = conv.weight.detach().cpu().double(), branch.geometry, conv.groups
            bias = torch.zeros(len(weight), dtype=torch.float64)
            bias += 0 if conv.bias is None else conv.bias.detach().cpu()
        elif isinstance(module, nn.BatchNorm2d) or (isinstance(module, SequenceBlock) and not module._modules):
            groups = first.in_channels
            weight, bias = torch.ones(groups, 1, 1, 1, dtype=torch.float64), torch.zeros(groups, dtype=torch.float64)
            geometry, norm = _POINT, module if isinstance(module, nn.BatchNorm2d) else None
        else:
            return []
        if norm is not None:
            if not isinstance(norm, nn.BatchNorm2d) or norm.running_mean is None or norm.running_var is None:
                return []
            mean, variance = norm.running_mean.cpu().double(), norm.running_var.cpu().double()
            scale = norm.weight.detach().cpu().double() / (variance + norm.eps).sqrt()
            weight, bias = weight * scale[:, None, None, None], norm.bias.detach().cpu() + (bias - mean) * scale
        branches.append(_Branch(weight, bias, groups, geometry))
    alike = len({len(branch.bias) for branch in branches}) == 1  # else one is repeated for all channels of another
    return branches if alike else []


def _axis(geometry: Geometry, axis: int) -> _Axis:
    pad, step = geometry.pad[axis], geometry.dilation[axis]
    last = step * (geometry.kernel[axis] - 1) - pad
    return _Axis(-pad, last, step, geometry.pad_end[axis] - last)


def _common_window(windows: list[Geometry]) -> Geometry | None:
    """The smallest window that reads what all of them read; None where there is none."""
    joined = []
    for axis in (0, 1):
        axes = [_axis(window, axis) for window in windows]
        if len({each.slack for each in axes}) > 1 or len({window.stride for window in windows}) > 1:
            return None
        first, last = min(each.first for each in axes), max(each.last for each in axes)
        distances = [each.step for each in axes if each.last > each.first] + [each.first - first for each in axes]
        step = math.gcd(*distances) or 1
        joined.append(((last - first) // step + 1, windows[0].stride[axis], step, -first, last + axes[0].slack))
    (kernel, stride, dilation, pad, pad_end) = zip(*joined, strict=True)
    window = Geometry(kernel, stride, dilation, pad, pad_end)
    return window if max(kernel) <= MAX_KERNEL else None


def _padding(window: Geometry) -> Any:
    """A window's padding as a convolution has it."""
    if window.pad != window.pad_end:
        return tuple(zip(window.pad, window.pad_end, strict=True))
    reach = [step * (kernel - 1) for step, kernel in zip(window.dilation, window.kernel, strict=True)]
    return "same" if all(2 * pad == each for pad, each in zip(window.pad, reach, strict=True)) else window.pad


def _join(name: str, branches: list[_Branch], window: Geometry) -> tuple[Conv, Tensor, Tensor]:
    """The convolution that adds all of them, its weight and its bias, in float32."""
    groups = math.gcd(*[branch.groups for branch in branches])
    outputs, inputs = len(branches[0].weight), branches[0].weight.shape[1] * branches[0].groups
    weight = torch.zeros(outputs, inputs // groups, *window.kernel, dtype=torch.float64)
    for branch in branches:
        rows, columns = (
            torch.arange(kernel) * (dilation // step) + (pad - own_pad) // step
            for kernel, dilation, step, pad, own_pad in zip(
                branch.geometry.kernel, branch.geometry.dilation, window.dilation, window.pad, branch.geometry.pad,
                strict=True,
            )
        )  # fmt: skip
        weight[:, :, rows[:, None], columns] += _spread(branch, groups)
    conv = Conv(
        name=name, out_channels=outputs, kernel_size=window.kernel, stride=window.stride, dilation=window.dilation,
        padding=_padding(window), groups=groups, activation="none",
    )  # fmt: skip
    return conv, weight.float(), torch.stack([branch.bias for branch in branches]).sum(0).float()


def _spread(branch: _Branch, groups: int) -> Tensor:
    """A weight written for fewer groups: zeros where an output does not read an input of its new group."""
    outputs, width = branch.weight.shape[:2]
    fine = torch.arange(outputs) // (outputs // branch.groups) % (branch.groups // groups)
    columns = fine[:, None] * width + torch.arange(width)
    spread = torch.zeros(outputs, width * branch.groups // groups, *branch.weight.shape[2:], dtype=torch.float64)
    spread[torch.arange(outputs)[:, None], columns] = branch.weight
    return spread
