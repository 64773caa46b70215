"""Receptive field: what a unit of a network really sees, on a picture of the visitor's."""

from __future__ import annotations

from pages.ui import router

router.enter()

from pages.ui import session  # noqa: E402
from pages.ui.inspect import pictures  # noqa: E402
from pages.ui.receptive_field import network, state, tabs  # noqa: E402

session.begin()
state.PAGE.follow_address()
pictures.fetch_requested()

# While a thumb moves, the address waits.
dragging = session.PAGE.state["phase"] == "drag"
network.show_head()
tabs.show()
session.PAGE.state["phase"] = "commit"
if not dragging:
    state.PAGE.write_address(session.PAGE)
    session.keep_for_reload()
network.warn_if_address_is_stale()
