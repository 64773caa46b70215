"""All runs: filtered, the best first where asked, with the boxes that put them into the picture."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import pandas as pd
import streamlit as st

from explorer.runs import Manager, Run, series
from explorer.text import format_duration
from explorer.training import ExpectedStart, MeasuredNetwork, expect_starts, measure_networks
from pages.ui import sharing
from pages.ui.absence import follow
from pages.ui.manager import manager
from pages.ui.text import cell, key_of_rows, number_column, read_picked

from . import state
from .run_text import STATES

_TABLE = "runs_table"
FIRST_ROWS = 200
"""As many rows go to the browser until all are asked for: thousands are a megabyte that few look at."""
_PATIENCE_SECONDS = 0.3
"""How long a look measures networks that nobody has measured before: of thousands the others follow, bit by bit."""


def show(runs: list[Run], *, active: bool) -> None:
    """The table, now and then anew while a run works.

    Args:
        runs: All of them as the page has just read them.
        active: Whether any run works.
    """
    just_read, pending = [runs], _measure(runs)

    def look() -> None:
        _table(list(reversed(just_read.pop() if just_read else manager().runs())))

    follow(look, 3.0 if active else None)
    if pending:
        follow(_measure_on, 1.0)


def _measure_on() -> None:
    """Go on measuring the networks of a large old store beside the table, which shows them when all are known."""
    if not _measure(manager().runs()):
        st.rerun()


def _measure(runs: list[Run]) -> bool:
    """Measure networks for a moment, the newest first. Returns whether some are left."""
    texts = {run.architecture: None for run in reversed(runs)}
    return len(measure_networks(manager().store, texts, seconds=_PATIENCE_SECONDS)) < len(texts)


def _table(runs: list[Run]) -> None:
    if not runs:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="runs_head"):
        st.header("All runs", anchor=False, width="content")
        words = st.text_input(
            "Filter", key="runs_search", placeholder="name, data, tag, state: inception, digits, finished ...",
            label_visibility="collapsed",
        ).lower().split()  # fmt: skip
        mine = sharing.choose_mine("runs_mine")
        best = st.toggle("Best first", key="runs_best", help="By test accuracy after the last epoch.")
        accuracies = manager().store.last_values(series.TEST_ACCURACY)
        found = [run for run in runs if not mine or sharing.is_mine(run.owner)]
        if words:
            rows = zip(found, records(found, accuracies), strict=True)
            found = [run for run, row in rows if all(word in _words(row) for word in words)]
        if best:
            found.sort(key=lambda run: -accuracies.get(run.id, -1.0))
        whole = len(found) <= FIRST_ROWS or st.toggle(
            "All rows", key="runs_all", help=f"Else the first {FIRST_ROWS} and those that are ticked. Filter and Best "
            "first go through all runs either way; a click on a column's name sorts the rows that are shown.",
        )  # fmt: skip
    chosen = state.selected_runs()
    shown = found if whole else [run for place, run in enumerate(found) if place < FIRST_ROWS or run.id in chosen]
    names = [run.id for run in shown]
    selected = [names.index(name) for name in chosen if name in names]

    key = key_of_rows(_TABLE, names)

    def pick() -> None:
        rows = read_picked(key, len(names))
        picked = [names[row] for row in rows]
        # What was in the picture keeps its place and colour; what a filter hides stays in it.
        kept = [name for name in state.selected_runs() if name in picked or name not in names]
        added = [name for name in picked if name not in kept]
        state.choose([*added, *kept] if len(picked) == 1 else [*kept, *added])
        st.session_state["runs_picked"] = True

    st.session_state[key] = {"selection": {"rows": selected, "columns": [], "cells": []}}
    with st.container(key=_TABLE):
        st.dataframe(
            pd.DataFrame(records(shown, accuracies)),
            key=key,
            on_select=pick,
            selection_mode="multi-row",
            hide_index=True,
            height="auto" if len(shown) < 9 else 360,
            alt="Table of all runs",
            placeholder="–",
            column_config={
                "test accuracy": number_column(digits=2, unit="%"),
                "progress": st.column_config.ProgressColumn(
                    format="%.0f %%", min_value=0, max_value=100, width="small"
                ),
                "params": number_column(),
                "seed": st.column_config.NumberColumn(width="small"),
            },
        )
    told = f"{len(found):,} of {len(runs):,} runs"
    if len(shown) < len(found):
        told += f", of which {len(shown):,} are shown: narrow them by the filter, or turn on All rows"
    st.caption(
        f"{told}. Ticked runs are drawn together, up to {state.MAX_RUNS}; the first is shown in detail. Test accuracy "
        "after the last whole epoch, in percent. The toolbar of the table saves its rows as CSV."
    )
    if st.session_state.pop("runs_picked", False):
        st.rerun()  # the picture above belongs to the page, not to this part of it


def records(runs: list[Run], accuracies: Mapping[str, float] | None = None) -> list[dict[str, Any]]:
    """The rows of the table; of networks that are still to be measured without numbers.

    Args:
        runs: In the order of the rows.
        accuracies: The last of each run that has one; None: they are read.

    Returns:
        A row for each run.
    """
    found = manager()
    if accuracies is None:
        accuracies = found.store.last_values(series.TEST_ACCURACY)
    networks = measure_networks(found.store, (run.architecture for run in runs), seconds=0.0)
    names, turns = sharing.list_names(), expect_starts(found)
    rows = [
        _record(found, run, accuracies.get(run.id), networks.get(run.architecture), turns.get(run.id)) for run in runs
    ]
    if names:
        for row, run in zip(rows, runs, strict=True):
            row["owner"] = cell(f"{sharing.name_owner(run.owner, names)}{' (shared)' if run.shared else ''}")
    return rows


def _record(
    manager: Manager, run: Run, accuracy: float | None, network: MeasuredNetwork | None, turn: ExpectedStart | None
) -> dict[str, Any]:
    state = STATES[run.status][0] if manager.is_responding(run) else "not responding"
    return {
        "name": cell(run.name),
        "state": f"waiting: {turn.describe(brief=True)}" if turn else state,
        "test accuracy": None if accuracy is None else 100 * accuracy,
        "progress": 100 * min(1.0, run.step / run.steps) if run.steps else 0.0,
        "epochs": f"{run.epoch:,}/{run.setting('epochs'):,}",
        "data": run.setting("dataset"),
        "seed": run.setting("seed"),
        "params": network and network.numbers.get("params"),
        "time": format_duration(run.seconds),
        "device": run.device if manager.owns(run) else cell(f"{run.device} on {run.host}".strip()),
        "tags": cell(", ".join(run.tags)),
        "created": _format_minute(run.created // 60),
        "run": run.id,
    }


@lru_cache(maxsize=20_000)  # it takes longer than the rest of a row
def _format_minute(minutes: float) -> str:
    return f"{datetime.fromtimestamp(60 * minutes).astimezone():%Y-%m-%d %H:%M}"


def _words(record: dict[str, Any]) -> str:
    keys = ("name", "state", "data", "device", "tags", "run", "owner")
    return " ".join(str(record.get(key, "")) for key in keys).lower()
