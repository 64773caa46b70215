"""The Pareto cloud: thousands of variants around a network, and those that no other one beats."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd
import streamlit as st

from explorer import figures
from explorer.analysis import METRICS, Totals, analyze, headline_metrics
from explorer.architecture import ArchitectureError, diff, structural
from explorer.comparison import LETTERS, Cloud, Ranges, sample_cloud
from explorer.datasets import Progress
from explorer.figures import Axis, Dots, Mark, Path
from explorer.text import format_bytes, format_change, format_count, format_extent, format_share, format_si
from pages.ui import paper_picture
from pages.ui.components import mount
from pages.ui.progress import run_with_progress
from pages.ui.text import key_of_rows, literal, number_column, read_picked

from . import networks, options
from .entries import Entry

TAB = "tradeoffs"
KEY = "compare_cloud"
_BETTER = {"least": "less", "most": "more"}
_WIDTHS = (10, 25, 50, 75, 100, 125, 150, 200, 300, 400)
_MAX_VARIANTS = 20_000


def show(entries: tuple[Entry, ...]) -> None:
    """Choose the ranges, draw the cloud, take a point out of it."""
    with st.container(border=True):
        around, ranges, count, seed = _form(entries)
        begin = st.button("Draw the cloud", key="cloud_begin", icon=":material/blur_on:", type="primary")
    work = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        axes = headline_metrics()
        titles = {key: f"{metric.title} ({_BETTER[metric.trade_off]} is better)" for key, metric in axes.items()}
        words = "  \n".join(f"{metric.title}: {metric.convention}." for metric in axes.values())
        x = options.choice(TAB, "cx", "Across", list(axes), titles, "macs", width=320, help=words)
        y = options.choice(TAB, "cy", "Up", list(axes), titles, "receptive_field", width=320, help=words)
    results = st.container()
    kept = st.session_state.get(KEY)
    with results:
        if kept:
            _draw(kept, entries, x, y)
        else:
            st.caption(
                "Each variant changes a random share of the layers: their channels, the kernel and the dilation of "
                "their convolutions. The same seed gives the same variants."
            )
    if begin and ranges:
        with work:
            if _make(around, ranges, count, seed):
                st.rerun()


# ---- what is drawn --------------------------------------------------------------------------------------------------


def _form(entries: tuple[Entry, ...]) -> tuple[Entry, Ranges | None, int, int]:
    names = {LETTERS[place]: f"{LETTERS[place]} · {entry.label}" for place, entry in enumerate(entries)}
    one, two, three, four = st.columns(4)
    with one:
        around = entries[LETTERS.index(options.choice(TAB, "around", "Around", list(names), names))]
        blocks = ["", *(node.name for node in around.architecture.trunk.nodes if node.op not in ("flatten", "dropout"))]
        below = options.choice(TAB, "below", "Layers that may change", blocks, {"": "the whole network"})
    widths = {str(each): f"{each} %" for each in _WIDTHS}
    with two:
        low = options.choice(TAB, "low", "Channels from", list(widths), widths, "50")
        high = options.choice(TAB, "high", "to", list(widths), widths, "200")
    with three:
        kernels = options.multi_choice(TAB, "kernels", "Kernels", ("3", "5", "7", "9", "11"), {}, ("3", "5", "7"))
        dilations = options.multi_choice(TAB, "dilations", "Dilations", ("1", "2", "3", "4"), {}, ("1", "2"))
    with four:
        count = options.number(TAB, "count", "Variants", 100, _MAX_VARIANTS, 2000, step=500)
        seed = options.number(TAB, "seed", "Seed", 0, 999_999, 0)
    try:
        ranges = Ranges(
            width=(int(low) / 100, int(high) / 100), kernels=tuple(map(int, kernels)),
            dilations=tuple(map(int, dilations)), below=(below,),
        )  # fmt: skip
    except ValueError as error:
        st.error(literal(f"{error}."))
        return around, None, count, seed
    return around, ranges, count, seed


def _make(around: Entry, ranges: Ranges, count: int, seed: int) -> bool:
    def work(progress: Progress) -> Cloud:
        done = 0

        def stop() -> bool:
            nonlocal done
            done += 100  # it asks after each hundred
            progress(done, count)
            return False

        progress(0, count)
        return sample_cloud(around.architecture, count, seed, ranges, stop=stop)

    begun = time.perf_counter()
    found = run_with_progress(f"Analysing variants of {literal(around.label)}", work)
    if found is None:
        return False
    if not found.points:
        st.error("No variant within these ranges is a working network. Other layers or kernels may be.")
        return False
    st.session_state[KEY] = {
        "cloud": found, "label": around.label, "seconds": time.perf_counter() - begun, "chosen": "",
    }  # fmt: skip
    return True


# ---- what is seen ---------------------------------------------------------------------------------------------------


def _value(totals: Totals, metric: str) -> int:
    return METRICS[metric].read_totals(totals)


def _draw(kept: dict[str, Any], entries: tuple[Entry, ...], x: str, y: str) -> None:
    found: Cloud = kept["cloud"]
    directions = {x: METRICS[x].trade_off, y: METRICS[y].trade_off}
    best = found.front(**directions)
    ranges = found.ranges
    marks = [
        Mark(
            key=str(point.number), label=f"variant {point.number:,}", x=_value(point.totals, x),
            y=_value(point.totals, y), named=False, front=True, facts=_facts(point.totals),
        )
        for point in best
    ]  # fmt: skip
    for place, entry in enumerate(entries):
        totals = analyze(entry.architecture).totals
        marks.append(
            Mark(key=LETTERS[place], label=entry.label, x=_value(totals, x), y=_value(totals, y), line=place,
                 facts=_facts(totals))
        )  # fmt: skip
    corners = sorted({(float(_value(point.totals, x)), float(_value(point.totals, y))) for point in best})
    less_x = METRICS[x].trade_off == "least"
    path = Path(label=f"front: {len(best):,} variants", points=figures.trace_front(corners, less_x=less_x))
    dots = Dots(
        label="variant", x=[_value(point.totals, x) for point in found.points],
        y=[_value(point.totals, y) for point in found.points], keys=[str(point.number) for point in found.points],
    )  # fmt: skip

    title_x, title_y = METRICS[x].title, METRICS[y].title

    data = figures.lay_out_scatter(Axis.fit(title_x, dots.x), Axis.fit(title_y, dots.y), marks, [path], dots)
    alt = (
        f"{len(found.points):,} variants, {title_x} across and {title_y} up. The front has {len(best):,}, from "
        f"{_said(best[0].totals, x, y)} to {_said(best[-1].totals, x, y)}. Arrow keys walk along it, Enter chooses."
    )
    with st.container(border=True):
        mount(
            "scatter", "cloud_scatter",
            {**data, "title": f"Variants of {kept['label']}", "alt": alt, "chosen": kept["chosen"], "choosable": True,
             "note": f"{len(found.points):,} in {kept['seconds']:.1f} s; a click takes one out", "legend": []},
            choose=_choose,
        )  # fmt: skip
        title = f"Variants of {kept['label']}"
        paper_picture.show("cloud", lambda: figures.draw_scatter(data, title=title))
    refused = f"; {found.refused:,} more did not fit together" if found.refused else ""
    where = ranges.below[0] or "the whole network"
    widths = " to ".join(format_share(width, 0) for width in ranges.width)
    st.caption(
        literal(
            f"Around {kept['label']}: channels {widths}, kernels "
            f"{', '.join(map(str, ranges.kernels))}, dilations {', '.join(map(str, ranges.dilations))}, in {where}; "
            f"seed {found.seed}{refused}. MACs and parameters need not rise "
            f"with the field: dilation widens it for nothing, so a front may be short."
        )
    )
    _chosen(kept, found)
    _front(kept, best)


def _facts(totals: Totals) -> tuple[tuple[str, str], ...]:
    field = totals.receptive_field
    return (
        ("parameters", format_count(totals.params)),
        ("MACs", format_count(totals.macs)),
        ("training memory", format_bytes(totals.training_bytes)),
        ("receptive field", f"{format_extent(field.size)} px"),
    )


def _shown(totals: Totals, metric: str) -> str:
    value = _value(totals, metric)
    unit = METRICS[metric].unit
    return format_bytes(value) if unit == "bytes" else f"{format_si(value)} {unit}".strip()


def _said(totals: Totals, x: str, y: str) -> str:
    return f"{_shown(totals, x)} and {_shown(totals, y)}"


def _choose(key: object) -> None:
    if isinstance(key, str) and KEY in st.session_state:
        st.session_state[KEY]["chosen"] = key


def _chosen(kept: dict[str, Any], found: Cloud) -> None:
    """The point that was taken out: what it costs, and where it can go."""
    number = kept["chosen"]
    if not number.isdecimal():
        return
    try:
        variant = found.variant(int(number))
    except ArchitectureError as error:
        st.error(literal(f"Variant {number} cannot be used: {error}."))
        return
    before, now = analyze(found.architecture).totals, analyze(variant).totals
    with st.container(border=True, key="cloud_chosen"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Variant {int(number):,}** · {len(structural(diff(found.architecture, variant))):,} changes")
            if st.button("Open in Design", key="cloud_open", icon=":material/schema:", type="primary"):
                networks.open_in_design(variant)
            st.button(
                "Add to the comparison", key="cloud_add", icon=":material/add:",
                on_click=networks.add_architecture, args=(variant, variant.name),
            )  # fmt: skip
        cells = [
            (metric.label, _shown(now, key), format_change(_value(now, key), _value(before, key)))
            for key, metric in headline_metrics().items()
        ]
        with st.container(horizontal=True, gap="small"):
            for label, value, change in cells:
                st.metric(label, value, change, delta_color="off", delta_arrow="off", border=True)


def _front(kept: dict[str, Any], best: list[Any]) -> None:
    """The front as a table; a chosen row is a chosen point."""
    rows = [
        {
            "variant": point.number,
            **{metric.title: _value(point.totals, key) for key, metric in headline_metrics().items()},
        }
        for point in best
    ]
    numbers = [str(point.number) for point in best]
    key = key_of_rows("cloud_front", rows)

    def pick() -> None:
        picked = read_picked(key, len(numbers))
        if picked:
            kept["chosen"] = numbers[picked[0]]

    at = [numbers.index(kept["chosen"])] if kept["chosen"] in numbers else []
    st.session_state[key] = {"selection": {"rows": at, "columns": [], "cells": []}}
    st.dataframe(
        pd.DataFrame(rows), key=key, hide_index=True, on_select=pick, selection_mode="single-row",
        alt="Table of the front", height="content" if len(rows) <= 12 else 360,
        column_config={name: number_column() for name in rows[0]},
    )  # fmt: skip
