"""Choosing a node: the diagram of the Design page, here for looking into the network."""

from __future__ import annotations

import contextlib
from functools import lru_cache
from typing import Any

import streamlit as st

from explorer import figures
from explorer.analysis import analyze
from explorer.architecture import Architecture, edit, walk
from explorer.inspection import check_path
from pages.ui.components import mount

from . import state


def choose(architecture: Architecture, usual: str = "") -> str:
    """A widget for the node that is looked at, and its path. The diagram shows the same and is drawn where there is
    room for it."""
    path = state.node(architecture, usual)
    st.session_state["inspect_node"] = path
    st.selectbox(
        "Node", list_paths(architecture), key="inspect_node", format_func=lambda each: each.replace("/", " / "),
        on_change=lambda: state.choose_node(st.session_state["inspect_node"]),
        help="Also by a click in the diagram below.",
    )  # fmt: skip
    return path


@lru_cache(maxsize=32)
def list_paths(architecture: Architecture) -> list[str]:
    """Of all nodes that run in inference."""
    found = []
    for path, _ in walk(architecture):
        with contextlib.suppress(ValueError):
            check_path(architecture, path)
            found.append(path)
    return found


@lru_cache(maxsize=32)
def _figures(architecture: Architecture, top: str) -> tuple[list[Any], dict[str, Any] | None]:
    analysis = analyze(architecture)
    known = top and analysis.below(top)
    block = figures.lay_out_block(architecture, analysis, top) if known else None
    return figures.lay_out_overview(architecture, analysis), block


def diagram(architecture: Architecture, path: str) -> None:
    """The network and the chosen node in it; a click chooses another."""
    overview, block = _figures(architecture, edit.column_of(architecture, path))
    with st.container(border=True, key="inspect_diagram_card"):
        mount(
            "diagram", "inspect_diagram",
            {"name": architecture.name, "overview": overview, "block": block, "chosen": path, "wake": False},
            choose=state.choose_node,
        )  # fmt: skip


def last_block(architecture: Architecture) -> str:
    """The last block with branches; '' where there is none."""
    return next(reversed(edit.blocks(architecture)), "")


def block_of(architecture: Architecture, path: str) -> str:
    """The block with branches that a node belongs to or holds, else the network's first; '' if there is none."""
    above = path
    while above:
        if edit.find(architecture, above).op == "parallel":
            return above
        above = above.rpartition("/")[0]
    below = edit.block_parallel(edit.find(architecture, path), path) if path else None
    first = edit.blocks(architecture)
    return below or (edit.block_parallel(edit.find(architecture, first[0]), first[0]) or "" if first else "")
