"""Curves that are read again and again: always what the store holds, and only what is new is fetched."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.runs import History, Point, Run, Store
from tests.sizes import examples


def _run(store: Store, name: str) -> Run:
    return store.add(id=name, name="n", created=0.0, architecture="{}", config="{}", status="running")


def _write(store: Store, run: str, steps: range, offset: float = 0.0) -> None:
    store.record(run, [Point(series="loss", step=s, value=s + offset, seconds=s / 2) for s in steps])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = Store.at(tmp_path_factory.mktemp("history") / "runs.sqlite")
    made.prepare()
    return made


COUNT = iter(range(10**6))


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["grow", "resume", "look"]), st.integers(1, 20)), max_size=12))
def test_a_look_shows_what_the_store_holds(store: Store, events: list[tuple[str, int]]) -> None:
    run = _run(store, f"run-{next(COUNT)}")
    history, done = History(store), 0
    for what, amount in events:
        if what == "grow":
            _write(store, run.id, range(done + 1, done + 1 + amount))
            done += amount
        elif what == "resume":  # from an older checkpoint: what came after it is written once more, differently
            back = max(0, done - amount)
            store.update(run.id, attempt=store.get(run.id).attempt + 1)
            _write(store, run.id, range(back + 1, done + 1), offset=1000.0)
        points = store.points(run.id, "loss")
        curve = history.curve(store.get(run.id), "loss")
        assert curve.steps.tolist() == [point.step for point in points]
        assert curve.values.tolist() == [point.value for point in points]
        assert curve.seconds.tolist() == [point.seconds for point in points]


def test_only_what_is_new_is_fetched(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _run(store, f"run-{next(COUNT)}")
    _write(store, run.id, range(1, 101))
    history, asked = History(store), []
    whole = store.points

    def points(name: str, series: str, after: int = -1) -> list[Point]:
        found = whole(name, series, after=after)
        asked.append(len(found))
        return found

    monkeypatch.setattr(store, "points", points)
    history.curve(run, "loss")
    _write(store, run.id, range(101, 104))
    assert history.curve(run, "loss").last == 103
    assert asked == [100, 3]


def test_memory_is_bounded(store: Store) -> None:
    run = _run(store, f"run-{next(COUNT)}")
    history = History(store, limit=3)
    for number in range(10):
        assert len(history.curve(run, f"series/{number}")) == 0
    assert len(history._known) == 3


def test_a_series_that_is_not_there(store: Store) -> None:
    curve = History(store).curve(_run(store, f"run-{next(COUNT)}"), "none")
    assert (len(curve), curve.last) == (0, None)
