"""Catalogue: every named network with its provenance, what was put right, and published facts beside our own counts."""

from __future__ import annotations

from pages.ui import router

router.enter()

from pages.ui import catalogue  # noqa: E402

catalogue.show()
