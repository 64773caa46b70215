"""Our components (assets/*.js, *.css), registered once a process, and mounted with plain data."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from explorer import figures

from . import commands

_ASSETS = Path(__file__).resolve().parent.parent.parent / "assets"


def _read(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _read_style(part: str) -> str:
    return _read(f"{part}.css") if (_ASSETS / f"{part}.css").exists() else ""


_BASES = {
    **dict.fromkeys(("ablation", "bars", "charts", "compare", "curves", "response", "scatter"), ("plot",)),
    "taps": ("plot", "chain"),
    "diagram": ("offers", "building", "block"),
    "editor": ("offers", "controls"),
}
"""The scripts in assets/, and their styles where they have any, on which a component's own build, beside the common."""


@cache
def _component(name: str) -> Any:
    # The shared scripts and styles stand before each component's own: plain strings, no build step.
    parts = ["common", *_BASES.get(name, ()), name]
    return st.components.v2.component(
        f"explorer_{name}",
        css="".join(map(_read_style, parts)),
        js="".join(_read(f"{part}.js") for part in ("commands", *parts)),
    )


@cache
def _palette() -> dict[str, dict[str, str]]:
    return figures.list_colors()


def mount(
    name: str,
    key: str,
    data: dict[str, Any],
    *,
    width: Literal["stretch", "content"] = "stretch",
    **handlers: Callable[[Any], None],
) -> None:
    """Mount a component; its commands are carried out once each, in the order in which the visitor gave them.

    Args:
        name: Of the script and style in assets/.
        key: Of the element, unique on its page.
        data: What the script draws, as JSON.
        width: As wide as there is room, or as its contents.
        handlers: Each takes the value of the commands that it is named after.
    """
    if not handlers:
        _component(name)(key=key, data={**data, "palette": _palette()}, width=width)
        return
    # Two pages may have a component of the same key: a command goes to the one that the visitor saw.
    address = f"{_page()}/{key}"
    inbox = st.session_state.setdefault("commands", commands.new_inbox())

    def listen() -> None:
        # Not there where the page changed while the message was on its way; then the browser sends it again.
        message = (st.session_state.get(key) or {}).get("commands")
        if message is not None:
            st.session_state["commands_page"] = _page()
            commands.receive(inbox, address, message)

    data = {**data, "palette": _palette(), "commands": commands.register(inbox, address, handlers)}
    _component(name)(key=key, data=data, width=width, on_commands_change=listen)


def release_upload(file: UploadedFile) -> None:
    """Give back the memory of an uploaded file, which Streamlit would keep until the session ends.

    Its widget must be drawn under another key afterwards: the file is no longer to be had.
    """
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)


def is_run_by_commands() -> bool:
    """Whether this run of the page answers commands. Asked once a run.

    The address that came with them may be older than the screen: the browser sent them before it heard of the last one.
    """
    return bool(st.session_state.pop("commands_page", None) == _page())


def _page() -> str:
    context = get_script_run_ctx()
    return context.page_script_hash if context else ""
