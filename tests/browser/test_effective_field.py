"""The effective field in a browser: begun, cancelled, found; over the exact one, and rebuilt by its address."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from explorer import catalog
from explorer.inspection.effective_field import find_effective_field, make_noise
from explorer.inspection.opening import open_initial
from tests.browser.design import until
from tests.browser.helpers import check_width, go, open_app
from tests.browser.test_inspect import query

NETWORK, NODE = "inception-net-32", "inception1"
SEEN = ".st-key-field_drawing [data-plane='source 0']"
TAB = ".st-key-effective_drawing [data-plane='source 0']"


def heat(page, plane):
    """RGBA of the heatmap over the picture; None where there is none."""
    src = page.locator(f"{plane} image.heat").evaluate_all("(nodes) => nodes[0]?.getAttribute('href')")
    if src is None:
        return None
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(src.partition(",")[2]))).convert("RGBA"))


def facts(page, drawing):
    rows = page.locator(f".st-key-{drawing} .facts div").all()
    return {row.get_attribute("data-fact"): row.locator("dd").inner_text() for row in rows}


def measured(count, unit, *, seed=0, channel=None):
    network = catalog.get(NETWORK)
    images = make_noise(network, count, seed)
    return find_effective_field(open_initial(network, seed), images, NODE, unit, channel=channel)


@pytest.mark.parametrize("viewport", [(1280, 1000)])
def test_the_layer_is_begun_cancelled_begun_again_in_the_address_and_on_a_phone(server, page):
    where = f"{server.url}/receptive_field?net={NETWORK}&at={NODE}&unit=2-3"
    open_app(page, f"{where}&n=6000")
    page.locator(SEEN).wait_for()
    veiled = page.locator(f"{SEEN} path.veil").get_attribute("d")
    layer = page.get_by_role("button", name="Effective", exact=True)
    layer.click()
    cancel = page.get_by_role("button", name="Cancel", exact=True)
    cancel.wait_for()
    bar = page.get_by_test_id("stProgress")
    until(lambda: re.search(rf"effective field of {NODE}, unit 2, 3: \d+ %, .* left", bar.inner_text()), "progress")
    # What is looked at moves on while it works; it says of what it is.
    page.locator(SEEN).focus()
    page.keyboard.press("ArrowRight")
    until(lambda: query(page, "unit") == "2-4", "the next unit")
    page.get_by_role("button", name="Measure this instead").wait_for()
    assert "unit 2, 3" in bar.inner_text()
    cancel.click()
    button = page.get_by_role("button", name="Measure", exact=True)
    button.wait_for()
    until(lambda: cancel.count() == 0, "the end of the work")
    assert heat(page, SEEN) is None
    # Fewer images, chosen beside the drawing.
    page.get_by_role("button", name="How it is measured").click()
    number = page.get_by_role("spinbutton", name="Number of images")
    number.fill("2")
    number.press("Enter")
    until(lambda: query(page, "n") == "2", "the number in the address")
    page.keyboard.press("Escape")
    page.locator(SEEN).focus()
    page.keyboard.press("ArrowLeft")
    until(lambda: query(page, "unit") == "2-3", "the unit from before")
    button.click()
    until(lambda: heat(page, SEEN) is not None, "the effective field")
    found = measured(2, (2, 3))
    assert not heat(page, SEEN)[~found.exact][:, 3].any()
    assert heat(page, SEEN)[found.values > 0.5][:, 3].min() > 150
    assert page.locator(f"{SEEN} path.veil").get_attribute("d") == veiled
    assert facts(page, "field_drawing")["filled"] == f"{100 * found.filled:.1f} % of the exact field"
    assert query(page, "show") == "touched,box,branches,effective"
    with page.expect_download() as saved:
        page.locator(".st-key-field_drawing").get_by_role("button", name="SVG", exact=True).click()
    shown = page.locator(f"{SEEN} image.heat").get_attribute("href")
    assert shown in saved.value.path().read_text(encoding="utf-8")
    # Its address shows the same at once, and so does the tab that is its own.
    address = page.evaluate("location.href")
    open_app(page, address)
    until(lambda: heat(page, SEEN) is not None, "the effective field of the address")
    page.get_by_role("tab", name="Effective").click()
    until(lambda: heat(page, TAB) is not None, "the same field on its tab")
    assert facts(page, "effective_drawing")["side"].startswith(f"{found.size_px:.1f} px of ")
    assert query(page, "tab") == "effective"
    measure_on_a_phone(page)


def measure_on_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    go(page, f"/receptive_field?net={NETWORK}&at={NODE}&tab=effective&n=3&channel=2&seed=5")
    page.get_by_role("button", name="Measure", exact=True).click()
    until(lambda: heat(page, TAB) is not None, "the effective field")
    found = measured(3, None, seed=5, channel=2)
    shown = facts(page, "effective_drawing")
    assert shown["side"].startswith(f"{found.size_px:.1f} px of ")
    assert shown["images"] == "3"
    check_width(page)
    drawing = page.locator(TAB)
    drawing.scroll_into_view_if_needed()
    box = drawing.bounding_box()
    drawing.click(position={"x": box["width"] * 0.2, "y": box["height"] * 0.2})
    until(lambda: heat(page, TAB) is None, "another unit")
    assert query(page, "seed") == "5"
    page.get_by_role("button", name="Measure", exact=True).wait_for()
    check_width(page)
