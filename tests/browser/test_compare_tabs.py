"""Measured, Trade-offs and the 1×1 lesson in a real browser: a cloud's point opened, a measurement ended, sliders."""

import re

from explorer.comparison import compute_saving
from tests.browser.design import until
from tests.browser.helpers import each_look, open_app, processes_of, rerun, settle
from tests.sizes import thorough

TWO = "network=inception-net-32&network=residual-mnist"
CLOUD = f"/compare?{TWO}&tab=tradeoffs&options=part:cloud,count:400"
LOOKS = [("light", (1280, 900)), ("dark", (1280, 900)), ("light", (390, 844))]


# A dot that no mark lies near, by its place within the plane.
FREE_DOT = """plane => {
    const picture = plane.ownerSVGElement
    const [left, top] = [Number(plane.getAttribute("x")), Number(plane.getAttribute("y"))]
    const at = (hit) => [Number(hit.getAttribute("cx")), Number(hit.getAttribute("cy"))]
    const marks = [...picture.querySelectorAll(".hit")].map(at)
    const path = picture.querySelector(".dots").getAttribute("d")
    const dots = [...path.matchAll(/M([\\d.]+) ([\\d.]+)/g)].map((found) => [Number(found[1]), Number(found[2])])
    const [x, y] = dots.find(([x, y]) => marks.every(([a, b]) => Math.hypot(a - x, b - y) > 25))
    return { x: x - left, y: y - top }
}"""


def draw(page, server):
    open_app(page, server.url + CLOUD)
    with rerun(page):
        page.get_by_role("button", name="Draw the cloud").click()
    page.locator(".st-key-cloud_scatter .dots").wait_for()


def test_a_point_of_the_cloud_opens_in_design_and_back_finds_it(server, page):
    draw(page, server)
    front = page.locator(".st-key-cloud_scatter .mark.front")
    assert front.count() >= 3
    with rerun(page):
        front.first.focus()
        page.keyboard.press("Enter")
    number = front.first.get_attribute("data-key")
    card = page.locator(".st-key-cloud_chosen")
    card.get_by_text(f"Variant {number}", exact=True).wait_for()
    # Any other point by the mouse: the nearest dot is taken.
    plane = page.locator(".st-key-cloud_scatter .catch")
    with rerun(page):
        plane.click(position=plane.evaluate(FREE_DOT))
    name = page.locator(".st-key-cloud_chosen strong").inner_text()
    card.get_by_role("button", name="Open in Design").click()
    page.wait_for_url(re.compile(r"/design\?"))
    settle(page)
    title = page.get_by_role("textbox", name="Name of the design")
    until(lambda: title.input_value().endswith(name.lower()), "the variant in Design")
    page.go_back()
    page.locator(".st-key-cloud_chosen").wait_for()
    settle(page)
    assert page.locator(".st-key-cloud_chosen strong").inner_text() == name
    assert page.locator(".st-key-cloud_scatter .dots").count() == 1


@thorough("tests/pages/test_compare_tabs.py::test_measured_once_and_kept")
def test_a_measurement_is_waited_for_and_ended(fresh_server, page, new_page):
    server = fresh_server()
    address = f"{server.url}/compare?{TWO}&tab=measured&options=batch:256,repeats:500"

    def at_work():
        return [pid for pid in processes_of(server.home) if pid != server.process.pid]

    other = new_page()
    for each in (page, other):
        open_app(each, address)
    page.get_by_role("button", name="Measure 2 networks").first.click()
    page.get_by_role("button", name="Cancel").wait_for()
    until(at_work, "the measuring process")
    other.get_by_role("button", name="Measure 2 networks").first.click()
    other.get_by_text(re.compile("Waiting: another visitor is measuring")).wait_for()
    assert len(at_work()) == 1
    first = at_work()
    page.get_by_role("button", name="Cancel").click()
    until(lambda: not set(first) & set(at_work()), "the end of the process")
    settle(page)
    assert page.get_by_role("button", name="Measure 2 networks").first.is_enabled()
    # The other one's turn has come.
    until(at_work, "the other's process")
    other.close()
    until(lambda: not at_work(), "the end of what nobody looks at")


@thorough("tests/pages/test_compare_tabs.py::test_measured_once_and_kept")
def test_what_was_measured_is_shown(server, page):
    open_app(page, f"{server.url}/compare?{TWO}&tab=measured&options=repeats:3")
    page.get_by_role("button", name="Measure 2 networks").first.click()
    marks = page.locator(".st-key-measured_costs .mark")
    until(lambda: marks.count() == 2, "two points", patience=60)
    assert re.search(r"median [\d.]+ ms", marks.first.get_attribute("aria-label"))
    assert page.locator(".st-key-measured_roofline .path").count() >= 1
    page.get_by_text(re.compile("PyTorch 2")).first.wait_for()


def numbers(page):
    return page.locator(".st-key-lesson_numbers [data-testid=stMetricValue]").all_inner_texts()


@thorough("tests/pages/test_compare_tabs.py::test_the_numbers_of_the_lesson")
def test_the_lesson_follows_the_sliders_and_the_address(server, page, new_page):
    open_app(page, f"{server.url}/compare?{TWO}&tab=lesson")
    assert numbers(page)[:2] == ["221,184", "129,024"]
    with rerun(page):
        page.locator(".st-key-lesson_reduce input[type=range]").press("ArrowRight")
    expected = compute_saving(192, 97, 128)
    assert numbers(page)[1] == f"{expected.through:,}"
    until(lambda: "reduce" in page.evaluate("location.href"), "the address")
    with rerun(page):
        page.get_by_role("button", name="Inception v3 6b").click()
    assert numbers(page)[0] == f"{768 * 128 * 7:,}"
    there = open_app(new_page(), page.evaluate("location.href"))
    assert numbers(there) == numbers(page)


@thorough("tests/browser/test_looks.py::test_page_renders")
def test_it_looks_right(server, page):
    for tail in (
        "tab=tradeoffs&options=more:catalogue",
        "tab=tradeoffs&options=part:budget",
        "tab=lesson&options=of:A",
        "",
    ):
        page.set_viewport_size({"width": 1280, "height": 900})
        if tail:
            open_app(page, f"{server.url}/compare?{TWO}&tab={tail}")
        else:
            draw(page, server)
        for _ in each_look(page, LOOKS):
            assert page.get_by_test_id("stException").count() == 0
