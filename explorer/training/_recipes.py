"""Named recipes: functions that return whole configurations, each to be read at a glance and changed freely."""

from __future__ import annotations

from collections.abc import Callable

from ..text import suggest
from ._config import TrainConfig


def course(dataset: str) -> TrainConfig:
    """The course notes' homework: Adam 1e-3, batch 128, 5 epochs, pixels to −1 … 1, no augmentation."""
    return TrainConfig(dataset=dataset, optimizer="adam", lr=1e-3, batch_size=128, epochs=5, normalise="half")


def mnist_lesson(dataset: str) -> TrainConfig:
    """The MNIST lesson's: SGD 0.01, momentum 0.5, batch 64, 10 epochs."""
    return TrainConfig(dataset=dataset, optimizer="sgd", lr=0.01, momentum=0.5, batch_size=64, epochs=10)


def d2l(dataset: str) -> TrainConfig:
    """Dive into Deep Learning, chapter on GoogLeNet: plain SGD 0.1, batch 128, 10 epochs; meant for 96×96 images."""
    return TrainConfig(dataset=dataset, optimizer="sgd", lr=0.1, momentum=0.0, batch_size=128, epochs=10)


def quick(dataset: str) -> TrainConfig:
    """Good accuracy in a short time, for photographs: one cycle of Nesterov SGD on flipped images, at first on small
    windows of them; a prediction is the mean of those for an image and its mirror image. (A mirrored digit is no
    digit: for those turn both off.)"""
    return TrainConfig(
        dataset=dataset,
        optimizer="sgd",
        lr=0.4,
        momentum=0.9,
        nesterov=True,
        weight_decay=1e-3,
        batch_size=256,
        epochs=7,
        schedule="one_cycle",
        warmup_epochs=1.5,
        label_smoothing=0.05,
        crop=2,
        flip=True,
        window=0.75,
        window_share=0.65,
        flip_average=True,
    )


def thorough(dataset: str) -> TrainConfig:
    """Better accuracy in more time, for photographs: forty epochs on flipped and shifted images with a square blanked
    out, at first on windows of three quarters of their size."""
    return TrainConfig(
        dataset=dataset,
        optimizer="sgd",
        lr=0.4,
        momentum=0.9,
        nesterov=True,
        weight_decay=1e-3,
        batch_size=256,
        epochs=40,
        schedule="one_cycle",
        warmup_epochs=4.0,
        label_smoothing=0.05,
        crop=4,
        flip=True,
        cutout=8,
        window=0.75,
        window_share=0.65,
    )


def handwriting(dataset: str) -> TrainConfig:
    """For digits and letters: one cycle of AdamW on images that are shifted, turned and scaled a little, and never
    mirrored, since a mirrored digit is none."""
    return TrainConfig(
        dataset=dataset,
        optimizer="adamw",
        lr=3e-3,
        weight_decay=1e-2,
        batch_size=128,
        epochs=3,
        schedule="one_cycle",
        crop=2,
        rotate=12.0,
        zoom=0.12,
    )


def fine_tune(dataset: str) -> TrainConfig:
    """For a network that starts from trained weights: a few epochs of SGD at a rate that falls to 0, on flipped and
    slightly shifted photographs, in small batches."""
    return TrainConfig(
        dataset=dataset,
        optimizer="sgd",
        lr=0.01,
        momentum=0.9,
        weight_decay=1e-4,
        batch_size=32,
        epochs=5,
        schedule="cosine",
        label_smoothing=0.05,
        crop=2,
        flip=True,
    )


RECIPES: dict[str, Callable[[str], TrainConfig]] = {
    "course": course,
    "mnist-lesson": mnist_lesson,
    "d2l": d2l,
    "quick": quick,
    "thorough": thorough,
    "handwriting": handwriting,
    "fine-tune": fine_tune,
}
"""By name: what makes the configuration for a data set."""


def recipe(name: str, dataset: str) -> TrainConfig:
    """Make the configuration of a named recipe for a data set.

    Args:
        name: A key of ``RECIPES``.
        dataset: Name or path of the data set; whether it exists is not checked.

    Returns:
        A whole configuration, to be changed freely.

    Raises:
        ValueError: There is no such recipe; the message has the names there are.
    """
    if name not in RECIPES:
        raise ValueError(f"there is no recipe {name[:60]!r}; {suggest(name, RECIPES.keys())}")
    return RECIPES[name]("any").changed(dataset=dataset)
