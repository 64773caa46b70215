"""The Compare page in a real browser: choosing, coming back, addresses of strangers, files to take away, looks."""

import json
import re
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import edit, to_json, to_link
from tests.browser.design import JOINER, until
from tests.browser.helpers import each_look, go, open_app, rerun, settle
from tests.sizes import thorough

NAME = "<img src=x onerror=alert(1)> **b** $x$ :smile: [a](javascript:alert(1))"
NAMED = edit.replace(catalog.get("residual-mnist"), "", name=NAME)
SMALL = ["residual-mnist", "inception-a-mnist", "inception-net-32"]


class Compare:
    """A visitor's Compare page."""

    def __init__(self, page, base):
        self.page, self.base = page, base

    def open(self, *networks, **query):
        text = "&".join([f"network={quote(name, safe='')}" for name in networks]
                        + [f"{key}={quote(value, safe='')}" for key, value in query.items()])  # fmt: skip
        open_app(self.page, f"{self.base}/compare{'?' if text else ''}{text}")
        self.page.locator(".st-key-compare_card_0").wait_for()
        return self

    def query(self, key="network"):
        return parse_qs(urlsplit(self.page.evaluate("location.href")).query).get(key, [])

    def labels(self):
        found = self.page.locator("[class*=st-key-compare_card_] p:has(strong)").all_inner_texts()
        return [text.replace(JOINER, "")[2:] for text in found]

    def press(self, name, place):
        with rerun(self.page):
            self.page.locator(f".st-key-compare_{name}_{place} button").first.click()

    def told(self):
        return " ".join(self.page.get_by_test_id("stAlert").all_inner_texts()).replace(JOINER, "")

    def tab(self, name):
        with rerun(self.page):
            self.page.get_by_role("tab", name=name).click()

    def unfold(self, name):
        with rerun(self.page):
            self.page.get_by_role("button", name=name).first.click()
        return self.page.get_by_test_id("stPopoverBody")

    def drawn(self, key="compare_stages"):
        """Paths of the blocks in a diagram."""
        return self.page.locator(f".st-key-{key} .block").evaluate_all("(all) => all.map((each) => each.dataset.path)")


@pytest.fixture
def compare(server, page):
    return Compare(page, server.url)


@thorough("tests/pages/test_compare.py::test_open_in_design_and_come_back")
def test_add_reorder_remove_open_in_design_and_come_back(compare, tmp_path):
    page = compare.open(*SMALL[:2]).page
    until(lambda: len(compare.drawn()) > 10, "the diagrams")
    # From the catalogue by typing, and from a file.
    body = compare.unfold("Add a network")
    body.locator("input").first.click()
    page.keyboard.type("InceptionNet (two blocks), 32")
    with rerun(page):
        page.keyboard.press("Enter")
    with rerun(page):
        body.get_by_role("button", name="Add", exact=True).click()
    until(lambda: compare.query() == SMALL, "three networks in the address")
    body = compare.unfold("Add a network")
    with rerun(page):
        body.get_by_role("radio", name="JSON").click()
    (tmp_path / "mine.json").write_text(to_json(NAMED), encoding="utf-8")
    with rerun(page):
        body.locator("input[type=file]").set_input_files(tmp_path / "mine.json")
    with rerun(page):
        body.get_by_role("button", name="Add", exact=True).click()
    until(lambda: compare.query() == [*SMALL, to_link(NAMED)], "four networks in the address")
    page.keyboard.press("Escape")
    assert compare.labels() == [*(catalog.get(name).name for name in SMALL), NAME]
    compare.press("left", 3)
    compare.press("remove", 0)
    order = [SMALL[1], to_link(NAMED), SMALL[2]]
    until(lambda: compare.query() == order, "the new order in the address")
    compare.tab("Differences")
    until(lambda: compare.query("tab") == ["differences"], "the tab in the address")
    until(lambda: len(compare.drawn("compare_marked")) > 10, "both diagrams")
    # To the Design page and back, by the browser.
    page.locator(".st-key-compare_open_1 button").first.click()
    page.locator(".st-key-editor .head b").wait_for()
    until(lambda: page.locator(".st-key-title input").input_value() == NAME, "the network on the Design page")
    with rerun(page):
        page.evaluate("history.back()")
    until(lambda: compare.query() == order, "the comparison back in the address", patience=60)
    until(lambda: compare.labels() == [catalog.get(order[0]).name, NAME, catalog.get(order[2]).name], "the cards")
    assert compare.query("tab") == ["differences"]
    # And by the menu.
    menu = page.get_by_test_id("stSidebarNav")
    menu.get_by_role("link", name="Design").click()
    page.locator(".st-key-headline").wait_for()
    settle(page)
    menu.get_by_role("link", name="Compare").click()
    until(lambda: compare.query() == order and compare.query("tab") == ["differences"], "the comparison as it was left")
    until(lambda: len(compare.drawn("compare_marked")) > 10, "both diagrams again")


LINKS = {
    "garbage": ("1.!!not//a link", "characters that a link never has"),
    "too long": ("1." + "A" * 9000, "at most 8,192 are allowed"),
    "unknown name": (NAME, "the catalogue has no"),
    "nobody's run": ("20200101-000000-abcdef", "20200101-000000-abcdef"),
}


@thorough("tests/pages/test_compare.py::test_a_bad_network_in_the_address_is_named_and_the_rest_is_shown")
def test_addresses_of_strangers(compare):
    for link, reason in LINKS.values():
        compare.open("residual-mnist", link)
        assert compare.page.get_by_test_id("stAlert").count() == 1
        assert "could not be opened" in compare.told()
        assert reason in compare.told()
        until(lambda: compare.query() == ["residual-mnist"], "the address of what is shown")
        until(lambda: len(compare.drawn()) > 5, "the diagram")
    compare.open(*SMALL, to_link(NAMED), "googlenet", tab=NAME, pair="<>")
    assert "more networks than a comparison holds" in compare.told()
    assert compare.labels()[3] == NAME
    until(lambda: len(compare.drawn()) > 20, "four diagrams")
    assert compare.page.get_by_role("img", name=NAME).count() or NAME in compare.page.locator(
        ".st-key-compare_stages svg title"
    ).all_text_contents()
    for tab in ("Differences", "Other tools' counts", "Side by side"):
        compare.tab(tab)
    assert compare.page.locator("[data-testid=stMain] img[src=x]").count() == 0


def test_one_scale_for_all_the_address_in_a_fresh_browser_and_files(compare, new_page):
    page = compare.open("googlenet", "inception-v3", "cifar-inception-residual-cbam").page
    draw_all_on_one_scale(compare)
    go(page, f"/compare?network=googlenet&network={to_link(NAMED)}&pair=BA&tab=differences")
    until(lambda: compare.labels() == ["GoogLeNet", NAME], "other networks")
    address = page.evaluate("location.href")
    shown = page.locator(".st-key-compare_totals").inner_text()
    other = Compare(new_page(), compare.base)
    open_app(other.page, address)
    until(lambda: other.labels() == compare.labels(), "the same networks")
    assert other.page.locator(".st-key-compare_totals").inner_text() == shown
    assert other.page.evaluate("location.href") == address
    body = compare.unfold("Report")
    until(lambda: body.locator("code").first.inner_text() == address, "the address to copy")
    contents = {}
    for kind in ("html", "md", "csv"):
        with page.expect_download() as download:
            page.locator(f".st-key-compare_{kind} button").first.click()
        contents[kind] = download.value.path().read_text(encoding="utf-8")
    for kind, content in contents.items():
        assert f"{analyze(NAMED).macs:,}" in content or str(analyze(NAMED).macs) in content, kind
    assert f"network=googlenet&amp;network={to_link(NAMED)}" in contents["html"]
    with page.expect_download() as download:
        page.locator(".st-key-compare_json_B button").first.click()
    assert json.loads(download.value.path().read_text(encoding="utf-8"))["name"] == NAME
    # The page that was taken away needs nothing else: the watch would see what it asks for.
    alone = new_page()
    alone.set_content(contents["html"])
    assert NAME in alone.inner_text("body")
    assert alone.locator("svg").count() == 3


LOOKS = [("light", (1280, 900)), ("dark", (1280, 900)), ("light", (390, 844))]


@thorough("tests/browser/test_looks.py::test_page_renders")
def test_looks(compare):
    page = compare.open("googlenet", "googlenet-torchvision", "inception-v3", "cifar-inception-residual-cbam").page
    for tab, key in (("", "compare_stages"), ("Differences", "compare_marked"), ("Other tools' counts", "")):
        if tab:
            page.set_viewport_size({"width": 1280, "height": 900})
            compare.tab(tab)
        if key:
            until(lambda key=key: len(compare.drawn(key)) > 40, "the diagrams")
        for _, (width, _) in each_look(page, LOOKS):
            # The phone scrolls within the picture alone.
            if not tab and width == 390:
                picture = page.locator(".st-key-compare_stages .scroll")
                assert picture.evaluate("(node) => node.scrollWidth > node.clientWidth")


def draw_all_on_one_scale(compare):
    until(lambda: len(compare.drawn()) > 40, "the diagrams")
    blocks = compare.page.locator(".st-key-compare_stages .block").evaluate_all(
        """(all) => all.map((group) => {
            const boxes = [...group.querySelectorAll('rect:not(.hit)')].map((part) => part.getBBox())
            const wide = Math.max(...boxes.map((box) => box.x + box.width)) - Math.min(...boxes.map((box) => box.x))
            return [group.getAttribute('aria-label'), wide, group.querySelector('.cut') !== null]
        })"""
    )
    ratios = []
    for label, wide, cut in blocks:
        channels = re.search(r"output ([\d,]+)", label)
        if channels and wide > 12 and not cut:
            ratios.append(wide / int(channels[1].replace(",", "")))
    assert len(ratios) > 30
    assert max(ratios) / min(ratios) < 1.12
