"""Which networks are compared: adding, moving and removing them, and the ways to this page and from it."""

from __future__ import annotations

from functools import lru_cache

import streamlit as st

from explorer.analysis import analyze
from explorer.architecture import Architecture, ArchitectureError
from explorer.comparison import MAX_NETWORKS, Comparison, compare
from pages.ui import session

from .entries import Entry, from_architecture, from_catalogue, from_design
from .state import PAGE, choose_pair, set_entries, to_stored


def begin() -> None:
    """Take what is compared from the address; without any network, some to begin with."""
    PAGE.follow_address()
    if not PAGE.state["entries"]:
        _begin_with_defaults()


def _begin_with_defaults() -> None:
    notices = PAGE.state["notices"]
    set_entries([to_stored(entry) for entry in default_entries()])
    PAGE.state.update({"acted": False, "notices": notices})


def default_entries() -> tuple[Entry, ...]:
    """For the first visit, so that there is something to see: the design, what it was made from, and others."""
    design = session.architecture()
    if design != session.baseline():
        found = [from_architecture(session.baseline(), "link"), from_design()]
    else:
        found = [from_architecture(design, "design")]
    others = [from_catalogue(name) for name in ("googlenet-torchvision", "inception-v3")]
    found += [each for each in others if all(each.architecture != one.architecture for one in found)]
    return tuple(found[:3])


def add(entry: Entry) -> None:
    """Put a network behind the others; where that cannot be, the visitor is told."""
    try_to_add(entry)


def try_to_add(entry: Entry) -> bool:
    """The same; whether it was added."""
    found = PAGE.act()["entries"]
    if any(each["architecture"] == entry.architecture and each["origin"] == entry.origin for each in found):
        PAGE.tell("info", f"{entry.label} is among the networks already")
        return False
    if len(found) >= MAX_NETWORKS:
        full = f"a comparison holds up to {MAX_NETWORKS} networks. Remove one first"
        PAGE.tell("warning", f"{entry.label} was not added: {full}")
        return False
    try:
        analyze(entry.architecture)
    except ArchitectureError as error:
        PAGE.tell("error", f"{entry.label} was not added: {error}")
        return False
    set_entries([*found, to_stored(entry)])
    return True


def add_architecture(architecture: Architecture, label: str) -> None:
    """Compare a network that was made on this page, or brought to it."""
    add(Entry(architecture, label, "link"))


def remove(place: int) -> None:
    """Take one away; the last one stays, so that there always is something to see."""
    found = PAGE.act()["entries"]
    if len(found) > 1 and 0 <= place < len(found):
        set_entries(found[:place] + found[place + 1 :])


def move(place: int, by: int) -> None:
    """Let a network change places with the one ``by`` further on."""
    found = list(PAGE.act()["entries"])
    if 0 <= place < len(found) and 0 <= place + by < len(found):
        found[place], found[place + by] = found[place + by], found[place]
        set_entries(found)


def bring(entry: Entry) -> None:
    """Put a network from another page behind what is compared, or behind what the page begins with."""
    if not PAGE.state["entries"]:
        _begin_with_defaults()
    if all(each["architecture"] != entry.architecture for each in PAGE.state["entries"]):
        add(entry)


def bring_design() -> None:
    """Take the design of this session as it is now: in the place of an earlier one, if need be in the last one's."""
    entry, found = from_design(), PAGE.state["entries"]
    known = any(each["architecture"] == entry.architecture for each in found)
    place = next((place for place, each in enumerate(found) if each["origin"] == "design"), None)
    if place is None and len(found) == MAX_NETWORKS:
        place = MAX_NETWORKS - 1
    if known or place is None:
        bring(entry)
        return
    set_entries([*found[:place], to_stored(entry), *found[place + 1 :]])
    PAGE.tell("info", f"{entry.label} has taken the place of {found[place]['label']}")


def bring_pair(first: Entry, second: Entry) -> None:
    """Take two networks from another page and show their differences; where it is too many, the last ones go."""
    pair = (first.architecture, second.architecture)
    others = [each for each in PAGE.state["entries"] if each["architecture"] not in pair]
    kept = others[: MAX_NETWORKS - 2]
    set_entries([*kept, to_stored(first), to_stored(second)])
    choose_pair(len(kept), len(kept) + 1)
    PAGE.state["tab"] = "differences"
    for each in others[MAX_NETWORKS - 2 :]:
        PAGE.tell("info", f"{each['label']} is not compared any more: a comparison holds {MAX_NETWORKS} networks")


def go() -> None:
    """To the Compare page from another one, by its whole address: a step Back then leads to where one came from."""
    st.switch_page("pages/compare.py", query_params=PAGE.query_params())


@lru_cache(maxsize=32)
def _compare(architectures: tuple[Architecture, ...], names: tuple[str, ...]) -> Comparison:
    return compare(architectures, names)


def compare_entries(entries: tuple[Entry, ...]) -> Comparison:
    """The networks aligned, with all their numbers; the last ones are cached for all sessions."""
    return _compare(tuple(entry.architecture for entry in entries), tuple(entry.label for entry in entries))


def open_in_design(architecture: Architecture) -> None:
    """Go to the Design page with this network; the design that was there is one Undo away. Not within a callback."""
    if architecture != session.architecture():
        try:
            session.open_design(architecture)
        except ArchitectureError as error:
            PAGE.tell("error", f"{architecture.name} cannot be opened: {error}")
            st.rerun()
    # By its whole address: one that the page adds itself would be a step that Back runs into.
    st.switch_page("pages/design.py", query_params=session.PAGE.query_params())
