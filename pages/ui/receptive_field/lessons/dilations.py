"""The fourth lesson: what a chain of dilated 3×3 sees, and what is lost to holes."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from explorer import catalog
from explorer.comparison import read_chain
from explorer.text import format_count, format_share
from pages.ui.text import cell

from . import chain, parts
from .numbers import DILATIONS, LESSONS, Numbers

NAME = "dilations"
_PRESETS: dict[str, Numbers] = {
    "1, 2, 1 of the notes": (1, 2, 1),
    "1, 1, 1": (1, 1, 1),
    "2, 2, 2": (2, 2, 2),
    "1, 2, 3": (1, 2, 3),
    "1, 2, 5": (1, 2, 5),
    "1, 2, 9": (1, 2, 9),
}


def show() -> None:
    """Three dilated 3×3 in a row, and the same for other dilations."""
    numbers = parts.current(NAME)
    found = read_chain([(3, dilation) for dilation in numbers])
    parts.introduce(
        "Dilation sees further, and may leave holes",
        "Every chain here has the weights of three plain 3×3. Dilations 2, 2, 2 reach over 13 × 13 pixels but read "
        "only every second row and column; 1, 2, 3 reach as far and leave nothing out.",
        found.architecture.name,
        parts.link_to(found.architecture),
    )
    parts.show_presets(NAME, _PRESETS)
    left, right = st.columns([0.3, 0.7], gap="medium")
    with left, st.container(border=True):
        usual = LESSONS[NAME].usual
        parts.show_sliders(
            NAME,
            [
                parts.describe_slider(f"Layer {place}, d", DILATIONS, value, first, "Distance between its taps.")
                for place, (value, first) in enumerate(zip(numbers, usual, strict=True), 1)
            ],
        )
        _table(numbers)
    with right, st.container(border=True):
        chain.draw(found, "lesson_dilations")
    parts.name_slips(*catalog.entry("dilated-cnn").repairs, *catalog.entry("dilated-cnn-121").repairs)


def _table(now: tuple[int, ...]) -> None:
    """What each of the presets sees, and the present one where it is another."""
    rows = []
    for dilations in dict.fromkeys([*_PRESETS.values(), now]):
        each = read_chain([(3, dilation) for dilation in dilations])
        rows.append({
            "dilations": ", ".join(map(str, dilations)),
            "box": f"{each.side} × {each.side}",
            "pixels read": format_count(each.touched),
            "of the box": format_share(each.coverage, 0),
        })  # fmt: skip
    st.table(pd.DataFrame(rows).map(cell).set_index("dilations"), border="horizontal")
