"""The Catalogue page: what is searched and how it is ordered, in the address, and a card for each network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from explorer import catalog, figures
from explorer.analysis import analyze
from explorer.catalog import GROUPS, Entry
from explorer.text import format_count, format_extent, format_shape, format_si

from . import session
from .compare import entries, networks
from .page_state import Page, PageState, Parameter, first_state
from .text import literal

ORDERS: dict[str, tuple[str, Callable[[Entry], Any]]] = {
    "": ("by group", lambda _: 0),
    "params": ("fewest parameters first", lambda entry: analyze(entry.architecture).params),
    "macs": ("fewest MACs first", lambda entry: analyze(entry.architecture).macs),
    "field": ("largest receptive field first", lambda entry: -max(analyze(entry.architecture).receptive_field.size)),
    "name": ("by name", lambda entry: entry.title.casefold()),
}
"""Name in the address → caption, and what is sorted by."""
_MAX_TEXT = 120
_PICTURE_PX = 320
"""Fits a phone."""


class CatalogueState(PageState):
    """What the page remembers."""

    text: str
    """What is searched."""
    group: str
    """A key of ``GROUPS``, '' for all."""
    tags: list[str]
    """What a network must have."""
    order: str
    """A key of ``ORDERS``."""


def _first() -> CatalogueState:
    return {**first_state(), "text": "", "group": "", "tags": [], "order": ""}


def list_tags() -> list[str]:
    """The tags to filter by, in the order in which they first appear: no year, and none that a group stands for."""
    known = catalog.entries()
    groups = [{entry.name for entry in known if entry.group == group} for group in GROUPS]
    tags = dict.fromkeys(tag for entry in known for tag in entry.tags if not tag.isdigit())
    return [tag for tag in tags if {entry.name for entry in known if tag in entry.tags} not in groups]


def _read_text(text: str) -> None:
    PAGE.state["text"] = text[:_MAX_TEXT]


def _read_group(text: str) -> None:
    PAGE.state["group"] = text if text in GROUPS else ""


def _read_tags(text: str) -> None:
    known = list_tags()
    PAGE.state["tags"] = [tag for tag in text.split(",") if tag in known]


def _read_order(text: str) -> None:
    PAGE.state["order"] = text if text in ORDERS else ""


PAGE: Page[CatalogueState] = Page(
    "catalogue",
    _first,
    (
        Parameter("q", _read_text, lambda: PAGE.state["text"]),
        Parameter("group", _read_group, lambda: PAGE.state["group"]),
        Parameter("with", _read_tags, lambda: ",".join(PAGE.state["tags"])),
        Parameter("sort", _read_order, lambda: PAGE.state["order"]),
    ),
)


def show() -> None:
    """The page."""
    PAGE.follow_address()
    st.title("Catalogue", anchor=False)
    _show_search()
    state = PAGE.state
    found = catalog.search(state["text"], group=state["group"], tags=state["tags"])
    st.caption(f"{len(found)} of {len(catalog.entries())} networks")
    if not found:
        _show_nothing(state["text"])
    elif state["order"]:
        _show_cards(sorted(found, key=ORDERS[state["order"]][1]))
    else:
        for group, title in GROUPS.items():
            of_group = [entry for entry in found if entry.group == group]
            if of_group:
                st.header(title, anchor=False)
                _show_cards(of_group)
    PAGE.write_address()


def _show_search() -> None:
    state = PAGE.state
    kept = {"search": "text", "catalogue_group": "group", "catalogue_tags": "tags", "catalogue_order": "order"}
    for key, name in kept.items():
        st.session_state[key] = state[name] or None if key == "catalogue_group" else state[name]  # type: ignore[literal-required]

    def keep(key: str) -> None:
        PAGE.act()[kept[key]] = st.session_state[key] or ([] if key == "catalogue_tags" else "")  # type: ignore[literal-required]

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="catalogue_bar"):
        st.text_input(
            "Search", key="search", on_change=keep, args=("search",), max_chars=_MAX_TEXT, width="stretch",
            placeholder="a name or what it has: GoogLeNet, ResNet, receptive field ...",
        )  # fmt: skip
        st.selectbox(
            "Order", list(ORDERS), key="catalogue_order", format_func=lambda key: ORDERS[key][0], width=240,
            on_change=keep, args=("catalogue_order",),
        )  # fmt: skip
    groups = [group for group in GROUPS if any(entry.group == group for entry in catalog.entries())]
    st.pills(
        "Groups", groups, key="catalogue_group", format_func=GROUPS.__getitem__, on_change=keep,
        args=("catalogue_group",), label_visibility="collapsed",
    )  # fmt: skip
    st.pills(
        "With", list_tags(), selection_mode="multi", key="catalogue_tags", on_change=keep, args=("catalogue_tags",)
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
