"""Trade-offs: any metric against any other with the Pareto front, a cloud of variants, and equal budget."""

from __future__ import annotations

import streamlit as st

from . import budget, cloud, options, scatter
from .entries import Entry

TAB = "tradeoffs"
_PARTS = {"scatter": "Scatter", "cloud": "Pareto cloud", "budget": "Equal budget"}


def show(entries: tuple[Entry, ...]) -> None:
    """One of the three."""
    part = options.choice(
        TAB, "part", "Part", list(_PARTS), _PARTS, widget=st.segmented_control, label_visibility="collapsed"
    )
    {"scatter": scatter.show, "cloud": cloud.show, "budget": budget.show}[part](entries)
