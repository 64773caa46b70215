"""Inspect: what a trained network sees in a picture, what it predicts, and why."""

from __future__ import annotations

from pages.ui import router

router.enter()

import streamlit as st  # noqa: E402

from pages.ui import session  # noqa: E402
from pages.ui.inspect import models, pictures, show, state  # noqa: E402
from pages.ui.manager import require_manager, show_warnings  # noqa: E402

session.begin()
warnings = require_manager("Inspect", "Trained networks cannot be looked up")
state.PAGE.follow_address()

st.title("Inspect", anchor=False)
show_warnings(warnings)
notices = st.container()
main, side = st.columns([0.7, 0.3], gap="medium")
found = models.list_models()
with side, st.container(border=True, key="inspect_card"):
    models.show(found)
    pictures.show(models.find_dataset(state.state()["model"]))
with main:
    show.main(found)
with notices:
    state.PAGE.show_notices()
state.PAGE.write_address()
