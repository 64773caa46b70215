"""On which device the models of this page compute."""

from __future__ import annotations

import streamlit as st

from explorer.inspection import choose_device
from explorer.runs import devices
from pages.ui.manager import manager

from . import state


def choose() -> None:
    """Where the models compute; asked only where there is more than the CPU."""
    known = {device.name: device.title for device in devices()}
    if len(known) < 2:
        return
    names = {"auto": "the best device that trains nothing", **{name: f"{name} · {known[name]}" for name in known}}
    here = state.state()
    st.session_state["inspect_device"] = here["device"] if here["device"] in names else "auto"
    st.selectbox(
        "Device", list(names), key="inspect_device", format_func=names.__getitem__,
        on_change=lambda: state.change(device=st.session_state["inspect_device"]),
        help="Where predictions, attributions and evaluations are computed.",
    )  # fmt: skip


def current() -> str:
    """The device on which models are opened now."""
    try:
        return choose_device(manager(), state.state()["device"])
    except ValueError as error:  # it was there when it was chosen
        state.PAGE.tell("warning", f"{error}. The best device that is there is taken")
        state.state()["device"] = "auto"
        return choose_device(manager())
