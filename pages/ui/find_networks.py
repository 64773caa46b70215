"""Networks by words: the field beside a list of the catalogue, and what a name or an address means."""

from __future__ import annotations

import streamlit as st

from explorer import catalog
from explorer.architecture import Architecture
from explorer.importing import find_architecture, names_library

from .text import literal

MAX_TEXT = 120


def search(chooser: str, *, several: bool = False) -> list[str]:
    """A search field for the widget that chooses a network of the catalogue.

    Args:
        chooser: Key of that widget. What is found first is chosen in it, if what was chosen is not found.
        several: Whether several can be chosen, or none: then none is chosen by a search.

    Returns:
        Names of what is found, and of what is chosen; all where nothing is found, which is told.
    """
    key, names = f"{chooser}_search", catalog.names()

    def follow() -> None:
        found = _find(st.session_state[key])
        if not several and found and st.session_state.get(chooser) not in found:
            st.session_state[chooser] = found[0]

    text = st.text_input(
        "Search the catalogue", key=key, type="search", live=True, on_change=follow, max_chars=MAX_TEXT,
        placeholder="a name or what it has: ResNet, 1×1 ...", persist_state="session",
    )  # fmt: skip
    if not (text or "").strip():
        return names
    found = _find(text or "")
    if not found:
        near = catalog.suggest(text or "")
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        st.caption(literal(f"Nothing in the catalogue matches. {hint}All are listed."))
        return names
    st.caption(f"{len(found)} of {len(names)} networks match.")
    chosen = st.session_state.get(chooser) or ""
    kept = [*found, *(chosen if isinstance(chosen, list) else [chosen])]
    return [name for name in names if name in kept]


def resolve(text: str) -> Architecture:
    """The network that a name, a link or an address means, one of torchvision or timm included.

    Args:
        text: As ``importing.find_architecture`` takes it. Such a network takes seconds the first time, which is told.

    Returns:
        The network. Raises ValueError in one sentence.
    """
    if not names_library(catalog.find_net(text)):
        return catalog.resolve(text)
    with st.spinner(literal(f"{text[:120]} is read as a design: built without weights, and captured"), show_time=True):
        return find_architecture(text)


def _find(text: str) -> list[str]:
    """The names that are found by words; none by no word."""
    return [entry.name for entry in catalog.search(text)] if text.strip() else []
