"""Evaluation of a network on images that it was not trained on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._config import TrainConfig
from .data import AnySubset, Tensors, normalise_images
from .distributed import SINGLE_PROCESS, ProcessGroup

_BEST = 3


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Loss, accuracy and confusion matrix."""

    loss: float
    """Mean cross entropy, in natural logarithms."""
    accuracy: float
    """Share of right predictions, 0 to 1."""
    confusion: tuple[tuple[int, ...], ...]
    """Images by true class (row) and predicted class (column)."""
    predictions: tuple[tuple[tuple[int, float], ...], ...] = ()
    """For each image of ``Subset.shown`` its best (class, probability), at most three, the best first."""


@torch.no_grad()
def evaluate(
    model: nn.Module,
    subset: AnySubset,
    data: Tensors,
    config: TrainConfig,
    precision: Callable[[], Any],
    after_batch: Callable[[], None] = lambda: None,
    group: ProcessGroup = SINGLE_PROCESS,
) -> Evaluation:
    """Evaluate a network on a subset, in evaluation mode.

    Args:
        model: The network, which returns to its mode.
        subset: The images and labels.
        data: How they are normalised, and the number of classes.
        config: Batch size; with ``flip_average`` the mean of the probabilities of every image and of its mirror image.
        precision: Makes the context in which the network runs.
        after_batch: Called after every batch; it may raise.
        group: The processes that take a part each; rank 0 alone has the predictions.

    Returns:
        Loss, accuracy, confusion matrix and the predictions of the images shown.
    """
    training = model.training
    model.eval()
    group.broadcast_buffers(model)
    size = 2 * config.part_size
    device = subset.labels.device
    loss = torch.zeros((), device=device)
    confusion_KK = torch.zeros(data.classes**2, dtype=torch.int64, device=device)
    ones_B = torch.ones(size, dtype=torch.int64, device=device)

    def scores(images_BCHW: Tensor) -> Tensor:
        with precision():
            logits_BK: Tensor = model(normalise_images(images_BCHW, data, channels_last=config.channels_last))
        return logits_BK.float()

    def predict(images_BCHW: Tensor) -> Tensor:
        if not config.flip_average:
            return scores(images_BCHW)
        both = torch.stack([scores(images_BCHW).log_softmax(1), scores(images_BCHW.flip(3)).log_softmax(1)])
        return both.logsumexp(0) - math.log(2)  # logarithms of probabilities are scores too

    try:
        for images_BCHW, labels_B in subset.batches(size, group.shard(range(-(-len(subset) // size)))):
            logits_BK = predict(images_BCHW)
            loss += F.cross_entropy(logits_BK, labels_B, reduction="sum")
            cells_B = labels_B * data.classes + logits_BK.argmax(1)
            confusion_KK.scatter_add_(0, cells_B, ones_B[: len(cells_B)])  # bincount would wait for the device
            after_batch()
        loss, confusion_KK = *group.all_reduce(loss), *group.all_reduce(confusion_KK)
        rows = () if group.rank else subset.shown
        shown = [subset.pick(rows[at : at + size]) for at in range(0, len(rows), size)]
        predictions = [best for images_BCHW in shown for best in top_predictions(predict(images_BCHW))]
    finally:
        model.train(training)
    table = confusion_KK.view(data.classes, data.classes)
    return Evaluation(
        loss=float(loss) / len(subset),
        accuracy=float(table.diagonal().sum()) / len(subset),
        confusion=tuple(map(tuple, table.tolist())),
        predictions=tuple(predictions),
    )


def top_predictions(logits_BK: Tensor) -> list[tuple[tuple[int, float], ...]]:
    """The best (class, probability) of every row, at most three, the best first."""
    shares, classes = logits_BK.softmax(1).topk(min(_BEST, logits_BK.shape[1]))
    rounded = [[round(share, 4) for share in row] for row in shares.tolist()]
    return [tuple(zip(*pair, strict=True)) for pair in zip(classes.tolist(), rounded, strict=True)]
