"""Compare: up to four networks beside one another, every difference explained, the trade-off at a glance."""

from __future__ import annotations

from pages.ui import router

router.enter()

from pages.ui import session  # noqa: E402
from pages.ui.compare import network_cards, networks, state, tabs  # noqa: E402

session.begin()
networks.begin()

entries = state.list_entries()
network_cards.show_head(entries)
state.PAGE.show_notices()
network_cards.show_cards(entries)
tabs.show(entries)
state.PAGE.write_address()
