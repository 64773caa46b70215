"""A run store that does not answer: what needs it says so in its place, and is there again as soon as it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from . import people
from .text import literal

_LOOK_SECONDS = 2.0


@contextmanager
def tell_absence() -> Iterator[None]:
    """Where a database does not answer, tell so instead of what is drawn within, and look for it now and then."""
    try:
        yield
    except ValueError as error:
        # By what it says: its class would load the store's modules on pages that show no runs.
        if not getattr(error, "away", False):
            raise
        person = people.visitor()
        said = str(error) if person is None or person.admin else "the run store does not answer"
        text = f"{said[0].upper()}{said[1:]}. Runs that are being trained go on; this page comes back by itself."
        st.error(literal(text), icon=":material/cloud_off:")
        _look_again()


def _look_again() -> None:
    """Run the whole page anew in a while."""
    shown = False

    @st.fragment(run_every=_LOOK_SECONDS)
    def look() -> None:
        nonlocal shown
        if shown:
            st.rerun()
        shown = True

    look()


def follow(draw: Callable[[], None], seconds: float | None) -> None:
    """Show a part of a page that reads runs, and again on its own each time that so many seconds have passed.

    Args:
        draw: Shows it.
        seconds: None: only with the page.
    """

    @st.fragment(run_every=seconds)
    def part() -> None:
        with tell_absence():
            draw()

    part()
