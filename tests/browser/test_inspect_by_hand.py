"""Drawing a digit and perturbing it in a real browser, by mouse and by keys."""

import pytest

from explorer.datasets import format_strokes
from tests.browser.design import until
from tests.browser.helpers import open_app, rerun, settle

SEVEN = [(0.25, 0.18), (0.5, 0.17), (0.74, 0.16), (0.6, 0.5), (0.46, 0.88)]
SAID = ".st-key-inspect_pad .said"


@pytest.fixture
def pad(page, server):
    """The page with an empty pad."""
    open_app(page, f"{server.url}/inspect?model=mnist-inception&pictures=sample:digit-0")
    page.locator(".st-key-inspect_tiles .tile").first.wait_for()
    return take_pad(page)


def take_pad(page):
    with rerun(page):
        page.get_by_role("button", name="Draw a digit").click()
    found = page.locator(".st-key-inspect_pad svg.pad")
    found.wait_for()
    settle(page)
    return found


def draw(page, pad, points):
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
        page.wait_for_timeout(40)
    page.mouse.up()


def test_a_digit_is_drawn_read_while_it_grows_taken_back_found_in_the_address_and_drawn_by_keys(page, pad):
    # Read while the pen is still down.
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=8)
    page.locator(SAID, has_text="1, ").wait_for()
    until(lambda: "drawn" in page.evaluate("location.href"), "the rest of the page, while the pen rests")
    page.mouse.up()
    pad.press("Control+z")
    settle(page)
    draw(page, pad, SEVEN)
    page.locator(SAID, has_text="7, ").wait_for()
    settle(page)
    assert page.locator(".st-key-inspect_pad .ink path").count() == 1
    assert page.locator(".st-key-inspect_tiles .tile").count() == 2
    page.reload()
    page.locator(SAID, has_text="7, ").wait_for()
    pad = page.locator(".st-key-inspect_pad svg.pad")
    draw(page, pad, [(0.36, 0.52), (0.7, 0.5)])
    settle(page)
    assert page.locator(".st-key-inspect_pad .ink path").count() == 2
    pad.press("Control+z")
    settle(page)
    assert page.locator(".st-key-inspect_pad .ink path").count() == 1
    page.get_by_role("button", name="Clear", exact=True).first.click()
    settle(page)
    assert page.locator(".st-key-inspect_pad .ink path").count() == 0
    draw_by_keys_and_perturb(page, take_pad(page))


def draw_by_keys_and_perturb(page, pad):
    pad.focus()
    for key in ["ArrowUp"] * 9 + [" "] + ["ArrowDown"] * 18 + [" "]:
        page.keyboard.press(key)
    page.locator(SAID, has_text="1, ").wait_for()
    settle(page)
    with rerun(page):
        page.get_by_role("tab", name="Perturb").click()
    page.locator(".st-key-inspect_response svg .now").wait_for(state="attached")
    slider = page.locator(".st-key-inspect_sliders input[data-name=rotate]")
    slider.focus()
    for _ in range(18):
        page.keyboard.press("ArrowRight")
    page.locator(".st-key-inspect_sliders .row.along output", has_text="90 °").wait_for()
    settle(page)
    assert "rotate%3A90" in page.url
    assert slider.input_value() == "90"
    with rerun(page):
        page.locator(".st-key-inspect_perturbed svg.canvas").click(position={"x": 30, "y": 40})
    settle(page)
    assert "cover%3A24" in page.url
    assert page.locator(".st-key-inspect_sliders input[data-name=cover]").input_value() == "24"


def test_a_finger_and_a_pen_draw_and_the_page_scrolls_elsewhere(server, new_page):
    page = new_page(viewport=(390, 844), touch=True)
    one = format_strokes([[(0.5, 0.1), (0.5, 0.9)]])
    open_app(page, f"{server.url}/inspect?model=mnist-inception&pictures=drawn:{one}")
    pad = page.locator(".st-key-inspect_pad svg.pad")
    pad.wait_for()
    page.locator(SAID, has_text="1, ").wait_for()
    pad.evaluate("pad => pad.scrollIntoView({ block: 'center' })")
    settle(page)
    browser = page.context.new_cdp_session(page)
    strokes = page.locator(".st-key-inspect_pad .ink path")

    def scrolled():
        return page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")

    def touch(start, end):
        for share in range(9):
            at = [a + (b - a) * share / 8 for a, b in zip(start, end, strict=True)]
            kind = "touchMove" if share else "touchStart"
            browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": at[0], "y": at[1]}]})
            page.wait_for_timeout(20)
        browser.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def place(x, y):
        box = pad.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    before, told = scrolled(), page.locator(SAID).inner_text()
    touch(place(0.3, 0.85), place(0.3, 0.15))
    until(lambda: strokes.count() == 2, "the finger's stroke")
    until(lambda: page.locator(SAID).inner_text() != told, "what the network says of it")
    settle(page)
    assert scrolled() == before
    assert pad.evaluate("pad => pad.getRootNode().querySelectorAll('.ink path')[1].getBBox().height") > 50

    kinds = "window.kinds = []; addEventListener('pointerdown', (event) => window.kinds.push(event.pointerType), true)"
    page.evaluate(kinds)
    for kind, (x, y) in (
        ("mousePressed", (0.7, 0.2)), ("mouseMoved", (0.7, 0.5)), ("mouseMoved", (0.7, 0.8)),
        ("mouseReleased", (0.7, 0.8)),
    ):  # fmt: skip
        left, top = place(x, y)
        button = "none" if kind == "mouseMoved" else "left"
        browser.send("Input.dispatchMouseEvent", {
            "type": kind, "x": left, "y": top, "button": button, "buttons": 1, "clickCount": 1, "pointerType": "pen",
        })  # fmt: skip
    until(lambda: strokes.count() == 3, "the pen's stroke")
    settle(page)
    assert page.evaluate("window.kinds") == ["pen"]
    assert scrolled() == before

    left, top = place(0.5, 0)
    touch((left, top - 60), (left, top - 260))
    until(lambda: scrolled() > before + 50, "the page, moved by a finger beside the pad")
    assert strokes.count() == 3
