"""Up to four networks beside one another: every metric, stage by stage, the first being what the others are held to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from ..analysis import METRICS, Analysis, Metric, analyze
from ..architecture import Architecture
from ._stages import Key, Stage, find_stages, ordered, stage_label

MAX_NETWORKS = 4
"""Networks that one comparison holds: more columns are not read."""


@dataclass(frozen=True, kw_only=True)
class MetricCell:
    """One metric of one network."""

    value: int
    """The number, in the metric's unit."""
    difference: int
    """From the first network's; 0 for the first."""
    percent: float | None
    """The difference in percent of the first network's value; None where that is 0 and this is not."""
    best: bool
    """Whether no other network has a better value, and not all have the same."""


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """One metric of all networks."""

    metric: Metric
    """Which metric."""
    cells: tuple[MetricCell, ...]
    """One for each network."""


@dataclass(frozen=True, kw_only=True)
class AlignedStage:
    """One stride in all networks; None where a network has no layer there."""

    key: Key
    """Stride (height, width); ``HEAD`` for the head."""
    label: str
    """'stride 8', 'stride 8×4' or 'head'."""
    stages: tuple[Stage | None, ...]
    """The stage of each network."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One to four networks, aligned. All tuples are in the order of ``architectures``."""

    architectures: tuple[Architecture, ...]
    """The networks; the first is what the others are compared with."""
    analyses: tuple[Analysis, ...]
    """The analysis of each."""
    stages: tuple[AlignedStage, ...]
    """All strides that any network has, growing, the head last."""
    names: tuple[str, ...]
    """What the networks are called."""

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The names, numbered where two are the same."""
        names = self.names
        return tuple(
            f"{name} ({names[: index + 1].count(name)})" if names.count(name) > 1 else name
            for index, name in enumerate(names)
        )

    @cached_property
    def rows(self) -> tuple[MetricRow, ...]:
        """Every metric, in the order in which it is shown."""
        return tuple(self._row(metric) for metric in METRICS.values())

    def _row(self, metric: Metric) -> MetricRow:
        pairs = zip(self.architectures, self.analyses, strict=True)
        values = [metric.read(architecture, analysis) for architecture, analysis in pairs]
        first, best = values[0], None
        if metric.best is not None and min(values) != max(values):
            best = min(values) if metric.best == "least" else max(values)
        cells = tuple(
            MetricCell(value=value, difference=value - first, percent=in_percent(value, first), best=value == best)
            for value in values
        )
        return MetricRow(metric=metric, cells=cells)

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON."""
        return {
            "networks": list(self.labels),
            "inputs": [list(analysis.input_shape) for analysis in self.analyses],
            "metrics": [
                {
                    **{name: getattr(row.metric, name) for name in ("key", "label", "unit", "convention", "best")},
                    "values": [asdict(cell) for cell in row.cells],
                }
                for row in self.rows
            ],
            "stages": [
                {
                    "label": aligned.label,
                    "stride": list(aligned.key),
                    "networks": [None if stage is None else stage.to_data() for stage in aligned.stages],
                }
                for aligned in self.stages
            ],
        }


def in_percent(value: int, first: int) -> float | None:
    """Change from ``first`` in percent; None from nothing to something."""
    if value == first:
        return 0.0
    return 100 * (value - first) / first if first else None


def compare(architectures: Sequence[Architecture], names: Sequence[str] = ()) -> Comparison:
    """Compare one to four networks, the others with the first.

    Args:
        architectures: 1 to ``MAX_NETWORKS`` networks.
        names: What they are called here, one for each; by default their own names.

    Returns:
        Every metric with its difference from the first network's, and the networks aligned by stride.

    Raises:
        ArchitectureError: The layers of a network do not fit together.
        ValueError: Another number of networks.
    """
    if not 1 <= len(architectures) <= MAX_NETWORKS:
        raise ValueError(f"a comparison holds 1 to {MAX_NETWORKS} networks, not {len(architectures)}; leave some out")
    analyses = tuple(map(analyze, architectures))
    cut = [
        {stage.key: stage for stage in find_stages(architecture, analysis)}
        for architecture, analysis in zip(architectures, analyses, strict=True)
    ]
    aligned = tuple(
        AlignedStage(key=key, label=stage_label(key), stages=tuple(each.get(key) for each in cut))
        for key in ordered(key for each in cut for key in each)
    )
    called = tuple(names) or tuple(architecture.name for architecture in architectures)
    return Comparison(architectures=tuple(architectures), analyses=analyses, stages=aligned, names=called)
