"""The guards of conftest.py bite: without this test a broken guard would look like a clean product."""

import pytest

from tests.browser.conftest import leave
from tests.browser.watching import LOCAL_HOSTS


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<script>console.error('spoken')</script>", "console error: spoken"),
        ("<script>throw new Error('thrown')</script>", "page error: .*thrown"),
        ("<img src='https://example.invalid/pixel.png'>", r"request left this machine: https://example\.invalid/pixel\.png"),
        ("<script>alert('asked')</script>", "dialog: asked"),
        ("<script>new WebSocket('ws://example.invalid/')</script>", r"request left this machine: ws://example\.invalid/"),
    ],
)
def test_what_no_test_may_leave_behind_is_seen(page, watch, content, expected):
    page.set_content(content)
    page.wait_for_timeout(300)
    assert watch.remaining()
    watch.allow(expected, because="this test provokes it")
    watch.allow("ERR_NAME_NOT_RESOLVED", because="the browser says the same in its console")
    assert watch.remaining() == []


def test_a_page_at_rest_leaves_nothing(page, watch, server):
    page.goto(f"{server.url}/_stcore/health")
    assert watch.requests
    assert all(any(host in url for host in LOCAL_HOSTS) for url in watch.requests)
    assert watch.remaining() == []


def test_the_next_test_finds_nothing_of_the_last_one_in_a_window(page, server):
    address = f"{server.url}/_stcore/health"
    kept = "[localStorage.length, sessionStorage.length, document.cookie]"
    page.goto(address)
    page.evaluate("localStorage.a = sessionStorage.b = 1; document.cookie = 'c=1'")
    page.goto("about:blank")
    page.goto(address)
    assert page.evaluate(kept)[:2] == [1, 1]
    assert "c=1" in page.evaluate("document.cookie")
    leave(page)
    page.goto(address)
    assert page.evaluate(kept)[:2] == [0, 0]
    assert "c=1" not in page.evaluate("document.cookie")
