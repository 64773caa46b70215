"""What a session compares on the Compare page, and the address of that."""

from __future__ import annotations

import re
from typing import TypedDict

import streamlit as st

from explorer.architecture import Architecture, ArchitectureError
from explorer.comparison import LETTERS, MAX_NETWORKS
from pages.ui.page_state import ListParameter, Page, PageState, Parameter, first_state
from pages.ui.train.state import View, default_view

from .entries import Entry, from_token

TABS = {
    "side": "Side by side",
    "differences": "Differences",
    "counts": "Other tools' counts",
    "measured": "Measured",
    "tradeoffs": "Trade-offs",
    "lesson": "1×1 lesson",
}
"""By the word that stands in addresses."""
TAB = "compare_tab"
MAX_ADDRESS_CHARS = 8_000
"""Characters of an address that browsers, mail and proxies carry."""
_MAX_OPTION_CHARS = 400
"""Characters that the options of a tab may take in an address."""
_OPTION = re.compile(r"([a-z_]{1,24}):([\w./-]{0,60})", re.ASCII)


class StoredEntry(TypedDict):
    """The fields of an ``Entry``, as the session keeps them."""

    architecture: Architecture
    label: str
    origin: str


class CompareState(PageState):
    """What the Compare page remembers."""

    entries: list[StoredEntry]
    pair: tuple[int, int]
    """Places of the two networks whose differences are shown."""
    tab: str
    """One of ``TABS``."""
    view: View
    """How curves are drawn."""
    options: dict[str, dict[str, str]]
    """For each tab what differs from the defaults; see ``options``."""


def _first() -> CompareState:
    return {**first_state(), "entries": [], "pair": (0, 1), "tab": "side", "view": default_view(), "options": {}}


# ---- the networks ---------------------------------------------------------------------------------------------------


def list_entries() -> tuple[Entry, ...]:
    """Up to four, in the order in which they are shown; the first is what the others are compared to."""
    found: list[Entry] = []
    names = [each["label"] for each in PAGE.state["entries"]]
    for each in PAGE.state["entries"]:
        label, count = each["label"], 0
        while names.count(each["label"]) > 1 and label in {*names, *(other.label for other in found)}:
            count += 1
            label = f"{each['label']} ({count})"
        found.append(Entry(each["architecture"], label, each["origin"]))
    return tuple(found)


def set_entries(entries: list[StoredEntry]) -> None:
    """Compare these, as the visitor has asked."""
    first, second = PAGE.state["pair"]
    fits = first < len(entries) and second < len(entries)
    state = PAGE.act()
    state["entries"], state["pair"] = entries, (first, second) if fits else (0, 1)


def to_stored(entry: Entry) -> StoredEntry:
    """The entry as the session keeps it."""
    return {"architecture": entry.architecture, "label": entry.label, "origin": entry.origin}


def choose_pair(first: int, second: int) -> None:
    """Show the differences of these two."""
    PAGE.act()["pair"] = (first, second)


# ---- the address ----------------------------------------------------------------------------------------------------


def _read_networks(texts: list[str]) -> None:
    known = {token: entry for entry in list_entries() if (token := _token(entry))}
    found, problems = [], []
    for text in texts[:MAX_NETWORKS]:
        try:
            found.append(to_stored(known.get(text) or from_token(text)))
        except ValueError as error:
            problems.append(f"One network of the address could not be opened: {error}")
    if found:
        set_entries(found)
    for problem in problems:
        PAGE.tell("error", problem)
    if len(texts) > MAX_NETWORKS:
        PAGE.tell(
            "warning", f"The address names more networks than a comparison holds; the first {MAX_NETWORKS} are shown"
        )


def _token(entry: Entry) -> str:
    try:
        return entry.token
    except ArchitectureError:
        return ""


def _write_networks() -> list[str]:
    networks = [entry.token for entry in list_entries()]
    total = sum(map(len, networks))
    if total > MAX_ADDRESS_CHARS:
        raise ValueError(f"the networks take {total:,} characters; an address carries {MAX_ADDRESS_CHARS:,}")
    return networks


def _read_pair(text: str) -> None:
    places = [LETTERS.find(letter) for letter in text[:2] or "AB"]
    if len(places) == 2 and all(0 <= place < len(PAGE.state["entries"]) for place in places):
        PAGE.state["pair"] = (places[0], places[1])


def _write_pair() -> str:
    pair = "".join(LETTERS[place] for place in PAGE.state["pair"])
    return pair if pair != "AB" else ""


def _read_tab(text: str) -> None:
    tab = text or next(iter(TABS))
    if tab in TABS:
        PAGE.state["tab"] = tab
        PAGE.state["options"][tab] = {}
        st.session_state[TAB] = TABS[tab]


def _read_options(text: str) -> None:
    PAGE.state["options"][PAGE.state["tab"]] = parse_options(text)


def parse_options(text: str) -> dict[str, str]:
    """'x:macs,y:params' as names and texts; what is not of that form is left out."""
    found = (_OPTION.fullmatch(part) for part in text[:_MAX_OPTION_CHARS].split(","))
    return {match[1]: match[2] for match in found if match}


def _write_options() -> str:
    options = PAGE.state["options"].get(PAGE.state["tab"], {})
    text = ",".join(f"{name}:{value}" for name, value in options.items() if _OPTION.fullmatch(f"{name}:{value}"))
    return text if len(text) <= _MAX_OPTION_CHARS else ""


PAGE: Page[CompareState] = Page(
    "compare",
    _first,
    (
        ListParameter("network", _read_networks, _write_networks),
        Parameter("pair", _read_pair, _write_pair),
        Parameter("tab", _read_tab, lambda: PAGE.state["tab"] if PAGE.state["tab"] != "side" else ""),
        Parameter("options", _read_options, _write_options),
    ),
)
