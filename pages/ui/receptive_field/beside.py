"""A second network beside the first: the baseline of the design, or one of the catalogue."""

from __future__ import annotations

import streamlit as st

from explorer import catalog
from explorer.architecture import Architecture, ArchitectureError, edit
from pages.ui import find_networks, session
from pages.ui.inspect import nodes

from . import state

_NONE, _BASELINE, _LINK = "", "@baseline", "@link"


def choose() -> None:
    """The second network, and the node of it that is looked at."""
    other = state.state()["other"]
    titles = {_NONE: "none", _BASELINE: f"baseline: {session.baseline().name}"}
    now = st.session_state["field_other"] = _find_key(other)
    titles |= {name: catalog.entry(name).title for name in find_networks.search("field_other", several=True)}
    if now == _LINK and other is not None:
        titles[_LINK] = other.name
    st.selectbox(
        "Beside it", list(titles), key="field_other", format_func=titles.__getitem__, on_change=_choose_network,
        filter_mode=None,
        help="A second network at the same place of the picture. Your changes are measured against the baseline.",
    )  # fmt: skip
    if other is None:
        return
    st.session_state["field_other_node"] = chosen_path(other, session.selected_path())
    st.selectbox(
        "Its node", nodes.list_paths(other), key="field_other_node",
        format_func=lambda each: each.replace("/", " / "),
        on_change=lambda: state.change(other_at=st.session_state["field_other_node"]),
    )  # fmt: skip


def _find_key(other: Architecture | None) -> str:
    if other is None:
        return _NONE
    if other == session.baseline():
        return _BASELINE
    return catalog.name_of(other) or _LINK


def _choose_network() -> None:
    key = st.session_state["field_other"]
    if key not in (_NONE, _BASELINE, *catalog.names()):
        return
    other = None if key == _NONE else session.baseline() if key == _BASELINE else catalog.get(key)
    state.change(other=other, other_at="")


def chosen_path(other: Architecture, path: str) -> str:
    """The node of the second network: the chosen one, else one of the same path, else the last block."""
    for at in (state.state()["other_at"], path):
        try:
            edit.find(other, at)
        except ArchitectureError:
            continue
        if at:
            return at
    return nodes.last_block(other) or session.default_path(other)
