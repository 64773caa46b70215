"""Search: let networks and settings be proposed within limits, trained as runs, and see the front that they reach."""

from __future__ import annotations

from pages.ui import router

router.enter()

import streamlit as st  # noqa: E402

from pages.ui import session  # noqa: E402
from pages.ui.manager import follow_others, require_manager, require_training, show_warnings  # noqa: E402
from pages.ui.search import form, show, state  # noqa: E402
from pages.ui.stored_work import choose_view  # noqa: E402

session.begin()
require_training("Search")
warnings = require_manager("Search", "Searches cannot be stored")
state.begin()

show_warnings(warnings)
with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    st.title("Search", anchor=False, width="content")
    choose_view(state.VIEW, [state.RESULTS, state.NEW])
if st.session_state[state.VIEW] == state.NEW:
    state.PAGE.show_notices()
    form.show()
else:
    show.live()
    if not state.PAGE.state["active"]:
        follow_others()
state.PAGE.write_address()
