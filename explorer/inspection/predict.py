"""Pictures in, answers out, with the input as the network saw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..datasets import Cancel, CancelledError, Progress
from .models import Model


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """One class and how much the network is for it."""

    index: int
    name: str
    probability: float
    """Softmax of the scores, 0 to 1."""
    logit: float
    """The score itself."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """What a network says of one picture."""

    top: tuple[ClassScore, ...]
    """The best classes, the best first."""
    input: Tensor
    """float32 (C, H, W): the picture as the first layer gets it."""


def predict(
    model: Model,
    pictures: Sequence[NDArray[np.uint8]],
    *,
    top: int = 5,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> list[Prediction]:
    """The answers to RGB pictures (height, width, 3) of any sizes, as ``datasets.decode`` gives them.

    A batch at a time; ``progress`` hears how many are done and of how many, ``cancel`` is asked before each batch.
    Raises ValueError for a picture that cannot be shown to a network; CancelledError.
    """
    answers: list[Prediction] = []
    for start in range(0, len(pictures), model.batch_size):
        raise_if_cancelled(cancel)
        x_BCHW = model.prepare(*pictures[start : start + model.batch_size])
        answers += [
            Prediction(top=rank_classes(model, scores_K, top), input=x_CHW)
            for scores_K, x_CHW in zip(model.logits(x_BCHW), x_BCHW, strict=True)
        ]
        if progress:
            progress(len(answers), len(pictures))
    return answers


def rank_classes(model: Model, scores_K: Tensor, top: int) -> tuple[ClassScore, ...]:
    """The best classes of one row of scores."""
    shares, indices = scores_K.softmax(0).topk(min(max(top, 1), len(scores_K)))
    return tuple(
        ClassScore(index=index, name=model.classes[index], probability=share, logit=float(scores_K[index]))
        for share, index in zip(shares.tolist(), indices.tolist(), strict=True)
    )


def raise_if_cancelled(cancel: Cancel | None) -> None:
    """Raise CancelledError if a person has asked for it."""
    if cancel and cancel():
        raise CancelledError("cancelled")
