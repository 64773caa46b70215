"""Which experiment a session looks at on the Ablate page, and the address of that."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer import experiments
from pages.ui.manager import manager
from pages.ui.text import literal

KEY = "ablate"
VIEW = "ablate_view"
RESULTS, NEW = "Experiments", "New ablation"


def begin() -> None:
    """Take the experiment from the address, where it asks for another than the last time."""
    here = st.session_state.setdefault(KEY, {"experiment": "", "address": "", "notice": None, "acted": False})
    asked = st.query_params.get("experiment", "")
    # What the visitor has just done is newer than the address that came with it.
    if asked and asked != here["address"] and not here["acted"]:
        here["address"] = asked
        try:
            here["experiment"] = experiments.get_experiment(manager(), asked).id
            st.session_state[VIEW] = RESULTS
        except ValueError as error:
            say("error", f"The address could not be opened: {error}.")
    here["acted"] = False
    known = [stored.id for stored in experiments.list_experiments(manager())]
    if here["experiment"] not in known:
        here["experiment"] = known[-1] if known else ""
    st.session_state.setdefault(VIEW, RESULTS if known else NEW)


def choose_view() -> None:
    """Experiments, or the wizard for a new one."""
    st.segmented_control(
        "View", [RESULTS, NEW], key=VIEW, required=True, label_visibility="collapsed", persist_state="session"
    )


def show_notice() -> None:
    """What there is to tell."""
    told = st.session_state[KEY]["notice"]
    if told:
        getattr(st, told["kind"])(literal(told["text"]))


def write_address() -> None:
    """Bring the address up to the screen."""
    here = st.session_state[KEY]
    here["address"] = here["experiment"]
    wanted = {"experiment": here["experiment"]} if here["experiment"] else {}
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def selected_experiment() -> str:
    """The experiment on the screen, '' for none."""
    return st.session_state[KEY]["experiment"]  # type: ignore[no-any-return]


def choose(experiment: str) -> None:
    """Show another experiment."""
    st.session_state[KEY].update(experiment=experiment, notice=None, acted=True, stale=True)
    st.session_state[VIEW] = RESULTS


def say(kind: str, text: str) -> None:
    """Tell the visitor something with the next picture: kind 'error', 'warning', 'info' or 'success'."""
    st.session_state[KEY]["notice"] = {"kind": kind, "text": text}


def run_action(what: Any, *arguments: Any, said: str = "") -> None:
    """Do what a button asks; what cannot be done is said."""
    st.session_state[KEY].update(notice=None, acted=True, stale=True)
    try:
        what(manager(), *arguments)
    except ValueError as error:
        say("error", f"{error}.")
    else:
        if said:
            say("success", said)
