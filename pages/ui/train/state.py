"""What a session looks at on the Train page: which runs, and how their curves are drawn; and the address of that."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer.runs import Run, validate_run_id
from pages.ui.manager import manager

MAX_RUNS = 8
"""Runs in one picture: as many as there are colours."""
AXES = ("step", "epoch", "second")
_VIEW: dict[str, Any] = {"x": "epoch", "smooth": 0.0, "log": False}


def begin() -> None:
    """Take the runs and the view from the address, where it asks for others than the last time."""
    state = st.session_state
    if "train" not in state:
        state["train"] = {"runs": [], "view": dict(_VIEW), "address": None, "notice": None, "acted": False}
    here = state["train"]
    asked = {key: st.query_params.get(key, "") for key in ("run", "view")}
    # What the visitor has just done is newer than the address that came with it.
    if asked != here["address"] and not here["acted"] and any(asked.values()):
        here["runs"], here["view"], here["address"] = _parse_runs(asked["run"]), _parse_view(asked["view"]), asked
    here["acted"] = False
    if not here["runs"]:
        here["runs"] = _default_runs()


def _parse_runs(text: str) -> list[str]:
    """The runs that an address names; a sentence about the first one that is none."""
    found: list[str] = []
    for part in filter(None, text.split(",")):
        try:
            found.append(manager().store.get(validate_run_id(part)).id)
        except ValueError as error:
            say("error", f"The address could not be opened as a whole: {error}.")
    return list(dict.fromkeys(found))[:MAX_RUNS]


def _default_runs() -> list[str]:
    """What is going on, else what went on last."""
    runs = manager().store.runs()
    working = [run.id for run in runs if run.status == "running"]
    return (working or [run.id for run in runs if run.active] or [run.id for run in runs])[-1:]


def _parse_view(text: str) -> dict[str, Any]:
    parts = text.split("-") if text else []
    view = dict(_VIEW)
    for part in parts:
        if part in AXES:
            view["x"] = part
        elif part == "log":
            view["log"] = True
        elif part.isdecimal() and int(part) < 100:
            view["smooth"] = int(part) / 100
    return view


def _format_view(view: dict[str, Any]) -> str:
    parts = [view["x"]] if view["x"] != _VIEW["x"] else []
    parts += [f"{round(100 * view['smooth'])}"] if view["smooth"] else []
    return "-".join([*parts, *(["log"] if view["log"] else [])])


def write_address() -> None:
    """Bring the address up to the screen."""
    here = st.session_state["train"]
    here["address"] = {"run": ",".join(here["runs"]), "view": _format_view(here["view"])}
    wanted = {key: value for key, value in here["address"].items() if value}
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def selected_runs() -> list[str]:
    """The runs in the picture; the first is the one that is shown in detail."""
    return st.session_state["train"]["runs"]  # type: ignore[no-any-return]


def choose(runs: list[str]) -> None:
    """Show these runs."""
    st.session_state["train"].update(runs=list(dict.fromkeys(runs))[:MAX_RUNS], acted=True)


def view() -> dict[str, Any]:
    """How the curves are drawn: x, smooth, log."""
    return st.session_state["train"]["view"]  # type: ignore[no-any-return]


def set_view(wanted: Any) -> None:
    """Draw the curves as the visitor asked."""
    if isinstance(wanted, dict):
        smooth = wanted.get("smooth")
        st.session_state["train"]["view"] = {
            "x": wanted.get("x") if wanted.get("x") in AXES else _VIEW["x"],
            "smooth": min(0.99, max(0.0, float(smooth))) if isinstance(smooth, int | float) else 0.0,
            "log": wanted.get("log") is True,
        }
        st.session_state["train"]["acted"] = True


def say(kind: str, text: str) -> None:
    """Tell the visitor something with the next picture: kind 'error', 'warning', 'info' or 'success'."""
    st.session_state["train"]["notice"] = {"kind": kind, "text": text}


def steps_per_epoch(run: Run) -> float:
    """Updates in an epoch of a run; 1 before it has started."""
    return max(1.0, run.steps / max(1, int(run.setting("epochs"))))
