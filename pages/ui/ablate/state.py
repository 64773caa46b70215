"""Which experiment a session looks at on the Ablate page, and the address of that."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer import experiments
from pages.ui.manager import manager
from pages.ui.page_state import Page, PageState, Parameter, first_state
from pages.ui.stored_work import begin_view, view_next

VIEW = "ablate_view"
RESULTS, NEW = "Experiments", "New ablation"


class AblateState(PageState):
    """What the Ablate page remembers."""

    experiment: str
    """Id of the experiment on the screen, '' for none."""
    active: bool
    """Whether one of its runs waited or worked when the page was last rendered as a whole."""
    stale: bool
    """Something was done within the part that is rendered every second, and the rest does not show it yet."""


def _read_experiment(text: str) -> None:
    if text:
        PAGE.state["experiment"] = experiments.get_experiment(manager(), text).id
        st.session_state[VIEW] = RESULTS


PAGE: Page[AblateState] = Page(
    "ablate",
    lambda: {**first_state(), "experiment": "", "active": False, "stale": False},
    (Parameter("experiment", _read_experiment, lambda: PAGE.state["experiment"]),),
)


def begin() -> None:
    """Take the experiment from the address; without one the newest, and without any the wizard."""
    PAGE.follow_address()
    known = [stored.id for stored in experiments.list_experiments(manager())]
    if PAGE.state["experiment"] not in known:
        PAGE.state["experiment"] = known[-1] if known else ""
    begin_view(VIEW, RESULTS if known else NEW)


def choose(experiment: str) -> None:
    """Show another experiment when the page is next rendered."""
    state = PAGE.act()
    state["experiment"], state["stale"] = experiment, True
    view_next(VIEW, RESULTS)


def run_action(action: Any, *arguments: Any, done: str = "") -> None:
    """Do what a button asks for; what cannot be done is told."""
    PAGE.state["stale"] = True
    PAGE.run_action(action, manager(), *arguments, done=done)
