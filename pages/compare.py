"""Compare: up to four networks beside one another, every difference explained, the trade-off at a glance."""

from __future__ import annotations

from pages.ui import router

router.enter()

from pages.ui import session  # noqa: E402
from pages.ui.compare import address, chosen, show, state  # noqa: E402

session.begin()
address.begin()

entries = state.entries()
chosen.head(entries)
state.notices()
chosen.cards(entries)
show.tabs(entries)
address.write()
