"""Files that visitors take away: where somebody signs in, each leaves an audit line."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import streamlit as st

from .manager import manager
from .people import visitor

logger = logging.getLogger(__name__)
Content = str | bytes


def download_button(
    label: str, data: Content | Callable[[], Content], file_name: str, mime: str, *, what: str = "", **settings: Any
) -> None:
    """Streamlit's button that saves a file; the page is not made anew.

    Where somebody is signed in the file is made when it is asked for, and the line is written then, by the server: a
    callback of the button could be left out by a browser that is told to.

    Args:
        label: As for ``st.download_button``.
        data: The file, or what makes it when the button is pressed. It is called outside of any page: it knows nobody
            who is signed in, and takes with it what it reads from.
        file_name: Under which it is saved.
        mime: What it is.
        what: From what it is made, such as 'run 20260131-142501-0fa3c2'; '' for what nobody owns, such as a figure.
        settings: Everything else that ``st.download_button`` takes.
    """
    if visitor() is not None:
        data = _log(data, what, file_name)
    st.download_button(label, data, file_name, mime, on_click="ignore", **settings)


def _log(data: Content | Callable[[], Content], what: str, file_name: str) -> Content | Callable[[], Content]:
    try:
        runs = manager()
    except ValueError:  # nothing can be stored, and what needs no store goes on
        logger.warning("who downloads %s is not entered in the store", file_name, exc_info=True)
        return data

    def hand_over() -> Content:
        made = data() if callable(data) else data
        runs.log_action("download", what or f"file {file_name}", file_name if what else "")
        return made

    return hand_over
