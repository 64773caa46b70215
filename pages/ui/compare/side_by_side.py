"""Side by side: totals, aligned diagrams, costs by stage and branch, receptive fields, results of runs."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from explorer.comparison import (
    LETTERS,
    Comparison,
    MetricCell,
    Table,
    TableCell,
    describe_misfits,
    draw_growths,
    format_cell,
    format_difference,
    metrics_table,
    pictures,
    stages_table,
)
from explorer.text import format_count
from pages.ui import other_tools, paper_picture
from pages.ui.components import mount
from pages.ui.text import cell, literal

from . import networks, options, run_results
from .entries import Entry

TAB = "side"
_METRICS: dict[pictures.BarMetric, tuple[str, str]] = {
    "macs": ("MACs", "multiply-adds of convolutions and linear layers, one image"),
    "params": ("Parameters", "of the inference network"),
    "training_bytes": ("Training memory", "what autograd keeps of one image, auxiliary heads included"),
    "receptive_field": ("Receptive field", "input pixels at the end, the larger axis; the mark is the shortest path"),
}


def show(entries: tuple[Entry, ...]) -> None:
    """The first network is what the others are compared to."""
    comparison = networks.compare_entries(entries)
    totals(metrics_table(comparison))
    for text in describe_misfits(comparison):
        st.caption(literal(text))
    with st.container(border=True, key="compare_diagram_card"):
        mount(
            "compare",
            "compare_stages",
            {
                "view": "stages",
                "title": "Stage by stage",
                "note": "what works at one stride stands in one row · width: channels, one scale for all",
                **pictures.aligned(comparison),
            },
        )
    _bars(comparison)
    with st.container(border=True, key="compare_growth_card"):
        mount(
            "compare",
            "compare_growth",
            {
                "view": "growth",
                "title": "Growth of the receptive field",
                "note": "input pixels, logarithmic, stage by stage · solid: longest path, dashed: shortest",
                **pictures.growths(comparison),
            },
        )
        paper_picture.show("compare_growth", lambda: draw_growths(comparison))
    run_results.show(entries)
    _summaries(entries)
    _all_stages(comparison)


def totals(table: Table) -> None:
    """A table of a report, the least of each row in bold with a star, the difference from A behind the number."""
    rows = [[_mark(cell) for cell in row] for row in table.rows]
    frame = pd.DataFrame(rows, columns=[literal(text) or "number" for text in table.header])
    st.table(frame.set_index(frame.columns[0]), border="horizontal")
    st.caption("★ the least of parameters, MACs or memory. In grey: the difference from A.")


def _mark(cell: TableCell) -> str:
    if not isinstance(cell, MetricCell):
        return literal(format_cell(cell))
    value, difference = literal(format_count(cell.value)), format_difference(cell)
    shown = f"**{value}** ★" if cell.best else value
    return f"{shown} :gray[{literal(difference)}]" if difference else shown


def _bars(comparison: Comparison) -> None:
    with st.container(border=True, key="compare_bars_card"):
        titles: dict[str, str] = {name: title for name, (title, _) in _METRICS.items()}
        metric: Any = options.choice(
            TAB, "metric", "Bars show", list(_METRICS), titles, widget=st.segmented_control,
            label_visibility="collapsed",
        )  # fmt: skip
        title, note = _METRICS[metric]
        labels = {_short(row.label): row.label for row in comparison.stages}
        chosen = labels.get(options.get(TAB, "stage"), "")
        common = {"view": "bars", "networks": pictures.networks(comparison)}
        groups = pictures.stage_bars(comparison, metric)
        # A click on the open stage closes it.
        mount(
            "compare",
            "compare_bars",
            {**common, "title": f"{title} of each stage", "note": note, "groups": groups, "chosen": chosen},
            choose=lambda label: options.put(TAB, "stage", "" if label == chosen else _short(str(label))),
        )
        inside = pictures.branch_bars(comparison, metric, chosen) if chosen else []
        if inside:
            note = "blocks and branches, each network's in its order"
            mount(
                "compare",
                "compare_branches",
                {**common, "title": f"{title} inside {chosen}", "note": note, "groups": inside},
            )


def _short(label: str) -> str:
    """A stage as an address has it: 'stride 8×4' → '8x4'."""
    return label.removeprefix("stride ").replace("×", "x")


def _summaries(entries: tuple[Entry, ...]) -> None:
    box = st.expander(
        "torchinfo's summaries next to each other", icon=":material/list_alt:", key="compare_summaries",
        on_change="rerun",
    )  # fmt: skip
    if not box.open:
        return
    with box:
        form = other_tools.choose_summary_form("compare_summary_form")
        for place, (column, entry) in enumerate(zip(st.columns(len(entries)), entries, strict=True)):
            with column:
                st.markdown(f"**{LETTERS[place]}** {literal(entry.label)}")
                other_tools.show_summary_as(entry.architecture, form, f"compare_summary_{place}", height=420)


def _all_stages(comparison: Comparison) -> None:
    box = st.expander(
        "Every stage, block and branch in numbers", icon=":material/table_rows:", key="compare_numbers",
        on_change="rerun",
    )  # fmt: skip
    if not box.open:
        return
    with box:
        table = stages_table(comparison)
        rows = [dict(zip(table.header, map(cell, map(format_cell, row)), strict=True)) for row in table.rows]
        st.dataframe(rows, key="compare_numbers_table", hide_index=True, height=420, alt=table.title)
        st.caption(table.note)
