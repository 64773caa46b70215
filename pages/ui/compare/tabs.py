"""The tabs of the Compare page; only the open one is computed, and only its module is loaded."""

from __future__ import annotations

from importlib import import_module

import streamlit as st

from . import state
from .entries import Entry

_MODULES = {
    "side": "side_by_side",
    "differences": "changes",
    "counts": "count_reconciliation",
    "measured": "measurements",
    "tradeoffs": "tradeoffs",
    "lesson": "lesson",
}


def show(entries: tuple[Entry, ...]) -> None:
    """Each tab's module has ``show(entries)``."""
    here = state.PAGE.state
    # Streamlit forgets what stood on a page that was left; this page is found again as it was.
    st.session_state.setdefault(state.TAB, state.TABS[here["tab"]])
    opened = st.tabs(list(state.TABS.values()), key=state.TAB, on_change="rerun")
    for word, tab in zip(state.TABS, opened, strict=True):
        if tab.open:
            here["tab"] = word
            with tab:
                import_module(f"pages.ui.compare.{_MODULES[word]}").show(entries)
