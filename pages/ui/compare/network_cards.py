"""Which networks are compared: one card each, with what can be done with it; more are added and written down above."""

from __future__ import annotations

import streamlit as st

from explorer import catalog
from explorer.comparison import LETTERS
from explorer.text import format_extent, format_shape, format_si
from pages.ui import session
from pages.ui.text import literal

from . import add_network, networks, report, state
from .entries import Entry


def show_head(entries: tuple[Entry, ...]) -> None:
    """The title, and what can be done with all of it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="compare_bar"):
        st.title("Compare", anchor=False, width="stretch")
        add_network.show(entries)
        report.show(entries)


def show_cards(entries: tuple[Entry, ...]) -> None:
    """Each network with where it comes from and what it costs."""
    analyses = networks.compare_entries(entries).analyses
    for place, (column, entry) in enumerate(zip(st.columns(len(entries), gap="small"), entries, strict=True)):
        now, field = analyses[place], analyses[place].receptive_field
        card = f"compare_card_{place}"
        with column, st.container(border=True, height="stretch", vertical_alignment="distribute", key=card):
            st.markdown(f"**{LETTERS[place]}** {literal(entry.label)}")
            costs = f"{format_si(now.params)} params · {format_si(now.macs)} MACs"
            shape = f"{format_shape(now.input_shape)} · field {format_extent(field.size)} px"
            st.caption("  \n".join(map(literal, (_origin(entry), costs, shape))))
            _buttons(place, entry, len(entries))
    try:
        state.PAGE.address()
    except ValueError as error:
        st.warning(
            literal(
                f"The address bar still holds an earlier comparison: {error}. Report has this one as files, and each "
                "network as JSON."
            )
        )


def _origin(entry: Entry) -> str:
    kind, _, name = entry.origin.partition(":")
    as_it_was = "" if entry.architecture == session.architecture() else ", as it was"
    where = {
        "design": f"your design{as_it_was}", "catalogue": f"catalogue: {name}", "run": f"run {name}",
        "link": "from a link", "json": "from JSON",
    }[kind]  # fmt: skip
    made_from = catalog.find_origin(entry.architecture)
    return where if made_from is None else f"{where} · {made_from.short}"


def _buttons(place: int, entry: Entry, count: int) -> None:
    with st.container(horizontal=True, gap="small", key=f"compare_tools_{place}"):
        if st.button("Design", icon=":material/schema:", key=f"compare_open_{place}", help="Open in Design"):
            networks.open_in_design(entry.architecture)
        st.button(
            "Move left", icon=":material/arrow_back:", key=f"compare_left_{place}", disabled=place == 0,
            on_click=networks.move, args=(place, -1), help="Move to the left; the first is what the others are held to",
        )  # fmt: skip
        st.button(
            "Move right", icon=":material/arrow_forward:", key=f"compare_right_{place}", disabled=place == count - 1,
            on_click=networks.move, args=(place, 1), help="Move to the right",
        )  # fmt: skip
        st.button(
            "Remove", icon=":material/close:", key=f"compare_remove_{place}", disabled=count == 1,
            on_click=networks.remove, args=(place,), help="Take it out of the comparison",
        )  # fmt: skip
