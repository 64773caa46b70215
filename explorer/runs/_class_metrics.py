"""Recall and precision of each class, read from a confusion matrix: what accuracy hides where classes are unequal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from ._records import Point
from .series import of_recall

if TYPE_CHECKING:
    from ._store import Store

SPLITS = ("validation", "test")
"""What is evaluated after every epoch."""


@dataclass(frozen=True, kw_only=True)
class ClassMetrics:
    """Recall and precision of one class."""

    name: str
    """Of the class."""
    images: int
    """That show it."""
    recall: float
    """Share of its images that are predicted as it, 0 to 1; NaN if it has none."""
    precision: float
    """Share of the images predicted as it that belong to it, 0 to 1; NaN if there are none."""

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON, which has no NaN: None stands for it."""
        return {key: None if value != value else value for key, value in asdict(self).items()}


def measure_classes(names: Sequence[str], confusion: Sequence[Sequence[int]]) -> tuple[ClassMetrics, ...]:
    """Measure recall and precision of each class.

    Args:
        names: Of the classes.
        confusion: Images by true class (row) and predicted class (column).

    Returns:
        One for each class, in their order.
    """
    predicted = [sum(column) for column in zip(*confusion, strict=True)]
    return tuple(
        ClassMetrics(
            name=name,
            images=sum(row),
            recall=row[place] / sum(row) if sum(row) else math.nan,
            precision=row[place] / predicted[place] if predicted[place] else math.nan,
        )
        for place, (name, row) in enumerate(zip(names, confusion, strict=True))
    )


def average_recall(classes: Iterable[ClassMetrics]) -> float:
    """Average the recalls of the classes that have images, also called balanced accuracy.

    Args:
        classes: As ``measure_classes`` gives them.

    Returns:
        0 to 1: the accuracy if every class had as many images as every other; NaN where there are no images.
    """
    recalls = [each.recall for each in classes if each.images]
    return fmean(recalls) if recalls else math.nan


def find_class_metrics(store: Store, run: str, split: str = "test") -> tuple[int, tuple[ClassMetrics, ...]] | None:
    """Find the metrics of a run's classes after its last evaluation.

    Args:
        store: The store that has the run.
        run: Its identifier.
        split: ``test`` or ``validation``.

    Returns:
        (updates done then, the metrics); None before the first evaluation.

    Raises:
        StoreError: The store cannot be read.
    """
    found = store.latest(run, f"confusion/{split}")
    return None if found is None else (found[0], measure_classes(_names(store, run, len(found[1])), found[1]))


def list_recalls(store: Store, run: str, points: Iterable[Point]) -> list[Point]:
    """List the recall of each class after every epoch as points of series, for export.

    Args:
        store: The store that has the run.
        run: Its identifier.
        points: Of the run, from which the seconds of a step are taken.

    Returns:
        The points of ``series.of_recall``; none for a class without images.

    Raises:
        StoreError: The store cannot be read.
    """
    seconds = {point.step: point.seconds for point in points}
    found = []
    for split in SPLITS:
        for step, confusion in store.documents(run, f"confusion/{split}"):
            for each in measure_classes(_names(store, run, len(confusion)), confusion):
                if each.images:
                    name = of_recall(split, each.name)
                    found.append(Point(series=name, step=step, value=each.recall, seconds=seconds.get(step, 0.0)))
    return found


def _names(store: Store, run: str, count: int) -> Sequence[str]:
    samples = store.samples(run)
    return samples.classes if samples is not None and len(samples.classes) == count else [*map(str, range(count))]
