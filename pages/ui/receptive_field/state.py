"""What a session looks at on the Receptive field page, and the address of that.

The network, its baseline and the chosen node are the Design page's: what is edited here is edited there.
"""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from explorer.text import quote
from pages.ui.page_state import Page, PageState, Parameter, first_state

from .lessons import numbers as lesson

TABS = {"exact": "Exact", "effective": "Effective", "steps": "Step by step"}
"""By the word that stands in addresses."""
TAB = "field_tab"
_PLACE = re.compile(r"(\d{1,4})-(\d{1,4})", re.ASCII)


class FieldState(PageState):
    """What the Receptive field page remembers."""

    unit: tuple[int, int] | None
    """Row and column in the chosen node's map; None: the middle one."""
    lesson: str
    """The lesson that is open."""
    numbers: dict[str, lesson.Numbers]
    """What was set in the lessons that are no longer as they begin."""


def _read_unit(text: str) -> None:
    unit = _PLACE.fullmatch(text)
    state()["unit"] = (int(unit[1]), int(unit[2])) if unit else None


def _write_unit() -> str:
    unit = state()["unit"]
    return f"{unit[0]}-{unit[1]}" if unit else ""


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
    lambda: {**first_state(), "unit": None, "lesson": lesson.FIRST, "numbers": {}},
    (
        Parameter("unit", _read_unit, _write_unit),
        Parameter("tab", _read_tab, _write_tab),
        Parameter("lesson", _read_lesson, _write_lesson),
    ),
)


def state() -> FieldState:
    """The page's state itself."""
    return PAGE.state


def change(**fields: Any) -> None:
    """Something that the visitor did, as fields of the state; what was told before has been read."""
    PAGE.act().update(fields)  # type: ignore[typeddict-item]
