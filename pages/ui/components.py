"""Our components (assets/*.js, *.css), registered once a process, and mounted with plain data."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from explorer import figures

_ASSETS = Path(__file__).resolve().parent.parent.parent / "assets"


def _read(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


@cache
def _component(name: str) -> Any:
    # The shared script and style stand before each component's own: plain strings, no build step.
    return st.components.v2.component(
        f"explorer_{name}",
        css=_read("common.css") + _read(f"{name}.css"),
        js=_read("common.js") + _read(f"{name}.js"),
    )


@cache
def _palette() -> dict[str, dict[str, str]]:
    return figures.palette()


def mount(name: str, key: str, data: dict[str, Any], **handlers: Callable[[Any], None]) -> None:
    """Mount the component ``name``; each handler gets the value of the trigger that it is named after."""

    def listener(trigger: str, handle: Callable[[Any], None]) -> Callable[[], None]:
        def listen() -> None:
            # Not there where the page changed while the trigger was on its way.
            value = (st.session_state.get(key) or {}).get(trigger)
            if value is not None:
                handle(value)

        return listen

    callbacks = {f"on_{trigger}_change": listener(trigger, handle) for trigger, handle in handlers.items()}
    _component(name)(key=key, data={**data, "palette": _palette()}, **callbacks)
