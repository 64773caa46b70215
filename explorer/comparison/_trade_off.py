"""Networks as points in the plane of two quantities, with the front of those that no other one beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..figures import Axis, Mark, Path, lay_out_scatter, trace_front
from ._axes import TradeOffAxis
from ._pareto import pareto_front

if TYPE_CHECKING:
    from ..experiments import SampleStatistics


@dataclass(frozen=True, kw_only=True)
class TradeOffPoint:
    """One network in the plane."""

    key: str
    """The event of a click on it."""
    label: str
    """Its name for people."""
    x: SampleStatistics
    """What it has on the horizontal axis."""
    y: SampleStatistics
    """What it has on the vertical axis."""
    line: int | None
    """Number of its colour and shape; None for one that is there for orientation."""


def lay_out_trade_off(
    points: Sequence[TradeOffPoint], x: TradeOffAxis, y: TradeOffAxis
) -> tuple[dict[str, Any], list[int]]:
    """Lay out networks in the plane of two quantities.

    Args:
        points: The networks.
        x: What is across.
        y: What is up.

    Returns:
        What ``figures.lay_out_scatter`` gives, and the places, among the points, of those on the front, from the least
        of x to the most.
    """
    values = [(point.x.mean or 0.0, point.y.mean or 0.0) for point in points]
    best = sorted(pareto_front(values, [x.better, y.better]), key=lambda place: values[place]) if values else []
    marks = [
        Mark(
            key=point.key, label=point.label, x=values[place][0], y=values[place][1], reach_x=point.x.interval,
            reach_y=point.y.interval, line=point.line, named=point.line is not None or place in best,
            front=place in best, facts=(*_facts(x, point.x), *_facts(y, point.y)),
        )
        for place, point in enumerate(points)
    ]  # fmt: skip
    corners = trace_front([values[place] for place in best], less_x=x.better == "least")
    across, up = (Axis.fit(axis.label, [pair[at] for pair in values]) for at, axis in enumerate((x, y)))
    return lay_out_scatter(across, up, marks, [Path(label="front", points=corners)] if best else []), best


def _facts(axis: TradeOffAxis, sample: SampleStatistics) -> list[tuple[str, str]]:
    facts = [(axis.label, axis.format_value(sample.mean or 0.0))]
    if len(sample.values) > 1 and sample.interval:
        low, high = map(axis.format_value, sample.interval)
        facts.append((f"mean of {len(sample.values)}, 95 % interval", f"{low} to {high}"))
    return facts
