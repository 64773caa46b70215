"""Feature maps: the outputs of a network's nodes for one input."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..architecture import Conv, walk
from ._paths import branch_paths
from .hooks import capture_outputs, get_module
from .models import Model


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureMaps:
    """The output of one node for one input."""

    path: str
    values: Tensor
    """float32 (C, H, W), on the CPU; the numbers of a vector are maps of one pixel."""

    @cached_property
    def activity(self) -> Tensor:
        """Mean magnitude of each channel (C,)."""
        return self.values.abs().mean((1, 2))

    @cached_property
    def channels_by_activity(self) -> tuple[int, ...]:
        """The channels by decreasing activity; ties in their own order."""
        return tuple(self.activity.argsort(descending=True, stable=True).tolist())

    @cached_property
    def contrast(self) -> Tensor:
        """Standard deviation of each channel over its positions (C,): how much it tells of where something is."""
        return self.values.flatten(1).std(1, correction=0)

    @cached_property
    def channels_by_contrast(self) -> tuple[int, ...]:
        """The channels by decreasing contrast; ties in their own order."""
        return tuple(self.contrast.argsort(descending=True, stable=True).tolist())

    def strongest_unit(
        self, channel: int, rows: range | None = None, columns: range | None = None
    ) -> tuple[int, int]:
        """(row, column) of a channel's largest value, within some rows and columns; the first of several."""
        _, height, width = self.values.shape
        rows, columns = rows or range(height), columns or range(width)
        part = self.values[channel, rows.start : rows.stop, columns.start : columns.stop]
        row, column = divmod(int(part.argmax()), len(columns))
        return rows.start + row, columns.start + column


@torch.no_grad()
def feature_maps(model: Model, x_CHW: Tensor, paths: Iterable[str]) -> dict[str, FeatureMaps]:
    """The feature maps of nodes for one input, in one forward pass.

    Args:
        model: the model.
        x_CHW: an input as ``Model.prepare`` returns it, without the batch axis.
        paths: of the nodes.

    Returns:
        Feature maps by path.

    Raises:
        ValueError: a path that the network does not have, or that runs in training only.
    """
    wanted = list(paths)
    found = capture_outputs(model, x_CHW[None], wanted)
    return {path: FeatureMaps(path=path, values=_as_maps(found[path][0].cpu())) for path in wanted}


def branch_feature_maps(model: Model, x_CHW: Tensor, block: str) -> dict[str, FeatureMaps]:
    """Compute the feature maps of all branches of a block.

    Args:
        model: The model.
        x_CHW: A normalised image (C, H, W).
        block: Path of the block.

    Returns:
        Feature maps by path of the branch.

    Raises:
        ValueError: The block has no branches.
    """
    return feature_maps(model, x_CHW, branch_paths(model.architecture, block))


def first_filters(model: Model) -> tuple[str, Tensor]:
    """Path and weights, float32 (filters, C / groups, height, width), of the first convolution.

    Raises:
        ValueError: the network has no convolution.
    """
    path = next((path for path, node in walk(model.architecture) if isinstance(node, Conv)), None)
    if path is None:
        raise ValueError(f"{model.name} has no convolution")
    conv = get_module(model.network, path)._modules["conv"]
    assert isinstance(conv, torch.nn.Conv2d)
    return path, conv.weight.detach().clone().cpu()


def _as_maps(output: Tensor) -> Tensor:
    return output if output.ndim == 3 else output.reshape(-1, 1, 1)
