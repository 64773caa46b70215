"""Which challenge a session looks at on the page Challenges, which entry of its board, and the address of that."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer import challenges
from pages.ui.manager import manager
from pages.ui.page_state import Page, PageState, Parameter, first_state
from pages.ui.stored_work import begin_view, view_next

VIEW = "challenge_view"
BOARD, NEW = "Boards", "New challenge"


class ChallengeState(PageState):
    """What the page remembers."""

    challenge: str
    """Id of the challenge on the screen, '' for none."""
    entry: str
    """Id of the entry that was chosen on its board, '' for none."""
    stale: bool
    """Something was done within the part that is rendered by itself, and the rest does not show it yet."""


def _read_challenge(text: str) -> None:
    if text:
        PAGE.state["challenge"] = challenges.get_challenge(manager(), text).id
        st.session_state[VIEW] = BOARD


def _read_entry(text: str) -> None:
    PAGE.state["entry"] = text


PAGE: Page[ChallengeState] = Page(
    "challenges",
    lambda: {**first_state(), "challenge": "", "entry": "", "stale": False},
    (
        Parameter("challenge", _read_challenge, lambda: PAGE.state["challenge"]),
        Parameter("entry", _read_entry, lambda: PAGE.state["entry"]),
    ),
)


def begin() -> None:
    """Take the challenge from the address; without one the newest, and without any the form."""
    PAGE.follow_address()
    known = [stored.id for stored in challenges.list_challenges(manager())]
    if PAGE.state["challenge"] not in known:
        PAGE.state["challenge"] = known[-1] if known else ""
    begin_view(VIEW, BOARD if known else NEW)


def choose(name: str) -> None:
    """Show another challenge when the page is next rendered."""
    here = PAGE.act()
    here["challenge"], here["entry"], here["stale"] = name, "", True
    view_next(VIEW, BOARD)


def choose_entry(name: object) -> None:
    """Show one entry of the board; a second time, none. The address follows."""
    if isinstance(name, str):
        here = PAGE.act()
        here["entry"], here["stale"] = "" if here["entry"] == name else name, True


def run_action(action: Any, *arguments: Any, done: str = "", **fields: Any) -> None:
    """Do what a button asks for; what cannot be done is told."""
    PAGE.run_action(action, manager(), *arguments, done=done, **fields)
    PAGE.state["stale"] = True
