"""Challenges: what a class is to reach on which data; runs are handed in and stand on a board."""

from __future__ import annotations

from pages.ui import router

router.enter()

import streamlit as st  # noqa: E402

from pages.ui import session  # noqa: E402
from pages.ui.challenges import board, form, state  # noqa: E402
from pages.ui.manager import require_manager, show_warnings  # noqa: E402
from pages.ui.stored_work import choose_view  # noqa: E402

session.begin()
warnings = require_manager("Challenges", "Challenges cannot be stored")
state.begin()

show_warnings(warnings)
with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    st.title("Challenges", anchor=False, width="content")
    choose_view(state.VIEW, [state.BOARD, state.NEW])
if st.session_state[state.VIEW] == state.NEW:
    state.PAGE.show_notices()
    form.show()
else:
    board.live()
state.PAGE.write_address()
