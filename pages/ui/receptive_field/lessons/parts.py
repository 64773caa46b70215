"""What the lessons have in common: what to notice, sliders, presets, and the way to the Design page."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer.architecture import Architecture, to_link
from pages.ui.components import mount
from pages.ui.receptive_field import state
from pages.ui.text import literal

from .numbers import LESSONS, Numbers


def current(name: str) -> Numbers:
    """The numbers of a lesson."""
    return state.state()["numbers"].get(name, LESSONS[name].usual)


def put(name: str, numbers: Numbers) -> None:
    """Set the numbers of a lesson; what it does not allow changes nothing."""
    if LESSONS[name].allows(numbers):
        state.change(numbers={**state.state()["numbers"], name: numbers})


def introduce(title: str, notice: str, name: str = "", link: dict[str, Any] | None = None) -> None:
    """The lesson's title, the one sentence of what to notice, and the way to its network on the Design page.

    Args:
        title: Of the lesson.
        notice: The sentence.
        name: Of the network.
        link: What the address of the Design page needs for it; None where there is no network.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(title, anchor=False, width="stretch")
        if link is not None:
            st.page_link(
                "pages/design.py", label="Open in Design", icon=":material/schema:", help=literal(name),
                query_params=link,
            )  # fmt: skip
    st.markdown(f"**Notice:** {literal(notice)}")


def link_to(architecture: Architecture) -> dict[str, Any]:
    """What the address of the Design page needs for a network."""
    return {"net": to_link(architecture)}


def name_slips(*slips: str) -> None:
    """What the course notes say otherwise, and what is right."""
    st.caption("  \n".join(f"**A slip of the notes:** {literal(slip[:1].upper() + slip[1:])}." for slip in slips))


def show_presets(name: str, presets: dict[str, Numbers]) -> None:
    """A button for each of some settings; that of the present one is marked."""
    now = current(name)
    with st.container(horizontal=True, gap="small", key=f"lesson_presets_{name}"):
        for title, numbers in presets.items():
            st.button(
                title, key=f"lesson_{name}-{'-'.join(map(str, numbers))}", on_click=put, args=(name, numbers),
                type="primary" if numbers == now else "secondary",
            )  # fmt: skip


def describe_slider(
    label: str, bounds: tuple[int, int], value: int, usual: int, hint: str, *, step: int = 1, unit: str = ""
) -> dict[str, Any]:
    """A slider for one of a lesson's numbers."""
    return {
        "label": label, "low": bounds[0], "high": bounds[1], "value": value, "neutral": usual, "hint": hint,
        "step": step, "unit": unit,
    }  # fmt: skip


def show_sliders(name: str, rows: list[dict[str, Any]]) -> None:
    """Sliders for the numbers of a lesson, in their order; they send while they move."""
    now = current(name)

    def take(value: object) -> None:
        if not isinstance(value, dict) or value.get("name") not in names:
            return
        number, place = value.get("value"), names.index(value["name"])
        if isinstance(number, int) and not isinstance(number, bool):
            put(name, (*now[:place], number, *now[place + 1 :]))

    def reset(_: object) -> None:
        put(name, LESSONS[name].usual)

    names = [f"number_{place}" for place in range(len(rows))]
    data = [{"name": each, **row} for each, row in zip(names, rows, strict=True)]
    mount("sliders", f"lesson_sliders_{name}_{len(rows)}", {"along": "", "rows": data}, set=take, reset=reset)
