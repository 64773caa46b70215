"""People: what the visitor uses of a shared server and did on it; administrators see everybody."""

from __future__ import annotations

from pages.ui import router

router.enter()

from pages.ui import account  # noqa: E402

account.show_page()
