"""The address of the Compare page: networks in order, the pair whose differences are shown, open tab, options."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import MAX_LINK_CHARS, ArchitectureError
from explorer.cli import resolve
from explorer.comparison import LETTERS, MOST

from . import options, state

MAX_ADDRESS_CHARS = 8_000
"""Characters of an address that browsers, mail and proxies carry."""


def begin() -> None:
    """Take what is compared from the address, where it asks for something else than the last time."""
    here, asked = state.here(), _read_address()
    # What the visitor has just done is newer than the address that came with it.
    if not here["acted"] and asked != here["address"] and any(asked.values()):
        _follow(asked)
    if not here["entries"]:
        state.replace_all(state.default_entries())
    here["acted"] = False


def _read_address() -> dict[str, Any]:
    wanted = st.query_params
    return {
        "network": [text[: MAX_LINK_CHARS + 1] for text in wanted.get_all("network")[: MOST + 1]],
        "pair": wanted.get("pair", "")[:2],
        "tab": wanted.get("tab", "")[:20],
        "options": wanted.get("options", "")[:500],
    }


def _follow(asked: dict[str, Any]) -> None:
    here = state.here()
    here.update(address=asked, notices=[])
    known = {token: entry for entry in (state.Entry(**each) for each in here["entries"]) if (token := _token(entry))}
    found: list[state.Entry] = []
    for text in asked["network"][:MOST]:
        try:
            found.append(known.get(text) or _read(text))
        except ValueError as error:
            state.say("error", f"One network of the address could not be opened: {error}")
    if len(asked["network"]) > MOST:
        state.say("warning", f"The address names more networks than a comparison holds; the first {MOST} are shown")
    if found:
        state.replace_all(tuple(found))
    places = [LETTERS.find(letter) for letter in asked["pair"] or "AB"]
    if len(places) == 2 and all(0 <= place < len(here["entries"]) for place in places):
        here["pair"] = tuple(places)
    tab = asked["tab"] or next(iter(state.TABS))
    if tab in state.TABS:
        here["tab"] = tab
        st.session_state[state.TAB] = state.TABS[tab]
        here["options"][tab] = options.parse_options(asked["options"])


def _read(text: str) -> state.Entry:
    """A catalogue's name, a run's id, or a link's text. Raises ValueError in one sentence."""
    if text in catalog.names() or text in catalog.ALIASES:
        return state.from_catalogue(text)
    if text[:1].isdigit() and "." not in text:
        return state.from_run(text)
    value = resolve(text)
    analyze(value)
    return state.from_architecture(value, "link")


def _token(entry: state.Entry) -> str:
    try:
        return entry.token
    except ArchitectureError:
        return ""


def query() -> dict[str, Any]:
    """What rebuilds the screen. Raises ValueError in one sentence where it is longer than an address may be."""
    networks = [entry.token for entry in state.entries()]
    if sum(map(len, networks)) > MAX_ADDRESS_CHARS:
        raise ValueError(
            f"the networks take {sum(map(len, networks)):,} characters; an address carries {MAX_ADDRESS_CHARS:,}"
        )
    tab, pair = state.here()["tab"], "".join(LETTERS[place] for place in state.here()["pair"])
    return {
        "network": networks, "pair": pair if pair != "AB" else "", "tab": tab if tab != "side" else "",
        "options": options.format_options(tab),
    }  # fmt: skip


def query_params() -> dict[str, Any]:
    """The same without what is as usual, as it stands in the bar; empty where it would be too long."""
    try:
        return {key: value for key, value in query().items() if value}
    except ValueError:
        return {}


def write() -> None:
    """Bring the address up to the screen; one that would be too long stays what it was, and the page says so."""
    wanted, bar = query_params(), st.query_params
    if not wanted:
        return
    state.here()["address"] = query()
    if {key: bar.get_all(key) if key == "network" else bar[key] for key in bar} != wanted:
        bar.from_dict(wanted)


def go() -> None:
    """To the Compare page from another one, by its whole address: a step Back then leads to where one came from."""
    st.switch_page("pages/compare.py", query_params=query_params())
