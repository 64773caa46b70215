"""Files that visitors upload: counted for each person where somebody signs in, and refused where it is too much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from .manager import manager
from .people import visitor
from .text import literal

_COUNTED = "uploads_counted"
_REFUSED = "uploads_refused"


def file_uploader(
    label: str, *, key: str, on_change: Callable[..., Any] | None = None, args: tuple[Any, ...] = (), **settings: Any
) -> Any:
    """Streamlit's field for files, whose files count for whoever uploads them.

    Args:
        label: As for ``st.file_uploader``.
        key: As for ``st.file_uploader``.
        on_change: Is called for files that may be used.
        args: Of it.
        settings: Everything else that ``st.file_uploader`` takes.

    Returns:
        As ``st.file_uploader``; nothing where the files are above what the visitor may upload, which is told.
    """
    if visitor() is None or on_change is None:  # within a form there may be no callback
        found = st.file_uploader(label, key=key, on_change=on_change, args=args, **settings)
    else:
        take = on_change

        def follow() -> None:
            if admit(key):
                take(*args)

        found = st.file_uploader(label, key=key, on_change=follow, **settings)
    if admit(key):
        return found
    st.error(literal(f"{refusal()}."))
    return [] if settings.get("accept_multiple_files") else None


def refusal() -> str:
    """Why files were not taken last."""
    return f"Not taken: {st.session_state[_REFUSED][1]}"


def admit(key: str) -> bool:
    """Count the files of a field; whether they may be used.

    Args:
        key: Of the field.
    """
    if visitor() is None:
        return True
    here = st.session_state
    given = here.get(key) or []
    # What the server has no more, after a restart say, is there by its name alone.
    files = [file for file in (given if isinstance(given, list) else [given]) if isinstance(file, UploadedFile)]
    ids = [file.file_id for file in files]
    if _REFUSED in here and here[_REFUSED][0] == (key, ids):
        return False
    counted: set[str] = here.setdefault(_COUNTED, set())
    for file in files:
        if file.file_id in counted:
            continue
        try:
            manager().enter_upload(f"file {file.name}", file.size)
        except ValueError as error:
            here[_REFUSED] = ((key, ids), str(error))
            return False
        counted.add(file.file_id)
    return True
