"""What a session compares on the Compare page: up to four networks, in order.

``st.session_state["compare"]`` holds plain values: ``entries`` (dictionaries with the fields of ``Entry``), ``pair``
(places of the two networks whose differences are shown), ``tab`` (see ``TABS``), ``view`` (how curves are
drawn), ``address``, ``notices``, ``acted`` and ``options`` (see there).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import streamlit as st

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Architecture, ArchitectureError, from_json
from explorer.comparison import MOST, Comparison, compare
from explorer.runs import validate_run_id
from pages.ui import session
from pages.ui.manager import manager
from pages.ui.text import literal

KEY = "compare"
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


@dataclass(frozen=True)
class Entry:
    """One network of the comparison."""

    architecture: Architecture
    label: str
    """Unique on the page; the text as the user knows it, to be shown with ``literal``."""
    origin: str
    """'catalogue:NAME', 'run:ID', 'design', 'link' or 'json'."""

    @property
    def token(self) -> str:
        """What stands for it in an address. Raises ArchitectureError where the network is too large for one."""
        kind, _, name = self.origin.partition(":")
        return name if kind in ("catalogue", "run") else session.short_link(self.architecture)


# ---- the networks ---------------------------------------------------------------------------------------------------


def entries() -> tuple[Entry, ...]:
    """Up to four, in the order in which they are shown; the first is what the others are compared to."""
    found: list[Entry] = []
    names = [each["label"] for each in here()["entries"]]
    for each in here()["entries"]:
        label, count = each["label"], 0
        while names.count(each["label"]) > 1 and label in {*names, *(other.label for other in found)}:
            count += 1
            label = f"{each['label']} ({count})"
        found.append(Entry(each["architecture"], label, each["origin"]))
    return tuple(found)


def add(entry: Entry) -> None:
    """Put a network behind the others; where that cannot be, the visitor is told."""
    try_to_add(entry)


def try_to_add(entry: Entry) -> bool:
    """Put a network behind the others. Where that cannot be, or it is there already, the visitor is told."""
    here()["notices"] = []
    found = here()["entries"]
    if any(each["architecture"] == entry.architecture and each["origin"] == entry.origin for each in found):
        say("info", f"{entry.label} is among the networks already")
        return False
    if len(found) >= MOST:
        say("warning", f"{entry.label} was not added: a comparison holds up to {MOST} networks. Remove one first")
        return False
    try:
        analyze(entry.architecture)
    except ArchitectureError as error:
        say("error", f"{entry.label} was not added: {error}")
        return False
    _set([*found, _plain(entry)])
    return True


def add_architecture(architecture: Architecture, label: str) -> None:
    """Compare a network that was made on this page, or brought to it."""
    add(Entry(architecture, label, "link"))


def remove(place: int) -> None:
    """Take one away; the last one stays, so that there always is something to see."""
    here()["notices"] = []
    found = here()["entries"]
    if len(found) > 1 and 0 <= place < len(found):
        _set(found[:place] + found[place + 1 :])


def move(place: int, by: int) -> None:
    """Let a network change places with the one ``by`` further on."""
    here()["notices"] = []
    found = list(here()["entries"])
    if 0 <= place < len(found) and 0 <= place + by < len(found):
        found[place], found[place + by] = found[place + by], found[place]
        _set(found)


def replace_all(wanted: tuple[Entry, ...]) -> None:
    """Compare these."""
    _set([_plain(entry) for entry in wanted[:MOST]])


def bring(entry: Entry) -> None:
    """Put a network from another page behind what is compared, or behind what the page begins with."""
    if not here()["entries"]:
        replace_all(default_entries())
    if all(each["architecture"] != entry.architecture for each in here()["entries"]):
        add(entry)


def bring_design() -> None:
    """Take the design of this session as it is now: in the place of an earlier one, if need be in the last one's."""
    entry, found = _design(), here()["entries"]
    known = any(each["architecture"] == entry.architecture for each in found)
    place = next((place for place, each in enumerate(found) if each["origin"] == "design"), None)
    if place is None and len(found) == MOST:
        place = MOST - 1
    if known or place is None:
        bring(entry)
        return
    say("info", f"{entry.label} has taken the place of {found[place]['label']}")
    _set([*found[:place], _plain(entry), *found[place + 1 :]])


def _set(found: list[dict[str, Any]]) -> None:
    first, second = here()["pair"]
    fits = first < len(found) and second < len(found)
    here().update(entries=found, pair=(first, second) if fits else (0, 1), acted=True)


def _plain(entry: Entry) -> dict[str, Any]:
    return {"architecture": entry.architecture, "label": entry.label, "origin": entry.origin}


def from_catalogue(name: str) -> Entry:
    """An entry of the catalogue by name or alias. Raises ValueError with the nearest names."""
    found = catalog.entry(name)
    return Entry(found.architecture, found.architecture.name, f"catalogue:{found.name}")


def from_run(run: str) -> Entry:
    """What a run trains. Raises ValueError where there is no such run."""
    found = manager().run(validate_run_id(run))
    return Entry(from_json(found.architecture), found.name, f"run:{found.id}")


def _design() -> Entry:
    value = session.architecture()
    return Entry(value, value.name, "design")


def from_architecture(value: Architecture, origin: str) -> Entry:
    """The catalogue's own where the value is exactly that."""
    name = catalog.name_of(value)
    return from_catalogue(name) if name else Entry(value, value.name, origin)


def default_entries() -> tuple[Entry, ...]:
    """For the first visit, so that there is something to see: the design, what it was made from, and others."""
    own = session.architecture() != session.baseline()
    base, design = from_architecture(session.baseline(), "link"), from_architecture(session.architecture(), "design")
    first = [base, _design()] if own else [design]
    others = [from_catalogue(name) for name in ("googlenet-torchvision", "inception-v3")]
    found = first + [each for each in others if all(each.architecture != one.architecture for one in first)]
    return tuple(found[:3])


@lru_cache(maxsize=32)
def _compared(architectures: tuple[Architecture, ...], names: tuple[str, ...]) -> Comparison:
    return compare(architectures, names)


def compare_entries(found: tuple[Entry, ...]) -> Comparison:
    """The networks aligned, with all their numbers; the last ones of all sessions are kept."""
    return _compared(tuple(entry.architecture for entry in found), tuple(entry.label for entry in found))


def open_in_design(architecture: Architecture) -> None:
    """Go to the Design page with this network; the design that was there is one Undo away. Not within a callback."""
    if architecture != session.architecture():
        try:
            session.open_design(architecture)
        except ArchitectureError as error:
            say("error", f"{architecture.name} cannot be opened: {error}")
            st.rerun()
    # By its whole address: one that the page adds itself would be a step that Back runs into.
    st.switch_page("pages/design.py", query_params=session.query_params())


# ---- what is said ---------------------------------------------------------------------------------------------------


def here() -> dict[str, Any]:
    """The dictionary itself."""
    return st.session_state.setdefault(  # type: ignore[no-any-return]
        KEY,
        {
            "entries": [], "pair": (0, 1), "tab": "side", "address": {}, "notices": [], "acted": False,
            "view": {"x": "epoch", "smooth": 0.0, "log": False}, "options": {},
        },
    )  # fmt: skip


def choose_pair(first: int, second: int) -> None:
    """Show the differences of these two."""
    here().update(pair=(first, second), acted=True, notices=[])


def say(kind: str, text: str) -> None:
    """Tell the visitor something with the next picture: kind 'error', 'warning', 'info' or 'success'."""
    if (kind, text) not in here()["notices"]:
        here()["notices"].append((kind, text))


def show_notices() -> None:
    """What there is to tell, one sentence each; it stays until the visitor does something else."""
    for kind, text in here()["notices"]:
        getattr(st, kind)(literal(text if text.endswith((".", "?")) else f"{text}."))
