"""Back and Forward through all pages: one press for each step that the visitor has made."""

from pages.ui import router
from tests.browser.design import until
from tests.browser.helpers import open_app, settle
from tests.sizes import ALL, thorough

COMPLETED = ("design", "compare", "inspect")
"""Pages that say in their address what they show, also where nothing was asked for."""


def test_back_and_forward_through_all_pages(server, page):
    """From the menu, every page completes its bare address with what it shows; that must not be a step of its own."""
    titles = {stem: title for stem, (title, _) in router.PAGES.items()}
    open_app(page, f"{server.url}/catalogue")
    visited = [("catalogue", page.evaluate("location.href"))]
    for stem in [stem for stem in titles if stem != "catalogue"] if ALL else (*COMPLETED, "train"):
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=titles[stem], exact=True).click()
        page.get_by_role("heading", level=1, name=titles[stem]).wait_for(state="attached")
        settle(page)
        if stem in COMPLETED:  # in a second run, on the Design page
            until(lambda stem=stem: f"/{stem}?" in page.evaluate("location.href"), f"the whole address of {stem}")
            settle(page)
        visited.append((stem, page.evaluate("location.href")))

    for step, places in (("back", visited[-2::-1]), ("forward", visited[1:])):
        for stem, address in places:
            page.evaluate(f"history.{step}()")
            until(lambda address=address: page.evaluate("location.href") == address, f"{address} by one {step}")
            page.get_by_role("heading", level=1, name=titles[stem]).wait_for(state="attached")
    settle(page)
    assert page.evaluate("location.href") == visited[-1][1]


@thorough("tests/browser/test_history.py::test_back_and_forward_through_all_pages")
def test_the_bare_address_is_no_step_of_its_own(server, page):
    before = f"{server.url}/_stcore/health"
    page.goto(before)
    open_app(page, f"{server.url}/?net=dilated-cnn")
    until(lambda: "/design?net=dilated-cnn" in page.evaluate("location.href"), "the page's own address")
    settle(page)
    there = page.evaluate("location.href")
    page.evaluate("history.back()")
    page.wait_for_url(before)
    page.evaluate("history.forward()")
    page.wait_for_url(there)
    page.get_by_role("heading", level=1, name="Design").wait_for(state="attached")
