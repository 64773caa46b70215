"""Ablate: vary a network by factors, train every variant from several seeds, and see what each factor is worth."""

from __future__ import annotations

from pages.ui import router

router.enter()

import streamlit as st  # noqa: E402

from pages.ui import session  # noqa: E402
from pages.ui.ablate import show, state, wizard  # noqa: E402
from pages.ui.manager import follow_others, manager, supervise  # noqa: E402
from pages.ui.text import literal  # noqa: E402

session.begin()
try:
    told = [*manager().messages, supervise()]
except ValueError as error:
    st.title("Ablate")
    st.error(literal(f"Experiments cannot be kept: {error}."))
    st.stop()
state.begin()

for sentence in filter(None, told):
    st.warning(literal(sentence), icon=":material/info:")
with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    st.title("Ablate", anchor=False, width="content")
    state.choose_view()
if st.session_state[state.VIEW] == state.NEW:
    state.show_notice()
    wizard.show()
else:
    show.live()
    if not st.session_state[state.KEY]["active"]:
        follow_others()
state.write_address()
