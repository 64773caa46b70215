"""A server that several people share, with a real provider of identities: who is signed in sees what is theirs."""

from __future__ import annotations

import re

import pytest

from tests.browser.helpers import open_app, settle
from tests.browser.signing_in import PEOPLE, sharing, sign_in


@pytest.fixture(scope="module")
def shared(_servers, tmp_path_factory):
    with sharing(tmp_path_factory.mktemp("shared")) as server:
        _servers.append(server)
        yield server
        _servers.remove(server)


@pytest.fixture(autouse=True)
def provider_looks_plain(watch):
    watch.allow("cdn.jsdelivr.net", because="the provider's own page does without its style")


def test_nothing_is_shown_before_sign_in_and_the_page_asked_for_behind_it(shared, new_page):
    page = new_page()
    wanted = f"{shared.url}/train?run=20260101-000000-000000&view=second"
    open_app(page, wanted)
    assert page.get_by_role("button", name="Sign in").is_visible()
    assert page.locator("[data-testid=stSidebarNav]").count() == 0
    assert page.locator(".st-key-new_card").count() == 0
    sign_in(page, wanted, "ann")
    page.wait_for_url(re.compile(r"/train\?"))
    settle(page)
    assert page.locator(".st-key-account").inner_text().startswith(PEOPLE["ann"]["name"])
    assert page.locator(".st-key-new_card").is_visible()
    assert "there is no run '20260101-000000-000000'" in page.locator("[data-testid=stMain]").inner_text()
    page.locator(".st-key-sign_out button").click()
    page.wait_for_url(re.compile("end_session"))
    open_app(page, f"{shared.url}/inspect")
    assert page.get_by_role("button", name="Sign in").is_visible()
