"""The Receptive field page in a browser: what is drawn is the exact support, on a photo that was turned."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from explorer import catalog
from explorer.analysis.lint import lint
from explorer.analysis.support import find_unit_support
from explorer.architecture import edit, to_link
from tests.browser.design import until
from tests.browser.helpers import check_width, go, open_app, rerun
from tests.browser.test_inspect import query
from tests.datasets.makers import encoded

PLANE = ".st-key-field_drawing [data-plane='source 0']"


def holed():
    """Three 3×3 convolutions of dilation 2: 7 of 13 pixels an axis."""
    network = edit.replace(catalog.get("far-sighted-cnn"), "", input_shape=(3, 32, 32))
    for name in ("conv1", "conv2", "conv3"):
        network = edit.replace(network, name, kernel_size=3, dilation=2, padding="same")
    return network


def drawn_mask(page, size):
    """The pixels that the tinted rectangles cover, from where they lie over the photo."""
    plane = page.locator(PLANE)
    image = plane.locator("image").first
    left, top, wide, high = (float(image.get_attribute(name)) for name in ("x", "y", "width", "height"))
    mask = np.zeros((size, size), bool)
    line = plane.locator("path.touched").get_attribute("d")
    for x, y, across, down in re.findall(r"M([\d.e-]+) ([\d.e-]+)h([\d.e-]+)v([\d.e-]+)h", line):
        column, row = (float(x) - left) / wide * size, (float(y) - top) / high * size
        ends = row + float(down) / high * size, column + float(across) / wide * size
        mask[round(row) : round(ends[0]), round(column) : round(ends[1])] = True
    return mask


def agree(page, network, unit):
    """Wait until the mask on the screen is the exact support of a unit."""
    support = find_unit_support(network, "conv3", unit)
    until(lambda: query(page, "unit") == f"{unit[0]}-{unit[1]}", "the unit in the address")
    until(lambda: np.array_equal(drawn_mask(page, 32), support.mask), "the mask of the unit")
    assert f"row {unit[0]}, column {unit[1]} of conv3 sees {support.touched} pixels" in page.locator(
        ".st-key-field_drawing .said"
    ).inner_text()


@pytest.mark.parametrize("viewport", [(1280, 1000)])
def test_a_click_and_keys_move_the_mask_on_a_turned_photo_a_fix_closes_it_and_on_a_phone_a_tap(server, page):
    network = holed()
    open_app(page, f"{server.url}/receptive_field?net={to_link(network)}&at=conv3")
    page.locator(PLANE).wait_for()
    # Dark on the left as the file has it, and turned a quarter to the right by its note: dark above.
    pixels = np.full((120, 160, 3), 255, np.uint8)
    pixels[:, :60] = 0
    photo = Image.fromarray(pixels)
    photo.getexif()[0x0112] = 6
    page.get_by_role("button", name="Your picture").click()
    with rerun(page):
        page.locator("[data-testid=stPopoverBody] input[type=file]").set_input_files(
            {"name": "turned.jpg", "mimeType": "image/jpeg", "buffer": encoded(photo, "JPEG", exif=photo.getexif())}
        )
    until(lambda: "turned.jpg" in page.locator(".st-key-field_drawing .title").first.inner_text(), "the photo")
    page.keyboard.press("Escape")
    shades = page.locator(PLANE).locator("image").first.evaluate("""async (node) => {
        const image = new Image()
        image.src = node.getAttribute("href")
        await image.decode()
        const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: image.height })
        canvas.getContext("2d").drawImage(image, 0, 0)
        const at = (row) => canvas.getContext("2d").getImageData(0, row, 1, 1).data[0]
        return [at(1), at(image.height - 2)]
    }""")
    assert shades[0] < 30
    assert shades[1] > 225

    plane = page.locator(PLANE)
    box = plane.bounding_box()
    plane.click(position={"x": box["width"] * 12.5 / 32, "y": box["height"] * 9.5 / 32})
    agree(page, network, (9, 12))
    plane.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    agree(page, network, (10, 11))
    assert page.evaluate("(() => { let n = document.activeElement; while (n.shadowRoot) n = n.shadowRoot.activeElement;"
                         " return n.dataset.plane })()") == "source 0"  # fmt: skip
    # A gap is closed by a dilation of another number, right here, and opened again by Undo.
    slider = page.locator(".st-key-editor").get_by_role("slider", name="conv3 dilation", exact=True)
    slider.press("ArrowLeft")
    closed = edit.replace(network, "conv3", dilation=1)
    until(lambda: query(page, "net") == to_link(closed), "the edit in the address")
    agree(page, closed, (10, 11))
    page.locator(".st-key-undo_button").get_by_role("button").click()
    agree(page, network, (10, 11))
    close_the_pattern_by_a_fix(page)
    tap_on_a_phone_where_nothing_is_cut(page)


def close_the_pattern_by_a_fix(page):
    """A finding of the linter: one click on its fix."""
    network = holed()
    fix = lint(network)[0].fixes[0]
    go(page, f"/receptive_field?net={to_link(network)}&at=conv3&unit=16-16")
    before, after = (find_unit_support(each, "conv3", (16, 16)) for each in (network, fix.architecture))
    until(lambda: np.array_equal(drawn_mask(page, 32), before.mask), "the pattern with holes")
    assert (before.touched, after.touched) == (49, 169)
    page.get_by_role("button", name=f"Fix: {fix.label}").click()
    until(lambda: np.array_equal(drawn_mask(page, 32), after.mask), "the pattern without holes")
    page.get_by_text("Gridding mended").wait_for()
    page.locator(".st-key-fix_0_0").wait_for(state="detached")


def tap_on_a_phone_where_nothing_is_cut(page):
    page.set_viewport_size({"width": 390, "height": 844})
    go(page, "/receptive_field?net=googlenet&at=inception_3b")
    page.locator(".st-key-field_drawing .through").nth(2).wait_for()
    plane = page.locator(PLANE)
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    assert box["width"] > 300
    plane.click(position={"x": box["width"] * 0.9, "y": box["height"] * 0.2})
    until(lambda: query(page, "unit") == "5-24", "the nearest unit")
    branch = page.locator(".st-key-field_drawing .through").nth(2)
    branch.click()
    until(lambda: branch.get_attribute("aria-pressed") == "true", "one branch alone")
    place = plane.locator("rect.branch").nth(2).bounding_box(), plane.locator("path.touched").bounding_box()
    assert place[0]["width"] == pytest.approx(place[1]["width"], abs=3)
    page.locator(".st-key-field_drawing").get_by_role("button", name="Enlarge around the field").click()
    until(lambda: plane.locator("rect.branch").nth(2).bounding_box()["width"] > 1.3 * place[0]["width"], "a zoom")
    check_width(page)
