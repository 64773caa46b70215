"""When runs are expected to start: against real workers; what nobody can know; what somebody may see; how quick."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from explorer import catalog, cli, experiments, search
from explorer.architecture import to_json
from explorer.person import Person
from explorer.runs import Manager, Run, new_run_id
from explorer.runs._tables import RUNS
from explorer.training import TrainConfig, describe_wait, expect_starts, open_manager
from explorer.training import _queue as queue
from tests.experiments.parts import small
from tests.runs.conftest import root
from tests.runs.parts import create, until, until_status
from tests.search.parts import small as small_search
from tests.sizes import thorough

__all__ = ["root"]


@pytest.fixture
def manager(root: object) -> Iterator[Manager]:
    made = open_manager()
    yield made
    made.close()
    queue._known.clear()


def waiting(manager: Manager, **settings: object) -> Run:
    config = TrainConfig(dataset="digits", **{"device": "cpu", "epochs": 2, **settings})  # type: ignore[arg-type]
    return manager.create("waits", to_json(catalog.get("lenet")), config.model_dump_json())


def trained(manager: Manager, **fields: object) -> Run:
    """One that took 60 s for two epochs on the CPU."""
    run = waiting(manager)
    known = {"status": "finished", "epoch": 2, "step": 100, "steps": 100, "seconds": 60.0, "device": "cpu"}
    manager.store.update(run.id, **{**known, **fields})
    queue._known.clear()
    return manager.store.get(run.id)


@thorough("tests/training/test_queue.py::test_running_runs_count_with_their_own_pace")
@pytest.mark.usefixtures("light_workers")
def test_runs_start_about_when_they_were_expected_to(manager: Manager) -> None:
    """Three that wait for a fourth; each forecast is compared with what came."""
    first = create(manager, epochs=6)
    until_status(manager, first.id, "finished")  # tells the speed of this machine
    runs = [create(manager, epochs=epochs) for epochs in (10, 12, 6, 2)]
    until(lambda: manager.store.get(runs[0].id).step > 63, manager=manager)
    begun, expected = time.monotonic(), expect_starts(manager)
    assert [expected[run.id].position for run in runs[1:]] == [1, 2, 3]
    came: dict[str, float] = {}

    def all_began() -> bool:
        for run in manager.store.runs("running", "finished"):
            came.setdefault(run.id, time.monotonic() - begun)
        return all(run.id in came for run in runs)

    until(all_began, manager=manager)
    for run in runs[1:]:
        seconds = expected[run.id].seconds
        assert seconds is not None
        # Between a third and three times, but for what starting takes, which is less for these workers.
        assert seconds / 3 - 3 * queue.BEGIN_SECONDS <= came[run.id] <= 3 * seconds + queue.BEGIN_SECONDS, expected
    waits = [expected[run.id].seconds or 0.0 for run in runs[1:]]
    assert waits == sorted(waits)
    assert expect_starts(manager) == {}


def test_running_runs_count_with_their_own_pace(manager: Manager) -> None:
    trained(manager)
    busy, next_one = waiting(manager), waiting(manager)
    manager.store.update(busy.id, status="running", device="cpu", step=25, steps=100, seconds=100.0)
    last = waiting(manager, epochs=4)
    found = expect_starts(manager)
    assert found[next_one.id] == (1, pytest.approx(300.0))
    assert found[last.id] == (2, pytest.approx(300 + queue.BEGIN_SECONDS + 60, rel=0.01))
    assert found[next_one.id].describe() == "1st in the queue, starts in about 5:00"
    assert found[next_one.id].describe(brief=True) == "1st, in about 5:00"


def test_what_nobody_has_measured_is_not_told(manager: Manager) -> None:
    first, second = waiting(manager), waiting(manager)
    found = expect_starts(manager)
    assert found == {first.id: (1, 0.0), second.id: (2, None)}
    assert [each.describe() for each in found.values()] == ["1st in the queue, starts now", "2nd in the queue"]
    impossible = waiting(manager, device="cuda:7")
    assert impossible.id not in expect_starts(manager)


def test_others_count_and_are_not_named(manager: Manager) -> None:
    ann, bob = (manager.act_for(Person(id=name * 24, name=name)) for name in "ab")
    of_ann = [waiting(ann) for _ in range(3)]
    of_bob = waiting(bob)
    assert expect_starts(bob) == {of_bob.id: (2, None)}
    assert {run: turn.position for run, turn in expect_starts(ann).items()} == dict(
        zip((run.id for run in of_ann), (1, 3, 4), strict=True)
    )
    assert len(expect_starts(manager)) == 4


def test_two_hundred_waiting_runs_of_a_thousand_are_quick(manager: Manager) -> None:
    whole = RUNS.select().where(RUNS.c.id == trained(manager).id)
    with manager.store._transaction() as connection:
        row = {column.key: value for column, value in zip(RUNS.columns, connection.execute(whole).one(), strict=True)}
        config = json.loads(row["config"])
        for index in range(1000):
            row |= {"id": new_run_id(), "config": json.dumps({**config, "seed": index})}
            row["status"] = "queued" if index >= 800 else "finished"
            connection.execute(RUNS.insert().values(**row))
    assert len(expect_starts(manager)) == 200
    seconds = []
    for _ in range(3):
        begun = time.process_time()
        expect_starts(manager)
        seconds.append(time.process_time() - begun)
    assert min(seconds) < 0.1


def test_what_an_experiment_and_a_new_run_wait_for(manager: Manager, capsys: pytest.CaptureFixture[str]) -> None:
    assert describe_wait(manager) == ""
    trained(manager)
    stored = experiments.start(manager, small(factors=("residual",), seeds=(1,)))
    runs = [run.id for _, run in manager.trials(stored.id)]
    turns = expect_starts(manager)
    assert cli.main(["experiments", "show", stored.id, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["waiting"]
    assert [each["run"] for each in told] == runs
    assert [each["position"] for each in told] == [1, 2]
    assert told[1]["starts_in_seconds"] == pytest.approx(turns[runs[1]].seconds, rel=0.2)
    assert cli.main(["experiments", "show", stored.id]) == 0
    assert "2 wait; the next is 1st in the queue, starts now." in capsys.readouterr().out
    assert describe_wait(manager).startswith("2 runs wait already; the last of them starts in about ")
    manager.stop(runs[0])
    manager.stop(runs[1])
    assert cli.main(["experiments", "show", stored.id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["waiting"] == []


def test_what_a_search_waits_for(manager: Manager, capsys: pytest.CaptureFixture[str]) -> None:
    stored = search.start(manager, small_search())
    search.advance(manager, stored.id)
    run = next(run.id for _, run in manager.trials(stored.id))
    assert cli.main(["search", "show", stored.id, "--json"]) == 0
    assert [each["run"] for each in json.loads(capsys.readouterr().out)["waiting"]] == [run]
    assert cli.main(["search", "show", stored.id]) == 0
    assert "1 wait; the next is 1st in the queue" in capsys.readouterr().out
