"""What an axis of a trade-off can show: the metrics of an architecture, what its runs reached, how long it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..analysis import METRICS, Direction, Metric, analyze
from ..architecture import Architecture
from ..text import format_decimal

if TYPE_CHECKING:  # networks that were neither trained nor measured need no run store
    from ..experiments import SampleStatistics

Samples = Mapping[Architecture, "SampleStatistics"]


@dataclass(frozen=True, kw_only=True)
class TradeOffAxis:
    """A quantity of which an architecture has one value, or several whose mean counts."""

    label: str
    """With its unit."""
    convention: str
    """What is counted or measured, in one sentence without a full stop."""
    better: Direction
    """The direction in which a Pareto front looks."""
    read: Callable[[Architecture], SampleStatistics | None]
    """The values of an architecture; None where they are not known."""
    format_value: Callable[[float], str]
    """How one value is written, with its unit."""

    def format(self, sample: SampleStatistics) -> str:
        """Write the values of one architecture.

        Args:
            sample: One value, or several of repeated runs or measurements.

        Returns:
            The mean, and where there are several values its interval and their number.
        """
        text = self.format_value(sample.mean or 0.0)
        if len(sample.values) > 1 and sample.interval:
            low, high = map(self.format_value, sample.interval)
            text += f" ({low} … {high}, n = {len(sample.values)})"
        return text


def list_axes(
    accuracy: tuple[str, Samples] | None = None, latencies: Mapping[str, tuple[str, Samples]] | None = None
) -> dict[str, TradeOffAxis]:
    """List everything that an axis of a trade-off can show.

    Args:
        accuracy: A title of comparable runs, and the test accuracies of each architecture as shares of 1.
        latencies: By a key for addresses the title of a setting, and milliseconds of each architecture.

    Returns:
        Axes by their keys: those of ``analysis.METRICS``, ``accuracy``, and the keys of ``latencies``.
    """
    axes = {key: _of_metric(metric) for key, metric in METRICS.items()}
    if accuracy:
        title, shares = accuracy
        axes["accuracy"] = TradeOffAxis(
            label="test accuracy, %",
            convention=f"share of the test images classified correctly after the last epoch ({title}): mean over the "
            "finished runs of exactly this network, and the 95 % interval of that mean by Student's t, which takes the "
            "values to be normally distributed",
            better="most",
            read=lambda architecture: _to_percent(shares.get(architecture)),
            format_value=lambda value: f"{format_decimal(value, 2)} %",
        )
    for key, (title, times) in (latencies or {}).items():
        axes[key] = TradeOffAxis(
            label=f"milliseconds · {title}",
            convention=f"median seconds of one forward pass, measured on this machine ({title})",
            better="least",
            read=times.get,
            format_value=lambda value: f"{format_decimal(value, 3)} ms",
        )
    return axes


def _of_metric(metric: Metric) -> TradeOffAxis:
    def read(architecture: Architecture) -> SampleStatistics:
        from ..experiments import SampleStatistics

        return SampleStatistics.of([metric.read(architecture, analyze(architecture))])

    return TradeOffAxis(
        label=metric.title, convention=metric.convention, better=metric.trade_off, read=read,
        format_value=lambda value: format_decimal(value, 0),
    )  # fmt: skip


def _to_percent(sample: SampleStatistics | None) -> SampleStatistics | None:
    from ..experiments import SampleStatistics

    return SampleStatistics.of([100 * value for value in sample.values]) if sample and sample.values else None
