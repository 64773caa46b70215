"""Which networks are compared: one card each, and where more come from."""

from __future__ import annotations

import streamlit as st

from pages.ui.text import literal

from .state import Entry


def show(entries: tuple[Entry, ...]) -> None:
    """The cards."""
    st.title("Compare", anchor=False)
    for entry in entries:
        st.caption(literal(entry.label))
