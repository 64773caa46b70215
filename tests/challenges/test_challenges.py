"""Challenges: what may be set, what counts as reached, who is first, whose is what, and what outlives what."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.analysis import analyze
from explorer.architecture import from_json, from_link
from explorer.challenges import (
    Challenge,
    Result,
    change,
    collect_results,
    delete,
    find_misses,
    get_challenge,
    hand_in,
    list_challenges,
    plan,
    read_board,
    start,
    take_back,
    to_csv,
    to_data,
)
from explorer.person import Person
from explorer.runs import Manager
from explorer.search import parse_limit
from explorer.training import open_manager
from tests.training.parts import network

from .parts import small, trained

ANN = Person(id="a" * 24, name="Ann")
BOB = Person(id="b" * 24, name="Bob")
TEACHER = Person(id="c" * 24, name="Ms Chen")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"least_accuracy": None, "limits": []}, "say what is to be reached"),
        ({"least_accuracy": 70}, r"accuracy to be reached \(=70\) must be a share from 0 to 1"),
        ({"limits": [parse_limit("macs=1e6"), parse_limit("macs<=2e6")]}, "limited twice from the same side"),
        ({"rank": "mac"}, "there is no metric 'mac'; did you mean macs"),
        ({"title": "  "}, "needs a title"),
        ({"text": "x" * 2001}, "2,001 characters; at most 2,000"),
        ({"most_epochs": 0}, r"epochs \(=0\) must be at least 1"),
        ({"closes": float("nan")}, "the time at which it closes is none"),
    ],
)
def test_what_cannot_be_set_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        small(**fields)


@given(
    st.builds(
        plan,
        st.text(min_size=1).filter(lambda text: text.strip()),
        st.text(min_size=1),
        text=st.text(max_size=100),
        least_accuracy=st.floats(0, 1),
        limits=st.lists(st.sampled_from(["macs=1e6", "params>=10", "coverage=0.5"]), unique=True).map(
            lambda found: [parse_limit(each) for each in found]
        ),
        rank=st.sampled_from(["accuracy", "macs", "receptive_field"]),
        most_epochs=st.none() | st.integers(1, 1000),
        scratch=st.booleans(),
        closes=st.none() | st.floats(0, 1e10),
    )
)
def test_a_challenge_is_read_as_it_was_written(challenge: Challenge) -> None:
    assert Challenge.from_json(challenge.title, challenge.to_json()) == challenge


def test_a_result_is_what_the_run_and_the_analysis_say(manager: Manager) -> None:
    wanted = small()
    run = trained(manager, 0.9, 0.72)
    trained(manager, 0.99, dataset="mnist")
    manager.create("not begun", run.architecture, run.config)
    (result,) = collect_results(manager, wanted)
    totals = analyze(from_json(run.architecture)).totals
    assert (result.run, result.accuracy, result.epochs, result.scratch) == (run.id, 0.72, 2, True)
    assert result.values == {"macs": totals.macs, "params": totals.params}
    assert find_misses(wanted, result) == ()  # the last epoch counts, not the best one


def result(accuracy: float | None, macs: int = 1000, **fields: Any) -> Result:
    chosen = {"run": "", "title": "", "architecture": "", "dataset": "digits", "epochs": 1, "seed": 0, "scratch": True}
    return Result(**{**chosen, "accuracy": accuracy, "values": {"macs": macs, "params": 10}, **fields})


@pytest.mark.parametrize(
    ("wanted", "found", "misses"),
    [
        ({}, result(0.7, 300_000), ()),
        ({}, result(0.69999), ("test accuracy 69.999 % is below 70.00 %",)),
        ({}, result(None), ("test accuracy is not known",)),
        ({}, result(0.5, 300_001), ("test accuracy 50.00 % is below 70.00 %", "macs 300,001 is above 300,000")),
        ({"most_epochs": 2}, result(0.9, epochs=3), ("3 epochs are above 2",)),
        ({}, result(0.9, scratch=False), ("its weights did not begin at random",)),
        ({"scratch": False}, result(0.9, scratch=False), ()),
        ({"least_accuracy": None}, result(None), ()),
        ({"limits": [parse_limit("params>=11")]}, result(0.9), ("params 10 is below 11",)),
    ],
)
def test_what_is_missed_is_said_with_both_numbers(
    wanted: dict[str, Any], found: Result, misses: tuple[str, ...]
) -> None:
    assert find_misses(small(**wanted), found) == misses


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), max_size=12), st.sampled_from(["accuracy", "macs"]))
def test_the_board_is_in_the_order_of_the_rank(pairs: list[tuple[int, int]], rank: str) -> None:
    """Against sports ranking written down again: one more than how many are better."""
    entries = [result(0.6 + share / 10, 100_000 * macs, run=str(place)) for place, (share, macs) in enumerate(pairs)]
    board = read_board(*stored_with(small(rank=rank), entries))
    assert sorted(entry.result.run for entry in board) == sorted(each.run for each in entries)
    good = [each for each in entries if not find_misses(small(), each)]
    worth: Callable[[Result], float] = (lambda each: each.accuracy or 0) if rank == "accuracy" else (
        lambda each: -(each.values["macs"] or 0))  # fmt: skip
    for entry in board:
        better = sum(worth(each) > worth(entry.result) for each in good)
        assert entry.place == (1 + better if not entry.misses else None)
    assert [entry.place is None for entry in board] == sorted(entry.place is None for entry in board)
    places = [entry.place for entry in board if entry.place is not None]
    assert places == sorted(places)


def stored_with(challenge: Challenge, results: list[Result]) -> tuple[Any, Any]:
    """Something that has a board, without a store."""
    from dataclasses import asdict
    from types import SimpleNamespace

    from explorer.challenges import StoredChallenge
    from explorer.runs import EntryRow

    rows = [
        EntryRow(id=str(place), challenge="x", person="", name=f"n{place}", run=each.run, at=float(place),
                 data=json.dumps(asdict(each)))
        for place, each in enumerate(results)
    ]  # fmt: skip
    store = SimpleNamespace(entries=SimpleNamespace(of=lambda challenge: rows))
    return SimpleNamespace(store=store), StoredChallenge(id="x", created=0.0, owner="", challenge=challenge)


def test_each_person_stands_on_the_board_with_their_best(manager: Manager) -> None:
    stored = start(manager, small())
    for name, accuracy in (("Ann", 0.8), ("ann ", 0.9), ("Bob", 0.6), ("Bob", 0.75)):
        hand_in(manager, stored.id, trained(manager, accuracy).id, name)
    assert [(entry.place, entry.name, entry.result.accuracy) for entry in read_board(manager, stored)] == [
        (1, "ann", 0.9), (2, "Ann", 0.8), (3, "Bob", 0.75), (None, "Bob", 0.6),
    ]  # fmt: skip
    best = read_board(manager, stored, best=True)
    assert [(entry.place, entry.name, entry.result.accuracy) for entry in best] == [(1, "ann", 0.9), (2, "Bob", 0.75)]


def test_what_cannot_be_handed_in(manager: Manager) -> None:
    stored, run = start(manager, small()), trained(manager, 0.8)
    waiting = manager.create("waiting", run.architecture, run.config)
    other = trained(manager, 0.8, dataset="mnist")
    cases = [
        (run.id, "", "a name is missing"),
        (waiting.id, "Ann", "is queued; only one that has finished"),
        (other.id, "Ann", "was trained on 'mnist'; this challenge asks for 'digits'"),
        ("20260101-000000-abcdef", "Ann", "there is no run"),
        ("../../etc", "Ann", "there is no run"),
    ]
    for name, person, why in cases:
        with pytest.raises(ValueError, match=why):
            hand_in(manager, stored.id, name, person)
    hand_in(manager, stored.id, run.id, "Ann")
    with pytest.raises(ValueError, match="has been handed in already"):
        hand_in(manager, stored.id, run.id, "Ann again")
    change(manager, stored.id, closed=True)
    with pytest.raises(ValueError, match="Digits on a diet is closed"):
        hand_in(manager, stored.id, trained(manager, 0.9).id, "Ann")
    change(manager, stored.id, closed=False)
    hand_in(manager, stored.id, trained(manager, 0.9).id, "Ann")
    assert len(read_board(manager, stored)) == 2


def test_a_time_that_has_passed_closes_it_until_it_is_opened_again(manager: Manager) -> None:
    stored = start(manager, small(closes=time.time() - 1))
    assert not stored.challenge.open
    assert change(manager, stored.id, text="more time").challenge.text == "more time"
    again = change(manager, stored.id, closed=False)
    assert (again.challenge.open, again.challenge.closes) == (True, None)


def test_the_board_outlives_runs_and_the_store(manager: Manager) -> None:
    stored, run = start(manager, small()), trained(manager, 0.8)
    entry = hand_in(manager, stored.id, run.id, "Ann")
    manager.delete(run.id)
    assert read_board(manager, stored) == [entry]
    (manager.root / "runs.sqlite").unlink()
    again = open_manager(manager.root)
    assert list_challenges(again) == [stored]
    assert read_board(again, stored) == [entry]
    delete(again, stored.id)
    assert list_challenges(again) == []
    assert list((manager.root / "experiments").iterdir()) == []


def test_whose_is_what(manager: Manager) -> None:
    """Everybody sees a challenge and its board; what is handed in is the person's own, and nobody else's to take."""
    for person in (ANN, BOB, TEACHER):
        manager.store.people.welcome(person)
    ann, bob, teacher = (manager.act_for(each) for each in (ANN, BOB, TEACHER))
    stored = start(teacher, small())
    assert get_challenge(ann, stored.id).owner == TEACHER.id
    mine, his = trained(ann, 0.8), trained(bob, 0.9)
    assert [each.run for each in collect_results(ann, stored.challenge)] == [mine.id]
    entry = hand_in(ann, stored.id, mine.id)
    assert (entry.name, entry.person) == ("Ann", ANN.id)
    bob.share(his.id, True)
    with pytest.raises(ValueError, match="is not yours"):
        hand_in(ann, stored.id, his.id)
    with pytest.raises(ValueError, match="there is no run"):
        hand_in(bob, stored.id, mine.id)
    hand_in(bob, stored.id, his.id, "Bobby")
    assert [each.name for each in read_board(bob, stored)] == ["Bobby", "Ann"]
    for act in (
        lambda: take_back(bob, stored.id, entry.id),
        lambda: change(bob, stored.id, closed=True),
        lambda: delete(bob, stored.id),
    ):
        with pytest.raises(ValueError, match="belongs to"):
            act()
    take_back(ann, stored.id, entry.id)
    (left,) = read_board(teacher, stored)
    take_back(teacher, stored.id, left.id)
    with pytest.raises(ValueError, match="there is no entry"):
        take_back(teacher, stored.id, left.id)
    lines = [(line.person, line.action) for line in manager.store.people.audit()[:3]]
    assert lines == [(TEACHER.id, "take back"), (ANN.id, "take back"), (BOB.id, "hand in")]


def test_the_board_is_taken_away(manager: Manager) -> None:
    stored = start(manager, small(rank="macs"))
    hand_in(manager, stored.id, trained(manager, 0.8, name="=1+1").id, '=HYPERLINK("http://x")')
    other = trained(manager, 0.5, architecture=network(classes=10, heads=True))
    hand_in(manager, stored.id, other.id, "Bob, the second")
    board = read_board(manager, stored)
    rows = list(csv.DictReader(io.StringIO(to_csv(stored, board))))
    assert [(row["place"], row["name"]) for row in rows] == [
        ("1", "'=HYPERLINK(\"http://x\")"), ("", "Bob, the second"),
    ]  # fmt: skip
    assert rows[0]["title"] == "'=1+1"
    assert float(rows[0]["accuracy"]) == 0.8
    assert rows[1]["misses"].startswith("test accuracy 50.00 % is below 70.00 %")
    data = json.loads(json.dumps(to_data(stored, board)))
    for row, entry in zip(data["entries"], board, strict=True):
        assert from_link(row["network"]) == entry.result.network
        assert row["macs"] == analyze(entry.result.network).totals.macs
