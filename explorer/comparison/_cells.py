"""The cells of a report's tables: values until they are written, each writer marks them in its own way."""

from __future__ import annotations

from typing import NamedTuple

from ..text import format_change, format_count
from ._compare import MetricCell


class Difference(NamedTuple):
    """What a change adds: one number, or two where height and width differ."""

    values: tuple[int, ...]


TableCell = str | int | MetricCell | Difference
"""Text as it stands, a count, a metric with its difference from the first network, or a difference alone."""


def format_signed(value: int) -> str:
    """A difference with its sign: +1,234, −1,234 or 0."""
    return "0" if not value else f"{'+' if value > 0 else '−'}{format_count(abs(value))}"


def format_difference(cell: MetricCell) -> str:
    """A metric's difference from the first network's: '+1,234, +3.0 %'; '' where there is none."""
    if not cell.difference:
        return ""
    percent = "" if cell.percent is None else f", {format_change(cell.value, cell.value - cell.difference)}"
    return f"{format_signed(cell.difference)}{percent}"


def format_cell(cell: TableCell) -> str:
    """A cell as text without marks: '7,000 (+1,234, +3.0 %)'."""
    if isinstance(cell, MetricCell):
        difference = format_difference(cell)
        return format_count(cell.value) + (f" ({difference})" if difference else "")
    if isinstance(cell, Difference):
        return " × ".join(map(format_signed, dict.fromkeys(cell.values)))
    return cell if isinstance(cell, str) else format_count(cell)


def is_best(cell: TableCell) -> bool:
    """Whether a cell holds the best of its row."""
    return isinstance(cell, MetricCell) and cell.best
