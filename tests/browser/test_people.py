"""A server that several people share, with a real provider of identities: who is signed in sees what is theirs."""

from __future__ import annotations

import re
import time
import zipfile

import pytest

from explorer.person import LONGEST_STAY_SECONDS
from explorer.training import open_manager
from tests.browser.by_hand import come_as
from tests.browser.design import JOINER
from tests.browser.helpers import go, open_app, rerun, settle
from tests.browser.signing_in import IDS, PEOPLE, person_of, sign_in
from tests.sizes import thorough


@pytest.fixture(autouse=True)
def provider_looks_plain(watch):
    watch.allow("cdn.jsdelivr.net", because="the provider's own page does without its style")


def text_of(page):
    return page.locator("[data-testid=stMain]").inner_text()


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
    assert "there is no run '20260101-000000-000000'" in text_of(page)
    page.locator(".st-key-sign_out button").click()
    page.wait_for_url(re.compile("end_session"))
    open_app(page, f"{shared.url}/inspect")
    assert page.get_by_role("button", name="Sign in").is_visible()


def test_two_people_what_is_shared_and_what_is_taken_away_leaves_a_line(shared, new_page):
    ann, bob = new_page(), new_page()
    come_as(ann, shared, "ann", f"/train?run={IDS['private']}")
    ann.get_by_role("heading", name="private run of Ann").wait_for()
    come_as(bob, shared, "bob", f"/train?run={IDS['private']}")
    assert f"there is no run '{IDS['private']}'" in text_of(bob)
    assert "private run of Ann" not in text_of(bob)
    # what is shared is seen with its owner's name, and cannot be changed
    go(bob, f"/train?run={IDS['shared']}")
    assert "of Ann Archer, shared" in text_of(bob)
    bob.locator(".st-key-more button").first.click()
    bob.locator(".st-key-clone").wait_for()
    for key in ("pause", "resume", "stop", "extend", "delete", f"share_{IDS['shared']}"):
        assert bob.locator(f".st-key-{key}").count() == 0
    # Ann shares the other one by hand
    ann.locator(".st-key-more button").first.click()
    toggle = ann.locator(f".st-key-share_{IDS['private']} label")
    toggle.wait_for()
    with rerun(ann):
        toggle.click()
    assert "of you, shared" in text_of(ann)
    go(bob, f"/train?run={IDS['private']}")
    bob.get_by_role("heading", name="private run of Ann").wait_for()
    with rerun(ann):
        ann.locator(f".st-key-share_{IDS['private']} label").click()
    open_app(bob, f"{shared.url}/train?run={IDS['private']}")
    assert f"there is no run '{IDS['private']}'" in text_of(bob)
    take_away_and_leave_a_line(bob, shared)


@thorough("tests/browser/test_people_hostile.py::test_an_address_that_nobody_vouches_for_makes_no_administrator")
def test_a_name_is_text_and_an_address_that_nobody_vouches_for_is_none(shared, new_page):
    page = new_page()
    sign_in(page, shared.url, "mallory")
    account = page.locator(".st-key-account").inner_text().replace(JOINER, "")
    assert "<img src=x onerror=alert(1)> **b** [a](javascript:alert(1)) evil" in account
    assert "administrator" not in account  # the address is an administrator's, but nobody vouches for it
    open_app(page, f"{shared.url}/train?run={IDS['private']}")  # other links: test_people_hostile.py
    assert f"there is no run '{IDS['private']}'" in text_of(page)


def test_an_administrator_sees_and_changes_all(shared, new_page):
    page = new_page()
    come_as(page, shared, "eve", f"/train?run={IDS['trial']}")
    page.get_by_role("heading", name="trial of Ann").wait_for()
    assert "administrator" in page.locator(".st-key-account").inner_text()
    page.locator(".st-key-more button").first.click()
    page.locator(f".st-key-sure_{IDS['trial']} label").click()
    with rerun(page):
        page.locator(".st-key-delete button").click()
    assert "trial of Ann is deleted" in text_of(page)


@thorough("tests/pages/test_challenges.py::test_runs_are_handed_in_and_stand_on_the_board")
def test_a_class_hands_in_and_stands_on_one_board(shared, new_page):
    """A teacher sets a challenge and hands out its link; who follows it signs in and hands in; both see the board."""
    ann, bob = new_page(), new_page()
    sign_in(ann, f"{shared.url}/challenges", "ann")
    ann.locator(".st-key-challenge_title input").fill("Digits on a diet")
    with rerun(ann):
        ann.locator(".st-key-challenge_title input").press("Enter")
    with rerun(ann):
        ann.locator(".st-key-challenge_start button").click()
    ann.get_by_text("The first place is free.").wait_for()
    ann.locator(".st-key-challenge_manage button").first.click()
    link = ann.locator("[data-testid=stCode]").inner_text().strip()
    assert link.startswith(f"{shared.url}/challenges?challenge=")
    sign_in(bob, link, "bob")
    bob.get_by_role("heading", name="Digits on a diet").wait_for()
    assert bob.locator(".st-key-challenge_manage").count() == 0
    assert "Bob's network · 80.00 %" in bob.locator("[class*=st-key-challenge_run_] input").input_value()
    assert bob.locator(".st-key-challenge_name").count() == 0  # he is known
    bob.locator(".st-key-challenge_hand_in button").click()
    bob.get_by_text("Bob Baker is on the board, at place 1").wait_for()
    bob.wait_for_url(re.compile("entry="))
    bob.locator(".st-key-challenge_picture .mark").first.focus()
    bob.keyboard.press("Enter")  # chosen already: a second time, none
    bob.wait_for_url(re.compile(r"challenge=[^&]*$"))
    ann.locator("[data-testid=stDataFrame]").first.wait_for()  # by itself, while she looks
    told = ann.locator("[data-testid=stDataFrame] td", has_text=re.compile("^Bob Baker$"))
    told.wait_for(state="attached")  # for screen readers; what is seen is drawn on a canvas
    open_app(ann, f"{shared.url}/train?run={IDS['bobs']}")  # the board shows what was handed in, and nothing else
    assert f"there is no run '{IDS['bobs']}'" in text_of(ann)


@thorough("tests/runs/test_quotas.py::test_uploads_of_a_day")
def test_what_people_use_and_did(shared, new_page):
    bob, eve = new_page(), new_page()
    sign_in(bob, f"{shared.url}/inspect", "bob")
    bob.locator("[class*=st-key-inspect_upload_] input[type=file]").set_input_files(
        {"name": "large.png", "mimeType": "image/png", "buffer": bytes(60_000)}
    )
    said = "Not taken: you have uploaded 0 B within a day, and 60.0 kB more would be above the 50.0 kB"
    bob.get_by_text(said).wait_for()
    bob.get_by_role("link", name="People").click()
    bob.get_by_role("heading", name="What you did").wait_for()
    settle(bob)
    told = text_of(bob)
    assert "of 50.0 kB" in told
    assert "of 3" in told
    assert "Everybody" not in told
    sign_in(eve, f"{shared.url}/people", "eve")
    eve.get_by_role("heading", name="Everybody").wait_for()
    settle(eve)
    with rerun(eve):
        eve.locator(".st-key-audit_filter input").fill("ann archer unshare")
        eve.locator(".st-key-audit_filter input").press("Enter")
    with rerun(eve):
        eve.locator("[class*=st-key-audit_person_] input").fill("Ann Archer")
        eve.get_by_role("option", name="Ann Archer").click()
    with eve.expect_download() as download:
        eve.locator(".st-key-audit_csv button").click()
    rows = download.value.path().read_text().splitlines()
    assert rows[0] == "when,person,name,action,object,detail"
    assert all("Ann Archer,unshare,run" in row for row in rows[1:])


def lines_of(shared, sub):
    manager = open_manager(shared.home)
    found = manager.store.people.audit(person=person_of(shared.home, sub).id)
    manager.close()
    return [(line.action, line.object, line.detail) for line in reversed(found)]


def take_away_and_leave_a_line(bob, shared):
    """The files of a run that somebody shares, and what the page tells of people, by whoever takes them."""
    run = IDS["shared"]
    go(bob, f"/train?run={run}")
    bob.locator(".st-key-more button").first.click()
    before = len(lines_of(shared, "bob"))
    with bob.expect_download() as download:
        bob.locator(".st-key-export button").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.namelist()
    assert lines_of(shared, "bob")[before:] == [("download", f"run {run}", f"{run}-tensorboard.zip")]
    go(bob, "/people")
    with bob.expect_download():
        bob.locator(".st-key-audit_csv button").click()
    assert lines_of(shared, "bob")[-1] == ("download", "audit", "audit.csv")


@thorough("tests/test_person.py::test_claims_that_name_nobody_or_are_over_admit_nobody")
def test_a_stay_that_ends_leads_to_the_sign_in_by_itself(shared, new_page):
    page = new_page()
    ends = time.time() + 25
    come_as(page, shared, "ann", f"/train?run={IDS['private']}", iat=ends - LONGEST_STAY_SECONDS, exp=ends)
    page.get_by_role("heading", name="private run of Ann").wait_for()
    page.locator(".st-key-sign_in").wait_for(timeout=60_000)
    settle(page)
    assert time.time() > ends
    assert page.get_by_text("private run of Ann").count() == 0


@thorough("tests/test_ownership.py::test_a_data_set_is_its_owner_s_until_it_is_shared")
def test_a_data_set_is_shared_by_hand(shared, new_page):
    def choose(page, title):
        field = page.locator(".st-key-train_data input")
        field.click()
        field.fill(title)
        found = page.get_by_role("option", name=title).count()
        page.keyboard.press("Enter" if found else "Escape")
        settle(page)
        return found

    ann, bob = new_page(), new_page()
    sign_in(ann, f"{shared.url}/train", "ann")
    assert choose(ann, "Secret cats of Ann")
    ann.locator(".st-key-data_box summary").click()
    toggle = ann.locator(f".st-key-data_share_{IDS['data']} label")
    toggle.wait_for()
    settle(ann)
    with rerun(ann):
        toggle.click()
    sign_in(bob, f"{shared.url}/train", "bob")
    assert choose(bob, "Secret cats of Ann")
    bob.locator(".st-key-data_box summary").click()
    bob.get_by_text("It is of Ann Archer, shared.").wait_for()
    settle(bob)
    assert bob.locator(".st-key-data_rename, .st-key-data_remove").count() == 0
    with rerun(ann):
        toggle.click()
    open_app(bob, f"{shared.url}/train")
    assert not choose(bob, "Secret cats of Ann")
