"""The exact receptive field of one unit: which pixels can reach it at all."""

from __future__ import annotations

import streamlit as st

from explorer.analysis import analyze
from pages.ui import session

from . import network


def show() -> None:
    """The chosen unit of the chosen node."""
    architecture = session.architecture()
    analysis, path = analyze(architecture), network.chosen_path(architecture)
    main, side = st.columns([0.72, 0.28], gap="medium")
    with side:
        with st.container(border=True):
            network.show_choice(architecture, path)
        network.show_windows(architecture, path)
    with main:
        network.show_growth(architecture, analysis, path)
        network.show_diagram(architecture, analysis, path)
