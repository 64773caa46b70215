"""Any metric of the networks against any other, accuracy and measured time among them, with the Pareto front."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from explorer import catalog
from explorer.comparison import LETTERS, TradeOffAxis, TradeOffPoint, lay_out_trade_off, list_axes
from explorer.experiments import ComparableRuns, SampleStatistics, group_comparable_runs
from explorer.figures import draw_scatter
from pages.ui import paper_picture
from pages.ui.components import mount
from pages.ui.manager import manager
from pages.ui.text import cell, literal

from . import measurements, networks, options
from .entries import Entry

TAB = "tradeoffs"


def show(entries: tuple[Entry, ...]) -> None:
    """Axes, picture, table, and what can be done with a point."""
    groups = _runs(entries)
    axes = _axes(entries, groups)
    titles = {key: axis.label for key, axis in axes.items()}
    usual = "accuracy" if "accuracy" in axes else "receptive_field"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        x = options.choice(TAB, "x", "Across", list(axes), titles, "macs", width=260)
        y = options.choice(TAB, "y", "Up", list(axes), titles, usual, width=260)
        if "accuracy" in (x, y) and len(groups) > 1:
            _choose_runs(groups)
        more = options.choice(
            TAB, "more", "Points", ["chosen", "catalogue"],
            {"chosen": "These networks", "catalogue": "and the catalogue"}, widget=st.segmented_control,
        )  # fmt: skip
    shown = [*entries, *(_catalogue(entries) if more == "catalogue" else ())]
    points = [
        (place, entry, a, b)
        for place, entry in enumerate(shown)
        if (a := axes[x].read(entry.architecture)) is not None and (b := axes[y].read(entry.architecture)) is not None
    ]
    best = _draw(points, len(entries), axes[x], axes[y])
    left_out = [entry.label for entry in entries if all(entry is not one for _, one, _, _ in points)]
    if left_out:
        st.caption(literal(f"Not known, so left out: {', '.join(left_out)}."))
    _words(axes, x, y)
    _table(points, best, len(entries), axes[x], axes[y])


# ---- what there is to show ------------------------------------------------------------------------------------------


def _axes(entries: tuple[Entry, ...], groups: list[ComparableRuns]) -> dict[str, TradeOffAxis]:
    accuracy = None
    if groups:
        group = next((each for each in groups if each.key == options.get(TAB, "runs")), groups[0])
        accuracy = (group.title, dict(zip([entry.architecture for entry in entries], group.accuracy, strict=True)))
    return list_axes(accuracy, measurements.list_latencies(entries))


def _runs(entries: tuple[Entry, ...]) -> list[ComparableRuns]:
    try:
        return group_comparable_runs(manager(), [entry.architecture for entry in entries])
    except ValueError:
        return []


def _choose_runs(groups: list[ComparableRuns]) -> None:
    titles = {group.key: f"{group.title} ({group.runs} run{'s' if group.runs > 1 else ''})" for group in groups}
    options.choice(TAB, "runs", "Accuracy from", list(titles), titles, width=320)


def _catalogue(entries: tuple[Entry, ...]) -> list[Entry]:
    here = {entry.architecture for entry in entries}
    return [
        Entry(entry.architecture, entry.architecture.name, f"catalogue:{entry.name}")
        for entry in catalog.entries()
        if entry.architecture not in here
    ]


# ---- the picture ----------------------------------------------------------------------------------------------------

Points = list[tuple[int, Entry, SampleStatistics, SampleStatistics]]


def _draw(points: Points, own: int, x: TradeOffAxis, y: TradeOffAxis) -> set[int]:
    """The plane; the places, among the points, of those on the front."""
    keys = [LETTERS[place] if place < own else entry.origin for place, entry, _, _ in points]
    plane = [
        TradeOffPoint(key=key, label=entry.label, x=a, y=b, line=place if place < own else None)
        for key, (place, entry, a, b) in zip(keys, points, strict=True)
    ]
    data, best = lay_out_trade_off(plane, x, y)
    names = ", ".join(points[at][1].label for at in best)
    alt = f"{x.label} across and {y.label} up, of {len(points)} networks. On the front: {names}. Arrow keys move."
    chosen = st.session_state.setdefault("compare_point", "")
    with st.container(border=True):
        mount(
            "scatter", "tradeoffs_scatter",
            {**data, "title": f"{y.label} against {x.label}", "note": "", "alt": alt, "chosen": chosen,
             "choosable": True, "legend": []},
            choose=_choose,
        )  # fmt: skip
        paper_picture.show("tradeoffs", lambda: draw_scatter(data))
    found = next((each for each, key in zip(points, keys, strict=True) if key == chosen), None)
    if found:
        _actions(found[1], found[0] < own)
    return set(best)


def _choose(key: object) -> None:
    if isinstance(key, str):
        st.session_state["compare_point"] = key


def _actions(entry: Entry, here: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{literal(entry.label)}**")
        if st.button("Open in Design", key="tradeoffs_open", icon=":material/schema:"):
            networks.open_in_design(entry.architecture)
        if not here:
            st.button(
                "Add to the comparison", key="tradeoffs_add", icon=":material/add:", on_click=networks.add,
                args=(entry,),
            )  # fmt: skip


def _words(axes: dict[str, TradeOffAxis], x: str, y: str) -> None:
    lines = [f"**{literal(each.label)}**: {literal(each.convention)}." for each in (axes[x], axes[y])]
    better = {"least": "less", "most": "more"}
    lines.append(
        literal(
            f"Front: no other point has {better[axes[x].better]} across and {better[axes[y].better]} up at once; "
            f"what is better depends on what the network is for."
        )
    )
    st.caption("  \n".join(lines))


def _table(points: Points, best: set[int], own: int, x: TradeOffAxis, y: TradeOffAxis) -> None:
    rows: list[dict[str, Any]] = [
        {
            "network": cell(f"{LETTERS[place]} · {entry.label}" if place < own else entry.label),
            f"across: {x.label}": x.format(a),
            f"up: {y.label}": y.format(b),
            "front": "yes" if at in best else "",
        }
        for at, (place, entry, a, b) in enumerate(points)
    ]  # fmt: skip
    right = {name: st.column_config.TextColumn(alignment="right") for name in (rows[0] if rows else {}) if ":" in name}
    st.dataframe(
        pd.DataFrame(rows), key="tradeoffs_table", hide_index=True, alt="Table of the points", column_config=right,
        height="content" if len(rows) <= 12 else 360,
    )  # fmt: skip
