"""The Search page through Streamlit's own test runner: the form, a search that goes on, its trials and their links."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from explorer.architecture import from_json, from_link
from explorer.runs import Manager
from explorer.search import Budget, Driver, StoredSearch, list_searches, read_standing, start
from tests.pages.parts import mounted, open_page, visible_text
from tests.search.parts import finish, small


def done(manager: Manager, *, trials: int = 4, baseline: bool = False) -> StoredSearch:
    """A search whose runs have ended."""
    stored = start(manager, small(budget=Budget(trials=trials), objectives=("accuracy", "macs")), baseline=baseline)
    driver = Driver(manager)
    for _ in range(3 * trials):
        driver.tick()
        for search in list_searches(manager):
            for place, (_, run) in enumerate(manager.trials(search.id)):
                if run.active:
                    finish(manager, run, 0.3, 0.5 + place / 100)
    return next(each for each in list_searches(manager) if each.id == stored.id)


def app(**query: str) -> AppTest:
    return open_page("search", **query)


def test_the_first_visit_is_a_form_with_something_that_works(home: Path) -> None:
    running = app()
    assert running.segmented_control(key="search_view").value == "New search"
    assert running.button(key="search_start").label == "Start 20 trials"
    assert "within the limits" in visible_text(running)
    running.text_input(key="search_limits").set_value("params=10").run()
    assert "No random point keeps the limits" in visible_text(running)
    running.text_input(key="search_limits").set_value("parms=1e6").run()
    assert "there is no metric 'parms'; did you mean params" in visible_text(running)
    assert running.button(key="search_start").disabled
    running.text_input(key="search_limits").set_value("params=1e6, macs<=2e7")
    running.button_group(key="search_groups").set_value([]).run()
    assert running.button(key="search_start").disabled
    running.button_group(key="search_groups").set_value(["rate", "attention"])
    running.number_input(key="search_trials").set_value(3)
    running.toggle(key="search_baseline").set_value(True).run()
    assert "**6 runs** on cpu" in visible_text(running)


def test_what_the_form_says_is_what_is_started(home: Path, manager: Manager) -> None:
    running = app()
    running.button_group(key="search_groups").set_value(["widths", "rate"])
    running.text_input(key="search_limits").set_value("params<=4e5")
    running.number_input(key="search_trials").set_value(3)
    running.segmented_control(key="search_sampler").set_value("random")
    running.button(key="search_start").click().run()
    assert not running.exception
    (stored,) = list_searches(manager)
    assert stored.search.space.groups == ("widths", "rate")
    assert [str(each) for each in stored.search.limits] == ["params ≤ 400,000"]
    assert (stored.search.sampler, stored.search.budget.trials) == ("random", 3)
    assert running.query_params["search"] == stored.id


def test_trials_are_drawn_chosen_and_opened(home: Path, manager: Manager) -> None:
    stored = done(manager, baseline=True)
    running = app(search=stored.id)
    picture = mounted(running, "search_front")
    trials = read_standing(manager, stored).trials
    assert {mark["key"] for mark in picture["marks"] if mark["shape"] == 0} == {str(each.number) for each in trials}
    assert any(mark["label"] == "random 3" for mark in picture["marks"])
    assert "at random" in visible_text(running)
    best = max(trials, key=lambda each: each.values[0])
    running = app(search=stored.id, trial=str(best.number))
    assert f"**Trial {best.number}** · finished · accuracy {100 * best.values[0]:.2f} %" in visible_text(running)
    (link,) = [each for each in running.main if each.type == "page_link" and "net=" in each.proto.query_string]
    assert from_link(link.proto.query_string.removeprefix("net=")) == from_json(best.run.architecture)
    running.button(key="search_repeat").click().run()
    assert len(manager.trials(stored.id)) == len(trials) + 2


def test_a_search_that_is_gone_is_told(home: Path) -> None:
    assert "no search" in visible_text(app(search="20260101-000000-abcdef")).lower()
