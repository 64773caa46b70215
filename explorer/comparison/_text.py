"""A report as Markdown and CSV. Names that people typed are shown literally: no markup, no formula."""

from __future__ import annotations

import csv
import io
import urllib.parse

from ..analysis import METRICS
from ..text import escape_csv, escape_markdown
from ._cells import TableCell, format_cell, is_best
from ._stages import Part, Stage
from ._tables import Report, Table, headings, origins

_OF_ADDRESSES = "!#$%&'()*+,-./:;=?@[]_~"
"""What may stand in an address beside letters and digits; nothing of it ends an address in Markdown."""


def render_markdown(report: Report) -> str:
    """Write a report as Markdown tables, the least of a row in bold.

    Args:
        report: What ``make_report`` gives.

    Returns:
        Markdown. Every name is escaped.
    """
    parts = ["# Architectures side by side"]
    if report.address:
        parts.append(f"To be seen and changed at {_link(report.address)}")
    names = zip(headings(report.comparison), origins(report.comparison), strict=True)
    told = [f"- {escape_markdown(name)}: {escape_markdown(origin)}" for name, origin in names if origin]
    parts += ["\n".join(told)] if told else []
    for table in report.tables:
        parts += [f"## {escape_markdown(table.title)}", _table(table), *([table.note] if table.note else [])]
    parts.append("## Conventions")
    metrics = [row.metric for row in report.comparison.rows]
    parts.append("\n".join(f"- **{metric.label}**: {metric.convention}" for metric in metrics))
    return "\n\n".join(parts) + "\n"


def _link(address: str) -> str:
    """An address that can be followed and copied as it stands; anything else as text."""
    if not address.startswith(("http://", "https://")):
        return escape_markdown(address)
    return f"<{urllib.parse.quote(address, safe=_OF_ADDRESSES)}>"


def _table(table: Table) -> str:
    lines = [
        "| " + " | ".join(map(escape_markdown, table.header)) + " |",
        "| :-- |" + " --: |" * (len(table.header) - 1),
    ]
    for row in table.rows:
        cells = [_cell(cell, escape=place == 0 or table.words) for place, cell in enumerate(row)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(cell: TableCell, *, escape: bool) -> str:
    text = escape_markdown(format_cell(cell)) if escape else format_cell(cell)
    return f"**{text}**" if is_best(cell) else text


def render_csv(report: Report) -> str:
    """Write a report as comma-separated values, one line for each number.

    Args:
        report: What ``make_report`` gives.

    Returns:
        Lines of table, what, metric, network, value; a value is always a number, and no cell begins a formula of a
        spreadsheet.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("table", "what", "metric", "network", "value"))
    comparison = report.comparison
    labels = [escape_csv(label) for label in comparison.labels]
    for row in comparison.rows:
        for label, cell in zip(labels, row.cells, strict=True):
            writer.writerow(("total", "", row.metric.key, label, cell.value))
    metrics = [metric.key for metric in METRICS.values() if metric.of_layer]
    for aligned in comparison.stages:
        for label, stage in zip(labels, aligned.stages, strict=True):
            for table, part in _parts(stage):
                what = part.path or aligned.label
                for metric in metrics:
                    writer.writerow((table, what, metric, label, getattr(part, metric)))
                writer.writerow((table, what, "receptive_field", label, max(part.receptive_field)))
    for label, found in zip(labels[1:], report.differences, strict=True):
        for step in found.steps:
            for metric in metrics:
                writer.writerow(("change", escape_csv(str(step)), metric, label, getattr(step.delta, metric)))
    for each in report.accuracies:
        for epoch, accuracy in enumerate(each.accuracy, 1):
            what = escape_csv(f"{each.run}, {each.data}, seed {each.seed}, evaluation {epoch}")
            writer.writerow(("run", what, "test_accuracy", labels[each.place], f"{accuracy:.6g}"))
    if report.address:
        writer.writerow(("address", escape_csv(report.address), "", "", ""))
    return out.getvalue()


def _parts(stage: Stage | None) -> list[tuple[str, Part]]:
    """A stage, its blocks and their branches, each with the name of its table."""
    if stage is None:
        return []
    found: list[tuple[str, Part]] = [("stage", stage)]
    for block in stage.blocks:
        found += [("block", block), *(("branch", branch) for branch in block.branches)]
    return found
