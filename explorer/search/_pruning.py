"""When a run is ended before its last epoch: rules on its curve and on those of the others, without anything stored."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from ..text import format_share
from ._search import Pruner

REDUCTION = 3
"""Of so many runs that reach a rung one goes on; rungs stand at 1, 3, 9, ... epochs."""
MEDIAN_RUNS = 5
"""Finished runs that the median needs."""


def reason_to_prune(
    pruner: Pruner, curve: Sequence[float], others: Sequence[Sequence[float]], finished: Sequence[Sequence[float]]
) -> str:
    """Find why a run should end now.

    Where there are other objectives than accuracy, only runs whose networks cost no more are to be given: a small
    network is not ended because a large one is better.

    Args:
        pruner: The rule.
        curve: Validation accuracy after each epoch of the run.
        others: The curves of other runs, whatever became of them.
        finished: Those of them that were trained to the end.

    Returns:
        A sentence without a full stop; '' where it goes on.

    Source: Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning", algorithm 2, in the form without
        pauses of ``optuna.pruners.SuccessiveHalvingPruner``; Golovin et al. 2017, "Google Vizier", section 3.2.2.
    """
    if not curve or pruner == "none":
        return ""
    if pruner == "asha":
        return _fall_behind_at_rung(curve, others)
    epoch = len(curve)
    known = [each[epoch - 1] for each in finished if len(each) >= epoch]
    if len(finished) < MEDIAN_RUNS or not known:
        return ""
    median = statistics.median(known)
    if max(curve) >= median:
        return ""
    best = format_share(max(curve))
    return f"best of {epoch} epochs {best} is below the median {format_share(median)} of {len(known)}"


def _fall_behind_at_rung(curve: Sequence[float], others: Sequence[Sequence[float]]) -> str:
    epoch = 1
    while epoch * REDUCTION <= len(curve):
        epoch *= REDUCTION
    value = curve[epoch - 1]
    rivals = sorted([value, *(each[epoch - 1] for each in others if len(each) >= epoch)], reverse=True)
    going_on = max(1, len(rivals) // REDUCTION)
    if value >= rivals[going_on - 1]:
        return ""
    place = rivals.index(value) + 1
    return f"epoch {epoch}: {format_share(value)} is place {place} of {len(rivals)}; {going_on} went on"
