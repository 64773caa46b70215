"""The third lesson: ways to see one field, with their parameters, multiply-adds and the pixels that they read."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from explorer.comparison import list_stacks
from explorer.text import format_count, format_percent, format_shape, format_share
from pages.ui.components import mount
from pages.ui.text import cell

from . import parts
from .numbers import CHANNELS, FIELDS, LESSONS

NAME = "same"


def show() -> None:
    """The ways side by side, and their numbers."""
    field, channels = parts.current(NAME)
    ways = list_stacks(field, channels)
    parts.introduce(
        "The same field for fewer parameters",
        "Small kernels in a row see the same box as a large one, fully, for fewer weights; a single dilated 3×3 is "
        "cheapest and has the same box, but reads only nine of its pixels.",
        ways[1].label,
        parts.link_to(ways[1].architecture),
    )
    usual = LESSONS[NAME].usual
    with st.container(border=True):
        parts.show_sliders(
            NAME,
            [
                parts.describe_slider(
                    "Field", FIELDS, field, usual[0], "Side of the box that is to be seen.", step=2, unit="px"
                ),
                parts.describe_slider("Channels C", CHANNELS, channels, usual[1], "In and out of each layer."),
            ],
        )
    with st.container(border=True):
        mount(
            "taps", "lesson_same",
            {
                "view": "fields", "title": f"What one unit reads of its {field} × {field} pixels", "note": "same scale",
                "alt": "",
                "fields": [
                    {"label": way.label, "note": f"{format_share(way.coverage, 0)} of the box",
                     "rows": ["".join(".#"[int(each)] for each in row) for row in way.support.mask()]}
                    for way in ways
                ],
            },
        )  # fmt: skip
    whole = ways[0].totals
    table = [
        {
            "way": way.label,
            "layers": way.layers,
            "pixels read": f"{format_count(way.touched)} of {format_shape(way.totals.receptive_field.size)}",
            "weights": format_count(way.totals.params),
            "MACs": format_count(way.totals.macs),
            "of the large one": format_percent(way.totals.params, whole.params),
        }
        for way in ways
    ]
    st.table(pd.DataFrame(table).map(str).map(cell).set_index("way"), border="horizontal")
    st.caption(
        "Analysed on a 28 × 28 map with stride 1, padding that keeps the size, and no biases. Each further layer is "
        "one more nonlinearity, as the notes say; it is also one more map to keep for the backward pass."
    )
