"""The fifth lesson: how the field of the session's own network grows, with the arithmetic of every layer."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from explorer.analysis import AxisField, GrowthStep, explain_growth, format_growth
from explorer.architecture import ArchitectureError
from explorer.text import format_count, format_decimal
from pages.ui import session
from pages.ui.receptive_field import network
from pages.ui.text import cell, literal

from . import parts

NAME = "growth"
_WAYS = ("Longest path", "Shortest path")
_AXES = ("Height", "Width")


def show() -> None:
    """The chosen node's path: a table of its steps, and the same as text."""
    architecture = session.architecture()
    shortest, axis = parts.current(NAME)
    parts.introduce(
        "How the field grows, with this network's numbers",
        "r grows by (k − 1)·d·j at each window, and j by the stride: so the same 3×3 adds 2 pixels before any stride, "
        "and 32 behind four strides of 2.",
        architecture.name,
        session.PAGE.query_params(),
    )
    st.markdown("From `r = 1`, `j = 1`, `start = 0` for the image itself, at each layer:")
    st.markdown("`r = r + (k − 1)·d·j`  \n`j = j·s`  \n`start = start − p·j`")
    path = network.chosen_path(architecture)
    left, middle, right = st.columns([0.5, 0.25, 0.25], vertical_alignment="bottom")
    with left:
        network.show_choice(architecture, path)
    with middle:
        _choose("Path", _WAYS, (shortest, axis), 0)
    with right:
        _choose("Axis", _AXES, (shortest, axis), 1)
    try:
        steps = explain_growth(architecture, path, axis=1 if axis else 0, shortest=bool(shortest))
    except ArchitectureError as error:
        st.info(literal(f"{error}."))
        return
    _sum_up(steps, path, axis)
    rows = [
        {
            "layer": step.path.replace("/", " / "), "k": step.kernel, "d": step.dilation, "s": step.stride,
            "p": step.padding, "r": step.equations.get("r", step.note), "j": step.equations.get("j", ""),
            "start": step.equations.get("start", ""),
        }
        for step in steps
    ]  # fmt: skip
    if rows:
        st.table(pd.DataFrame(rows).map(str).map(cell).map(literal).set_index("layer"), border="horizontal")
        with st.expander("As text, to be copied"):
            st.code(format_growth(steps), language=None)


def _sum_up(steps: tuple[GrowthStep, ...], path: str, axis: int) -> None:
    """What a unit sees in the end."""
    size, stride, start = steps[-1].after if steps else AxisField()
    st.markdown(
        f"A unit of **{literal(path or 'the network')}** sees **{format_count(size)}** pixels of the "
        f"{_AXES[axis].lower()}; the next unit's begin {format_count(stride)} further on, and the first unit's at "
        f"{format_decimal(start, 0)}."
    )


def _choose(label: str, words: tuple[str, str], now: tuple[int, ...], place: int) -> None:
    key = f"lesson_growth_{label.lower()}"
    st.session_state[key] = words[now[place]]

    def changed() -> None:
        chosen = list(now)
        chosen[place] = words.index(st.session_state[key])
        parts.put(NAME, tuple(chosen))

    st.segmented_control(label, words, key=key, required=True, on_change=changed)
