"""The Catalogue page: what is searched, and one of its views."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from . import accuracy, changes, listing, state, tree

_SHOW: dict[str, Callable[[], None]] = {
    "tree": tree.show, "changes": changes.show, "accuracy": accuracy.show, "list": listing.show,
}  # fmt: skip
_KEY = "catalogue_view"


def show() -> None:
    """The page."""
    state.PAGE.follow_address()
    tree.follow()
    st.title("Catalogue", anchor=False)
    st.session_state[_KEY] = state.view()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="catalogue_bar"):
        st.segmented_control(
            "View", list(state.VIEWS), key=_KEY, format_func=state.VIEWS.__getitem__, required=True,
            on_change=lambda: state.choose_view(st.session_state[_KEY]), label_visibility="collapsed",
        )  # fmt: skip
        listing.show_search()
    _SHOW[state.view()]()
    state.PAGE.write_address()
