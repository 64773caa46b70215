"""The visitor's own place in the sidebar of a server that several people share: who they are, and the way out."""

from __future__ import annotations

import logging

import streamlit as st

from explorer.person import Person

from .manager import manager
from .people import signed_in_at
from .text import literal

logger = logging.getLogger(__name__)
_WELCOMED = "welcomed"


def welcome(person: Person) -> None:
    """Enter in the store who has come, once a session; a sign-in leaves an audit line once, in however many tabs."""
    if st.session_state.get(_WELCOMED) == person.id:
        return
    try:
        runs = manager()
        before = runs.store.people.welcome(person)
        if before is None or before < signed_in_at():
            runs.log_action("sign in", f"person {person.id}", person.name)
    except (ValueError, OSError):  # nothing can be stored, which pages that store something tell by themselves
        logger.warning("who has come is not entered in the store", exc_info=True)
    st.session_state[_WELCOMED] = person.id


def show(person: Person) -> None:
    """Name and way out, below the menu."""
    with st.sidebar, st.container(key="account", gap="small"):
        st.caption(f"{literal(person.name)}{' · administrator' if person.admin else ''}")
        st.button("Sign out", key="sign_out", icon=":material/logout:", type="tertiary", on_click=st.logout)
