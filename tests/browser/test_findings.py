"""A finding of the linter in a browser: one click on its fix, and the pattern that is drawn closes."""

from __future__ import annotations

import numpy as np

from explorer.analysis.lint import lint
from explorer.analysis.support import find_unit_support
from explorer.architecture import to_link
from tests.browser.design import until
from tests.browser.helpers import open_app
from tests.browser.test_receptive_field import PLANE, drawn_mask, holed


def test_a_fix_is_clicked_and_the_pattern_closes(server, page):
    network = holed()
    fix = lint(network)[0].fixes[0]
    open_app(page, f"{server.url}/receptive_field?net={to_link(network)}&at=conv3&unit=16-16")
    page.locator(PLANE).wait_for()
    before, after = (find_unit_support(each, "conv3", (16, 16)) for each in (network, fix.architecture))
    until(lambda: np.array_equal(drawn_mask(page, 32), before.mask), "the pattern with holes")
    assert (before.touched, after.touched) == (49, 169)
    page.get_by_role("button", name=f"Fix: {fix.label}").click()
    until(lambda: np.array_equal(drawn_mask(page, 32), after.mask), "the pattern without holes")
    page.get_by_text("Gridding mended").wait_for()
    page.locator(".st-key-fix_0_0").wait_for(state="detached")
