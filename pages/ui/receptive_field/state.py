"""What a session looks at on the Receptive field page, and the address of that.

The network, its baseline and the chosen node are the Design page's: what is edited here is edited there.
"""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from explorer.text import quote
from pages.ui.page_state import Page, PageState, Parameter, first_state

TABS = {"exact": "Exact", "effective": "Effective", "steps": "Step by step"}
"""By the word that stands in addresses."""
TAB = "field_tab"
_PLACE = re.compile(r"(\d{1,4})-(\d{1,4})", re.ASCII)


class FieldState(PageState):
    """What the Receptive field page remembers."""

    unit: tuple[int, int] | None
    """Row and column in the chosen node's map; None: the middle one."""


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


PAGE: Page[FieldState] = Page(
    "receptive_field",
    lambda: {**first_state(), "unit": None},
    (
        Parameter("unit", _read_unit, _write_unit),
        Parameter("tab", _read_tab, _write_tab),
    ),
)


def state() -> FieldState:
    """The page's state itself."""
    return PAGE.state


def change(**fields: Any) -> None:
    """Something that the visitor did, as fields of the state; what was told before has been read."""
    PAGE.act().update(fields)  # type: ignore[typeddict-item]
