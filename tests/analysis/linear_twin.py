"""A network's linear twin, straight from its nodes: where its gradient is not 0, and no weight is, a pixel can matter.

Weights are positive, maxima are averages, activations, gates and norms the identity, products sums. Nothing here asks
the product how a window reads its input: torch's own functions do.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.architecture import Architecture


class LinearTwin:
    """An architecture that has run; ``outputs`` has each node's output by path, the image's under ''.

    Args:
        architecture: The network.
        questions: How many units can be asked in one backward pass: each has an image of its own in the batch.
        single: Every map has one channel and every weight is 1, so that the gradient is the number of paths. Attention
            passes its input on, for a gate is no path. Otherwise channels and groups are those of the network, and
            attention adds a mean of the whole plane.
    """

    def __init__(self, architecture: Architecture, questions: int, *, single: bool = False) -> None:
        self.single = single
        channels, height, width = architecture.input_shape
        x = torch.zeros(questions, 1 if single else channels, height, width, dtype=torch.float64, requires_grad=True)
        self.outputs = {"": x}
        for node in architecture.trunk.children:
            x = self._run(node, node.name, x)

    def size(self, path: str) -> tuple[int, int]:
        """(height, width) of a node's map; (1, 1) of a vector."""
        shape = self.outputs[path].shape
        return (shape[2], shape[3]) if len(shape) == 4 else (1, 1)

    def _run(self, node: Any, path: str, x: Tensor) -> Tensor:
        y = self._compute(node, path, x)
        self.outputs[path] = y
        return y

    def _compute(self, node: Any, path: str, x: Tensor) -> Tensor:
        if node.op in ("sequence", "auxiliary"):
            y = x
            for child in node.children:
                y = self._run(child, f"{path}/{child.name}", y)
            return y if node.op == "sequence" else x
        if node.op == "parallel":
            outputs = [self._run(branch, f"{path}/{branch.name}", x) for branch in node.branches]
            if node.fuse == "concat" and not self.single:
                return torch.cat(outputs, 1)
            return sum(outputs[1:], 1 * outputs[0])  # torch repeats what has one row, one column or one channel
        if node.op == "residual":
            body = self._run(node.body, f"{path}/{node.body.name}", x)
            if node.shortcut == "identity":
                return body + x
            return body + self._mix(node.norm, node.norm_groups, self._project(x, body))
        return getattr(self, f"_{node.op}", lambda node, x: 1 * x)(node, x)

    def _conv(self, node: Any, x: Tensor) -> Tensor:
        inputs = x.shape[1]
        outputs = inputs if node.out_channels == "same" else node.out_channels
        groups = inputs if node.groups == "depthwise" else node.groups
        if self.single:
            outputs = groups = 1
        kernel = both(node.kernel_size)
        weight = torch.full((outputs, inputs // groups, *kernel), 1.0, dtype=torch.float64)
        if not self.single:
            weight /= weight[0].numel()
        strided = both(node.stride) != (1, 1)
        padding = node.padding
        if padding == "same" and strided:  # torch has no 'same' here; the kernel's reach is even then
            padding = [d * (k - 1) // 2 for k, d in zip(kernel, both(node.dilation), strict=True)]
        x, padding = pad_ends(x, kernel, both(node.stride), both(node.dilation), padding)
        y = F.conv2d(x, weight, None, node.stride, padding, node.dilation, groups)
        return self._mix(node.norm, node.norm_groups, y)

    def _pool(self, node: Any, x: Tensor) -> Tensor:
        kernel = both(node.kernel_size)
        padding = [k // 2 for k in kernel] if node.padding == "same" else node.padding
        x, padding = pad_ends(x, kernel, both(node.stride), (1, 1), padding)
        return F.avg_pool2d(
            x, kernel, node.stride, padding, node.ceil_mode, divisor_override=1 if self.single else None
        )

    def _global_pool(self, node: Any, x: Tensor) -> Tensor:
        y = F.adaptive_avg_pool2d(x, node.output_size)
        if not self.single:
            return y
        pixels = torch.eye(x.shape[2] * x.shape[3], dtype=torch.float64).unflatten(1, (1, *x.shape[2:]))
        return y * (F.adaptive_avg_pool2d(pixels, node.output_size) > 0).sum((0, 1))

    def _flatten(self, node: Any, x: Tensor) -> Tensor:
        return x.flatten(1)

    def _linear(self, node: Any, x: Tensor) -> Tensor:
        return x.sum(1, keepdim=True) if self.single else x.mean(1, keepdim=True).expand(-1, node.out_features)

    def _slice(self, node: Any, x: Tensor) -> Tensor:
        return 1 * x if self.single else 1 * x[:, node.start : None if node.stop == "end" else node.stop]

    def _channel_shuffle(self, node: Any, x: Tensor) -> Tensor:
        return 1 * x if self.single else F.channel_shuffle(x, node.groups)

    def _norm(self, node: Any, x: Tensor) -> Tensor:
        return 1 * x if node.kind == "batch" else self._mix(node.kind, node.groups, x)

    def _mix(self, kind: str, groups: int, x: Tensor) -> Tensor:
        """The linear part of a norm: each number and what it is averaged with."""
        if self.single or kind not in ("layer", "group"):
            return 1 * x
        if kind == "layer":
            return x + x.mean(1, keepdim=True)
        grouped = x.unflatten(1, (groups, -1))
        return (grouped + grouped.mean((2, 3, 4), keepdim=True)).flatten(1, 2)

    def _attention(self, node: Any, x: Tensor) -> Tensor:
        return 1 * x if self.single else x + x.mean((1, 2, 3), keepdim=True)

    def _project(self, x: Tensor, body: Tensor) -> Tensor:
        """By the least stride at which a 1×1 convolution gives the body's size."""
        steps = [
            next(step for step in range(1, before + 1) if (before - 1) // step + 1 == after)
            for before, after in zip(x.shape[2:], body.shape[2:], strict=True)
        ]
        weight = torch.full((body.shape[1], x.shape[1], 1, 1), 1.0 if self.single else 1 / x.shape[1])
        return F.conv2d(x, weight.double(), None, steps)

    def gradients(self, questions: list[tuple[str, tuple[int, int]]], sources: list[str]) -> dict[str, Tensor]:
        """For each source the gradients (questions, height, width) of one unit each, summed over all channels."""
        total = torch.zeros((), dtype=torch.float64)
        for index, (path, (row, column)) in enumerate(questions):
            made = self.outputs[path][index]
            total = total + (made.sum() if made.dim() == 1 else made[:, row, column].sum())
        maps = [self.outputs[source] for source in sources]
        found = torch.autograd.grad(total, maps, allow_unused=True)
        return {
            source: (torch.zeros_like(made) if grad is None else grad).sum(1).reshape(-1, *self.size(source))
            for source, made, grad in zip(sources, maps, found, strict=True)
        }


def pad_ends(
    x: Tensor, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], padding: Any
) -> tuple[Tensor, Any]:
    """The map with padding around it, and 0, where torch's own layers have no such padding; else both as they are."""
    ends = padding
    if padding == "tf_same":  # as TensorFlow's manual writes it
        ends = []
        for n, k, s, d in zip(x.shape[2:], kernel, stride, dilation, strict=True):
            window = (k - 1) * d + 1
            total = max(window - s, 0) if n % s == 0 else max(window - n % s, 0)
            ends.append((total // 2, total - total // 2))
    elif not isinstance(padding, tuple) or not isinstance(padding[0], tuple):
        return x, padding
    (top, bottom), (left, right) = ends
    return F.pad(x, (left, right, top, bottom)), 0


def both(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)
