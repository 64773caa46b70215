"""Our components: numbers as everywhere else, and nothing is left that goes on watching what is no longer there."""

import math
import random
from pathlib import Path

from explorer.text import format_count, format_decimal, format_number, format_share, format_si
from tests.browser.design import Design, until
from tests.browser.helpers import settle

NET, BLOCK = "inception-net-32", "inception1"

_COUNT_OBSERVERS = """() => {
    window.__observers = new Set();
    const Plain = window.ResizeObserver;
    window.ResizeObserver = class extends Plain {
        observe(node, options) {
            if (node.getRootNode() instanceof ShadowRoot) window.__observers.add(this);
            super.observe(node, options);
        }
        disconnect() {
            window.__observers.delete(this);
            super.disconnect();
        }
    };
}"""


def test_what_is_drawn_anew_is_no_longer_observed(server, page):
    with page.add_init_script(f"({_COUNT_OBSERVERS})()"):
        design = Design(page, server.url).open(NET)
    settle(page)
    count = "window.__observers.size"
    before = page.evaluate(count)
    assert before > len(design.architecture.trunk.nodes)  # a track of each slider, and the pictures
    for option in ("batch", "none"):
        with design.changing():
            design.choice("norm", option).click()
    until(lambda: page.evaluate(count) == before, "as many as before")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Catalogue").click()
    page.get_by_role("heading", name="Catalogue").wait_for()
    until(lambda: page.evaluate(count) == 1, "that of the family's picture alone")


def _numbers() -> list[float]:
    """Of every size and both signs; no ties, which the two languages round to different sides."""
    draw = random.Random(13)
    found = [draw.choice((1, -1)) * draw.uniform(1, 10) * 10.0 ** draw.randint(-7, 10) for _ in range(500)]
    return [0.0, 999.4, 999.6, 9_999.4, 9_999.6, 99_949.1, 999_499.1, 999_501.0, 12_345.6, -0.001, *found]


def test_numbers_are_written_as_python_writes_them(page):
    """Whatever the language of the browser: the scripts ask for the product's style by name."""
    page.goto("about:blank")
    page.add_script_tag(content=(Path(__file__).parents[2] / "assets" / "common.js").read_text(encoding="utf-8"))
    numbers = _numbers()
    of = {
        "formatSi(each)": format_si,
        "formatNumber(each)": format_number,
        "formatCount(Math.round(each))": lambda each: format_count(math.floor(each + 0.5)),
        "formatDecimal(each, 2)": lambda each: format_decimal(each, 2),
        "formatDecimal(each, 3, true)": lambda each: format_decimal(each, 3, signed=True),
        "formatShare(each)": lambda each: format_share(each, 1),
    }
    for script, write in of.items():
        shown = page.evaluate(f"(numbers) => numbers.map((each) => {script})", numbers)
        wrong = [(each, mine, write(each)) for each, mine in zip(numbers, shown, strict=True) if mine != write(each)]
        assert not wrong, (script, wrong[:5])
