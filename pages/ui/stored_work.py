"""What pages share that show one of several things of the run store, or the form for a new one: ablations, searches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import streamlit as st

from . import sharing
from .text import tell_apart

_NEXT = "{}_next"


def begin_view(key: str, usual: str) -> None:
    """Take the view that was asked for by ``view_next``, before the widget of this key is made; at first the usual one.

    Args:
        key: Of the widget.
        usual: What is shown where nobody has chosen.
    """
    if _NEXT.format(key) in st.session_state:
        st.session_state[key] = st.session_state.pop(_NEXT.format(key))
    st.session_state.setdefault(key, usual)


def view_next(key: str, view: str) -> None:
    """Have another view shown when the page is next rendered."""
    st.session_state[_NEXT.format(key)] = view


def choose_view(key: str, views: list[str]) -> None:
    """The widget that chooses a view."""
    st.segmented_control("View", views, key=key, required=True, label_visibility="collapsed", persist_state="session")


def choose_other(
    what: str, known: Iterable[tuple[str, str, float]], shown: str, choose: Callable[[str], None]
) -> None:
    """The widget that shows another one; nothing where there is no other.

    Args:
        what: What they are, such as 'Search'.
        known: For each its id, its name and when it was begun, oldest first.
        shown: The id of the one on the screen.
        choose: Called with the id of the chosen one.
    """
    begun = {id_: (name, datetime.fromtimestamp(at).astimezone()) for id_, name, at in reversed(list(known))}
    if len(begun) < 2:
        return
    key = f"{what.lower()}_pick"
    owners = sharing.name_owners_of_experiments()
    if any(owner != sharing.YOU for owner in owners.values()) and sharing.choose_mine(f"{key}_mine"):
        begun = {id_: each for id_, each in begun.items() if owners.get(id_) == sharing.YOU or id_ == shown}

    def describe(id_: str) -> str:
        name, at = begun[id_]
        owner = owners.get(id_, sharing.YOU)
        return f"{name} · {at:%Y-%m-%d %H:%M}{'' if owner == sharing.YOU else f' · of {owner}'}"

    titles = tell_apart({id_: describe(id_) for id_ in begun})

    st.session_state[key] = shown
    st.selectbox(
        what, list(titles), key=key, format_func=titles.__getitem__,
        on_change=lambda: choose(st.session_state[key]), label_visibility="collapsed", width=320,
    )  # fmt: skip
