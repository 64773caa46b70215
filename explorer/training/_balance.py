"""Unequal classes: what their images weigh in the loss, and the sentence that offers to balance them; without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from .. import datasets
from ..text import format_share, quote
from ._config import TrainConfig

ClassWeights = Literal["none", "inverse", "sqrt"]
_UNEQUAL = 3
"""Times that the largest class has the images of the smallest, from which on it is told."""


def weigh_classes(counts: Sequence[int], kind: ClassWeights) -> tuple[float, ...]:
    """Weigh the classes such that small ones count for more; the mean weight of all images is 1.

    Args:
        counts: Training images of each class, n_k; N in all, in K classes that have any.
        kind: ``inverse``: N / (K n_k), so that each class counts the same in all; ``sqrt``: the same with square roots,
            N / (sqrt(n_k) · sum of sqrt(n_j)), half the way in orders of magnitude; ``none``: 1.

    Returns:
        A weight for each class; 1 for one without images.

    Source: ``inverse`` is scikit-learn's "balanced" (King & Zeng 2001).
    """
    if kind == "none":
        return (1.0,) * len(counts)
    sizes = [math.sqrt(count) if kind == "sqrt" else float(bool(count)) for count in counts]
    scale = sum(counts) / max(1.0, sum(sizes))
    return tuple(scale * size / count if count else 1.0 for size, count in zip(sizes, counts, strict=True))


def describe_imbalance(config: TrainConfig) -> str:
    """Say that the classes of an imported data set are unequal, and what can be done.

    Args:
        config: How a network is to be trained.

    Returns:
        A sentence; '' where the classes are not unequal, or are balanced by the configuration.

    Raises:
        DatasetError: The set is gone or damaged.
    """
    if config.class_weights != "none" or config.sampling != "shuffle" or config.dataset not in datasets.list_imports():
        return ""
    counts, _ = datasets.count_classes(config.dataset)
    names = datasets.get_card(config.dataset).classes
    present = [(count, name) for count, name in zip(counts, names, strict=True) if count]
    if len(present) < 2 or max(present)[0] < _UNEQUAL * min(present)[0]:
        return ""
    (least, smallest), (most, largest) = min(present), max(present)
    return (
        f"the classes are unequal: {quote(largest)} has {most:,} training images, {quote(smallest)} {least:,}. "
        f"To say {quote(largest)} always is right for {format_share(most / sum(counts), 0)} of such images, so look at "
        f"the recall of each class; class_weights inverse lets each class count the same in the loss, and sampling "
        f"balanced shows each equally often"
    )
