"""Which search a session looks at on the Search page, which of its trials, and the address of that."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer import search
from pages.ui.manager import manager
from pages.ui.page_state import Page, PageState, Parameter, first_state
from pages.ui.stored_work import begin_view, view_next

VIEW = "search_view"
RESULTS, NEW = "Searches", "New search"


class SearchState(PageState):
    """What the Search page remembers."""

    search: str
    """Id of the search on the screen, '' for none."""
    trial: str
    """Number of the trial that was chosen in it, '' for none."""
    active: bool
    """Whether something in it was due when the page was last rendered as a whole."""
    stale: bool
    """Something was done within the part that is rendered every second, and the rest does not show it yet."""


def _read_search(text: str) -> None:
    if text:
        PAGE.state["search"] = search.get_search(manager(), text).id
        st.session_state[VIEW] = RESULTS


def _read_trial(text: str) -> None:
    PAGE.state["trial"] = text if text.isdecimal() and len(text) < 6 else ""


PAGE: Page[SearchState] = Page(
    "search",
    lambda: {**first_state(), "search": "", "trial": "", "active": False, "stale": False},
    (
        Parameter("search", _read_search, lambda: PAGE.state["search"]),
        Parameter("trial", _read_trial, lambda: PAGE.state["trial"]),
    ),
)


def begin() -> None:
    """Take the search from the address; without one the newest, and without any the form."""
    PAGE.follow_address()
    known = [stored.id for stored in list_shown()]
    if PAGE.state["search"] not in known:
        PAGE.state["search"] = known[-1] if known else ""
    begin_view(VIEW, RESULTS if known else NEW)


def list_shown() -> list[search.StoredSearch]:
    """The searches, oldest first; a random baseline is shown with the search that is compared with it."""
    known = search.list_searches(manager())
    baselines = {each.search.baseline for each in known}
    return [each for each in known if each.id not in baselines]


def choose(name: str) -> None:
    """Show another search when the page is next rendered."""
    here = PAGE.act()
    here["search"], here["trial"], here["stale"] = name, "", True
    view_next(VIEW, RESULTS)


def choose_trial(number: object) -> None:
    """Show one trial of it; a second time, none."""
    if isinstance(number, str) and number.isdecimal():
        show_trial("" if PAGE.state["trial"] == number else number)


def show_trial(number: str) -> None:
    """Show one trial of it, '' for none; the address follows."""
    here = PAGE.act()
    here["trial"], here["stale"] = number, True


def run_action(action: Any, *arguments: Any, done: str = "") -> None:
    """Do what a button asks for; what cannot be done is told."""
    PAGE.state["stale"] = True
    PAGE.run_action(action, manager(), *arguments, done=done)
