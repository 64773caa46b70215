"""What training runs of the compared networks have reached: accuracy, and the curves over one another."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer import experiments, figures
from explorer.comparison import LETTERS
from explorer.experiments import RunAccuracy
from explorer.runs import Run
from pages.ui.components import mount
from pages.ui.manager import manager
from pages.ui.text import cell, number_column
from pages.ui.train.run_text import curve_panels, list_titles
from pages.ui.train.state import check_view

from . import state
from .entries import Entry

MAX_RUNS = 8
"""Runs in one picture."""


def find_runs(entries: tuple[Entry, ...]) -> list[tuple[int, Run]]:
    """(place of the network, run), network by network; the run that an entry names before all others of its network."""
    try:
        found = experiments.find_runs(manager(), [entry.architecture for entry in entries])
    except ValueError:  # nothing can be stored here, so nothing was
        return []
    own = {(place, entry.origin.removeprefix("run:")) for place, entry in enumerate(entries)}
    return sorted(found, key=lambda each: (each[0], (each[0], each[1].id) not in own))


def load_results(entries: tuple[Entry, ...]) -> list[RunAccuracy]:
    """What they have reached."""
    found = find_runs(entries)
    return experiments.collect_accuracies(manager(), found) if found else []


def show(entries: tuple[Entry, ...]) -> None:
    """Nothing where there is no run of any of the networks."""
    found = find_runs(entries)
    if not found:
        st.caption(
            "None of these networks has been trained here. Where there are runs, their accuracy and curves stand here."
        )
        return
    with st.container(border=True, key="compare_learnt"):
        shown = found[:MAX_RUNS]
        runs = [run for _, run in shown]
        data = figures.lay_out_curves(list_titles(runs), curve_panels(runs))
        for (place, _), run in zip(shown, data["runs"], strict=True):
            run["title"] = f"{LETTERS[place]} · {run['title']}"
            run["colour"] = figures.LINES[place]._asdict()  # the network's; markers tell its runs apart
        mount("curves", "compare_curves", {**data, "view": state.PAGE.state["view"]}, view=_keep_view)
        rows = [
            {
                "network": LETTERS[each.place],
                "run": cell(each.run),
                "data": cell(each.data),
                "seed": each.seed,
                "epochs": each.epochs,
                "test accuracy": 100 * each.accuracy[-1],
                "best": 100 * max(each.accuracy),
            }
            for each in experiments.collect_accuracies(manager(), found)
        ]
        if rows:
            number = number_column(digits=2, unit="%")
            st.dataframe(
                rows, key="compare_accuracy", hide_index=True, alt="Accuracy of the runs",
                column_config={"test accuracy": number, "best": number},
            )  # fmt: skip
        more = f" Curves of the first {MAX_RUNS} of {len(found)} runs." if len(found) > MAX_RUNS else ""
        st.caption(
            "Test accuracy after the last whole epoch. The best epoch is chosen by the test images themselves, so it "
            f"flatters. Chance is every class guessed equally often.{more}"
        )


def _keep_view(wanted: Any) -> None:
    if isinstance(wanted, dict):
        state.PAGE.state["view"] = check_view(wanted)
