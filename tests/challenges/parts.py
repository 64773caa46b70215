"""A challenge, and runs that are made to have ended without being trained."""

from __future__ import annotations

from typing import Any

from explorer.architecture import Architecture, to_json
from explorer.challenges import Challenge, plan
from explorer.runs import Manager, Point, Run, series
from explorer.search import parse_limit
from tests.training.parts import config, network


def small(**fields: Any) -> Challenge:
    """The digits, 70 % with at most 3,000 MACs."""
    chosen: dict[str, Any] = {"least_accuracy": 0.7, "limits": [parse_limit("macs=3e5")], **fields}
    return plan(chosen.pop("title", "Digits on a diet"), chosen.pop("dataset", "digits"), **chosen)


def trained(
    manager: Manager, *accuracies: float, architecture: Architecture | None = None, name: str = "tiny", **fields: Any
) -> Run:
    """A run as if a worker had trained it to its end, with these test accuracies after its epochs."""
    settings = config(**{"dataset": "digits", "epochs": max(1, len(accuracies)), **fields})
    run = manager.create(name, to_json(architecture or network(classes=10)), settings.model_dump_json())
    points = [
        Point(series=series.TEST_ACCURACY, step=10 * epoch, value=value, seconds=1.0 * epoch)
        for epoch, value in enumerate(accuracies, start=1)
    ]
    manager.store.record(run.id, points, epoch=len(accuracies), status="finished")
    return manager.store.get(run.id)
