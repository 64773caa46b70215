"""The tabs of the Receptive field page; only the open one is computed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from . import effective, exact, state
from .lessons import show as lessons

_SHOW: dict[str, Callable[[], None]] = {"exact": exact.show, "effective": effective.show, "steps": lessons.show}


def show() -> None:
    """All tabs; the content of the open one."""
    for (word, _), tab in zip(
        state.TABS.items(), st.tabs(list(state.TABS.values()), key=state.TAB, on_change="rerun"), strict=True
    ):
        if tab.open:
            with tab:
                _SHOW[word]()
