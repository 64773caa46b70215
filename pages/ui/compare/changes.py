"""Differences: what changed from one network to another, node by node, with what each change costs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pandas as pd
import streamlit as st

from explorer.architecture import Architecture
from explorer.comparison import (
    LETTERS,
    AttributedStep,
    Differences,
    StepGroup,
    compare,
    find_differences,
    group_steps,
    pictures,
)
from explorer.text import format_bytes, format_si, format_signed
from pages.ui.components import mount
from pages.ui.text import cell, literal

from . import networks, options, state
from .entries import Entry

TAB = "differences"
_TABLE = "compare_changes"
_SUMS = ("params", "macs", "training_bytes")


def show(entries: tuple[Entry, ...]) -> None:
    """The pair is chosen here; a chosen change is marked in both diagrams."""
    if len(entries) < 2:
        st.info("Add a second network to see what differs.")
        return
    before, after = _pair(entries)
    found = _found(entries[before].architecture, entries[after].architecture)
    _totals(found)
    if not found.steps:
        st.success(found.verdict)
        return
    st.markdown(found.verdict)
    chosen = _steps(found)
    with st.container(border=True, key="compare_marked_card"):
        two = compare(
            [entries[place].architecture for place in (before, after)],
            [entries[place].label for place in (before, after)],
        )
        data = pictures.aligned(two)
        everything = pictures.networks(networks.compare_entries(entries))
        data["networks"] = [everything[before], everything[after]]
        note = "outlined: blocks with the chosen change" if chosen else "outlined: blocks with a change"
        marked = chosen or [change.path for step in found.steps for change in step.changes]
        mount(
            "compare",
            "compare_marked",
            {"view": "stages", "title": "Where", "note": note, **data, "marks": _marks(data, marked)},
        )


@lru_cache(maxsize=32)
def _found(before: Architecture, after: Architecture) -> Differences:
    return find_differences(before, after)


def _pair(entries: tuple[Entry, ...]) -> tuple[int, int]:
    before, after = state.PAGE.state["pair"]
    names = [f"{letter} · {entry.label}" for letter, entry in zip(LETTERS, entries, strict=False)]
    keys = ("compare_before", "compare_after")
    st.session_state.update(zip(keys, (before, after), strict=True))

    def choose() -> None:
        first, second = (st.session_state[key] for key in keys)
        st.session_state.pop(_TABLE, None)
        state.choose_pair(first, second)

    places = list(range(len(entries)))
    for column, key, label in zip(st.columns(2), keys, ("From", "To"), strict=True):
        column.selectbox(label, places, key=key, format_func=names.__getitem__, on_change=choose)
    return before, after


def _totals(found: Differences) -> None:
    total = found.total
    field = max(total.receptive_field, key=abs)
    cells = (
        ("Parameters", total.params, format_si), ("MACs", total.macs, format_si),
        ("Training memory", total.training_bytes, lambda value: format_bytes(int(value))),
        ("Receptive field, px", field, format_si),
    )  # fmt: skip
    with st.container(horizontal=True, gap="small", key="compare_totals"):
        for label, value, shown in cells:
            sign = "+" if value > 0 else "−" if value < 0 else ""
            st.metric(label, f"{sign}{shown(abs(value))}", help=f"Exactly {format_signed(value)}.", border=True)


def _quiet() -> bool:
    key = "compare_quiet"
    st.session_state[key] = options.get(TAB, "quiet", "1") == "1"
    return st.toggle(
        "Leave out what costs nothing", key=key,
        on_change=lambda: options.put(TAB, "quiet", "1" if st.session_state[key] else "0", "1"),
    )  # fmt: skip


def _steps(found: Differences) -> list[str]:
    """The table, its sums first, where they are seen; returns the paths of the chosen change."""
    quiet = _quiet()
    steps = list(found.costly if quiet else found.steps)
    groups = group_steps(steps)
    rows = list(map(_row, groups))
    added = {name: sum(row[name] for row in rows) for name in (*_SUMS, "elsewhere")}
    field = max((sum(step.delta.receptive_field[axis] for step in steps) for axis in (0, 1)), key=abs)
    rows.insert(0, {"change": "sum of all rows", **added, "field": field})
    told = "Changes and what each costs"
    table = _table(rows, told, key=_TABLE, on_select="rerun", selection_mode="single-row")
    left_out = f" ({found.describe_free()})" if quiet and found.free else ""
    shared = f", in {len(groups):,} rows" if len(groups) < len(steps) else ""
    sums = f"{format_signed(found.total.params)} parameters, {format_signed(found.total.macs)} MACs"
    st.caption(
        literal(
            f"{len(steps):,} of {len(found.steps):,} steps{left_out}{shared}, applied one after another from the top. "
            "Each is charged with what it causes in the layers behind it, so the sums are the differences of the "
            f"totals: {sums}. Choose a row to see where it is."
        )
    )
    picked = table.selection["rows"]
    if not picked or not 0 < picked[0] <= len(groups):
        return []
    group = groups[picked[0] - 1]
    if len(group.steps) > 1:
        with st.expander(f"Each of the {len(group.steps):,} changes of the chosen row", expanded=True):
            _table(list(map(_row, group.steps)), "Changes of the chosen row and what each costs")
    return [change.path for change in group.changes]


def _row(step: AttributedStep | StepGroup) -> dict[str, Any]:
    return {
        "change": cell(str(step)),
        **{name: getattr(step.delta, name) for name in _SUMS},
        "field": max(step.delta.receptive_field, key=abs),
        "elsewhere": step.elsewhere.macs,
    }


def _table(rows: list[dict[str, Any]], alt: str, **options: Any) -> Any:
    return st.dataframe(
        pd.DataFrame(rows).style.format(dict.fromkeys((*_SUMS, "field", "elsewhere"), _signed)),
        hide_index=True,
        height="auto" if len(rows) < 12 else 420,
        alt=alt,
        column_order=["change", *_SUMS, "field", "elsewhere"],
        column_config={
            "change": st.column_config.TextColumn("change", width="large"),
            "params": st.column_config.NumberColumn("Δ params", width=105),
            "macs": st.column_config.NumberColumn("Δ MACs", width=125),
            "training_bytes": st.column_config.NumberColumn("Δ training memory (bytes)"),
            "field": st.column_config.NumberColumn("Δ field (px)"),
            "elsewhere": st.column_config.NumberColumn("of that, MACs in other layers"),
        },
        **options,
    )


def _signed(value: Any) -> str:
    return format_signed(int(value))


def _marks(data: dict[str, Any], paths: list[str]) -> list[list[str]]:
    """For each network the blocks at, above or below one of these paths."""

    def touched(block: str) -> bool:
        return any(path == block or path.startswith(f"{block}/") or block.startswith(f"{path}/") for path in paths)

    cells = zip(*(stage["cells"] for stage in data["stages"]), strict=True)
    return [
        [block["path"] for each in column if each for block in each["blocks"] if touched(block["path"])]
        for column in cells
    ]
