"""Which network and which node the Receptive field page looks at: those of the Design page, chosen here, too."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import streamlit as st

from explorer import editor, figures
from explorer.analysis import Analysis, analyze
from explorer.architecture import Architecture, edit, walk
from pages.ui import header, paper_picture, session
from pages.ui.components import mount
from pages.ui.inspect import nodes
from pages.ui.inspect import state as inspect_state
from pages.ui.text import literal

from . import state

_WINDOW_FIELDS = ("kernel_size", "dilation", "stride", "padding")
"""Of the fields of a layer, those that decide what a unit sees."""


def show_head() -> None:
    """The title, the network's name, and what opens another one or takes an edit back."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="field_head"):
        st.title("Receptive field", anchor=False, width="content")
        st.markdown(literal(session.architecture().name), width="content")
        header.show_open()
        header.show_steps()
    for page in (session.PAGE, state.PAGE, inspect_state.PAGE):
        page.show_notices()


def warn_if_address_is_stale() -> None:
    """Said last: whether the address could be written is known when it has been tried."""
    if unwritten := state.state()["unwritten"]:
        st.warning(literal(f"The address bar still holds an earlier state of this page: {unwritten}."))


def chosen_path(architecture: Architecture) -> str:
    """Path of the node that is looked at."""
    return session.selected_path() or session.default_path(architecture)


def choose_node(path: object) -> None:
    """Look at another node, and at its middle unit."""
    session.pick(path)
    state.change(unit=None)


def show_choice(architecture: Architecture, path: str, *, source: bool = True) -> None:
    """The node as a list to choose from, and the map on which its field lies; that without ``source`` is the image."""
    paths = nodes.list_paths(architecture)
    st.session_state["field_node"] = path if path in paths else None
    st.selectbox(
        "Node", paths, key="field_node", format_func=_spell,
        on_change=lambda: choose_node(st.session_state["field_node"]), help="Also by a click in the network.",
    )  # fmt: skip
    if not source:
        return
    sources = ["", *list_sources(architecture, path)]
    st.session_state["field_source"] = chosen_source(architecture, path)
    st.selectbox(
        "Seen on", sources, key="field_source", format_func=lambda each: _spell(each) or "the image",
        on_change=lambda: state.change(source=st.session_state["field_source"], pixel=None),
        help="The image, or the map of an earlier node: from layer to layer.",
    )  # fmt: skip


def _spell(path: str) -> str:
    return path.replace("/", " / ")


def chosen_source(architecture: Architecture, path: str) -> str:
    """Path of the node on whose map the field lies; '' for the image, also where the chosen one does not lead there."""
    source = state.state()["source"]
    return source if source in list_sources(architecture, path) else ""


@lru_cache(maxsize=64)
def list_sources(architecture: Architecture, path: str) -> tuple[str, ...]:
    """The nodes whose output a node reads, directly or through others, in order."""
    found: list[str] = []
    node, at = architecture.trunk, ""
    for name in path.split("/") if path else []:
        child = next(each for each in node.nodes if each.name == name)
        if node.op == "sequence":
            for before in node.nodes[: node.nodes.index(child)]:
                inside = f"{at}{before.name}"
                if before.op != "auxiliary":
                    found += [inside, *(each for each, _ in walk(before, inside))]
        node, at = child, f"{at}{name}/"
    return tuple(found)


def show_strip(architecture: Architecture, analysis: Analysis, path: str) -> None:
    """The network as a strip; a click chooses a layer or block."""
    with st.container(border=True, key="field_strip_card"):
        mount(
            "diagram", "field_strip",
            {
                "name": architecture.name, "overview": figures.lay_out_overview(architecture, analysis), "chosen": path,
                "wake": not session.PAGE.state["tab"],
            },
            choose=choose_node, wake=session.recognize_tab,
        )  # fmt: skip


def show_block(architecture: Architecture, analysis: Analysis, path: str) -> None:
    """The block of the chosen node large; a click chooses a layer of it."""
    with st.container(border=True, key="field_block_card"):
        mount(
            "diagram", "diagram",
            {
                "name": architecture.name, "chosen": path, "wake": False,
                "block": figures.lay_out_block(architecture, analysis, edit.column_of(architecture, path)),
            },
            choose=choose_node,
        )  # fmt: skip


def show_growth(architecture: Architecture, analysis: Analysis, path: str) -> None:
    """The field along the depth; a click chooses the layer."""
    with st.container(border=True, key="field_growth_card"):
        mount(
            "charts", "field_growth",
            {
                "view": "growth", "title": "Receptive field along depth", "note": "pixels · click chooses a layer",
                "growth": figures.trace_growth(architecture, analysis), "chosen": path,
            },
            choose=choose_node,
        )  # fmt: skip
        paper_picture.show("growth", lambda: figures.draw_growth_of(architecture, analysis))


def show_windows(architecture: Architecture, path: str) -> None:
    """The kernels, dilations, strides and paddings of the chosen node's block, to be edited."""
    dragging = session.PAGE.state["phase"] == "drag"
    data: dict[str, Any] = {"subtitle": editor.describe_size(architecture, analyze(architecture), path)}
    if not dragging:
        panel = session.describe_controls(
            architecture, session.baseline(), path, state.state()["metric"], _WINDOW_FIELDS
        )
        data = {**panel, "refused": session.refused()}
    with st.container(border=True, key="editor_card"):
        mount("editor", "editor", data, edit=session.handle_edit, choose=choose_node, metric=_show_metric)


def _show_metric(metric: object) -> None:
    """Let the ribbons show another metric."""
    if isinstance(metric, str) and (shown := editor.ribbon_metric(metric)):
        state.change(metric=shown)
