"""How good a network is on images that it did not learn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ._config import TrainConfig
from .data import Subset, Tensors, normalised


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Loss, accuracy and who is taken for whom."""

    loss: float
    """Mean cross entropy, in natural logarithms."""
    accuracy: float
    """Share of right answers, 0 to 1."""
    confusion: tuple[tuple[int, ...], ...]
    """Images by true class (row) and answer (column)."""


@torch.no_grad()
def evaluate(
    model: nn.Module,
    subset: Subset,
    data: Tensors,
    config: TrainConfig,
    precision: Callable[[], Any],
    between: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Judge a network by a subset, in evaluation mode; ``between`` is called after every batch and may raise."""
    training = model.training
    model.eval()
    size = 2 * -(-config.batch_size // config.accumulate)
    device = subset.images.device
    loss = torch.zeros((), device=device)
    confusion_KK = torch.zeros(data.classes**2, dtype=torch.int64, device=device)
    try:
        for start in range(0, len(subset), size):
            x_BCHW = normalised(subset.images[start : start + size], data, channels_last=config.channels_last)
            labels_B = subset.labels[start : start + size]
            with precision():
                logits_BK = model(x_BCHW).float()
            loss += F.cross_entropy(logits_BK, labels_B, reduction="sum")
            confusion_KK += torch.bincount(labels_B * data.classes + logits_BK.argmax(1), minlength=data.classes**2)
            between()
    finally:
        model.train(training)
    table = confusion_KK.view(data.classes, data.classes)
    return Evaluation(
        loss=float(loss) / len(subset),
        accuracy=float(table.diagonal().sum()) / len(subset),
        confusion=tuple(map(tuple, table.tolist())),
    )
