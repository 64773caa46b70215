"""Containers: what nodes that hold other nodes become. They find their children under the names of the nodes."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from functools import reduce
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from ._joint import group_mergeable, run_merged
from ._layers import AveragePool, ConvBlock, RectifiedMaxPool, activation_of


class NamedBlock(nn.Module):
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


    def take_means(self) -> None:
        """From now on take averages over all positions in the way whose gradient is the quicker one."""
        for name, child in self._modules.items():
            if isinstance(child, nn.AdaptiveAvgPool2d) and child.output_size == (1, 1):
                self._modules[name] = AveragePool()


class SequenceBlock(NamedBlock):
    """Children one after another; empty is the identity."""

    def reorder(self) -> None:
        """From now on run in the cheaper order what gives the same in either.

        ReLU keeps the order of numbers, so it can wait for the max pooling behind it, where the maps are small. An
        average treats all channels alike, so a 1×1 convolution behind it that makes channels fewer can go first.
        """
        for (before, first), (after, second) in pairwise(list(self._modules.items())):
            if isinstance(first, ConvBlock) and first.rectifies and isinstance(second, nn.MaxPool2d):
                first.activation = nn.Identity()
                self._modules[after] = RectifiedMaxPool(second)
            once = isinstance(first, nn.AvgPool2d) and first.stride == (1, 1)
            if once and isinstance(second, ConvBlock) and second.reduces:
                second.pool = first
                self._modules[before] = nn.Identity()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        for child in self._modules.values():
            x_BCHW = child(x_BCHW)  # type: ignore[misc]
        return x_BCHW


class ParallelBlock(NamedBlock):
    """Branches on one input, joined by ``fuse``."""

    def __init__(self, children: Iterable[tuple[str, nn.Module]], fuse: str) -> None:
        super().__init__(children)
        self.fuse = fuse
        self.joint: list[tuple[str, ...]] = []
        """Groups of branches whose first 1×1 convolutions run as one."""

    def join(self) -> None:
        """From now on run 1×1 convolutions at the beginning of branches as one, where they are of one form."""
        openings = {name: opening for name, branch in self._modules.items() if (opening := _first_conv(branch))}
        self.joint = group_mergeable(openings)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        begun: dict[str, Tensor] = {}
        for names in self.joint:
            openings = [_first_conv(self._modules[name]) for name in names]
            begun |= zip(names, run_merged([each for each in openings if each], x_BCHW), strict=True)
        outputs = [
            _run_rest(branch, begun[name]) if name in begun else branch(x_BCHW)  # type: ignore[misc]
            for name, branch in self._modules.items()
        ]
        if len(outputs) == 1:
            return outputs[0]
        if self.fuse == "concat":
            return torch.cat(outputs, dim=1)
        return reduce(operator.add if self.fuse == "add" else operator.mul, outputs)


def _first_conv(branch: nn.Module | None) -> ConvBlock | None:
    """The convolution with which a branch begins, if it does."""
    first = next(iter(branch._modules.values()), None) if isinstance(branch, SequenceBlock) else branch
    return first if isinstance(first, ConvBlock) else None


def _run_rest(branch: nn.Module | None, y_BCHW: Tensor) -> Tensor:
    """What a branch makes of the output of its opening."""
    if isinstance(branch, SequenceBlock):
        for child in list(branch._modules.values())[1:]:
            y_BCHW = child(y_BCHW)  # type: ignore[misc]
    return y_BCHW


class ResidualBlock(NamedBlock):
    """activation(shortcut(x) + scale · body(x)); the projection, if any, is ``shortcut``.

    In training, body(x) is left out of each image with the probability ``drop_path``, and what survives is divided by
    how likely that was (Huang et al. 2016): torchvision's ``StochasticDepth(drop_path, "row")``, number for number.
    """

    def __init__(
        self, name: str, body: nn.Module, shortcut: nn.Module | None, scale: float, drop_path: float, activation: str
    ) -> None:
        last = "activation" if name != "activation" else "activation_"
        projection = [] if shortcut is None else [("shortcut", shortcut)]
        super().__init__([(name, body), *projection, (last, activation_of(activation))])
        self.body_name = name
        self.activation_name = last
        self.projects = shortcut is not None
        self.scale = scale
        self.drop_path = drop_path

    def forward(self, x_BCHW: Tensor) -> Tensor:
        y_BCHW = self._modules[self.body_name](x_BCHW)  # type: ignore[misc]
        if self.training and self.drop_path:
            # Written out, since torchvision takes seconds to import.
            kept = 1 - self.drop_path
            y_BCHW = y_BCHW * y_BCHW.new_empty(len(y_BCHW), *[1] * (y_BCHW.ndim - 1)).bernoulli_(kept).div_(kept)
        if self.projects:
            x_BCHW = self._modules["shortcut"](x_BCHW)  # type: ignore[misc]
        return self._modules[self.activation_name](torch.add(x_BCHW, y_BCHW, alpha=self.scale))  # type: ignore[misc]


class AuxiliaryBlock(SequenceBlock):
    """In training its children score the tapped tensor, into ``scores``; the tensor itself passes through."""

    def __init__(self, children: Iterable[tuple[str, nn.Module]], weight: float) -> None:
        super().__init__(children)
        self.weight = weight
        self.misfit = ""
        """Why it cannot run on images of the network's size; '' where it can."""
        self.scores: Tensor | None = None

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if self.training:
            if self.misfit:
                raise ValueError(self.misfit)
            self.scores = super().forward(x_BCHW)
        return x_BCHW
