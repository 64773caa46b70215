"""What a session looks at on the Inspect page, and the address of that.

All of it is plain values in one dictionary: ``model`` and ``second`` (names, '' for the usual one and for none), ``at``
(path of the chosen node, '' for the usual one), ``channel`` and ``unit`` (None: the most active, the strongest),
``class`` (None: the answer), ``pictures`` (see ``pictures``), ``show`` (the key of the one that is looked at) and
``wanted`` (keys of pictures that are asked for and still to be brought).
"""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from explorer.architecture import Architecture
from explorer.inspection import check_path
from pages.ui import session
from pages.ui.text import literal

KEY = "inspect"
TABS = {
    "maps": "Feature maps",
    "branches": "Branches",
    "why": "Why this answer",
    "field": "Receptive field",
    "filters": "Filters",
    "two": "Two models",
    "test": "Test set",
}
"""By the word that stands in addresses."""
TAB = "inspect_tab"
MAX_PICTURES = 32
"""Pictures of a session."""
_KEYS = ("model", "second", "node", "channel", "unit", "class", "tab", "pictures", "show")
_PICTURE = re.compile(r"[a-z0-9][\w-]{0,99}:[\w-]{1,80}", re.ASCII)
"""What an address may call a picture: SAMPLE:name or DATASET:row."""


def begin() -> None:
    """Take what is to be seen from the address, where it asks for something else than the last time."""
    here = st.session_state.setdefault(
        KEY,
        {
            "model": "", "second": "", "at": "", "channel": None, "unit": None, "class": None, "pictures": [],
            "show": "", "wanted": [], "own": None, "address": {}, "notices": [], "acted": False,
        },
    )  # fmt: skip
    asked = {key: st.query_params.get(key, "")[:4000] for key in _KEYS}
    # What the visitor has just done is newer than the address that came with it.
    if asked != here["address"] and not here["acted"] and any(asked.values()):
        _follow(asked)
    here["acted"] = False


def _follow(asked: dict[str, str]) -> None:
    state()["address"] = asked
    keys = [key for key in asked["pictures"].split(",") if _PICTURE.fullmatch(key)][:MAX_PICTURES]
    unit = re.fullmatch(r"(\d{1,4})-(\d{1,4})", asked["unit"], re.ASCII)
    state().update(
        {
            "model": asked["model"],
            "second": asked["second"],
            "at": asked["node"],
            "channel": _number(asked["channel"]),
            "unit": (int(unit[1]), int(unit[2])) if unit else None,
            "class": _number(asked["class"]),
            "wanted": keys,
            "show": asked["show"] if _PICTURE.fullmatch(asked["show"]) else state()["show"],
        }
    )
    if asked["tab"] in TABS:
        st.session_state[TAB] = TABS[asked["tab"]]


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,6}", text, re.ASCII) else None


def write_address() -> None:
    """Bring the address up to the screen. Uploads are nobody else's: only pictures that others have too are in it."""
    here = state()
    shared = [picture["key"] for picture in here["pictures"] if _PICTURE.fullmatch(picture["key"])]
    tab = next((word for word, title in TABS.items() if st.session_state.get(TAB) == title), "maps")
    here["address"] = {
        "model": here["model"] if here["model"] != OWN else "",
        "second": here["second"] if here["second"] != OWN else "",
        "node": here["at"],
        "channel": "" if here["channel"] is None else str(here["channel"]),
        "unit": "" if here["unit"] is None else "{}-{}".format(*here["unit"]),
        "class": "" if here["class"] is None else str(here["class"]),
        "tab": tab if tab != "maps" else "",
        "pictures": ",".join(dict.fromkeys([*shared, *here["wanted"]])),
        "show": here["show"] if here["show"] in shared and here["show"] != shared[0] else "",
    }
    wanted = {key: value for key, value in here["address"].items() if value}
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


OWN = "own"
"""The name of the model that the visitor brought."""


def state() -> dict[str, Any]:
    """The dictionary itself."""
    return st.session_state[KEY]  # type: ignore[no-any-return]


def change(**fields: Any) -> None:
    """Something that the visitor did; what was said before has been read."""
    state().update(**fields, acted=True, notices=[])


def say(kind: str, text: str) -> None:
    """Tell the visitor something with the next picture: kind 'error', 'warning', 'info' or 'success'."""
    if (kind, text) not in state()["notices"]:
        state()["notices"].append((kind, text))


def show_notices() -> None:
    """What there is to tell, one sentence each."""
    for kind, text in state()["notices"]:
        getattr(st, kind)(literal(text))


def choose_node(path: object) -> None:
    """Look at another node; its most active channel and strongest unit."""
    if isinstance(path, str):
        change(at=path, channel=None, unit=None)


def node(architecture: Architecture, usual: str = "") -> str:
    """The chosen node of a network: the nearest that exists and runs in inference; else the usual one."""
    path = state()["at"]
    while path:
        try:
            check_path(architecture, path)
            break
        except ValueError:
            path = path.rpartition("/")[0]
    if path != state()["at"]:
        state().update(at=path, channel=None, unit=None)
    return path or usual or session.default_path(architecture)


def choose_map(chosen: object) -> None:
    """A click on a map, or on a unit of the large one: {group, channel} or {group, channel, unit}."""
    if not isinstance(chosen, dict) or not isinstance(chosen.get("channel"), int):
        return
    asked, unit = chosen.get("unit"), None
    if isinstance(asked, list) and len(asked) == 2 and all(isinstance(each, int) for each in asked):
        unit = (asked[0], asked[1])
    at = chosen.get("group")
    change(at=at if isinstance(at, str) else state()["at"], channel=chosen["channel"], unit=unit)


def choose_picture(key: object) -> None:
    """Look at another picture."""
    if isinstance(key, str):
        change(show=key)
