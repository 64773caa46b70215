"""The buttons that steer an experiment as one. What they ask goes to the store, so any browser may ask."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from explorer import experiments
from explorer.experiments import StoredExperiment
from explorer.runs import Manager
from pages.ui import sharing
from pages.ui.downloads import download_button
from pages.ui.manager import manager

from . import state


def buttons(stored: StoredExperiment, counts: dict[str, int], *, resumable: int) -> None:
    """What can be done with an experiment as it is now; ``counts`` are its runs by state."""
    row = manager().store.experiments.get(stored.id, "experiment")
    if not sharing.may_change(row.owner):
        with st.popover("More", icon=":material/more_horiz:", key="experiment_more"):
            _download(stored)
        return
    active = counts.get("queued", 0) + counts.get("running", 0)
    if active:
        st.button(
            "Pause", icon=":material/pause:", key="experiment_pause", on_click=state.run_action,
            args=(experiments.pause, stored.id), help="Write checkpoints and give the device up.",
        )  # fmt: skip
    if resumable:
        st.button(
            "Resume", icon=":material/play_arrow:", key="experiment_resume", on_click=state.run_action,
            args=(experiments.resume, stored.id),
            help=f"Go on with {resumable} runs: paused, stopped, interrupted, failed or deleted ones.",
        )  # fmt: skip
    if active or counts.get("paused") or counts.get("interrupted"):
        st.button(
            "Stop", icon=":material/stop:", key="experiment_stop", on_click=state.run_action,
            args=(experiments.stop, stored.id), help="End all its runs; what has finished stays.",
        )  # fmt: skip
    with st.popover("More", icon=":material/more_horiz:", key="experiment_more"):
        _seeds(stored)
        _download(stored)
        sharing.offer(
            f"experiment_share_{stored.id}", row.owner, row.shared,
            lambda shared: state.run_action(lambda runs: runs.share_experiment(stored.id, shared)),
        )  # fmt: skip
        if not active:
            sure = st.checkbox("Delete it with its runs", key=f"experiment_sure_{stored.id}")
            st.button(
                "Delete for good", icon=":material/delete:", key="experiment_delete", disabled=not sure,
                on_click=state.run_action, args=(experiments.delete, stored.id),
                kwargs={"done": f"{stored.experiment.name} is deleted."},
            )  # fmt: skip


def _seeds(stored: StoredExperiment) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        highest = max(stored.experiment.seeds)
        key = f"more_seeds_{stored.id}_{highest}"
        st.text_input("Further seeds", f"{highest + 1}", key=key, width=160)
        st.button(
            "Train them too", icon=":material/add:", key="experiment_seeds", on_click=_add_seeds, args=(stored.id, key)
        )


def _add_seeds(experiment: str, key: str) -> None:
    """Train from the seeds that the field holds at the moment of the click."""
    try:
        seeds = experiments.parse_seeds(st.session_state[key])
    except ValueError as error:
        state.PAGE.act()
        state.PAGE.tell("error", str(error))
    else:
        state.run_action(experiments.add_seeds, experiment, seeds)


def _download(stored: StoredExperiment) -> None:
    """The files are made when they are asked for, from what is known then."""
    with st.container(horizontal=True):
        for form, make, mime in (
            ("CSV", experiments.to_csv, "text/csv"),
            ("Markdown", experiments.to_markdown, "text/markdown"),
        ):
            download_button(
                form, partial(_make_file, manager(), make, stored),
                f"ablation-{stored.id}.{'csv' if form == 'CSV' else 'md'}", mime,
                icon=":material/download:", key=f"ablation_{form.lower()}", what=f"experiment {stored.id}",
            )  # fmt: skip


def _make_file(runs: Manager, make: Callable[..., str], stored: StoredExperiment) -> str:
    rows = experiments.collect_results(runs, stored)
    return make(stored, rows, experiments.draw_conclusions(runs, stored, rows))
