"""A comparison as tables of text: what its Markdown, its CSV and its HTML page have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..text import format_change, format_count, format_extent, format_shape
from ._changes import Differences, differences
from ._compare import Comparison
from ._stages import Part

if TYPE_CHECKING:  # a report about untrained networks needs no run store
    from ..experiments import RunAccuracy

LETTERS = "ABCD"
_EPOCHS = 10
"""Epochs of a run whose accuracy is written out."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A heading, a header and rows of text; ``best`` are the cells to mark, as (row, column)."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    best: frozenset[tuple[int, int]] = frozenset()
    note: str = ""
    words: bool = False
    """Whether cells beyond the first hold text that people typed."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A comparison and the differences of each network from the first, worked out once for all forms."""

    comparison: Comparison
    differences: tuple[Differences, ...]
    """Of the second, third and fourth network."""
    learnt: tuple[RunAccuracy, ...] = ()
    """What runs of the networks have reached."""
    address: str = ""
    """Where the comparison can be seen and changed; '' where it has no page."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables, in the order in which they are shown."""
        changed = (
            differences_table(self.comparison, place, each) for place, each in enumerate(self.differences, 1)
        )
        runs = (learnt_table(self.comparison, self.learnt),) if self.learnt else ()
        return (metrics_table(self.comparison), *runs, stages_table(self.comparison), *changed)


def report(comparison: Comparison, learnt: Iterable[RunAccuracy] = (), address: str = "") -> Report:
    """What the written forms of a comparison are made of; runs and an address are told where they are known."""
    first, *others = comparison.architectures
    found = tuple(differences(first, other) for other in others)
    return Report(comparison=comparison, differences=found, learnt=tuple(learnt), address=address)


def signed(value: int) -> str:
    """+1,234, −1,234 or 0."""
    return "0" if not value else f"{'+' if value > 0 else '−'}{format_count(abs(value))}"


def metrics_table(comparison: Comparison) -> Table:
    """Every metric of every network, with the difference to the first."""
    rows, best = [], set()
    for number, row in enumerate(comparison.rows):
        cells = [row.metric.label + (f" ({row.metric.unit})" if row.metric.unit else "")]
        for place, cell in enumerate(row.cells):
            text = format_count(cell.value)
            if place and cell.difference:
                percent = "" if cell.percent is None else f", {format_change(cell.value, row.cells[0].value)}"
                text += f" ({signed(cell.difference)}{percent})"
            if cell.best:
                best.add((number, place + 1))
            cells.append(text)
        rows.append(tuple(cells))
    shapes = tuple(format_shape(analysis.input_shape) for analysis in comparison.analyses)
    rows.append(("input", *shapes))
    return Table(
        title="All numbers", header=("", *headings(comparison)), rows=tuple(rows), best=frozenset(best),
        note="In brackets the difference from A. The least of parameters, MACs and memory is marked.",
    )  # fmt: skip


def learnt_table(comparison: Comparison, learnt: Iterable[RunAccuracy]) -> Table:
    """Each run's accuracy, and how it came to it."""
    rows = []
    for each in learnt:
        last = f"{100 * each.accuracy[-1]:.2f}" if each.accuracy else "–"
        best = f"{100 * max(each.accuracy):.2f}" if each.accuracy else "–"
        way = " ".join(f"{100 * value:.1f}" for value in _some(each.accuracy))
        rows.append((each.run, headings(comparison)[each.place], each.data, str(each.seed), str(each.epochs), last,
                     best, way or "–"))  # fmt: skip
    return Table(
        title="Accuracy of training runs",
        header=("run", "network", "data", "seed", "epochs", "test accuracy %", "best %", "after the epochs %"),
        rows=tuple(rows),
        words=True,
        note="Share of the test images answered rightly after the last whole epoch. The best epoch is chosen by the "
        f"test images themselves, so it flatters. Of more than {_EPOCHS} epochs some are left out.",
    )


def _some(values: tuple[float, ...]) -> tuple[float, ...]:
    """At most ``_EPOCHS`` of them at equal distances, the last among them."""
    step = -(-len(values) // _EPOCHS) or 1
    return tuple(reversed(values[::-1][::step]))


def headings(comparison: Comparison) -> tuple[str, ...]:
    """'A: GoogLeNet' and so on: a letter tells two networks of one name apart."""
    return tuple(f"{letter}: {name}" for letter, name in zip(LETTERS, comparison.names, strict=False))


def stages_table(comparison: Comparison) -> Table:
    """Parameters, MACs, memory and field of each stage and branch of each network."""
    rows: list[tuple[str, ...]] = []
    for aligned in comparison.stages:
        for letter, stage in zip(LETTERS, aligned.stages, strict=False):
            if stage is None:
                continue
            rows.append(_part(f"{aligned.label}", letter, stage))
            for block in stage.blocks:
                rows.append(_part(f"– {block.path}", letter, block))
                rows += [_part(f"– – {branch.path}", letter, branch) for branch in block.branches]
    header = ("stage, block, branch", "network", "output", "params", "MACs", "training memory (bytes)", "field (px)")
    return Table(
        title="Stage by stage", header=header, rows=tuple(rows),
        note="A stage is what works at one stride, the input pixels from one unit to the next.",
    )  # fmt: skip


def _part(label: str, letter: str, part: Part) -> tuple[str, ...]:
    costs = map(format_count, (part.params, part.macs, part.training_bytes))
    return (label, letter, format_shape(part.output_shape), *costs, format_extent(part.receptive_field))


def differences_table(comparison: Comparison, place: int, found: Differences) -> Table:
    """The changes from the first network to another, each with its cost."""

    def cells(text: str, params: int, macs: int, field: tuple[int, int]) -> tuple[str, ...]:
        wide = signed(field[0]) if field[0] == field[1] else f"{signed(field[0])} × {signed(field[1])}"
        return (text, signed(params), signed(macs), wide)

    rows = [
        cells(str(step), step.delta.params, step.delta.macs, step.delta.receptive_field)
        for step in found.steps
    ]
    total = found.total
    rows.append(cells("in all", total.params, total.macs, total.receptive_field))
    names = headings(comparison)
    return Table(
        title=f"From {names[0]} to {names[place]}",
        header=("change", "params", "MACs", "field (px)"),
        rows=tuple(rows),
        note="Applied one after another from the top: each change is charged with what it causes in the layers behind "
        "it, and the column adds up to the last row.",
    )
