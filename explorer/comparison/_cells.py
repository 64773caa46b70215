"""The cells of a report's tables: values until they are written, each writer marks them in its own way."""

from __future__ import annotations

from typing import NamedTuple

from ..text import format_change, format_count, format_signed
from ._compare import MetricCell


class Difference(NamedTuple):
    """What a change adds: one number, or two where height and width differ."""

    values: tuple[int, ...]
    """(number,), or (height, width)."""


TableCell = str | int | MetricCell | Difference
"""Text as it stands, a count, a metric with its difference from the first network, or a difference alone."""


def format_difference(cell: MetricCell) -> str:
    """Write a metric's difference from the first network's.

    Args:
        cell: The metric of one network.

    Returns:
        '+1,234, +3.0 %'; '' where there is no difference.
    """
    if not cell.difference:
        return ""
    percent = "" if cell.percent is None else f", {format_change(cell.value, cell.value - cell.difference)}"
    return f"{format_signed(cell.difference)}{percent}"


def format_cell(cell: TableCell) -> str:
    """Write a cell as text without marks.

    Args:
        cell: A cell of a report's table.

    Returns:
        '7,000 (+1,234, +3.0 %)' for a metric, '+1,234' for a difference, '7,000' for a count; text as it stands.
    """
    if isinstance(cell, MetricCell):
        difference = format_difference(cell)
        return format_count(cell.value) + (f" ({difference})" if difference else "")
    if isinstance(cell, Difference):
        return " × ".join(map(format_signed, dict.fromkeys(cell.values)))
    return cell if isinstance(cell, str) else format_count(cell)


def is_best(cell: TableCell) -> bool:
    """Check whether a cell holds the best value of its row.

    Args:
        cell: A cell of a report's table.

    Returns:
        True for a metric that no other network of the row betters; False for all other kinds of cell.
    """
    return isinstance(cell, MetricCell) and cell.best
