"""The buttons that steer a run. Requests go to the store, so that every browser may steer and sees the result."""

from __future__ import annotations

from functools import partial

import streamlit as st

from explorer import training
from explorer.export import Subject
from explorer.inspection import BEST
from explorer.runs import FORMATS, RESUMABLE, Run, RunFolder, export_zip, list_best, list_checkpoints
from pages.ui import export, sharing
from pages.ui.downloads import download_button
from pages.ui.manager import manager

from . import state
from .settings import parse_whole

_WIDTH = 120
"""Of a button, in pixels: enough for all that it ever says."""


def buttons(run: Run) -> None:
    """What can be done with a run as it is now.

    Every button keeps its place and size, for a hand that reaches for it while the run changes its state. Of a run that
    is over for good those that steer it are gone: what takes their place opens something, and does nothing by itself.
    """
    if not sharing.may_change(run.owner):
        _offer_model(run)
        with st.popover("More", icon=":material/more_horiz:", key="more"):
            _offer_clone(run)
            _export(run)
        return
    if run.status not in ("finished", "lost"):
        _steer(run)
    _offer_model(run)
    _more(run)


def _steer(run: Run) -> None:
    runs = manager()
    running, requested = run.status == "running", run.requested_action
    pausing, stopping = requested == "pause", requested == "stop"
    st.button(
        "Pausing …" if running and pausing else "Pause", icon=":material/pause:", key="pause", width=_WIDTH,
        disabled=not running or requested != "run", on_click=state.PAGE.run_action, args=(runs.pause, run.id),
        help="Write a checkpoint and give the device up.",
    )  # fmt: skip
    resumable = run.status in RESUMABLE
    st.button(
        "Resume", icon=":material/play_arrow:", key="resume", width=_WIDTH, disabled=not resumable,
        type="primary" if resumable else "secondary", on_click=state.PAGE.run_action, args=(runs.resume, run.id),
        help="Go on from the last checkpoint.",
    )  # fmt: skip
    st.button(
        "Stopping …" if running and stopping else "Stop", icon=":material/stop:", key="stop", width=_WIDTH,
        disabled=not (run.active or run.status in ("paused", "interrupted")) or (running and stopping),
        on_click=state.PAGE.run_action, args=(runs.stop, run.id), help="End the run; its checkpoint stays.",
    )  # fmt: skip


def _more(run: Run) -> None:
    with st.popover("More", icon=":material/more_horiz:", key="more"):
        if not run.active and manager().has_folder(run):
            if manager().store.trial_of(run.id) is not None:
                st.caption(
                    "It belongs to an ablation or a search: with more epochs than planned it no longer counts there."
                )
            with st.container(horizontal=True, vertical_alignment="bottom"):
                st.text_input("Epochs to add", "5", key=f"extend_by_{run.id}", max_chars=40, width=130)
                st.button("Extend", icon=":material/add:", key="extend", on_click=_extend, args=(run,))
        _offer_clone(run)
        _offer_sharing(run)
        _export(run)
        with st.form(key=f"notes_{run.id}", border=False):
            name = st.text_input("Title", run.name, max_chars=120)
            tags = st.text_input("Tags, with commas between", ", ".join(run.tags), max_chars=300)
            notes = st.text_area("Notes", run.notes, max_chars=10_000, height=90)
            if st.form_submit_button("Save", icon=":material/save:"):
                found = [tag.strip()[:60] for tag in tags.split(",") if tag.strip()]
                state.PAGE.run_action(
                    manager().annotate, run.id, name=name.strip() or run.name, notes=notes, tags=found, done="Saved."
                )
                st.rerun()
        if not run.active:
            sure = st.checkbox("Delete it with its curves and checkpoints", key=f"sure_{run.id}")
            st.button(
                "Delete for good", icon=":material/delete:", key="delete", disabled=not sure, on_click=_delete,
                args=(run,),
            )  # fmt: skip


def _offer_clone(run: Run) -> None:
    st.button(
        "Clone into the form", icon=":material/content_copy:", key="clone", on_click=_clone, args=(run,),
        help="Fills the form New run with this run's network and settings, to be changed and started.",
    )  # fmt: skip


def _offer_sharing(run: Run) -> None:
    if sharing.is_shared_alone(run.id):
        sharing.offer(
            f"share_{run.id}", run.owner, run.shared,
            lambda shared: state.PAGE.run_action(manager().share, run.id, shared),
        )  # fmt: skip


def _extend(run: Run) -> None:
    """Train as many epochs more as the field says at the moment of the click."""
    state.PAGE.run_action(
        lambda: training.extend(manager(), run.id, parse_whole(st.session_state[f"extend_by_{run.id}"]))
    )


def _export(run: Run) -> None:
    forms = {"tensorboard": "TensorBoard", "csv": "CSV", "json": "JSON"}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        form = st.selectbox(
            "Export", FORMATS, key="export_as", format_func=forms.__getitem__, width=130,
            help="Everything that was recorded: event files for TensorBoard, or one row a step.",
        )  # fmt: skip
        # The file is made when it is asked for: a long run has many points.
        store = manager().store
        download_button(
            "Download", lambda: export_zip(store, [run], form or "csv"), f"{run.id}-{form}.zip", "application/zip",
            icon=":material/download:", key="export", what=f"run {run.id}",
        )  # fmt: skip


def _offer_model(run: Run) -> None:
    """The network with what it has learnt, as other programs read it."""
    folder = RunFolder(manager().root, run.id).checkpoints
    newest, best = list_checkpoints(folder), list_best(folder)
    if newest:
        names = {"the best epoch": f"{run.id}@{BEST}"} if best else {}
        names["the newest checkpoint"] = run.id
        subjects = {title: partial(_open_model, name) for title, name in names.items()}
        export.offer(f"export_model_{run.id}", subjects, has_weights=True, what=f"run {run.id}")


def _open_model(name: str) -> Subject:
    from explorer.inspection.opening import open_model

    return Subject.of_model(open_model(name, manager()), export.find_recipe(name))


def _delete(run: Run) -> None:
    state.choose([name for name in state.selected_runs() if name != run.id])
    state.PAGE.run_action(manager().delete, run.id, done=f"{run.name} is deleted.")


def _clone(run: Run) -> None:
    st.session_state["train_clone"] = {"architecture": run.architecture, "config": run.config, "run": run.id}
