"""What each generation changed: two blocks side by side, with their numbers and every change between them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from explorer import catalog, figures
from explorer.analysis import analyze
from explorer.architecture import Architecture, to_link
from explorer.catalog import Step
from explorer.comparison import find_differences, measure_step
from explorer.text import format_signed
from pages.ui import session
from pages.ui.compare import networks
from pages.ui.compare.entries import from_architecture
from pages.ui.components import mount
from pages.ui.text import cell, literal

from .state import PAGE

_KEY = "catalogue_step"


def choose(name: object) -> None:
    """Show a step; what is none changes nothing."""
    if isinstance(name, str) and any(step.name == name for step in catalog.steps()):
        state = PAGE.act()
        state["view"], state["step"] = "changes", name


def show() -> None:
    """The chosen step."""
    known = catalog.steps()
    step = next((each for each in known if each.name == PAGE.state["step"]), known[0])
    _show_choice(known, step)
    st.header(literal(_capital(step.title)), anchor=False)
    st.markdown(literal(step.meaning))
    st.caption(literal(f"{_ends(step)} · {step.source}"))
    _show_numbers(step)
    for column, side, block in zip(st.columns(2), ("before", "after"), (step.before, step.after), strict=True):
        with column, st.container(border=True, key=f"step_{side}"):
            _show_block(side, block)
    _show_changes(step)
    _show_ways(step)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text[:1].isascii() else text


def _ends(step: Step) -> str:
    """'AlexNet, 2012 → VGG-16, 2014', as far as the catalogue has them."""
    known = {entry.name: entry for entry in catalog.entries()}

    def told(name: str) -> str:
        entry = known.get(name)
        return f"{entry.title}, {entry.lineage.year}" if entry and entry.lineage else name

    return f"{told(step.parent)} → {told(step.child)}"


def _show_choice(known: tuple[Step, ...], step: Step) -> None:
    names = [each.name for each in known]
    place = names.index(step.name)
    st.session_state[_KEY] = step.name
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="catalogue_steps"):
        st.selectbox(
            "Step", names, key=_KEY, width="stretch", on_change=lambda: choose(st.session_state[_KEY]),
            format_func=lambda name: f"{names.index(name) + 1} · {_ends(known[names.index(name)])}: "
            f"{known[names.index(name)].title}",
        )  # fmt: skip
        for label, icon, other in (("Back", "arrow_back", place - 1), ("Next", "arrow_forward", place + 1)):
            st.button(
                label, key=f"step_{label.lower()}", icon=f":material/{icon}:", disabled=not 0 <= other < len(names),
                on_click=choose, args=(names[other % len(names)],),
            )  # fmt: skip


def _show_numbers(step: Step) -> None:
    rows = [
        {"": row.label, step.before.name: row.before, step.after.name: row.after, "change": row.change or "–"}
        for row in measure_step(step)
    ]
    st.table(pd.DataFrame(rows).map(cell).set_index(""), border="horizontal")


def _show_block(side: str, block: Architecture) -> None:
    node = block.trunk.nodes[0]
    layout = figures.lay_out_block(block, analyze(block), node.name)
    mount(
        "diagram", f"step_diagram_{side}",
        {"name": block.name, "block": {**layout, "title": block.name, "subtitle": ""}, "fit": True, "chosen": "",
         "wake": False},
    )  # fmt: skip


def _show_changes(step: Step) -> None:
    found = find_differences(step.before, step.after)
    rows = [
        {
            "change": cell(str(each)),
            "Δ parameters": format_signed(each.delta.params),
            "Δ MACs": format_signed(each.delta.macs),
        }
        for each in found.costly
    ]
    if rows:
        st.table(pd.DataFrame(rows).set_index("change"), border="horizontal")
    free = f" {_capital(found.describe_free())}." if found.free else ""
    st.caption(
        "The changes one after another, each charged with what it causes in the layers behind it, so that they add up "
        f"to the difference of the totals.{free} MACs are multiply-adds of convolutions and linear layers, biases not "
        "counted."
    )


def _show_ways(step: Step) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for block in (step.before, step.after):
            st.page_link(
                "pages/design.py", label=literal(f"Open “{block.name}” in Design"), icon=":material/schema:",
                query_params={"net": to_link(block)},
            )  # fmt: skip
        if st.button("Compare the two", icon=":material/compare_arrows:", key="step_compare", type="tertiary"):
            session.begin()
            networks.bring(from_architecture(step.before, "link"))
            networks.bring(from_architecture(step.after, "link"))
            networks.go()
