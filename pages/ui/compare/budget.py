"""Equal budget: one network's width scaled until it costs what another one costs."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd
import streamlit as st

from explorer.analysis import METRICS, analyze, headline_metrics
from explorer.architecture import Architecture, edit
from explorer.comparison import LETTERS, EqualBudget, scale_to_budget
from explorer.text import format_bytes, format_change, format_count
from pages.ui.text import cell, literal

from . import networks, options
from .entries import Entry

TAB = "tradeoffs"
_METRICS = {key: METRICS[key].label for key in ("macs", "params")}
_OWN = "own"
_MAX_TARGET = 10**15


def show(entries: tuple[Entry, ...]) -> None:
    """Which network, whose budget, of what; the scaled network, and what can be done with it."""
    names = {LETTERS[place]: f"{LETTERS[place]} · {entry.label}" for place, entry in enumerate(entries)}
    one, two, three = st.columns([0.37, 0.37, 0.26])
    with one:
        place = options.choice(TAB, "scale", "Scale the width of", list(names), names, "B")
    scaled = entries[LETTERS.index(place)]
    others = {name: title for name, title in names.items() if name != place} | {_OWN: "a number of my own"}
    with three:
        metric = options.choice(TAB, "budget", "Budget", list(_METRICS), _METRICS, widget=st.segmented_control)
    with two:
        like = options.choice(TAB, "like", "until it costs as much as", list(others), others)
        own = _cost(scaled.architecture, metric)
        if like == _OWN:
            target = options.number(TAB, "target", _METRICS[metric], 1, _MAX_TARGET, max(1, own // 2))
        else:
            target = _cost(entries[LETTERS.index(like)].architecture, metric)
    if not target:
        st.info(literal(f"{names[like]} has no {_METRICS[metric]}: there is nothing to be equal to."))
        return
    with st.spinner("Scaling"):
        found = _equal(scaled.architecture, target, metric)
    _answer(scaled, found, metric)


def _cost(architecture: Architecture, metric: str) -> int:
    return int(getattr(analyze(architecture).totals, metric))


@lru_cache(maxsize=32)
def _equal(architecture: Architecture, target: int, metric: str) -> EqualBudget:
    return scale_to_budget(architecture, target, "params" if metric == "params" else "macs")


def _answer(scaled: Entry, found: EqualBudget, metric: str) -> None:
    if found.reached:
        st.success(
            literal(
                f"At {found.factor:.3f} times its width {scaled.label} has {found.value:,} {_METRICS[metric]} for "
                f"{found.target:,}: {format_change(found.value, found.target)}."
            )
        )
    else:
        st.warning(literal(f"Cannot be made equal: {found.reason}."))
    was, scaled_totals = analyze(scaled.architecture).totals, analyze(found.architecture).totals
    rows = []
    for metric_shown in headline_metrics().values():
        if metric_shown.unit == "px":
            continue  # width does not change the field
        form = format_bytes if metric_shown.unit == "bytes" else format_count
        before, now = metric_shown.read_totals(was), metric_shown.read_totals(scaled_totals)
        rows.append({
            "": metric_shown.label, "as it is": form(before),
            f"at {found.factor:.3f} times the width": form(now), "change": format_change(now, before),
        })  # fmt: skip
    st.table(pd.DataFrame(rows).map(cell).set_index(""), border="horizontal")
    with st.container(horizontal=True):
        named = _named(scaled, found)
        if st.button("Open in Design", key="budget_open", icon=":material/schema:"):
            networks.open_in_design(named)
        st.button(
            "Add to the comparison", key="budget_add", icon=":material/add:", type="primary",
            on_click=networks.add_architecture, args=(named, named.name),
        )  # fmt: skip
    st.caption(
        "Channels of all convolutions and hidden linear layers are multiplied by one factor and rounded to whole "
        "channels that the groups divide; inputs, classes and kernels stay. Equal means within 1 %."
    )


def _named(scaled: Entry, found: EqualBudget) -> Architecture:
    """The scaled network under a name that says what it is."""
    name = f"{found.architecture.name[:80]}, width × {found.factor:.3f}"
    notes = f"{scaled.architecture.name} scaled to {found.target:,} {_METRICS[found.metric]}"
    return edit.replace(found.architecture, "", name=name, notes=notes)
