"""Ablate: vary a network by factors, train every variant from several seeds, and see what each factor is worth."""

from __future__ import annotations

from pages.ui import router

router.enter()

import streamlit as st  # noqa: E402

from pages.ui import session  # noqa: E402
from pages.ui.ablate import show, state, wizard  # noqa: E402
from pages.ui.manager import follow_others, require_manager, require_training, show_warnings  # noqa: E402
from pages.ui.stored_work import choose_view  # noqa: E402

session.begin()
require_training("Ablate")
warnings = require_manager("Ablate", "Experiments cannot be stored")
state.begin()

show_warnings(warnings)
with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    st.title("Ablate", anchor=False, width="content")
    choose_view(state.VIEW, [state.RESULTS, state.NEW])
if st.session_state[state.VIEW] == state.NEW:
    state.PAGE.show_notices()
    wizard.show()
else:
    show.live()
    if not state.PAGE.state["active"]:
        follow_others()
state.PAGE.write_address()
