"""The hypervolume of trials: how much of a box they dominate, with every cost on a log scale.

On a linear scale one large network makes the box so long that all others cost next to nothing in it, and what is left
is accuracy alone. On a log scale halving a cost counts the same wherever it is. Samplers are told the same losses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ._search import Search


@dataclass(frozen=True, kw_only=True)
class Box:
    """What the hypervolume is a share of; both ends in the order and the units of the objectives."""

    reference: tuple[float, ...]
    """The worst end: accuracy 0; of every other objective the limit that the search keeps, or else (also where no trial
    is better than the limit) the worst value; a trial that is no better than this spans nothing."""
    ideal: tuple[float, ...]
    """The best end: accuracy 1; of every other objective the best value."""


def find_box(search: Search, rows: Sequence[Sequence[float]]) -> Box:
    """Find the box in which trials are compared.

    Args:
        search: With the objectives and the limits.
        rows: The values of all trials that are compared, one for each objective, accuracy first.

    Returns:
        The box; the more trials, the larger it may be.
    """
    reference, ideal = [0.0], [1.0]
    for place, goal in enumerate(search.objectives[1:], start=1):
        worst, best = (max, min) if goal.direction == "least" else (min, max)
        values = [row[place] for row in rows] or [1.0]
        ideal.append(best(values))
        bounds = [each.bound for each in search.limits if each.key == goal.key and each.side != goal.direction]
        kept = [bound for bound in bounds if worst(bound, ideal[place]) != ideal[place]]
        reference.append(best(kept) if kept else worst(values))
    return Box(reference=tuple(reference), ideal=tuple(ideal))


def measure_losses(rows: Sequence[Sequence[float]], box: Box) -> list[tuple[float, ...]]:
    """Measure how far trials are from a box's ideal: accuracy on a linear scale, every other objective on a log one.

    Args:
        rows: The values of the trials, one for each objective, accuracy first.
        box: Of these and of whatever else they are compared with.

    Returns:
        For each trial and objective 0 of the ideal, 1 of the reference, more beyond it; 0 where reference and ideal are
        the same. Which trial is better in an objective is as it was, but none counts as one.
    """
    reference, ideal = _scale(box.reference), _scale(box.ideal)
    sides = [far - near or 1.0 for far, near in zip(reference, ideal, strict=True)]
    return [
        tuple((value - near) / side for value, near, side in zip(_scale(row), ideal, sides, strict=True))
        for row in rows
    ]


def measure_hypervolume(rows: Sequence[Sequence[float]], box: Box) -> float | None:
    """Measure the share of a box that trials dominate: accuracy on a linear scale, every other objective on a log one.

    Args:
        rows: The values of the trials, one for each objective, accuracy first.
        box: Of these and of whatever else they are compared with.

    Returns:
        0 to 1; None without a trial. An objective of which all have the same plays no part.

    Source: Zitzler & Thiele 1998, "Multiobjective Optimization Using Evolutionary Algorithms", computed by Optuna.
    """
    if not rows:
        return None
    import numpy as np
    from optuna._hypervolume import compute_hypervolume

    # A limit was judged when the trial began: by another version's count it may be broken, and then dominates nothing.
    losses = np.minimum(measure_losses(rows, box), 1.0)
    return float(compute_hypervolume(np.unique(losses, axis=0), np.ones(len(box.reference))))


def _scale(values: Sequence[float]) -> list[float]:
    """Accuracy as it is, the logarithm of everything else, which are whole counts; of none as of one."""
    return [values[0], *(math.log(max(each, 1.0)) for each in values[1:])]
