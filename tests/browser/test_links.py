"""Addresses: the first one that a server ever gets, bad ones, shared ones, Refresh, Back and Forward."""

import base64
import re
import zlib
from urllib.parse import quote

import pytest

from explorer import catalog
from explorer.architecture import MAX_LINK_BYTES, edit, from_link, to_json, to_link
from explorer.text import format_si
from pages.ui import router
from tests.browser.design import Design, until
from tests.browser.helpers import go, open_app, rerun, settle
from tests.sizes import ALL, THOROUGH, thorough

CHANGED = edit.replace(catalog.get("inception-net-32"), "inception1/branch_1x1", out_channels=96)


@pytest.mark.parametrize(
    ("address", "stem", "chosen"),
    [
        pytest.param("/design?net=inception-net-32", "design", "Design", marks=THOROUGH),
        ("/?net=inception-net-32", "design", "Design"),
        pytest.param("/catalogue", "catalogue", "Catalogue", marks=THOROUGH),
    ],
)
def test_first_request_of_a_server_is_a_deep_link(fresh_server, page, address, stem, chosen):
    server = fresh_server()
    open_app(page, server.url + address)
    menu = page.get_by_test_id("stSidebarNav").get_by_role("link")
    titles = [title for title, _ in router.PAGES.values()]
    assert [re.sub(r"^\w+\s+", "", text) for text in menu.all_inner_texts()] == titles
    assert page.get_by_text("Page not found").count() == 0
    assert page.title() == "Inception Explorer" or page.title() == chosen
    assert re.fullmatch(rf"{re.escape(server.url)}/{stem}(\?.*)?", page.url)
    current = menu.locator("xpath=self::*[@aria-current='page']")
    assert current.count() == 0 or chosen in current.inner_text()
    if stem == "design":
        _, analysis = Design(page, server.url).agree()
        assert analysis.params == 326_122
        assert "net=inception-net-32" in page.url
    else:
        assert page.get_by_role("heading", name="Catalogue").is_visible()
        assert page.get_by_text("Inception v3", exact=True).first.is_visible()  # in the family tree


@thorough("tests/browser/test_commands.py::test_the_page_changes_while_a_command_is_under_way")
def test_menu_keeps_the_design_and_the_address_of_it(design):
    design.open(to_link(CHANGED))
    menu = design.page.get_by_test_id("stSidebarNav")
    menu.get_by_role("link", name="Catalogue").click()
    design.page.get_by_role("heading", name="Catalogue").wait_for()
    menu.get_by_role("link", name="Design").click()
    design.page.locator(".st-key-headline").wait_for()
    until(lambda: design.query("net") == to_link(CHANGED), "the design back in the address")
    design.agree()


@thorough("tests/pages/test_pages.py::test_an_edited_network_opens_by_its_link_with_baseline_and_choice")
def test_shared_address_rebuilds_the_screen(design, new_page):
    design.open("inception-net-32", at="inception2")
    design.exact("inception2/branch_1x1").fill("80")
    with design.changing():
        design.page.keyboard.press("Enter")
    with rerun(design.page):
        design.by_id("metric").select_option("params")
    with rerun(design.page):
        design.node("inception2/branch_3x3/conv").click()
    until(lambda: design.query("at") == "inception2/branch_3x3/conv", "the chosen layer in the address")
    design.agree()
    design.button("share_popover").click()
    shared = design.page.locator(".st-key-share_popover, [data-testid=stPopoverBody]").locator("code").first
    until(lambda: shared.inner_text() == design.page.evaluate("location.href"), "the address in the share text")
    command = design.page.get_by_test_id("stPopoverBody").locator("code").nth(1).inner_text()
    assert command == f"python -m explorer analyze '{design.query('net')}'"

    other = Design(new_page(), design.base)
    open_app(other.page, shared.inner_text())
    other.agree()
    assert other.headline() == design.headline()
    assert any("+" in change for _, _, change in other.headline())
    assert other.query("at") == "inception2/branch_3x3/conv"
    assert other.node("inception2/branch_3x3/conv").get_attribute("aria-pressed") == "true"
    assert other.by_id("metric").input_value() == "params"
    slider = other.ribbon("inception2/branch_1x1")
    assert slider.get_attribute("aria-valuetext") == design.ribbon("inception2/branch_1x1").get_attribute(
        "aria-valuetext"
    )
    assert "parameters" in slider.get_attribute("aria-valuetext")
    assert other.page.evaluate("location.href") == design.page.evaluate("location.href")


@pytest.fixture
def packed():
    def pack(text):
        return "1." + base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")

    return pack


BAD = {
    "garbage": (lambda pack: "1.!!not//a link", "characters that a link never has"),
    "not packed": (lambda pack: "1.AAAABBBBCCCC", "damaged"),
    "truncated": (lambda pack: to_link(CHANGED)[:-30], "copy it again as a whole"),
    "bomb": (lambda pack: pack(" " * 5_000_000), f"unpacks to more than {MAX_LINK_BYTES:,} bytes"),
    "beyond the limits": (
        lambda pack: pack(to_json(CHANGED, indent=None).replace('"out_channels":96', '"out_channels":99999', 1)),
        "out_channels (=99999) must be at most 8,192",
    ),
    "does not fit together": (
        lambda pack: pack(to_json(CHANGED, indent=None).replace('"op":"parallel"', '"op":"parallel","fuse":"add"', 1)),
        "inception1",
    ),
    "unknown name": (lambda pack: "googelnet", "did you mean googlenet"),
}


# All of them in one window: the next test.
@thorough("tests/pages/test_pages.py::test_a_bad_link_leaves_the_design_and_says_why")
@pytest.mark.parametrize("kind", BAD)
def test_bad_link_as_the_first_page(design, packed, kind):
    make, reason = BAD[kind]
    design.open(make(packed))
    assert "could not be opened" in design.notice()
    assert reason in design.notice()
    assert design.title() == "GoogLeNet"
    until(lambda: design.query("net") == "googlenet", "the address of what is shown")


def test_bad_links_change_nothing_and_say_why_and_refresh_back_and_forward(design, packed):
    design.open("inception-net-32")
    with design.changing():
        design.choice("norm", "batch").click()
    kept, before = design.query("net"), design.headline()
    for make, reason in list(BAD.values())[:: 1 if ALL else 3]:  # tests/pages/test_pages.py opens them all
        go(design.page, f"?net={quote(make(packed), safe='')}")
        until(lambda reason=reason: reason in design.notice(), f"the reason: {reason}")
        assert design.headline() == before
        until(lambda: design.query("net") == kept, "the address of the design that was kept")
        design.agree()
    with design.changing():
        design.choice("norm", "none").click()
    assert design.notice() == ""
    assert design.query("net") == "inception-net-32"
    go_back_and_forward(design)


def go_back_and_forward(design):
    page = design.page
    screens = [(page.evaluate("location.href"), design.headline())]
    for label, option in (("norm", "batch"), ("attention", "SE"), ("fusion", "multiply")):
        with design.changing():
            design.choice(label, option).click()
        screens.append((page.evaluate("location.href"), design.headline()))
    with rerun(page):
        design.column("inception2").click()
    until(lambda: design.query("at") == "inception2", "the choice in the address")

    page.reload(wait_until="domcontentloaded")
    settle(page)
    design.agree()
    assert design.headline() == screens[-1][1]
    assert design.query("at") == "inception2"
    until(design.button("undo_button").is_enabled, "the steps back, which a reload keeps")

    steps = [("back", 3), ("back", 2), ("back", 1), ("back", 0), ("forward", 1), ("forward", 2)]
    for direction, at in steps if ALL else [*steps[:2], ("forward", 3)]:
        address, headline = screens[at]
        with rerun(page):
            page.evaluate(f"history.{direction}()")
        until(lambda address=address: page.evaluate("location.href") == address, f"the address of step {at}")
        until(lambda headline=headline: design.headline() == headline, f"the numbers of step {at}")
        design.agree()


@thorough("tests/browser/test_files.py::test_download_and_upload_give_the_same_design")
def test_address_of_a_design_is_the_design(design):
    design.open(to_link(CHANGED))
    assert from_link(design.query("net")) == CHANGED
    assert design.number("Parameters") == format_si(design.agree()[1].params)
