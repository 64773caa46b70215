"""Branches that are added, folded into the one convolution that they are together, once they have learnt."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..analysis import Analysis, analyze, projection_stride
from ..architecture import (
    MAX_KERNEL,
    POINTWISE,
    Architecture,
    Conv,
    Geometry,
    Norm,
    Parallel,
    Pool,
    Residual,
    Scale,
    Sequence,
    edit,
)
from ..modules import Network
from ..text import quote
from ._norms import read_batch_norm
from ._runs import dotted, find_runs
from ._slimmed import THE_SAME, Slimmed, compare_scores, make_network, name_after, read_tensors


class _Branch(NamedTuple):
    """A branch as a convolution without padding of its own, in float64."""

    weight: Tensor
    """(outputs, inputs / groups, height, width)."""
    bias: Tensor
    groups: int
    geometry: Geometry
    is_conv: bool
    """Whether it has weights of a convolution, and is not the identity, a norm or an average."""


class _Axis(NamedTuple):
    """Where a window reads on one axis, counted from the first pixel that a window without padding would read."""

    first: int
    last: int
    step: int
    slack: int
    """Padding behind the border less ``last``: windows of equal slack give maps of equal size for every image."""


def fold_branches(architecture: Architecture, network: Network, images_BCHW: Tensor | None = None) -> Slimmed:
    """Fold the branches of each block that adds them into one convolution with a bias.

    A block is folded whose branches are convolutions without activation, batch norms, scales, averages that count
    their padding, the identity, or one of these behind a residual of its own, if all take equal steps; a residual
    itself is such a block, too. Batch normalisation is taken with the statistics that it has gathered.

    Args:
        architecture: The network as it was trained.
        network: Its module with the weights; it stays as it is.
        images_BCHW: Images as the network takes them, to compare the scores on beside random inputs.

    Returns:
        The network with a convolution in the place of each of those blocks, under the block's name.

    Raises:
        ValueError: It has no such block.

    Source: Ding et al. 2021, "RepVGG: Making VGG-style ConvNets great again", section 3.3.
    """
    reading = _Reading(analyze(architecture), read_tensors(network))
    folded, tensors = architecture, dict(reading.tensors)
    paths: list[str] = []
    for run in find_runs(architecture):
        for path, node in run:
            if not _adds(node) or path.startswith(tuple(f"{each}/" for each in paths)):
                continue
            branches = reading.read(path, node)
            window = branches and _common_window([branch.geometry for branch in branches])
            if not branches or not window or not any(branch.is_conv for branch in branches):
                continue
            conv, weight, bias = _join(node.name, branches, window)
            if isinstance(node, Residual):
                conv = conv.model_copy(update={"activation": node.activation})
            folded = edit.put(folded, path, conv)
            name = dotted(path)
            tensors = {key: tensor for key, tensor in tensors.items() if not key.startswith(f"{name}.")}
            tensors |= {f"{name}.conv.weight": weight, f"{name}.conv.bias": bias}
            paths.append(path)
    if not paths:
        raise ValueError(
            f"{quote(architecture.name)} has nothing to fold: blocks are folded whose branches are added and are "
            f"convolutions of equal stride without activation, batch norms, averages or the identity"
        )
    slim = name_after(folded, "folded")
    made = make_network(slim, tensors)
    return Slimmed(
        step="fold_branches", before=architecture, architecture=slim, network=made, paths=tuple(paths),
        proof=compare_scores(network, made, architecture.input_shape, THE_SAME, images_BCHW),
        notes=("Each block is one convolution now: trained further, it learns as such, without its branches",),
    )  # fmt: skip


def _adds(node: Any) -> bool:
    return isinstance(node, Residual) or (isinstance(node, Parallel) and node.fuse == "add")


class _Reading(NamedTuple):
    """Reads nodes as convolutions that are added."""

    analysis: Analysis
    tensors: dict[str, Tensor]

    def read(self, path: str, node: Any) -> list[_Branch]:
        """What a node is a sum of; [] where it is no sum of convolutions."""
        if isinstance(node, Sequence) and len(node.children) == 1:
            return self.read(f"{path}/{node.children[0].name}", node.children[0])
        if isinstance(node, Parallel) and node.fuse == "add":
            inside = [(f"{path}/{each.name}", each) for each in node.branches]
            return self._sum([self.read(where, each) or self._identity(path, each) for where, each in inside])
        if isinstance(node, Residual):
            return self._residual(path, node)
        one = self._single(path, node)
        return [one] if one else []

    def _sum(self, parts: list[list[_Branch]]) -> list[_Branch]:
        branches = [branch for part in parts for branch in part]
        alike = len({len(branch.bias) for branch in branches}) == 1  # else one is repeated for all channels of another
        return branches if all(parts) and alike else []

    def _identity(self, path: str, node: Any) -> list[_Branch]:
        """An empty branch of the node at ``path``."""
        if not isinstance(node, Sequence) or node.children:
            return []
        channels = self.analysis.by_path[path].input_shape[0]
        return [_scaled_identity(torch.ones(channels, dtype=torch.float64))]

    def _residual(self, path: str, node: Residual) -> list[_Branch]:
        body = self.read(f"{path}/{node.body.name}", node.body) or self._identity(path, node.body)
        body = [each._replace(weight=each.weight * node.scale, bias=each.bias * node.scale) for each in body]
        shape_in, shape_out = (getattr(self.analysis.by_path[path], name) for name in ("input_shape", "output_shape"))
        if len(shape_in) != 3:
            return []
        if node.shortcut == "identity":
            return self._sum([body, [_scaled_identity(torch.ones(shape_in[0], dtype=torch.float64))]])
        stride = projection_stride(shape_in[1:], shape_out[1:])
        projection = Conv(
            name="shortcut", out_channels=shape_out[0], stride=stride, norm=node.norm, norm_eps=node.norm_eps,
            activation="none",
        )  # fmt: skip
        shortcut = self._single(f"{path}/shortcut", projection)
        return self._sum([body, [shortcut] if shortcut else []])

    def _single(self, path: str, node: Any) -> _Branch | None:
        name = dotted(path)
        if isinstance(node, Conv):
            if node.activation != "none" or node.norm not in ("none", "batch") or node.is_sized:
                return None
            weight, bias = self.tensors[f"{name}.conv.weight"].double(), self.tensors.get(f"{name}.conv.bias")
            shift = torch.zeros(len(weight), dtype=torch.float64) if bias is None else bias.double()
            if node.norm == "batch":
                norm = read_batch_norm(self.tensors, f"{name}.bn", node.norm_eps)
                weight, shift = weight * norm.scale[:, None, None, None], norm.shift + shift * norm.scale
            groups = self._inputs(path) // weight.shape[1]
            return _Branch(weight, shift, groups, node.geometry, True)
        shape = self.analysis.by_path[path].input_shape if path in self.analysis.by_path else ()
        if len(shape) != 3:
            return None
        if isinstance(node, Norm) and node.kind == "batch":
            norm = read_batch_norm(self.tensors, name, node.eps)
            return _scaled_identity(norm.scale)._replace(bias=norm.shift)
        if isinstance(node, Scale):
            factor = self.tensors.get(f"{name}.weight", torch.tensor(node.init)).double()
            scaled, given = _scaled_identity(factor.expand(shape[0])), self.tensors.get(f"{name}.bias")
            return scaled if given is None else scaled._replace(bias=given.double().expand(shape[0]))
        if isinstance(node, Pool) and node.kind == "avg" and not node.is_sized and not node.ceil_mode:
            geometry = node.geometry
            padded = any((*geometry.pad, *geometry.pad_end))
            if node.count_include_pad or not padded:
                share = _scaled_identity(torch.full((shape[0],), 1 / math.prod(geometry.kernel), dtype=torch.float64))
                return share._replace(weight=share.weight.expand(-1, -1, *geometry.kernel), geometry=geometry)
        return None

    def _inputs(self, path: str) -> int:
        if path in self.analysis.by_path:
            return self.analysis.by_path[path].input_shape[0]
        return self.analysis.by_path[path.rpartition("/")[0]].input_shape[0]  # the projection of a residual


def _scaled_identity(scale: Tensor) -> _Branch:
    return _Branch(scale[:, None, None, None], torch.zeros_like(scale), len(scale), POINTWISE, False)


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
