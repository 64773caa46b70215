"""What a receptive field is, step by step: the lessons in the order of the course notes, one open at a time."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.ui.receptive_field import state

from . import chain, dilations, growth, same, window
from .numbers import LESSONS

_SHOW: dict[str, Callable[[], None]] = {
    "window": window.show, "chain": chain.show, "same": same.show, "dilations": dilations.show, "growth": growth.show,
}  # fmt: skip
_KEY = "field_lesson"


def show() -> None:
    """The choice of a lesson, that lesson, and what leads to the next."""
    opened = state.state()["lesson"]
    st.session_state[_KEY] = opened
    st.segmented_control(
        "Lesson", list(LESSONS), key=_KEY, format_func=lambda name: LESSONS[name].title, required=True,
        label_visibility="collapsed", on_change=lambda: _open(st.session_state[_KEY]),
    )  # fmt: skip
    _SHOW[opened]()
    names = list(LESSONS)
    after = names[names.index(opened) + 1 :]
    if after:
        st.button(
            f"Next: {LESSONS[after[0]].title}", key="lesson_next", icon=":material/arrow_forward:",
            on_click=_open, args=(after[0],),
        )  # fmt: skip


def _open(name: str) -> None:
    state.change(lesson=name)
