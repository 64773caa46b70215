"""Train: start runs, watch them learn, overlay their curves, steer them from any browser."""

from __future__ import annotations

from pages.ui import router

router.enter()

import streamlit as st  # noqa: E402

from pages.ui import session  # noqa: E402
from pages.ui.manager import follow_others, manager, require_manager, require_training, show_warnings  # noqa: E402
from pages.ui.train import live, new_run, state, table  # noqa: E402

session.begin()
require_training("Train")
warnings = require_manager("Train", "Runs cannot be stored")
runs = manager().runs()
state.begin(runs)
active = any(run.active for run in runs)

router.speak_title("Train")
main, side = st.columns([0.7, 0.3], gap="medium")
with main:
    show_warnings(warnings)
    live.show(active=active)
with side, st.container(border=True, key="new_card"):
    new_run.show(runs)
table.show(runs, active=active)
if not active:
    follow_others()
state.PAGE.write_address()
