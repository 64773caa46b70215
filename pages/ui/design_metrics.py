"""Numbers and tables of the Design page: headline, layers, where the cost is, torchinfo's summary."""

from __future__ import annotations

from typing import Any, Literal

import pyarrow as pa
import streamlit as st

from explorer import figures
from explorer.analysis import Analysis, Metric, ReceptiveField, headline_metrics
from explorer.architecture import Architecture, edit
from explorer.text import (
    compact_shape,
    format_bytes,
    format_change,
    format_count,
    format_extent,
    format_shape,
    format_si,
)

from . import other_tools, session
from .text import key_of_rows, literal, number_column, read_picked

_COLUMNS = [
    "path", "op", "kernel", "stride", "dilation", "output", "params", "macs", "macs_percent", "field",
    "coverage_percent", "shortest", "field_stride", "training_kb", "params_percent", "weights", "biases", "norm",
]  # fmt: skip
"""Order of the layer table: what is asked for most stands first."""


def show_headline(now: Analysis, before: Analysis) -> None:
    """The headline metrics and the output's shape, each metric with its change against the baseline."""
    _show_line(now, before)
    with st.container(horizontal=True, gap="small", key="headline"):
        for metric in headline_metrics().values():
            _show_metric(metric, now, before)
        shape = now.output_shape
        source = f"from {format_shape(now.feature_shape)}" if len(shape) == 1 else None
        st.metric(
            "Output", compact_shape(shape), source,
            delta_color="off", delta_arrow="off", border=True,
            help="Shape for one image, and of the last feature map before global pooling or flattening.",
        )  # fmt: skip
    for head in now.auxiliary:
        if not head.fits:
            said = head.describe()
            st.caption(f":material/info: {literal(said[0].upper() + said[1:])}.")


def _show_line(now: Analysis, before: Analysis) -> None:
    """The same numbers in one line, which a phone shows above all else while something is edited (page.css)."""
    cells = []
    for metric in headline_metrics().values():
        value, old = metric.read_totals(now.totals), metric.read_totals(before.totals)
        text = (format_bytes if metric.unit == "bytes" else format_si)(value)
        change = format_change(value, old) if value != old else "="
        cells.append(f"<span>{metric.label}<b>{text}</b>{change}</span>")
    st.html(f'<div class="numbers-line" aria-hidden="true">{"".join(cells)}</div>')


def _show_metric(metric: Metric, now: Analysis, before: Analysis) -> None:
    value, old = metric.read_totals(now.totals), metric.read_totals(before.totals)
    form = format_bytes if metric.unit == "bytes" else format_si
    label = metric.label[0].upper() + metric.label[1:]
    text, unchanged, convention = form(value), "unchanged", metric.convention
    if metric.key == "macs":
        label += f" · {format_extent(now.input_shape[1:])} px"
    elif metric.unit == "px":
        label += ", px"
    if metric.key == "receptive_field":
        field = now.receptive_field
        text, unchanged = format_extent(field.size), f"/{format_extent(field.stride)}, unchanged"
        convention += _field_details(field)
    changed = f"{'−' if value < old else '+'}{form(abs(value - old))} ({format_change(value, old)})"
    st.metric(
        label, text, changed if value != old else unchanged, delta_color=_colour_of_change(metric, value - old),
        delta_arrow="off" if value == old else "up" if value > old else "down",
        help=f"{convention}. Exactly {format_count(value)}.", border=True,
    )  # fmt: skip


def _colour_of_change(metric: Metric, change: int) -> Literal["green", "red", "off"]:
    """Green for the better and red for the worse; neither where that depends on the task, as with the field."""
    if not change or metric.best is None:
        return "off"
    return "green" if (change < 0) == (metric.best == "least") else "red"


def _field_details(field: ReceptiveField) -> str:
    extent = format_extent
    return (
        f". Shortest path {extent(field.min_size)} px, stride {extent(field.stride)}, first unit starts at "
        f"{extent(field.start)}; branches {'aligned' if field.aligned else 'not aligned'}"
    )


def show_details(architecture: Architecture, now: Analysis, chosen: str) -> None:
    """Tabs whose bodies run only while they are open."""
    layers, where, summary, others = st.tabs(
        ["Layers", "Where the cost is", "torchinfo summary", "Other tools' counts"], key="details", on_change="rerun"
    )
    if layers.open:
        with layers:
            _layers(architecture, now, chosen)
    if where.open:
        with where:
            _where(architecture, now)
    if summary.open:
        with summary:
            other_tools.show_summary(architecture)
    if others.open:
        with others:
            other_tools.show_reconciliation(architecture)


def _layers(architecture: Architecture, now: Analysis, chosen: str) -> None:
    records = figures.layer_table(architecture, now)
    block = edit.column_of(architecture, chosen)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(
            "Search layers", key="layer_search", placeholder="part of a path or an operation, for example 3a or pool"
        ).split()
        # The table cannot scroll to a row by itself: with the block's rows alone, the chosen one is in sight.
        scope = st.segmented_control(
            "Rows", ["block", "all"], default="block", key="layer_scope", label_visibility="collapsed",
            format_func={"block": "Chosen block", "all": "Whole network"}.__getitem__, required=True,
            disabled=bool(words), help="A search goes through the whole network.",
        )  # fmt: skip
    if scope == "block" and block and not words:
        records = [r for r in records if f"{r['path']}/".startswith(f"{block}/")]
    records = [r for r in records if all(word.lower() in f"{r['path']} {r['op']}".lower() for word in words)]
    paths = [record["path"] for record in records]
    key = key_of_rows("layer_table", paths)
    # The table follows the diagram: its selected row is the chosen node, unless the user has just clicked a row.
    rows = [paths.index(chosen)] if chosen in paths else []

    def pick() -> None:
        # A click anywhere in another row chooses it, not only its box.
        cells = [row for row in read_picked(key, len(paths), "cells") if row not in rows]
        picked = cells or read_picked(key, len(paths))
        if picked:
            session.pick(paths[picked[0]])

    st.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    with st.container(key="layer_table"):
        st.dataframe(
            pa.Table.from_pylist(records),  # as it travels: pandas between would cost more than all else of the table
            key=key,
            on_select=pick,
            selection_mode=["single-row-required" if rows else "single-row", "single-cell"],
            hide_index=True,
            height="auto" if len(records) < 10 else 380,
            alt="Table of layers",
            column_order=_COLUMNS,
            column_config={
                "op": st.column_config.TextColumn("op", width=150),
                "path": st.column_config.TextColumn("path", width=270, pinned=True),
                "params_percent": _share("params share"),
                "macs_percent": _share("MACs share"),
                "params": number_column("params"),
                "weights": number_column("weights"),
                "macs": number_column("MACs"),
                "training_kb": number_column("kept for training", digits=1, unit="kB"),
                "field": st.column_config.TextColumn("receptive field", width=120),
                "coverage_percent": number_column("field touched", digits=1, unit="%"),
                "field_stride": st.column_config.TextColumn("field stride"),
                "shortest": st.column_config.TextColumn("shortest path"),
            },
        )
    st.caption(
        f"{len(records):,} of {len(now.layers):,} rows. MACs: multiply-adds of convolutions and linear layers, bias "
        "not counted. A block's own row is the step that joins its branches. Receptive fields in input pixels; "
        "touched is the share of the box that a unit can depend on, below 100 % where there are holes. A click "
        "on a row chooses the layer; the toolbar saves CSV."
    )


def _share(label: str) -> Any:
    return st.column_config.ProgressColumn(label, format="%.1f %%", min_value=0, max_value=100, width=130)


def _where(architecture: Architecture, now: Analysis) -> None:
    metric = st.segmented_control(
        "Area shows", ["macs", "params"], default="macs", key="where_metric",
        format_func={"macs": "MACs", "params": "Parameters"}.__getitem__,
    )  # fmt: skip
    dark = st.context.theme.type == "dark"
    figure = figures.draw_treemap(architecture, now, metric or "macs", dark=dark)
    alt = "Treemap of cost by block, branch and layer"
    st.plotly_chart(figure, key="treemap", config={"displaylogo": False}, alt=alt)
    st.caption("Blocks, branches and layers of the inference network; click to enter, the bar above to go back.")
