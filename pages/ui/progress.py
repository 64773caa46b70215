"""Long work on a page: a bar that says how far it is, and a button that ends it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from explorer.datasets import CancelledError, Progress
from explorer.text import format_duration

from .text import literal

_Result = TypeVar("_Result")
_TOLD_SHARE = 0.02
"""Of the work, after which the time left is told."""


def run_with_progress(what: str, work: Callable[[Progress], _Result]) -> _Result | None:
    """Do long work under a progress bar; None, and the reason shown, if it could not be done.

    A click on Cancel, or anywhere else, makes the script begin anew, which ends the work at its next step; what it had
    written is removed on the way out.
    """
    shown = st.empty()
    with shown.container():
        bar = st.progress(0.0, text=f"{what} …")
        st.button("Cancel", key="cancel_work")
    drawn, begun = 0.0, time.monotonic()

    def progress(done: int, whole: int) -> None:
        nonlocal drawn
        if time.monotonic() - drawn > 0.2:
            drawn = time.monotonic()
            share = min(1.0, done / whole) if whole else 0.0
            spent = time.monotonic() - begun
            left = f", {format_duration(spent * (1 - share) / share)} left" if share > _TOLD_SHARE else ""
            bar.progress(share, text=f"{what}: {100 * share:.0f} %{left}")

    try:
        return work(progress)
    except (ValueError, CancelledError, OSError) as error:
        shown.empty()
        st.error(literal(f"{error}."))
        return None
