"""Two servers with a data directory each, on one database and one cluster: one fair order."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from explorer.person import Person
from explorer.runs import Manager, Run
from explorer.runs._ray import RayPlace
from explorer.runs._ray_machines import Machine
from tests.sizes import thorough

from .clusters import COMMAND
from .parts import create, make_database, until

ANN, BOB = (Person(id=name * 24, name=name) for name in "ab")


class Side:
    """A server that thinks of a cluster with two CPUs; none is asked."""

    def __init__(self, root: Path, database: str) -> None:
        self.manager = Manager(root, database)
        self.place = RayPlace("nowhere", root, database, self.manager.store, self.manager.home_id, lambda: COMMAND)
        self.place._machines.known, self.place._names = [Machine(cpus=2.0)], set()
        self.manager._scheduler._places["ray"] = self.manager._scheduler._start_at = self.place
        self.beats = 0

    def meet(self, other: Side) -> None:
        """Look at the cluster, where the other one says that it lives and has the actors of its runs."""
        other.beats += 1
        running = other.manager.store.runs("running", home=other.manager.home_id)
        said = {other.manager.home_id: str(other.beats)}
        self.place._neighbours.look(said, [f"{run.id}-{run.attempt}" for run in running])

    def begin(self, run: Run) -> None:
        self.manager.store.update(run.id, turn="begins", status="running", attempt=1, place="ray")

    def foresee(self) -> list[str]:
        return [run for run, _ in self.manager.foresee({})]


def test_others_runs_take_room_and_turns(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/shared.sqlite"
    here, there = Side(tmp_path / "here", database), Side(tmp_path / "there", database)
    begun = create(there.manager.act_for(ANN))
    there.begin(begun)
    of_ann, of_bob = create(here.manager.act_for(ANN)), create(there.manager.act_for(BOB))
    assert here.foresee() == [of_ann.id]  # nothing is known of the other
    here.meet(there)
    # One that is seen for the first time may be long dead: its runs at work count, those that wait do not.
    assert [run.id for run in here.place.find_others()] == [begun.id]
    here.meet(there)
    there.meet(here)
    there.meet(here)
    assert here.foresee() == there.foresee() == [of_bob.id, of_ann.id]  # Ann has one at work, in the other house


def test_room_is_not_held_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a run that its own server does not start, or whose server is dead."""
    database = f"sqlite:///{tmp_path}/shared.sqlite"
    here, there = Side(tmp_path / "here", database), Side(tmp_path / "there", database)
    other, ours = create(there.manager), create(here.manager)
    create(here.manager)
    handed: list[str] = []
    monkeypatch.setattr(here.place, "_hand_over", lambda run: not handed.append(run.id))
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    here.meet(there)
    here.meet(there)
    here.manager._scheduler.start_queued()
    assert handed == [ours.id]  # the other place is held
    assert [run.id for run in here.place.find_others()] == [other.id]
    now[0] += 31
    here.meet(there)
    assert here.place.find_others() == []
    here.place._neighbours._held.clear()
    assert [run.id for run in here.place.find_others()] == [other.id]
    now[0] += 11  # nothing more is heard of it
    assert here.place.find_others() == []


@thorough("tests/runs/test_neighbours.py::test_others_runs_take_room_and_turns")
@pytest.mark.usefixtures("light_workers")
def test_two_servers_on_a_cluster_are_fair_together(cluster: Any, root: Path, server: str) -> None:
    """Ann's server looks first, always; and yet Bob, whose run comes to the other one, is next."""
    database = make_database(server, "neighbours")
    here, there = (
        Manager(root.with_name(name), database, worker_command=lambda: COMMAND, cluster=cluster.address)
        for name in ("here", "there")
    )
    try:
        first = create(there.act_for(BOB), epochs=1)  # both servers are known on the cluster
        until(lambda: (here.tick(), there.tick(), there.store.get(first.id).status == "finished")[-1])
        of_ann = [create(here.act_for(ANN)) for _ in range(4)]
        until(lambda: len(here.store.runs("running")) == 2, manager=here)
        of_bob = create(there.act_for(BOB))
        for _ in range(3):  # what Ann has at work, in the other house, takes the room: nothing is handed to Ray
            there.tick()
            here.tick()
            assert there.store.get(of_bob.id).place == ""
        here.stop(of_ann[0].id)
        until(lambda: (here.tick(), there.tick(), there.store.get(of_bob.id).status == "running")[-1])
        assert [here.store.get(run.id).place for run in of_ann] == ["ray", "ray", "", ""]
    finally:
        for run in here.store.runs("queued", "running"):
            (here if run.home == here.home_id else there).stop(run.id)
        until(lambda: (here.tick(), there.tick(), not here.store.runs("queued", "running"))[-1])
        here.close()
        there.close()
