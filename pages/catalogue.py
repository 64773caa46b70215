"""Catalogue: the family tree of the networks, and each with its provenance, what was put right and published facts."""

from __future__ import annotations

from pages.ui import router

router.enter()

from pages.ui.catalogue import view  # noqa: E402

view.show()
