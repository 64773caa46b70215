"""The results of an ablation as data for the component that draws them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..figures import LINES
from ..text import format_count, format_si
from ._results import VariantResult
from ._statistics import SampleStatistics


def chart_rows(rows: Sequence[VariantResult]) -> list[dict[str, Any]]:
    """Prepare the results of an experiment for the component that draws them.

    Args:
        rows: What ``collect_results`` gives.

    Returns:
        One record per variant, the base first: its colour, costs, and accuracy and difference by seed (shares of 1).
    """
    return [
        {
            "label": row.label,
            "colour": LINES[index % len(LINES)]._asdict(),
            "macs": row.totals.macs,
            "costs": f"{format_si(row.totals.macs)} MACs, {format_count(row.totals.params)} params",
            "planned": len(row.trials),
            "accuracy": _sample(row.accuracy, [(t.seed, t.accuracy) for t in row.trials]),
            "difference": _sample(row.difference, [(t.seed, t.difference) for t in row.trials]),
        }
        for index, row in enumerate(rows)
    ]


def _sample(sample: SampleStatistics, values: list[tuple[int, float | None]]) -> dict[str, Any]:
    return {
        "values": [{"seed": seed, "value": value} for seed, value in values if value is not None],
        "mean": sample.mean,
        "deviation": sample.deviation,
        "interval": sample.interval,
    }
