"""Unequal classes on the device: the weights of the loss, and the order in which images are shown."""

from __future__ import annotations

import torch
from torch import Tensor

from ._balance import weigh_classes
from ._config import TrainConfig
from .data import AnySubset, Tensors, make_generator


def make_class_weights(data: Tensors, config: TrainConfig) -> Tensor | None:
    """The weights of the classes by the images that are trained on, float32 (K,), on their device; None: all are 1."""
    if config.class_weights == "none":
        return None
    labels = data.train.labels
    counts = torch.bincount(labels, minlength=data.classes).tolist()
    return torch.tensor(weigh_classes(counts, config.class_weights), device=labels.device)


def draw_order(subset: AnySubset, config: TrainConfig, epoch: int) -> Tensor:
    """The rows of the images of an epoch in the order in which they are shown, int64 (N,), on the CPU."""
    generator = make_generator(config.seed, epoch)
    if config.sampling == "balanced":
        return draw_balanced_order(subset.labels.cpu(), generator)
    return torch.randperm(len(subset), generator=generator)


def draw_balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Draw as many images as there are, each class equally often, in a random order.

    N images in K classes that have any: each class comes N // K times or once more. Of a class all images come equally
    often, give or take once: as many times as fit, and then some drawn without putting back.

    Args:
        labels: Classes, int64 (N,), on the CPU.
        generator: Draws all of it.

    Returns:
        Rows, int64 (N,).
    """
    order = labels.argsort(stable=True)
    groups = [rows for rows in order.tensor_split(labels.bincount().cumsum(0)[:-1]) if len(rows)]
    times, more = divmod(len(labels), len(groups))
    lucky = set(torch.randperm(len(groups), generator=generator)[:more].tolist())
    drawn = []
    for place, rows in enumerate(groups):
        whole, rest = divmod(times + (place in lucky), len(rows))
        drawn += [rows] * whole + [rows[torch.randperm(len(rows), generator=generator)[:rest]]]
    return torch.cat(drawn)[torch.randperm(len(labels), generator=generator)]
