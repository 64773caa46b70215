"""Compare: up to four networks beside one another, every difference explained, the trade-off at a glance."""

from __future__ import annotations

from pages.ui import router

router.enter()

from pages.ui import session  # noqa: E402
from pages.ui.compare import address, network_cards, state, tabs  # noqa: E402

session.begin()
address.begin()

entries = state.entries()
network_cards.show_head(entries)
state.show_notices()
network_cards.show_cards(entries)
tabs.show(entries)
address.write()
