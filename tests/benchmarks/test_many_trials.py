"""How long a search takes to be shown that has had 2,000 trials: on its page, and by the command line's own code."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from explorer import catalog, cli, search
from explorer.runs import Manager, Point, Trial, new_run_id
from explorer.search import VALIDATION_ACCURACY, StoredSearch
from explorer.training import TrainConfig, open_manager
from tests.pages.parts import open_page

pytestmark = pytest.mark.benchmark

TRIALS, LOOKS = 2_000, 5
WITHIN_SECONDS = 1.0


def seed_trials(manager: Manager, count: int) -> StoredSearch:
    """A search whose trials have ended: points at random, each with a network of its own, a curve and an accuracy."""
    config = TrainConfig(dataset="digits", epochs=3, validation=0.2)
    planned = search.plan(
        catalog.get("inception-net-32"), config, ("widths", "branches", "rate"),
        budget=search.Budget(trials=count), objectives=("accuracy", "macs"),
    )  # fmt: skip
    stored = search.start(manager, planned)
    search.pause(manager, stored.id)
    chance, builder = random.Random(0), search.Builder(stored.search.space, ())
    number, seen = 0, set[tuple[int, ...]]()
    while number < count:
        point = stored.search.space.draw(chance)
        try:
            made = builder.build(point)
        except search.Rejected:
            continue
        if point in seen:
            continue
        seen.add(point)
        trial = Trial(experiment=stored.id, variant=stored.search.space.encode(point), seed=stored.search.seed)
        run = manager.store.add(
            id=new_run_id(), name=f"trial {number}", created=time.time() - count + number, home=manager.home_id,
            architecture=made.texts[0], config=made.texts[1], status="finished", epoch=3, step=30, steps=30,
            seconds=9.0, device="cpu", attempt=1, tags=("search",), trial=trial,
        )  # fmt: skip
        points = [
            Point(series=VALIDATION_ACCURACY, step=10 * epoch, value=chance.random(), seconds=3.0 * epoch)
            for epoch in (1, 2, 3)
        ]
        manager.store.record(run.id, points)
        number += 1
    return stored


def _time(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def test_a_search_of_2000_trials_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the second look on: the first one measures the networks, and loads what it needs."""
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    manager = open_manager(tmp_path)
    stored = seed_trials(manager, TRIALS)
    running = open_page("search", search=stored.id)
    acts: dict[str, Callable[[], object]] = {
        "the page": running.run,
        "search show": lambda: cli.main(["search", "show", stored.id]),
        "search list": lambda: cli.main(["search", "list"]),
    }
    found = {name: [_time(act) for _ in range(LOOKS)] for name, act in acts.items()}
    capsys.readouterr()
    assert not running.exception
    with capsys.disabled():
        for name, times in found.items():
            print(f"{TRIALS:,} trials, {name}: first {times[0]:.2f} s, then {statistics.median(times[1:]):.2f} s")
    assert max(statistics.median(times[1:]) for times in found.values()) <= WITHIN_SECONDS
