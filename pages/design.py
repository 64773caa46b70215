"""Design: an overview of the network, the chosen block large, its editor, and every number that follows from it."""

from __future__ import annotations

from pages.ui import router

router.enter()

import streamlit as st  # noqa: E402

from explorer import editor, figures  # noqa: E402
from explorer.analysis import analyze  # noqa: E402
from explorer.architecture import edit  # noqa: E402
from pages.ui import design_metrics, findings, header, paper_picture, session  # noqa: E402
from pages.ui.components import mount  # noqa: E402

session.begin()
state = session.PAGE.state
architecture, baseline, chosen = session.architecture(), session.baseline(), session.selected_path()
now, before = analyze(architecture), analyze(baseline)
complete = state["complete"]
# While a thumb moves, what it moves over stays as it is: the panel only says its size, and the address waits.
dragging = state["phase"] == "drag"
state["phase"] = "commit"

router.speak_title("Design")
main, side = st.columns([0.72, 0.28], gap="medium")

with main:
    head, notes = st.container(key="head_place"), st.container(key="head_notes")
    # Numbers first: they reach the browser while all else is still being made.
    design_metrics.show_headline(now, before)
    with head:
        header.show(architecture, baseline)
    with notes:
        header.show_notes(architecture)

    block = edit.column_of(architecture, chosen)
    with st.container(border=True, key="diagram_card"):
        mount(
            "diagram",
            "diagram",
            {
                "name": architecture.name,
                "overview": figures.lay_out_overview(architecture, now),
                "block": figures.lay_out_block(architecture, now, block) if block else None,
                "chosen": chosen,
                **session.tools(),
                "wake": not complete or not state["tab"],
            },
            choose=session.pick,
            extend=session.extend,
            edit=session.handle_edit,
            wake=session.recognize_tab,
        )
        findings_place = st.container(key="findings", gap="small")
    if not complete:
        st.stop()  # the code of tables and uploads would reach the browser before the numbers are drawn
    left, right = st.columns(2, gap="small")
    with left, st.container(border=True, key="growth_card"):
        mount(
            "charts",
            "growth",
            {
                "view": "growth",
                "title": "Receptive field along depth",
                "note": "pixels",
                "growth": figures.trace_growth(architecture, now),
                "chosen": chosen,
            },
            choose=session.pick,
        )
        paper_picture.show("growth", lambda: figures.draw_growth_of(architecture, now))
    with right, st.container(border=True, key="costs_card", height="stretch"):
        cost = "params" if state["metric"] == "params" else "macs"
        mount(
            "charts",
            "costs",
            {
                "view": "costs",
                "title": f"Where the {'parameters are' if cost == 'params' else 'MACs are'}",
                "note": "by layer and branch",
                "costs": figures.split_costs(architecture, now, cost),
                "chosen": chosen,
            },
            choose=session.pick,
        )

with side, st.container(border=True, key="editor_card"):
    mount(
        "editor",
        "editor",
        {"subtitle": editor.describe_size(architecture, now, chosen)}
        if dragging
        else {
            **session.describe_controls(architecture, baseline, chosen, state["metric"]),
            "refused": session.refused(),
        },
        edit=session.handle_edit,
        choose=session.pick,
        metric=session.show_metric,
    )

with main:
    design_metrics.show_details(architecture, now, chosen)
with findings_place:
    findings.show_of_block(architecture, chosen, dragging=dragging)

if not dragging:
    session.PAGE.write_address()
    session.keep_for_reload()
with head:
    header.warn_if_address_is_stale()
