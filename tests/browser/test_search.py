"""The Search page in a real browser, with a real worker: from the form to a trial that appears and opens in Design."""

import re

import pytest

from explorer.architecture import from_json, from_link, to_link
from explorer.search import list_searches
from explorer.training import open_manager
from tests.browser.design import Design, until
from tests.browser.helpers import each_look, rerun, settle
from tests.runs.parts import end_all
from tests.training.parts import network

MARKS = ".st-key-search_front .mark"
LOOKS = [("light", (1440, 1000)), ("dark", (390, 844))]


@pytest.fixture
def laboratory(module_server, tmp_path_factory, forked_worker):
    server = module_server(home=tmp_path_factory.mktemp("home"), worker_command=forked_worker)
    manager = open_manager(server.home)
    yield server, manager
    end_all(server.home)


def fill(page, key, text):
    box = page.locator(f".st-key-{key} input")
    with rerun(page):
        box.fill(text)
        box.press("Enter")


def test_from_the_form_to_a_trial_that_opens_in_design(laboratory, page):
    server, manager = laboratory
    design = Design(page, server.url).open(net=to_link(network(classes=10)))
    with rerun(page):
        page.get_by_role("link", name="Search", exact=True).click()
    fill(page, "set_epochs_course_0", "1")
    fill(page, "search_trials", "2")
    page.get_by_role("button", name="Start 2 trials").click()
    (stored,) = until(lambda: list_searches(manager), "the search")
    until(lambda: f"search={stored.id}" in page.evaluate("location.href"), "the address")

    # Nobody touches the page: trials come while it is looked at, in the same picture.
    page.locator(MARKS).first.wait_for(timeout=120_000)
    page.evaluate("document.querySelector('.st-key-search_front').__mark = 'kept'")
    until(lambda: page.locator(MARKS).count() == 2, "both trials", patience=120)
    until(lambda: "over" in page.locator(".st-key-search_head").inner_text(), "the end", patience=120)
    assert page.evaluate("document.querySelector('.st-key-search_front').__mark") == "kept"
    settle(page)
    for _ in each_look(page, LOOKS):
        assert page.locator(MARKS).count() == 2

    (first, second) = (run for _, run in manager.trials(stored.id))
    assert from_json(first.architecture).trunk == network(classes=10).trunk  # what was given is the first trial
    with rerun(page):
        page.locator(f"{MARKS}[data-key='1']").focus()
        page.keyboard.press("Enter")
    page.get_by_text(re.compile(r"Trial 1")).first.wait_for()
    assert "trial=1" in page.evaluate("location.href")
    page.get_by_role("link", name="Open in Design").click()
    page.wait_for_url(re.compile(r"/design\?"))
    settle(page)
    assert from_link(design.query("net")) == from_json(second.architecture)
    page.go_back()
    page.get_by_text(re.compile(r"Trial 1")).first.wait_for()
