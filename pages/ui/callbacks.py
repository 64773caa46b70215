"""Callbacks of widgets, ours and Streamlit's own, are carried out whole."""

from __future__ import annotations

from functools import wraps
from typing import Any

from streamlit.runtime.state import SafeSessionState


def keep_callbacks_whole() -> None:
    """Let nothing stop a callback that has begun; once a process.

    As soon as another message waits, Streamlit ends a script at its next look into the session's state, and callbacks
    are no exception. Their widgets count as answered all the same: what a callback had left to do would be lost, the
    other files of an upload, say, or half a command.
    """
    plain = SafeSessionState.on_script_will_rerun
    if hasattr(plain, "__wrapped__"):
        return

    @wraps(plain)
    def call_back(state: SafeSessionState, *args: Any, **settings: Any) -> None:
        check = state._yield_callback
        check()  # no callback has begun yet: here the script may end
        object.__setattr__(state, "_yield_callback", lambda: None)  # the state takes no attributes in the usual way
        try:
            plain(state, *args, **settings)
        finally:
            object.__setattr__(state, "_yield_callback", check)

    SafeSessionState.on_script_will_rerun = call_back  # type: ignore[assignment, method-assign]
