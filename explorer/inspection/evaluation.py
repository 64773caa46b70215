"""Evaluation of a model on a test set: accuracy, confusions, calibration, worst mistakes, and two models compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..datasets import Cancel, Progress
from ..runs import ClassMetrics, average_recall, measure_classes
from .models import Model
from .predict import Prediction, convert_ink, predict, raise_if_cancelled

if TYPE_CHECKING:
    from ..datasets._dataset import Dataset

BINS = 15
"""Of equal width, as Guo et al. 2017 have them."""


@dataclass(frozen=True, kw_only=True)
class CalibrationBin:
    """The predictions whose confidence lies in one interval."""

    low: float
    """Excluded, except in the first bin."""
    high: float
    """Included."""
    images: int
    confidence: float
    """Mean confidence of the predictions; NaN if there are none."""
    accuracy: float
    """Share of correct predictions; NaN if there are none."""


@dataclass(frozen=True, kw_only=True)
class Misclassification:
    """A test image that a model classified wrongly."""

    index: int
    """In the test set."""
    place: int
    """Among the evaluated images."""
    label: int
    """The true class."""
    prediction: int
    """The predicted class."""
    confidence: float
    """Probability of the predicted class."""
    loss: float
    """Cross entropy, natural logarithm."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EvaluationResult:
    """The predictions of a model on a test set, and the metrics that follow from them. All tensors are on the CPU."""

    classes: tuple[str, ...]
    rows: Tensor
    """int64 (N,): of the evaluated images in the test set, rising."""
    labels: Tensor
    """int64 (N,): true classes."""
    predictions: Tensor
    """int64 (N,): classes with the highest score."""
    confidences: Tensor
    """float32 (N,): probabilities of the predicted classes."""
    losses: Tensor
    """float32 (N,): cross entropies, natural logarithm."""

    @property
    def accuracy(self) -> float:
        """Share of correct predictions, 0 to 1."""
        return float((self.predictions == self.labels).float().mean())

    @property
    def correct_count(self) -> int:
        """Number of correct predictions."""
        return int((self.predictions == self.labels).sum())

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        """95 % confidence interval (low, high) of the accuracy: Wilson's score interval.

        It takes the test images as drawn at random. Unlike the normal approximation it stays within 0 and 1, and is
        not empty where every prediction is correct.

        Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
        """
        count, share, z = len(self.labels), self.correct_count / len(self.labels), NormalDist().inv_cdf(0.975)
        middle = share + z**2 / (2 * count)
        half = z * (share * (1 - share) / count + z**2 / (4 * count**2)) ** 0.5
        return max(0.0, (middle - half) / (1 + z**2 / count)), min(1.0, (middle + half) / (1 + z**2 / count))

    @property
    def loss(self) -> float:
        """Mean cross entropy, natural logarithm."""
        return float(self.losses.double().mean())

    @cached_property
    def confusion(self) -> tuple[tuple[int, ...], ...]:
        """Confusion matrix: images by true class (row) and predicted class (column)."""
        count = len(self.classes)
        table = torch.bincount(self.labels * count + self.predictions, minlength=count**2).view(count, count)
        return tuple(map(tuple, table.tolist()))

    @cached_property
    def per_class(self) -> tuple[ClassMetrics, ...]:
        """Recall and precision of each class."""
        return measure_classes(self.classes, self.confusion)

    @property
    def average_recall(self) -> float:
        """Mean recall of the classes that have images, 0 to 1: each counts the same, however many images it has."""
        return average_recall(self.per_class)

    @cached_property
    def calibration(self) -> tuple[CalibrationBin, ...]:
        """The predictions by their confidence, in 15 intervals of equal width."""
        places = (self.confidences.double() * BINS).ceil().long().clamp(1, BINS) - 1
        right = (self.predictions == self.labels).double()
        bins = []
        for k in range(BINS):
            inside = places == k
            images = int(inside.sum())
            bins.append(
                CalibrationBin(
                    low=k / BINS,
                    high=(k + 1) / BINS,
                    images=images,
                    confidence=float(self.confidences[inside].double().mean()),
                    accuracy=float(right[inside].mean()),
                )
            )
        return tuple(bins)

    @property
    def calibration_error(self) -> float:
        """Expected calibration error: |accuracy - confidence| of the bins, weighted by their images.

        Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equation 3.
        """
        filled = [each for each in self.calibration if each.images]
        return sum(each.images * abs(each.accuracy - each.confidence) for each in filled) / len(self.labels)

    def worst_mistakes(self, count: int = 24) -> tuple[Misclassification, ...]:
        """The wrong predictions with the highest loss, the highest first."""
        wrong = (self.predictions != self.labels).nonzero()[:, 0]
        rows = wrong[self.losses[wrong].argsort(descending=True, stable=True)][:count]
        return tuple(
            Misclassification(
                index=int(self.rows[place]),
                place=place,
                label=int(self.labels[place]),
                prediction=int(self.predictions[place]),
                confidence=float(self.confidences[place]),
                loss=float(self.losses[place]),
            )
            for place in rows.tolist()
        )

    def find_images(self, label: int, prediction: int) -> tuple[int, ...]:
        """The images of one cell of the confusion matrix, as places among the evaluated; the surest first."""
        places = ((self.labels == label) & (self.predictions == prediction)).nonzero()[:, 0]
        return tuple(places[self.confidences[places].argsort(descending=True, stable=True)].tolist())

    def disagreements(self, other: EvaluationResult) -> tuple[int, ...]:
        """The images for which two models predict different classes, as places among the evaluated.

        Raises:
            ValueError: the other was evaluated on other images or classes.
        """
        ours, theirs = (torch.stack([each.rows, each.labels]) for each in (self, other))
        if not torch.equal(ours, theirs) or self.classes != other.classes:
            raise ValueError("two evaluations can be compared only on the same images and classes")
        return tuple((self.predictions != other.predictions).nonzero()[:, 0].tolist())


@torch.no_grad()
def evaluate_each(
    models: Sequence[Model], dataset: Dataset, *, count: int | None = None, progress: Progress | None = None
) -> Iterator[tuple[Model, EvaluationResult]]:
    """Several models one after another on the test images of a data set; see ``evaluate``.

    Args:
        count: as in ``evaluate``.
        progress: hears images done and in all, over all models.

    Yields:
        Each model with its result as soon as it is there: what is complete stays where the work is cancelled.
    """
    for place, model in enumerate(models):

        def tell(done: int, whole: int, before: int = place) -> None:
            if progress:
                progress(before * whole + done, len(models) * whole)

        yield model, evaluate(model, dataset, count=count, progress=tell)


def evaluate(
    model: Model,
    dataset: Dataset,
    *,
    count: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> EvaluationResult:
    """Evaluate a model on the test images of a data set, each preprocessed as ``predict`` does it.

    Args:
        model: the model; it computes on its device.
        dataset: its test images are used; as they are where they were adapted to the model's input before.
        count: evaluate so many of them, drawn at random, always the same: sets may be sorted by class. None: all.
        progress: is called with the images done and their number.
        cancel: is called before each batch; True stops.

    Returns:
        Predictions and metrics, on the CPU.

    Raises:
        ValueError: the classes of model and data set differ in number, names or order, or ``count`` is below 1.
        CancelledError: ``cancel`` returned True.
    """
    if len(dataset.classes) != len(model.classes):
        raise ValueError(
            f"{model.name} knows {len(model.classes):,} classes, {dataset.name} has {len(dataset.classes):,}; "
            f"choose a model trained on the same classes"
        )
    if model.has_class_names and model.classes != dataset.classes:
        raise ValueError(f"the classes of {model.name} are not those of {dataset.name}, or in another order")
    if count is not None and count < 1:
        raise ValueError(f"the number of images to evaluate (={count}) must be at least 1")
    whole = len(dataset.test_labels)
    number = min(whole, count or whole)
    places = torch.randperm(whole, generator=torch.Generator().manual_seed(0))[:number].sort().values
    images, labels = dataset.test_images, dataset.test_labels.cpu()[places]
    adapted = dataset.shape == model.preprocessing.shape != dataset.stored_shape
    predictions, confidences, losses = [], [], []
    for start in range(0, len(labels), model.batch_size):
        raise_if_cancelled(cancel)
        rows = slice(start, start + model.batch_size)
        here = images[places[rows]].cpu()
        pixels_BCHW = here if adapted else model.preprocessing.adapt(here)
        scores_BK = model.scores(model.normalise(pixels_BCHW.to(model.device)))
        confidence, prediction = scores_BK.softmax(1).max(1)
        predictions.append(prediction)
        confidences.append(confidence)
        losses.append(functional.cross_entropy(scores_BK, labels[rows], reduction="none"))
        if progress:
            progress(min(start + model.batch_size, len(labels)), len(labels))
    return EvaluationResult(
        classes=dataset.classes,
        rows=places,
        labels=labels,
        predictions=torch.cat(predictions),
        confidences=torch.cat(confidences),
        losses=torch.cat(losses),
    )


_LOOKED_AT = 50
"""Test images that are looked at for dark ink on light paper."""


def find_ink_warning(model: Model, dataset: Dataset) -> str:
    """Find whether a model that learnt light figures on a dark ground is evaluated on dark ink on light paper.

    Args:
        model: The model that is evaluated, which takes test images as they are.
        dataset: Whose test images.

    Returns:
        A sentence where most of the first images are such; '' otherwise.
    """
    if not model.reads_light_ink:
        return ""
    first = dataset.test_images[:_LOOKED_AT].cpu().expand(-1, 3, -1, -1).permute(0, 2, 3, 1).contiguous().numpy()
    dark = sum(convert_ink(model, image) is not None for image in first)
    if 2 * dark <= len(first):
        return ""
    return (
        f"{dark} of {len(first)} test images looked at are dark ink on light paper, and {model.name} learnt light "
        f"figures on a dark ground: predict inverts such pictures, an evaluation takes them as they are"
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictionPair:
    """The predictions of two models for one image."""

    first: Prediction
    second: Prediction

    @property
    def agree(self) -> bool:
        """Whether their most probable classes have the same name."""
        return self.first.top[0].name == self.second.top[0].name


def predict_both(
    first: Model,
    second: Model,
    images: Sequence[NDArray[np.uint8]],
    *,
    top: int = 5,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> list[PredictionPair]:
    """The predictions of two models for the same images, each with its own preprocessing; see ``predict``."""
    both = []
    for number, model in enumerate((first, second)):

        def report(done: int, count: int, before: int = number * len(images)) -> None:
            if progress:
                progress(before + done, 2 * count)

        both.append(predict(model, images, top=top, progress=report, cancel=cancel))
    return [PredictionPair(first=a, second=b) for a, b in zip(*both, strict=True)]
