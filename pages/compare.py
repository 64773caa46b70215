"""Compare: up to four networks beside one another, every difference explained, the trade-off at a glance."""

from __future__ import annotations

from pages.ui import router

router.enter()

import streamlit as st  # noqa: E402

from pages.ui import session  # noqa: E402
from pages.ui.compare import address, chosen, show, state  # noqa: E402

session.begin()
address.begin()

head = st.container(key="compare_head")
notices = st.container()
show.tabs()
with head:
    chosen.show(state.entries())
with notices:
    state.notices()
address.write()
