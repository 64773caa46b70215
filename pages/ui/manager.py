"""The runs of this server: one manager and one memory of curves for all sessions."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from explorer.home import home
from explorer.runs import AlreadyManaged, History, Manager, Status
from explorer.search import Driver
from explorer.training import find_platform_problem, open_manager

from .absence import follow
from .people import visitor
from .text import literal


@st.cache_resource(max_entries=1, show_spinner=False)
def _open_cached(root: str, url: str | None) -> tuple[Manager, History]:
    found = open_manager(Path(root), url)
    return found, History(found.store)


_opened: dict[tuple[str, str | None], tuple[Manager, History]] = {}
"""What was opened last: Streamlit's cache takes ten times as long to find it, two dozen times a page."""


def _open() -> tuple[Manager, History]:
    where = str(home()), os.environ.get("EXPLORER_DATABASE_URL") or None
    found = _opened.get(where)
    if found is None:
        _opened.clear()
        found = _opened[where] = _open_cached(*where)
    return found


@st.cache_resource(max_entries=1, show_spinner=False)
def _drive_cached(root: str, url: str | None) -> Driver:
    driver = Driver(_open_cached(root, url)[0])
    driver.start()
    return driver


def search_driver() -> Driver:
    """What lets the searches go on as long as this server lives."""
    return _drive_cached(str(home()), os.environ.get("EXPLORER_DATABASE_URL") or None)


def manager() -> Manager:
    """The manager as the visitor may use it; it supervises the runs unless another program does.

    Raises ValueError if nothing can be stored, or nobody is signed in where somebody must be.
    """
    person = visitor()
    try:
        whole = _open()[0]
    except OSError as error:
        raise ValueError(
            f"the data of the runs cannot be written: {error.strerror or error} ({error.filename}); "
            f"EXPLORER_HOME names another folder"
        ) from None
    return whole if person is None else whole.act_for(person)


def history() -> History:
    """The curves that were read lately, of runs that the visitor may look at."""
    person = visitor()
    return _open()[1] if person is None else _open()[1].read_by(manager().store)


def require_manager(title: str, otherwise: str) -> list[str]:
    """Open the store for a page and look after the runs.

    Where nothing can be stored, the page ends here: it shows its title and ``otherwise`` with the reason.

    Returns:
        Sentences that the page has to show.
    """
    try:
        return [*manager().messages, *filter(None, [supervise()])]
    except ValueError as error:
        st.title(title)
        if getattr(error, "away", False):
            raise
        st.error(literal(f"{otherwise}: {error}."))
        st.stop()


def require_training(title: str) -> None:
    """End a page that trains where that is not possible: it shows its title and the reason."""
    if problem := find_platform_problem():
        st.title(title)
        st.info(literal(f"{problem[0].upper()}{problem[1:]}. Design, Compare and Inspect work here."))
        st.stop()


def show_warnings(sentences: list[str]) -> None:
    """What ``require_manager`` has to tell."""
    for sentence in sentences:
        st.warning(literal(sentence), icon=":material/info:")


def supervise() -> str:
    """Look after the runs from now on, if nobody does; otherwise a sentence that says who does."""
    found = manager()
    search_driver()
    if found.supervising:
        return ""
    try:
        found.supervise(patience=0.1)
    except AlreadyManaged as error:
        return f"Runs can be watched and asked for here, but another program starts them: {error}."
    except OSError as error:  # a full disk: what makes room again must remain possible
        return f"Runs can be watched and deleted here, but not started: {error.strerror or error}."
    return ""


def follow_others() -> None:
    """On a page that shows runs of which none works: look now and then whether somebody has begun something."""
    before: dict[str, Status] | None = None

    def look() -> None:
        nonlocal before
        now = manager().store.statuses()
        if before is None:  # with the page
            before = now
        elif now != before:
            st.rerun()

    follow(look, 2.0)
