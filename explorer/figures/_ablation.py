"""What an ablation has shown, as data for the component that draws it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..text import format_count, format_si
from ._curves import LINES

if TYPE_CHECKING:  # runs and their store are not loaded for the sake of a picture
    from ..experiments import SampleStatistics, VariantResult


def ablation(rows: Sequence[VariantResult]) -> list[dict[str, Any]]:
    """One record per variant, the base first: its colour, costs, and accuracy and difference by seed (shares of 1)."""
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
