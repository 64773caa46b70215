"""Whose something is, and whether others may look: on a server that several people share, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from .manager import manager
from .people import visitor

YOU = "you"
"""The visitor's own name as an owner."""


def may_change(owner: str) -> bool:
    """Whether the visitor may change what somebody owns; everybody may where nobody signs in."""
    person = visitor()
    return person is None or person.may_change(owner)


def is_mine(owner: str) -> bool:
    """Whether it is the visitor's own; everything is where nobody signs in."""
    person = visitor()
    return person is None or owner == person.id


def list_names() -> dict[str, str]:
    """The names of all owners by their ids; {} where nobody signs in."""
    return {} if visitor() is None else manager().store.people.names()


def name_owner(owner: str, names: dict[str, str]) -> str:
    """Who owns something, in a word; '' where nobody signs in.

    Args:
        owner: The id, '' for what was made without sign-in.
        names: As ``list_names`` gives them.
    """
    person = visitor()
    if person is None:
        return ""
    if not owner:
        return "everybody"
    return YOU if owner == person.id else names.get(owner, "somebody")


def name_owners_of_experiments() -> dict[str, str]:
    """Who owns each experiment and search that the visitor may see; {} where nobody signs in."""
    if visitor() is None:
        return {}
    names = list_names()
    return {row.id: name_owner(row.owner, names) for row in manager().store.experiments.all()}


def describe(owner: str, shared: bool) -> list[str]:
    """Whose it is and who sees it, as facts of a line; none where nobody signs in, or it is the visitor's alone."""
    if visitor() is None or (is_mine(owner) and not shared):
        return []
    return [f"of {name_owner(owner, list_names())}{', shared' if shared else ''}"]


def is_shared_alone(run: str) -> bool:
    """Whether a run is shared by itself, and not with the experiment or search that it belongs to."""
    return visitor() is not None and manager().store.trial_of(run) is None


def offer(key: str, owner: str, shared: bool, change: Callable[[bool], Any]) -> None:
    """A toggle by which others may look, for whoever may decide that.

    Args:
        key: Of the widget.
        owner: Whose it is.
        shared: Whether others may look now.
        change: Takes whether they may; it tells what cannot be done.
    """
    if visitor() is None or not may_change(owner):
        return
    st.session_state[key] = shared
    st.toggle(
        "Others may look", key=key, on_change=lambda: change(bool(st.session_state[key])),
        help="Everybody who signs in sees it then; only you and administrators can change it.",
    )  # fmt: skip


def choose_mine(key: str) -> bool:
    """A toggle that shows the visitor's own alone; whether it is on. Not there where nobody signs in."""
    return visitor() is not None and st.toggle("Mine", key=key, persist_state="session", help="Only what is yours.")
