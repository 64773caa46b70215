"""A server that several people share, with a real provider of identities: who is signed in sees what is theirs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from explorer.person import Person
from explorer.runs import ExperimentRow, Point, Trial, new_run_id, series
from explorer.training import open_manager
from tests.browser.design import JOINER
from tests.browser.helpers import open_app, rerun, settle
from tests.browser.signing_in import PEOPLE, sharing, sign_in
from tests.runs.parts import create

IDS: dict[str, str] = {}


def prepare(home: Path, people: dict[str, Person]) -> None:
    """Ann has a run of her own, one that others may look at, and an experiment."""
    manager = open_manager(home)
    for person in people.values():
        manager.store.people.welcome(person)
    ann = manager.act_for(people["ann"])
    for name in ("private", "shared"):
        run = create(ann)
        ann.annotate(run.id, name=f"{name} run of Ann")
        manager.store.record(run.id, [Point(series=series.TEST_ACCURACY, step=1, value=0.5, seconds=1.0)], step=1)
        ann.stop(run.id)
        IDS[name] = run.id
    ann.share(IDS["shared"], True)
    row = ExperimentRow(id=new_run_id(), name="secret widths", created=1.0, plan="{}")
    ann.save_experiment(row)
    place = Trial(experiment=row.id, variant="w", seed=1)
    trial = ann.create("trial of Ann", run.architecture, run.config, trial=place)
    ann.stop(trial.id)
    ann.remove_experiment(row.id)  # its plan is none; the run stays
    IDS["trial"] = trial.id
    manager.close()


@pytest.fixture(scope="module")
def shared(_servers, tmp_path_factory):
    with sharing(tmp_path_factory.mktemp("shared"), prepare=prepare) as server:
        _servers.append(server)
        yield server
        _servers.remove(server)


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


def test_two_people_and_what_is_shared(shared, new_page):
    ann, bob = new_page(), new_page()
    sign_in(ann, f"{shared.url}/train?run={IDS['private']}", "ann")
    ann.get_by_role("heading", name="private run of Ann").wait_for()
    sign_in(bob, f"{shared.url}/train?run={IDS['private']}", "bob")
    bob.wait_for_url(re.compile(r"/train\?"))
    settle(bob)
    assert f"there is no run '{IDS['private']}'" in text_of(bob)
    assert "private run of Ann" not in text_of(bob)
    # what is shared is seen with its owner's name, and cannot be changed
    open_app(bob, f"{shared.url}/train?run={IDS['shared']}")
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
    open_app(bob, f"{shared.url}/train?run={IDS['private']}")
    bob.get_by_role("heading", name="private run of Ann").wait_for()
    with rerun(ann):
        ann.locator(f".st-key-share_{IDS['private']} label").click()
    open_app(bob, f"{shared.url}/train?run={IDS['private']}")
    assert f"there is no run '{IDS['private']}'" in text_of(bob)


LINKS = ("inspect?model={}", "inspect?model={}@best", "inspect?second={}", "compare?net=run:{}", "ablate?experiment={}",
         "search?search={}")  # fmt: skip


def test_links_to_what_is_not_theirs_lead_nowhere_and_a_name_is_text(shared, new_page):
    page = new_page()
    sign_in(page, shared.url, "mallory")
    account = page.locator(".st-key-account").inner_text().replace(JOINER, "")
    assert "<img src=x onerror=alert(1)> **b** [a](javascript:alert(1)) evil" in account
    assert "administrator" not in account  # the address is an administrator's, but nobody vouches for it
    for link in LINKS:
        open_app(page, f"{shared.url}/{link.format(IDS['private'])}")
        page.locator(".st-key-account").wait_for()
        assert "private run of Ann" not in page.locator("body").inner_text()


def test_an_administrator_sees_and_changes_all(shared, new_page):
    page = new_page()
    sign_in(page, f"{shared.url}/train?run={IDS['trial']}", "eve")
    page.get_by_role("heading", name="trial of Ann").wait_for()
    assert "administrator" in page.locator(".st-key-account").inner_text()
    page.locator(".st-key-more button").first.click()
    page.locator(f".st-key-sure_{IDS['trial']} label").click()
    with rerun(page):
        page.locator(".st-key-delete button").click()
    assert "trial of Ann is deleted" in text_of(page)
