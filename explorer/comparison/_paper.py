"""A comparison for a paper: its tables in LaTeX, and its growth as a drawing."""

from __future__ import annotations

from ..export import PaperTable, write_latex_table
from ..figures import Drawing, GrowthLine, draw_growth
from ._cells import format_cell, is_best
from ._compare import Comparison
from ._tables import Report, Table
from .pictures import growths


def render_latex(report: Report) -> str:
    """Write a report's tables in LaTeX with booktabs, the least of a row bold; conventions stand in the captions.

    Args:
        report: What ``make_report`` gives.

    Returns:
        LaTeX to be read by a document with ``input``; a comment says which packages it needs. Every name is escaped.
    """
    metrics, *others = report.tables
    told = " ".join(f"{row.metric.label}: {row.metric.convention}." for row in report.comparison.rows)
    text, _ = write_latex_table([_write(metrics, told), *map(_write, others)])
    return text


def _write(table: Table, more: str = "") -> PaperTable:
    caption = " ".join(filter(None, (f"{table.title}.", table.note, more)))
    rows = tuple(tuple(map(format_cell, row)) for row in table.rows)
    bold = {(at, place) for at, row in enumerate(table.rows) for place, cell in enumerate(row) if is_best(cell)}
    numbers = frozenset() if table.words else frozenset(range(1, len(table.header)))
    return PaperTable(caption=caption, header=table.header, rows=rows, numbers=numbers, bold=frozenset(bold))


def draw_growths(comparison: Comparison) -> Drawing:
    """Draw how the networks' receptive fields grow over the stages, so that equal places are equal strides.

    Args:
        comparison: The networks side by side.

    Returns:
        The chart that ``figures.draw_growth`` gives.
    """
    found = growths(comparison)
    lines = [
        GrowthLine(name=label, points=tuple((point["at"], point["longest"], point["shortest"]) for point in points))
        for label, points in zip(comparison.labels, found["lines"], strict=True)
    ]
    marks = [(place + 0.5, label) for place, label in enumerate(found["stages"])]
    return draw_growth(lines, marks, title=f"Growth of the receptive field: {', '.join(comparison.labels)}")
