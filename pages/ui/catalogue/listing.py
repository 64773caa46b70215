"""The list of networks: what is searched, how it is ordered, and a card for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from explorer import catalog, figures
from explorer.analysis import analyze
from explorer.catalog import GROUPS, Entry
from explorer.text import format_count, format_extent, format_shape, format_si
from pages.ui import session
from pages.ui.compare import entries, networks
from pages.ui.text import literal

from .state import MAX_TEXT, ORDERS, PAGE, list_tags

_SORTED_BY: dict[str, Callable[[Entry], Any]] = {
    "params": lambda entry: analyze(entry.architecture).params,
    "macs": lambda entry: analyze(entry.architecture).macs,
    "field": lambda entry: -max(analyze(entry.architecture).receptive_field.size),
    "name": lambda entry: entry.title.casefold(),
}
_PICTURE_PX = 320
"""Fits a phone."""


def show() -> None:
    """What is found, by group or in the order that was chosen."""
    _show_filters()
    state = PAGE.state
    found = catalog.search(state["text"], group=state["group"], tags=state["tags"])
    st.caption(f"{len(found)} of {len(catalog.entries())} networks")
    if not found:
        _show_nothing(state["text"])
    elif state["order"]:
        _show_cards(sorted(found, key=_SORTED_BY[state["order"]]))
    else:
        # Whoever asked for something sees all of it; else one family at a time, for nobody reads fifty cards.
        asked = bool(state["text"] or state["group"] or state["tags"])
        for group, title in GROUPS.items():
            of_group = [entry for entry in found if entry.group == group]
            if not of_group:
                continue
            folded = st.expander(
                f"**{title}** · {len(of_group)}", expanded=asked or of_group[0] == found[0],
                key=f"{'asked' if asked else 'group'}_{group}", on_change="rerun",
            )  # fmt: skip
            if folded.open:
                with folded:
                    _show_cards(of_group)


_KEPT = {"search": "text", "catalogue_group": "group", "catalogue_tags": "tags", "catalogue_order": "order"}
"""Key of a widget → what of the state it shows."""


def _keep(key: str) -> None:
    state = PAGE.act()
    state[_KEPT[key]] = st.session_state[key] or ([] if key == "catalogue_tags" else "")  # type: ignore[literal-required]
    if key == "search":  # who searches wants to see what was found
        state["view"] = "list"


def _bring_up(key: str) -> None:
    value = PAGE.state[_KEPT[key]]  # type: ignore[literal-required]
    st.session_state[key] = value or None if key == "catalogue_group" else value


def show_search() -> None:
    """The field to search in; it stands above every view."""
    _bring_up("search")
    st.text_input(
        "Search", key="search", on_change=_keep, args=("search",), max_chars=MAX_TEXT, width="stretch",
        placeholder="a name or what it has: GoogLeNet, ResNet, receptive field ...",
    )  # fmt: skip


def _show_filters() -> None:
    for key in ("catalogue_group", "catalogue_tags", "catalogue_order"):
        _bring_up(key)
    groups = [group for group in GROUPS if any(entry.group == group for entry in catalog.entries())]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="catalogue_filters"):
        st.pills(
            "Groups", groups, key="catalogue_group", format_func=GROUPS.__getitem__, on_change=_keep,
            args=("catalogue_group",), label_visibility="collapsed", width="stretch",
        )  # fmt: skip
        st.selectbox(
            "Order", list(ORDERS), key="catalogue_order", format_func=ORDERS.__getitem__, width=240, on_change=_keep,
            args=("catalogue_order",),
        )  # fmt: skip
    st.pills(
        "With", list_tags(), selection_mode="multi", key="catalogue_tags", on_change=_keep, args=("catalogue_tags",)
    )


def _show_nothing(text: str) -> None:
    near = catalog.suggest(text)
    hint = f"Did you mean {' or '.join(near)}?" if near else "Try one word, such as GoogLeNet, MNIST or dilation."
    st.info(literal(f"Nothing in the catalogue matches. {hint}"))


def _show_cards(found: list[Entry]) -> None:
    for place in range(0, len(found), 2):
        for column, entry in zip(st.columns(2), found[place : place + 2], strict=False):
            with column, st.container(border=True, height="stretch", key=f"entry_{entry.name}"):
                _show_card(entry)


def _show_card(entry: Entry) -> None:
    """Title, numbers and ways on; what is told of the network stands below, on a phone folded away."""
    analysis = analyze(entry.architecture)
    totals = analysis.totals
    st.subheader(entry.title, anchor=False)
    st.caption(
        f"{format_count(totals.params)} parameters · {format_count(totals.macs)} MACs at "
        f"{format_shape(analysis.input_shape)} · receptive field {format_extent(totals.receptive_field.size)} px, "
        f"stride {format_extent(totals.receptive_field.stride)}"
    )
    with st.container(key=f"wide_told_{entry.name}"):
        _tell(entry)
    folded = st.expander("About it", key=f"phone_told_{entry.name}", on_change="rerun")
    if folded.open:
        with folded:
            _tell(entry)
            st.caption(f"Name for links: `{entry.name}`")
            if entry.facts:
                st.markdown("**Published numbers beside ours**")
                _show_facts(entry)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"ways_{entry.name}"):
        st.page_link(
            "pages/design.py", label="Open in Design", icon=":material/schema:", query_params={"net": entry.name}
        )
        compared = st.button("Compare", icon=":material/compare_arrows:", key=f"compare_{entry.name}", type="tertiary")
        st.caption(f"Name for links: `{entry.name}`")
    if compared:
        session.begin()
        networks.bring(entries.from_catalogue(entry.name))
        networks.go()
    if entry.facts:
        with st.container(key=f"wide_facts_{entry.name}"), st.expander("Published numbers beside ours"):
            _show_facts(entry)


def _tell(entry: Entry) -> None:
    dark = st.context.theme.type == "dark"
    st.image(figures.draw_thumbnail(entry.architecture, dark=dark), width=_PICTURE_PX, alt=_describe(entry))
    st.write(literal(entry.summary))
    st.caption(literal(entry.source))
    for slip in entry.repairs:
        st.markdown(f":material/build: **Put right:** {literal(slip)}")
    for difference in entry.differences:
        st.markdown(f":material/difference: **Not as published:** {literal(difference)}")


def _show_facts(entry: Entry) -> None:
    totals = analyze(entry.architecture).totals
    rows = [
        {
            "published": literal(fact.metric.replace("_", " ")),
            "value": f"{fact.value:,.10g}",
            "computed here": format_count(getattr(totals, fact.metric)) if hasattr(totals, fact.metric) else "–",
            "source": literal(fact.source + (f" ({fact.note})" if fact.note else "")),
        }
        for fact in entry.facts
    ]
    st.table(pd.DataFrame(rows).set_index("published"), border="horizontal")


def _describe(entry: Entry) -> str:
    """What the small picture shows, for those who do not see it."""
    network = entry.architecture
    totals = analyze(network).totals
    return (
        f"Diagram of {entry.title}: {len(network.trunk.nodes)} layers and blocks one after another, "
        f"{format_si(totals.params)} parameters."
    )
