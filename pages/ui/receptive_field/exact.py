"""The exact receptive field of one unit: which pixels can reach it at all."""

from __future__ import annotations

import streamlit as st

from explorer.analysis import analyze
from explorer.architecture import Architecture
from pages.ui import findings, session

from . import beside, drawing, network, picture, state
from .view import View


def show() -> None:
    """The chosen unit of the chosen node."""
    architecture = session.architecture()
    path = network.chosen_path(architecture)
    if not path:
        st.info("This network has no layer yet. **Open** another one, or build it on the Design page.")
        return
    analysis = analyze(architecture)
    dragging = session.PAGE.state["phase"] == "drag"
    main, side = st.columns([0.72, 0.28], gap="medium")
    with main:
        network.show_strip(architecture, analysis, path)
        with st.container(border=True, key="field_card"):
            _show_field(architecture, path)
        findings_place = st.container(key="findings")
        network.show_growth(architecture, analysis, path)
        network.show_block(architecture, analysis, path)
    with side:
        with st.container(border=True, key="field_choices"):
            network.show_choice(architecture, path)
            picture.choose()
            beside.choose()
        network.show_windows(architecture, path)
    with findings_place:
        findings.show_all(architecture, network.choose_node, dragging=dragging)


def _show_field(architecture: Architecture, path: str) -> None:
    """The drawing, which alone is made anew while somebody walks over units and pixels."""
    told, alone = list(state.state()["notices"]), False

    @st.fragment
    def part() -> None:
        nonlocal alone
        views = _list_views(architecture, path)
        _ask(views)
        drawing.show(views)
        if alone:
            edited = session.architecture() != architecture or network.chosen_path(architecture) != path
            if edited or state.state()["notices"] != told:
                st.rerun()  # an edit came in with what was done here, or what stands above has been read
            state.PAGE.end_part(session.PAGE)
        alone = True

    part()


def _list_views(architecture: Architecture, path: str) -> list[View]:
    """The chosen node, and that of the second network where there is one."""
    views = [View(architecture, path, network.chosen_source(architecture, path))]
    other = state.state()["other"]
    if other is not None and (at := beside.chosen_path(other, path)):
        views.append(View(other, at, network.chosen_source(other, at)))
    return views


def _ask(views: list[View]) -> None:
    """Which way to look, and what is drawn."""
    here = state.state()
    with st.container(horizontal=True, vertical_alignment="center", key="field_ways"):
        st.session_state["field_way"] = "pixel" if here["pixel"] is not None else "unit"
        st.segmented_control(
            "Direction", ["unit", "pixel"], key="field_way", required=True, label_visibility="collapsed",
            format_func={"unit": "A unit sees", "pixel": "A pixel touches"}.__getitem__,
            on_change=lambda: drawing.turn(views, st.session_state["field_way"]), width="content",
        )  # fmt: skip
        if here["pixel"] is None:
            st.session_state["field_layers"] = list(here["layers"])
            st.pills(
                "Shown", list(state.LAYERS), key="field_layers", selection_mode="multi", label_visibility="collapsed",
                format_func=state.LAYERS.__getitem__, width="content",
                on_change=lambda: drawing.choose_layers(views, _list_layers()),
            )  # fmt: skip


def _list_layers() -> tuple[str, ...]:
    chosen = st.session_state["field_layers"]
    return tuple(word for word in state.LAYERS if word in chosen)
