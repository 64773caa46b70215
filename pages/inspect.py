"""Inspect: what a trained network sees in a picture, what it answers, and why."""

from __future__ import annotations

from pages.ui import router

router.enter()

import streamlit as st  # noqa: E402

from pages.ui import session  # noqa: E402
from pages.ui.inspect import models, pictures, show, state  # noqa: E402
from pages.ui.manager import manager, supervise  # noqa: E402
from pages.ui.text import literal  # noqa: E402

session.begin()
try:
    told = [*manager().messages, supervise()]
except ValueError as error:
    st.title("Inspect")
    st.error(literal(f"Trained networks cannot be looked up: {error}."))
    st.stop()
state.begin()

st.title("Inspect", anchor=False)
for sentence in filter(None, told):
    st.warning(literal(sentence), icon=":material/info:")
notices = st.container()
main, side = st.columns([0.7, 0.3], gap="medium")
found = models.list_models()
with side, st.container(border=True, key="inspect_card"):
    models.show(found)
    pictures.show(models.find_dataset(state.state()["model"]))
with main:
    show.main(found)
with notices:
    state.show_notices()
state.write_address()
