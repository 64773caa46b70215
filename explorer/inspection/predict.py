"""Predictions for images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..datasets import MNIST_FORM, Cancel, CancelledError, Progress, bring_ink_to_mnist
from .models import Model


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """The score of one class."""

    index: int
    name: str
    probability: float
    """Softmax of the scores, 0 to 1."""
    logit: float
    """The score before the softmax."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """The most probable classes of one image."""

    top: tuple[ClassScore, ...]
    """By decreasing probability."""
    input: Tensor
    """float32 (C, H, W), on the CPU: the preprocessed image."""
    conversions: tuple[str, ...] = ()
    """What was done to the image before it was preprocessed, one phrase each; see ``convert_ink``."""


def predict(
    model: Model,
    images: Sequence[NDArray[np.uint8]],
    *,
    top: int = 5,
    as_is: bool = False,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> list[Prediction]:
    """Classify images.

    Args:
        model: the model; it computes on its device.
        images: RGB, uint8 (height, width, 3) of any sizes, as ``datasets.decode`` returns them.
        top: classes for each image.
        as_is: leave out ``convert_ink``, which brings photos of ink on paper to the form that the model learnt from.
        progress: is called with the images done and their number.
        cancel: is called before each batch; True stops.

    Returns:
        One prediction for each image, in the same order.

    Raises:
        ValueError: an image that cannot be preprocessed, such as one of extreme proportions.
        CancelledError: ``cancel`` returned True.
    """
    predictions: list[Prediction] = []
    for start in range(0, len(images), model.batch_size):
        raise_if_cancelled(cancel)
        batch = images[start : start + model.batch_size]
        converted = [None if as_is else convert_ink(model, image) for image in batch]
        seen = [image if ink is None else ink for image, ink in zip(batch, converted, strict=True)]
        x_BCHW = model.prepare(*seen)
        predictions += [
            Prediction(
                top=rank_classes(model, scores_K, top), input=x_CHW, conversions=() if ink is None else (MNIST_FORM,)
            )
            for scores_K, x_CHW, ink in zip(model.scores(x_BCHW), x_BCHW, converted, strict=True)
        ]
        if progress:
            progress(len(predictions), len(images))
    return predictions


def convert_ink(model: Model, image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Bring a photo of dark ink on light paper to MNIST's form, where a model learnt from such pictures.

    Args:
        model: the model that is asked.
        image: RGB, uint8 (height, width, 3).

    Returns:
        RGB, uint8 (112, 112, 3); None where the image is no such photo, or the model learnt from others.
    """
    return bring_ink_to_mnist(image) if model.reads_light_ink else None


def rank_classes(model: Model, scores_K: Tensor, top: int) -> tuple[ClassScore, ...]:
    """The ``top`` most probable classes of a row of scores (classes,)."""
    shares, indices = scores_K.softmax(0).topk(min(max(top, 1), len(scores_K)))
    return tuple(
        ClassScore(index=index, name=model.classes[index], probability=share, logit=float(scores_K[index]))
        for share, index in zip(shares.tolist(), indices.tolist(), strict=True)
    )


def raise_if_cancelled(cancel: Cancel | None) -> None:
    """Raise CancelledError if the user has asked for it."""
    if cancel and cancel():
        raise CancelledError("cancelled")
