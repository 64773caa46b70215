"""What a session looks at on the Receptive field page, and the address of that.

The network, its baseline and the chosen node are the Design page's: what is edited here is edited there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

import streamlit as st

from explorer.architecture import Architecture
from explorer.text import quote
from pages.ui import find_networks, session
from pages.ui.field import Place
from pages.ui.inspect import pictures
from pages.ui.inspect import state as inspect_state
from pages.ui.page_state import Page, PageState, Parameter, first_state

from .lessons import numbers as lesson

TABS = {"exact": "Exact", "effective": "Effective", "steps": "Step by step"}
"""By the word that stands in addresses."""
TAB = "field_tab"
LAYERS = {
    "touched": "Touched", "box": "Box", "branches": "Branches", "paths": "Paths", "effective": "Effective",
    "input": "As input",
}  # fmt: skip
"""What can be drawn, by the word that stands in addresses."""
_USUAL = ("touched", "box", "branches")
COUNT, MAX_COUNT, MAX_SEED, MAX_CHANNEL = 32, 10_000, 2**32 - 1, 10**6
"""Of the images over which an effective field is averaged, usual and at most; of the seed and a channel, at most."""
_NUMBER = re.compile(r"\d{1,10}", re.ASCII)
_PLACE = re.compile(r"(\d{1,4})-(\d{1,4})", re.ASCII)


class FieldState(PageState):
    """What the Receptive field page remembers."""

    unit: Place | None
    """Row and column in the chosen node's map; None: the middle one."""
    pixel: Place | None
    """Row and column of the pixel whose units are shown instead; None: what a unit sees is shown."""
    source: str
    """Path of the node on whose map the field lies; '' for the image."""
    layers: tuple[str, ...]
    """What is drawn, keys of ``LAYERS``."""
    other: Architecture | None
    """The network beside the first; None for none."""
    other_at: str
    """The node of it that is looked at; '' for the usual one."""
    weights: str
    """With which weights the effective field is measured, as ``weights.list_choices`` has it; '' for the usual ones."""
    images: str
    """Over which images: 'noise', 'picture' for the one that is shown, 'pictures', or the name of a data set."""
    count: int
    """Over how many of them at most."""
    seed: int
    """Of the noise or the drawn images, and of initial weights that are no run's."""
    channel: int | None
    """Of the node's channels; None: the sum over all of them."""
    metric: str
    """What the ribbons of the sliders show, a key of ``METRICS``."""
    lesson: str
    """The lesson that is open."""
    numbers: dict[str, lesson.Numbers]
    """What was set in the lessons that are no longer as they begin."""


def _read_place(field: Literal["unit", "pixel"]) -> Callable[[str], None]:
    def read(text: str) -> None:
        place = _PLACE.fullmatch(text)
        state()[field] = (int(place[1]), int(place[2])) if place else None

    return read


def _write_place(field: Literal["unit", "pixel"]) -> Callable[[], str]:
    def write() -> str:
        place = state()[field]
        return f"{place[0]}-{place[1]}" if place else ""

    return write


def _read_source(text: str) -> None:
    state()["source"] = text


def _read_layers(text: str) -> None:
    asked = text.split(",")
    state()["layers"] = tuple(word for word in LAYERS if word in asked) if text else _USUAL


def _write_layers() -> str:
    layers = state()["layers"]
    return "" if layers == _USUAL else ",".join(layers) or "none"


def _read_other(text: str) -> None:
    try:
        state()["other"] = find_networks.resolve(text) if text else None
    except ValueError as error:
        PAGE.tell("error", f"The second network in the address could not be opened: {error}")


def _write_other() -> str:
    other = state()["other"]
    return session.short_link(other) if other is not None else ""


def _read_other_path(text: str) -> None:
    state()["other_at"] = text


def _read_picture(text: str) -> None:
    here = inspect_state.state()
    if inspect_state.is_shared(text):
        here["wanted"], here["show"] = [*here["wanted"], text], text


def _write_picture() -> str:
    chosen = pictures.selected()
    return chosen["key"] if chosen is not None and inspect_state.is_shared(chosen["key"]) else ""


def _read_weights(text: str) -> None:
    state()["weights"] = text


def _read_images(text: str) -> None:
    state()["images"] = text or "noise"


def _read_number(
    field: Literal["count", "seed", "channel"], least: int, most: int, usual: int | None
) -> Callable[[str], None]:
    def read(text: str) -> None:
        number = int(text) if _NUMBER.fullmatch(text) else usual
        state()[field] = number if number is None else min(max(number, least), most)

    return read


def _write_number(field: Literal["count", "seed", "channel"], usual: int | None) -> Callable[[], str]:
    return lambda: "" if state()[field] == usual else str(state()[field])


def _read_tab(text: str) -> None:
    if text in TABS:
        st.session_state[TAB] = TABS[text]
    elif text:
        PAGE.tell("info", f"There is no tab {quote(text)} here; known: {', '.join(TABS)}")


def _write_tab() -> str:
    tab = next((word for word, title in TABS.items() if st.session_state.get(TAB) == title), "exact")
    return tab if tab != "exact" else ""


def _read_lesson(text: str) -> None:
    try:
        name, numbers = lesson.read(text or lesson.FIRST)
    except ValueError as error:
        PAGE.tell("info", str(error))
        return
    state()["lesson"] = name
    state()["numbers"][name] = numbers


def _write_lesson() -> str:
    name = state()["lesson"]
    return lesson.write(name, state()["numbers"].get(name, lesson.LESSONS[name].usual))


PAGE: Page[FieldState] = Page(
    "receptive_field",
    lambda: {
        **first_state(), "unit": None, "pixel": None, "source": "", "layers": _USUAL, "other": None, "other_at": "",
        "metric": "receptive_field", "weights": "", "images": "noise", "count": COUNT, "seed": 0, "channel": None,
        "lesson": lesson.FIRST, "numbers": {},
    },
    (
        Parameter("unit", _read_place("unit"), _write_place("unit")),
        Parameter("pixel", _read_place("pixel"), _write_place("pixel")),
        Parameter("from", _read_source, lambda: state()["source"]),
        Parameter("show", _read_layers, _write_layers),
        Parameter("with", _read_other, _write_other),
        Parameter("node", _read_other_path, lambda: state()["other_at"] if state()["other"] is not None else ""),
        Parameter("picture", _read_picture, _write_picture),
        Parameter("tab", _read_tab, _write_tab),
        Parameter("weights", _read_weights, lambda: state()["weights"]),
        Parameter("images", _read_images, lambda: "" if state()["images"] == "noise" else state()["images"]),
        Parameter("n", _read_number("count", 1, MAX_COUNT, COUNT), _write_number("count", COUNT)),
        Parameter("seed", _read_number("seed", 0, MAX_SEED, 0), _write_number("seed", 0)),
        Parameter("channel", _read_number("channel", 0, MAX_CHANNEL, None), _write_number("channel", None)),
        Parameter("lesson", _read_lesson, _write_lesson),
    ),
)  # fmt: skip


def state() -> FieldState:
    """The page's state itself."""
    return PAGE.state


def change(**fields: Any) -> None:
    """Something that the visitor did, as fields of the state; what was told before has been read."""
    PAGE.act().update(fields)  # type: ignore[typeddict-item]
