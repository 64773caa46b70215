"""A small search, and runs that are made to have ended without being trained."""

from __future__ import annotations

from typing import Any

from explorer.runs import Manager, Point, Run
from explorer.search import VALIDATION_ACCURACY, Budget, Search, SearchTrial, plan
from tests.training.parts import config, network


def small(**fields: Any) -> Search:
    """Widths, branches and the rate of a tiny network on the embedded digits, few epochs, one CPU thread."""
    settings = config(**{"epochs": 2, "batch_size": 256, "validation": 0.2, **fields.pop("config", {})})
    chosen = {"budget": Budget(trials=6), "vary": ("widths", "branches", "rate"), **fields}
    return plan(chosen.pop("network", network(classes=10)), settings, chosen.pop("vary"), **chosen)


def record(manager: Manager, run: Run, *accuracies: float, **fields: Any) -> None:
    """As if a worker had trained the run, with these validation accuracies after its epochs."""
    points = [
        Point(series=VALIDATION_ACCURACY, step=10 * epoch, value=value, seconds=1.0 * epoch)
        for epoch, value in enumerate(accuracies, start=1)
    ]
    manager.store.record(run.id, points, epoch=len(accuracies), seconds=1.0 * len(accuracies), **fields)


def finish(manager: Manager, run: Run, *accuracies: float) -> None:
    """As if it had been trained to its end."""
    record(manager, run, *accuracies, status="finished")


def worth(search: Search, trial: SearchTrial) -> float:
    """An accuracy that depends on the point alone, so that samplers have something to learn."""
    places = zip(search.space.dimensions, trial.point, strict=True)
    return sum(place / (len(each.values) - 1) for each, place in places) / len(trial.point)
