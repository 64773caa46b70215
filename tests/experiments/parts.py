"""A small experiment, and runs that are made to have ended without being trained."""

from __future__ import annotations

from typing import Any

from explorer.architecture import Architecture
from explorer.experiments import Experiment, plan
from explorer.runs import Manager, Point, Run
from tests.training.parts import config, network


def small(base: Architecture | None = None, **fields: Any) -> Experiment:
    """residual and CBAM on a tiny network with the embedded digits, one epoch, one CPU thread."""
    settings = config(**{"epochs": 1, "batch_size": 64, **fields.pop("config", {})})
    chosen = {"seeds": (0, 1), "combine": True, **fields}
    factors = chosen.pop("factors", ("residual", "cbam"))
    return plan(base or network(classes=10), factors, settings, **chosen)


def finish(manager: Manager, run: Run, *accuracies: float, seconds: float = 10.0) -> None:
    """As if a worker had trained it, with these test accuracies after its epochs."""
    points = [
        Point(series="epoch/test/accuracy", step=63 * epoch, value=value, seconds=seconds)
        for epoch, value in enumerate(accuracies, start=1)
    ]
    manager.store.record(run.id, points, status="finished", epoch=len(accuracies), seconds=seconds)
