"""The Challenges page through Streamlit's own test runner: setting one, handing in, the board, closing."""

from __future__ import annotations

from pathlib import Path

from streamlit import config
from streamlit.testing.v1 import AppTest

from explorer import catalog
from explorer.architecture import from_link, to_link
from explorer.challenges import StoredChallenge, hand_in, list_challenges, read_board, start
from explorer.runs import Manager
from tests.challenges.parts import small, trained
from tests.pages.parts import HOSTILE, address, messages, mounted, open_page, visible_text
from tests.pages.sending import send


def app(**query: str) -> AppTest:
    return open_page("challenges", **query)


def pick_name(running: AppTest, name: str) -> AppTest:
    return running.text_input(key="challenge_name").set_value(name).run()


def test_the_first_visit_is_a_form_that_says_what_it_needs(home: Path, manager: Manager) -> None:
    running = app()
    assert running.segmented_control(key="challenge_view").value == "New challenge"
    assert running.button(key="challenge_start").disabled
    assert "It needs a title." in visible_text(running)
    running.text_input(key="challenge_title").set_value("Digits on a diet").run()
    assert "Digits on a diet**: test accuracy ≥ 70.00 %, MACs ≤ 1,000,000, weights from random numbers" in (
        visible_text(running)
    )
    running.text_input(key="challenge_limits").set_value("mac=1e6").run()
    assert "there is no metric 'mac'; did you mean macs" in visible_text(running)
    assert running.button(key="challenge_start").disabled
    running.text_input(key="challenge_limits").set_value("params<=2e4, coverage>=0.5").run()
    running.number_input(key="challenge_least").set_value(82.5)
    running.number_input(key="challenge_epochs").set_value(3)
    running.selectbox(key="challenge_rank").set_value("params")
    running.selectbox(key="challenge_net").set_value("")
    running.text_area(key="challenge_text").set_value(HOSTILE)
    running.button(key="challenge_start").click().run()
    assert not running.exception
    (stored,) = list_challenges(manager)
    wanted = stored.challenge
    assert (wanted.title, wanted.text, wanted.rank) == ("Digits on a diet", HOSTILE, "params")
    assert (wanted.least_accuracy, wanted.most_epochs, wanted.scratch) == (0.825, 3, True)
    assert [str(limit) for limit in wanted.limits] == ["params ≤ 20,000", "coverage ≥ 0.5"]
    assert from_link(wanted.start).name == running.session_state["design"]["history"].current.name
    assert running.query_params["challenge"] == stored.id
    assert "The first place is free." in visible_text(running)
    assert HOSTILE in visible_text(running)


def test_runs_are_handed_in_and_stand_on_the_board(home: Path, manager: Manager) -> None:
    stored = start(manager, small(start=to_link(catalog.get("lenet-5"))))
    good, poor = trained(manager, 0.8, name=HOSTILE), trained(manager, 0.4)
    running = app(challenge=stored.id)
    (link,) = [each for each in running.main if each.type == "page_link" and "net=" in each.proto.query_string]
    assert "network to begin with" in link.proto.label
    hand = running.selectbox[-1]
    assert [option[:1] for option in hand.options] == ["✗", "✓"]
    assert "reaches no place: test accuracy 40.00 % is below 70.00 %" in visible_text(running)
    running.button(key="challenge_hand_in").click().run()
    assert "Not handed in: a name is missing" in messages(running)
    pick_name(running, "Ann").selectbox[-1].set_value(good.id)  # comes with the click
    running.button(key="challenge_hand_in").click().run()
    assert "Ann is on the board, at place 1" in messages(running)
    running.button(key="challenge_hand_in").click().run()
    assert "It is on the board, without a place" in messages(running)
    assert [(entry.place, entry.result.run) for entry in read_board(manager, stored)] == [(1, good.id), (None, poor.id)]
    assert len(mounted(running, "challenge_picture")["marks"]) == 1  # the best of each alone
    running.toggle(key="challenge_best").set_value(False).run()
    picture = mounted(running, "challenge_picture")
    assert [(mark["label"], mark["y"]) for mark in picture["marks"]] == [("Ann", 80.0), ("Ann", 40.0)]
    assert {path["label"] for path in picture["paths"]} >= {"MACs ≤ 300,000"}
    assert "No finished run of yours" in visible_text(running)


def test_an_entry_is_opened_and_taken_back(home: Path, manager: Manager) -> None:
    stored = start(manager, small())
    entry = hand_in(manager, stored.id, trained(manager, 0.8).id, HOSTILE)
    running = app(challenge=stored.id, entry=entry.id)
    assert f"**{HOSTILE[:60]}** · tiny" in visible_text(running)
    (link,) = [each for each in running.main if each.type == "page_link" and "net=" in each.proto.query_string]
    assert from_link(link.proto.query_string.removeprefix("net=")) == entry.result.network
    running.button(key=f"challenge_back_{entry.id}").click().run()
    assert "is off the board; the run is not deleted" in messages(running)
    assert read_board(manager, stored) == []
    assert len(manager.runs()) == 1


def test_it_is_closed_opened_and_deleted(home: Path, manager: Manager) -> None:
    stored: StoredChallenge = start(manager, small())
    trained(manager, 0.8)
    running = app(challenge=stored.id)
    running.button(key="challenge_close").click().run()
    assert "It is closed: nothing can be handed in any more." in visible_text(running)
    assert "Nothing was handed in." in visible_text(running)
    running.button(key="challenge_close").click().run()
    assert running.button(key="challenge_hand_in").label == "Hand in"
    running.checkbox(key=f"challenge_sure_{stored.id}").set_value(True).run()
    running.button(key="challenge_delete").click().run()
    assert list_challenges(manager) == []
    assert "Digits on a diet is deleted" in messages(running)


def test_who_comes_by_the_network_closes_and_deletes_nothing(home: Path, manager: Manager) -> None:
    """Without sign-in nobody knows who set a challenge; whoever is at the server does."""
    stored = start(manager, small())
    entry = hand_in(manager, stored.id, trained(manager, 0.8).id, "Ann")
    before = config.get_option("server.address")
    config._set_option("server.address", "0.0.0.0", "a test")
    try:
        running = app(challenge=stored.id, entry=entry.id)
    finally:
        config._set_option("server.address", before, "a test")
    keys = {each.key for each in [*running.button, *running.text_area, *running.checkbox]}
    assert not keys & {"challenge_close", "challenge_delete", "challenge_save", f"challenge_back_{entry.id}"}
    assert f"python -m explorer challenge close {stored.id}" in [each.value for each in running.code]
    assert any(each.value.endswith(f"?challenge={stored.id}") for each in running.code)  # the link is for all


def test_whose_link_is_gone_is_told(home: Path, manager: Manager) -> None:
    start(manager, small())
    assert "there is no challenge '20260101-000000-abcdef'" in messages(app(challenge="20260101-000000-abcdef"))


def test_the_data_is_brought_along_to_train(home: Path, manager: Manager) -> None:
    stored = start(manager, small(dataset="mnist"))
    running = app(challenge=stored.id)
    running.button(key="challenge_train").click().run()
    assert not running.exception
    assert running.selectbox(key="train_data").value == "mnist"
    assert running.multiselect(key="train_designs").value == [""]


def test_the_address_follows_the_entry_that_was_clicked(home: Path, manager: Manager) -> None:
    stored = start(manager, small())
    entry = hand_in(manager, stored.id, trained(manager, 0.8).id, "Ann")
    running = app(challenge=stored.id)
    send(running, ("challenge_picture", "choose", entry.id))
    assert address(running, "entry") == entry.id
    send(running, ("challenge_picture", "choose", entry.id))
    assert address(running, "entry") == ""


def test_challenges_and_runs_that_read_alike_are_told_apart(home: Path, manager: Manager) -> None:
    """A browser sends what is written in a list: the first of its kind would be taken for any of them."""
    first, _, last = (start(manager, small()) for _ in range(3))
    runs = [trained(manager, 0.8).id for _ in range(3)]
    running = app(challenge=first.id)
    pick, hand = running.selectbox[0], running.selectbox[-1]
    assert len(set(pick.options)) == len(set(hand.options)) == 3
    assert [option.rpartition(" · ")[2] for option in hand.options] == runs[::-1]
    hand.set_value(runs[0])
    pick_name(running, "Ann").button(key="challenge_hand_in").click().run()
    assert [entry.result.run for entry in read_board(manager, first)] == [runs[0]]
    running.selectbox[0].set_value(last.id).run()
    assert running.query_params["challenge"] == last.id
