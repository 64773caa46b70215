"""Tables for papers: the layers of a network in LaTeX (booktabs) and Markdown, and the writer of any table in LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..analysis import CONVENTIONS, analyze
from ..architecture import edit
from ..figures import layer_table
from ..text import compact_shape, escape_markdown, format_count, format_extent, format_si
from ._subject import Subject
from ._tex import comment_tex, escape_tex, note_letters

_LONG = 40
"""Rows from which a table of LaTeX goes on over pages."""
_WIDE = 45
"""Letters of a sentence in a cell from which its column breaks lines."""


@dataclass(frozen=True, kw_only=True)
class PaperTable:
    """A table with its caption; all cells are text."""

    caption: str
    """Sentences: what it shows, in which units and by which convention."""
    header: tuple[str, ...]
    """Captions of the columns."""
    rows: tuple[tuple[str, ...], ...]
    """Cells, as many in each row as there are captions."""
    numbers: frozenset[int]
    """Columns that hold numbers, from 0; they are set to the right."""
    bold: frozenset[tuple[int, int]] = frozenset()
    """(row, column) of cells that are set bold."""
    has_total: bool = False
    """Whether the last row is the sum."""


def write_latex_table(tables: Sequence[PaperTable]) -> tuple[str, tuple[str, ...]]:
    """Write tables in LaTeX with the rules of booktabs, to be read by a document with ``input``.

    Args:
        tables: One or several.

    Returns:
        LaTeX in ASCII and western letters, and notes, one sentence each. A comment at its head says which packages it
        needs. A table of more than 40 rows is a ``longtable``.
    """
    packages = [r"\usepackage[T1]{fontenc}", r"\usepackage[utf8]{inputenc}", r"\usepackage{textcomp}"]
    packages += [r"\usepackage{booktabs}"]
    packages += [r"\usepackage{longtable}"] if any(len(table.rows) > _LONG for table in tables) else []
    lines = [comment_tex("Needs in the preamble:"), *map("% {}".format, packages)]
    for table in tables:
        lines += ["", *_write_latex(table)]
    texts = [text for table in tables for row in (table.header, (table.caption,), *table.rows) for text in row]
    return "\n".join(lines) + "\n", note_letters(texts)


def _write_latex(table: PaperTable) -> list[str]:
    columns = "".join(
        "r" if place in table.numbers
        else r"p{0.45\linewidth}" if any(len(cell) > _WIDE and " " in cell for cell in cells)
        else "l"
        for place, cells in enumerate(zip(table.header, *table.rows, strict=True))
    )  # fmt: skip
    head = " & ".join(map(escape_tex, table.header)) + r" \\"
    rows = [
        " & ".join(
            rf"\textbf{{{escape_tex(cell)}}}" if (number, place) in table.bold else escape_tex(cell)
            for place, cell in enumerate(row)
        )
        + r" \\"
        for number, row in enumerate(table.rows)
    ]
    if table.has_total:
        rows.insert(-1, r"\midrule")
    caption = rf"\caption{{{escape_tex(table.caption)}}}"
    if len(table.rows) > _LONG:
        return [
            rf"\begin{{longtable}}{{@{{}}{columns}@{{}}}}", caption + r" \\",
            r"\toprule", head, r"\midrule", r"\endfirsthead",
            r"\toprule", head, r"\midrule", r"\endhead",
            r"\bottomrule", r"\endfoot", *rows, r"\end{longtable}",
        ]  # fmt: skip
    return [
        r"\begin{table}", r"\centering", caption, rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}", r"\toprule", head,
        r"\midrule", *rows, r"\bottomrule", r"\end{tabular}", r"\end{table}",
    ]  # fmt: skip


def _write_markdown(table: PaperTable) -> str:
    rule = ["--:" if place in table.numbers else ":--" for place in range(len(table.header))]
    lines = [escape_markdown(table.caption), ""]
    lines += [f"| {' | '.join(cells)} |" for cells in (map(escape_markdown, table.header), rule)]
    lines += [f"| {' | '.join(map(escape_markdown, row))} |" for row in table.rows]
    return "\n".join(lines) + "\n"


def write_latex_of(subject: Subject) -> tuple[bytes, tuple[str, ...]]:
    """The table of its layers in LaTeX."""
    text, notes = write_latex_table([tabulate_layers(subject)])
    return text.encode(), notes


def write_markdown_of(subject: Subject) -> tuple[bytes, tuple[str, ...]]:
    """The table of its layers in Markdown."""
    return _write_markdown(tabulate_layers(subject)).encode(), ()


def tabulate_layers(subject: Subject) -> PaperTable:
    """Tabulate the layers of a network, or of the block at the subject's path.

    Args:
        subject: The design and the path.

    Returns:
        A row for each layer in the order of execution, and the sum; numbers have every digit.

    Raises:
        ArchitectureError: The layers do not fit together, or there is no node at the path.
    """
    architecture, path = subject.architecture, subject.path
    edit.find(architecture, path)
    analysis = analyze(architecture)
    layers = analysis.below(path) if path else analysis.layers
    shown = {layer.path for layer in layers}
    records = [record for record in layer_table(architecture, analysis) if record["path"] in shown]
    rows = [
        (
            record["path"][len(path) + 1 :] or record["path"] if path else record["path"],
            record["op"].replace("_", " "), record["kernel"] or "–", record["stride"] or "–", record["output"],
            format_count(record["params"]), format_count(record["macs"]), record["field"],
        )
        for record in records
    ]  # fmt: skip
    counted = [layer for layer in layers if not layer.training_only] or layers
    params, macs = sum(layer.params for layer in counted), sum(layer.macs for layer in counted)
    rows.append(("in all", "", "", "", "", format_count(params), format_count(macs), format_extent(
        (counted[-1] if path and counted else analysis).receptive_field.size
    )))  # fmt: skip
    part = f", {path}" if path else ""
    apart = " The sum is without what is in training only." if len(counted) < len(layers) else ""
    caption = (
        f"{architecture.name}{part} for an image of {compact_shape(architecture.input_shape)}, layer by layer: "
        f"{format_si(params)} parameters, {format_si(macs)} MACs. Output as channels × height × width. MACs: "
        f"{CONVENTIONS['macs']}. Field: {CONVENTIONS['receptive_field'].replace('the last feature map', 'the output')}."
        f"{apart}"
    )
    header = ("layer", "operation", "kernel", "stride", "output", "params", "MACs", "field (px)")
    numbers = frozenset(range(2, len(header)))
    return PaperTable(caption=caption, header=header, rows=tuple(rows), numbers=numbers, has_total=True)
