"""A comparison as tables: what its Markdown, its HTML page and the Compare page have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..catalog import describe_origin
from ..text import format_extent, format_shape
from ._cells import Difference, TableCell
from ._changes import Delta, Differences, find_differences, group_steps
from ._compare import Comparison
from ._stages import Part

if TYPE_CHECKING:  # a report about untrained networks needs no run store
    from ..experiments import RunAccuracy

LETTERS = "ABCD"
"""Short names of the networks of a comparison, in order."""
_EPOCHS = 10
"""Epochs of a run whose accuracy is written out."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A heading, a header and rows of cells, which are values until they are written."""

    title: str
    """The heading."""
    header: tuple[str, ...]
    """Captions of the columns."""
    rows: tuple[tuple[TableCell, ...], ...]
    """Cells, as many in each row as there are captions."""
    note: str = ""
    """A remark that is needed to interpret it; '' for none."""
    words: bool = False
    """Whether cells beyond the first hold text that people typed."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A comparison and the differences of each network from the first, worked out once for all forms."""

    comparison: Comparison
    """The networks, aligned."""
    differences: tuple[Differences, ...]
    """Of the second, third and fourth network."""
    accuracies: tuple[RunAccuracy, ...] = ()
    """What runs of the networks have reached."""
    address: str = ""
    """Where the comparison can be seen and changed; '' where it has no page."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables, in the order in which they are shown."""
        changed = (
            differences_table(self.comparison, place, each) for place, each in enumerate(self.differences, 1)
        )
        runs = (accuracy_table(self.comparison, self.accuracies),) if self.accuracies else ()
        return (metrics_table(self.comparison), *runs, stages_table(self.comparison), *changed)


def make_report(comparison: Comparison, accuracies: Iterable[RunAccuracy] = (), address: str = "") -> Report:
    """Gather what the written forms of a comparison are made of.

    Args:
        comparison: The networks side by side.
        accuracies: What training runs of them have reached.
        address: Where a browser shows the comparison; '' where there is no such address.

    Returns:
        The report: its tables, and from it ``render_html``, ``render_markdown`` and ``render_csv``.
    """
    first, *others = comparison.architectures
    found = tuple(find_differences(first, other) for other in others)
    return Report(comparison=comparison, differences=found, accuracies=tuple(accuracies), address=address)


def metrics_table(comparison: Comparison) -> Table:
    """Tabulate every metric of every network.

    Args:
        comparison: The networks side by side.

    Returns:
        A row for each metric and one for the input, a column for each network, with the differences from the first.
    """
    rows: list[tuple[TableCell, ...]] = [
        (row.metric.label + (f" ({row.metric.unit})" if row.metric.unit else ""), *row.cells) for row in comparison.rows
    ]
    rows.append(("input", *(format_shape(analysis.input_shape) for analysis in comparison.analyses)))
    note = "In brackets the difference from A. The least of parameters, MACs and memory is marked."
    return Table(
        title="All numbers", header=("", *headings(comparison)), rows=tuple(rows),
        note=" ".join((note, *describe_misfits(comparison))),
    )  # fmt: skip


def describe_misfits(comparison: Comparison) -> list[str]:
    """Put into words which auxiliary heads do not fit their network's image.

    Args:
        comparison: The networks side by side.

    Returns:
        One sentence for each such head, with its network's letter, the reason and the way out.
    """
    return [
        f"{letter}: {head.describe()}."
        for letter, analysis in zip(LETTERS, comparison.analyses, strict=False)
        for head in analysis.auxiliary
        if not head.fits
    ]


def accuracy_table(comparison: Comparison, accuracies: Iterable[RunAccuracy]) -> Table:
    """Each run's accuracy, and how it came to it."""
    rows = []
    for each in accuracies:
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


def origins(comparison: Comparison) -> tuple[str, ...]:
    """Where each network comes from; of an edited one what it is based on, and how many changes ago."""
    return tuple(map(describe_origin, comparison.architectures))


def stages_table(comparison: Comparison) -> Table:
    """Tabulate each stage, block and branch of each network.

    Args:
        comparison: The networks side by side.

    Returns:
        A row for each, with output shape, params, MACs, training memory in bytes and field in pixels.
    """
    rows: list[tuple[TableCell, ...]] = []
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


def _part(label: str, letter: str, part: Part) -> tuple[TableCell, ...]:
    costs = (part.params, part.macs, part.training_bytes)
    return (label, letter, format_shape(part.output_shape), *costs, format_extent(part.receptive_field))


def differences_table(comparison: Comparison, place: int, found: Differences) -> Table:
    """The changes from the first network to another, each with its cost."""

    def cells(text: str, delta: Delta) -> tuple[TableCell, ...]:
        return (text, Difference((delta.params,)), Difference((delta.macs,)), Difference(delta.receptive_field))

    rows = [*(cells(str(group), group.delta) for group in group_steps(found.costly)), cells("in all", found.total)]
    names = headings(comparison)
    left_out = found.describe_free()
    return Table(
        title=f"From {names[0]} to {names[place]}",
        header=("change", "params", "MACs", "field (px)"),
        rows=tuple(rows),
        note=f"{found.verdict} Applied one after another from the top: each change is charged with what it causes in "
        "the layers behind it, and the column adds up to the last row. Equal changes share a row."
        + (f" {left_out}." if left_out else ""),
    )

