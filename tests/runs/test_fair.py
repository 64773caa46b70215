"""The fair order: whose turn it is, who waits for how long, and that nobody waits for ever; the tests say what ends."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.runs._devices import device_choices
from explorer.runs._fair import Claim, Job, Need, Queue, Room, Turns


@dataclass
class Machine:
    """Devices, the turns that were given on them, and a queue that is asked anew at every look, as the manager does."""

    devices: tuple[str, ...]
    waiting: list[Job] = field(default_factory=list)
    working: list[tuple[Job, Claim]] = field(default_factory=list)
    people: dict[str, int] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    given: int = 0
    completions: int = 0
    needs: dict[tuple[int, float, str, int], Need] = field(default_factory=dict)

    def need(self, count: int = 1, share: float = 1.0, wanted: str = "auto", parts: int = 1) -> Need:
        """Neighbouring devices in each of some parts, which may be apart."""
        key = count, share, wanted, parts
        if key not in self.needs:
            choices = device_choices(wanted, count, self.devices)
            claims = tuple(tuple((name, share) for name in used) for used in choices)
            self.needs[key] = Need(claims, count * share * parts, parts)
        return self.needs[key]

    def submit(self, run: str, owner: str = "", part: str = "", need: Need | None = None) -> None:
        job = Job(run=run, owner=owner, part=part or run, need=need or self.need(), since=self.given)
        self.waiting.append(job)

    def queue(self) -> Queue:
        free = dict.fromkeys(self.devices, 1.0)
        return Queue(self.waiting, self.working, free, Turns(self.people, self.parts))

    def look(self) -> list[str]:
        """Start who can start; their names."""
        begun: list[tuple[Job, Claim]] = []

        def start(job: Job, claim: Claim) -> bool:
            begun.append((job, claim))
            return True

        self.queue().give_turns(start)
        for job, claim in begun:
            self.given += 1
            self.people[job.owner] = self.parts[job.part] = self.given
            self.waiting.remove(job)
            self.working.append((job, claim))
        used = Counter[str]()
        for _, claim in self.working:
            for name, amount in claim:
                used[name] += amount  # type: ignore[assignment]
        assert all(amount <= 1 for amount in used.values()), used
        return [job.run for job, _ in begun]

    def end(self, run: str) -> None:
        (found,) = [each for each in self.working if each[0].run == run]
        self.working.remove(found)
        self.completions += 1


def gpus(number: int) -> tuple[str, ...]:
    return (*(f"cuda:{index}" for index in range(number)), "cpu")


# ---- what people see ------------------------------------------------------------------------------------------------


def test_a_single_run_is_not_stuck_behind_an_ablation() -> None:
    machine = Machine(("cpu",))
    for index in range(40):
        machine.submit(f"trial {index}", part="ablation")
    assert machine.look() == ["trial 0"]
    machine.submit("single")
    machine.end("trial 0")
    assert machine.look() == ["single"]
    machine.end("single")
    assert machine.look() == ["trial 1"]


def test_ten_single_runs_do_not_hold_up_an_ablation() -> None:
    """Each is a part of its own; those that came while a trial was at work come before the next one, later ones not."""
    machine = Machine(("cpu",))
    machine.submit("trial 0", part="ablation")
    machine.submit("trial 1", part="ablation")
    machine.look()
    begun = []
    for index in range(10):
        machine.submit(f"single {index}")
        machine.end(machine.working[0][0].run)
        begun += machine.look()
    assert begun[:3] == ["single 0", "trial 1", "single 1"]


def test_two_people_take_turns_however_many_runs_one_has() -> None:
    machine = Machine(("cpu",))
    for index in range(30):
        machine.submit(f"ann {index}", owner="ann")
    machine.look()
    for index in range(3):
        machine.submit(f"bob {index}", owner="bob", part="search")
    begun = []
    for _ in range(6):
        machine.end(machine.working[0][0].run)
        begun += machine.look()
    assert begun == ["bob 0", "ann 1", "bob 1", "ann 2", "bob 2", "ann 3"]


def test_the_least_at_work_counts_before_the_last_turn() -> None:
    machine = Machine(gpus(3))
    for owner, part in (("ann", "widths"), ("ann", "depths"), ("bob", "search")):
        machine.submit(f"{owner} {part}", owner=owner, part=part)
    assert len(machine.look()) == 3
    for owner, part in (("ann", "widths"), ("bob", "search"), ("ann", "depths")):
        machine.submit(f"{owner} {part} again", owner=owner, part=part)
    machine.end("bob search")
    assert machine.look() == ["bob search again"]
    machine.end("ann depths")
    assert machine.look() == ["ann depths again"]


def test_a_run_that_needs_two_gpus_holds_the_one_that_is_free() -> None:
    machine = Machine(gpus(2))
    machine.submit("a")
    machine.submit("b")
    machine.look()
    machine.submit("large", need=machine.need(2))
    machine.submit("late")
    machine.submit("on the cpu", need=machine.need(wanted="cpu"))
    machine.end("a")
    assert machine.look() == ["on the cpu"]
    machine.end("b")
    assert machine.look() == ["large"]


def test_the_parts_of_a_run_may_be_apart() -> None:
    """The outer two of three GPUs are free: enough for two processes on two machines, not for a pair of neighbours."""
    machine = Machine(gpus(3))
    for name in "abc":
        machine.submit(name)
    assert machine.look() == ["a", "b", "c"]
    machine.submit("apart", need=machine.need(parts=2))
    machine.submit("late")
    machine.end("a")
    assert machine.look() == []  # it holds the one that is free
    machine.submit("neighbours", need=machine.need(2))
    machine.end("c")
    assert machine.look() == ["apart"]
    (claim,) = [claim for job, claim in machine.working if job.run == "apart"]
    assert sorted(claim) == [("cuda:0", 1.0), ("cuda:2", 1.0)]


def test_parts_on_one_machine_are_counted_together() -> None:
    need = Need(((("CPU a", 2.0),), (("CPU b", 2.0),)), 6, 3)
    assert Room({"CPU a": 4.0, "CPU b": 3.0}).find(need) == (("CPU b", 2.0), ("CPU a", 4.0))
    assert Room({"CPU a": 4.0, "CPU b": 1.0}).find(need) is None
    assert Room({"CPU a": 7.0, "CPU b": 1.0}).find(need) == (("CPU a", 6.0),)
    room = Room({"CPU a": 1.0, "CPU b": 3.0})
    room.hold(need)
    assert sum(room.free.values()) == 4.0 - 6.0


def test_runs_that_share_go_together_and_never_with_others() -> None:
    machine = Machine(gpus(2))
    for index in range(5):
        machine.submit(f"small {index}", need=machine.need(share=0.25))
    machine.submit("whole")
    machine.look()
    on = {job.run: claim[0][0] for job, claim in machine.working}
    assert [on[f"small {index}"] for index in range(4)] == ["cuda:0"] * 4
    assert on["small 4"] == "cuda:1"
    assert "whole" not in on  # and it holds a GPU: no further small one comes in
    machine.submit("small 5", need=machine.need(share=0.25))
    assert machine.look() == []
    machine.end("small 4")
    assert machine.look() == ["whole"]


def test_what_cannot_start_stands_in_nobody_s_way() -> None:
    machine = Machine(("cpu",))
    machine.submit("impossible", need=Need((), 1))
    machine.submit("possible")
    assert machine.queue().foresee({"possible": 5.0}) == [("possible", 0.0)]
    assert machine.look() == ["possible"]


def test_who_fails_to_start_leaves_the_room_to_the_next() -> None:
    machine = Machine(("cpu",))
    machine.submit("a")
    machine.submit("b")
    tried: list[str] = []

    def start(job: Job, _: Claim) -> bool:
        tried.append(job.run)
        return job.run != "a"

    machine.queue().give_turns(start)
    assert tried == ["a", "b"]


# ---- whatever comes -------------------------------------------------------------------------------------------------

OWNERS = ("", "ann", "bob", "cleo")


@st.composite
def histories(draw: st.DrawFn) -> tuple[Machine, random.Random]:
    """Some devices and a queue of everything that there is."""
    machine = Machine(draw(st.sampled_from([("cpu",), gpus(1), gpus(2), gpus(3), gpus(4)])))
    most = max(1, len(machine.devices) - 1)
    for index in range(draw(st.integers(1, 25))):
        kinds = [machine.need(), machine.need(most), machine.need(wanted="cpu"), machine.need(min(2, most))]
        kinds.append(machine.need(parts=most))
        if "cuda:0" in machine.devices:
            kinds += [machine.need(share=share) for share in (0.25, 0.5)]
        need = draw(st.sampled_from(kinds))
        part = draw(st.sampled_from(["", "", "widths", "depths"]))
        owner = draw(st.sampled_from(OWNERS))
        machine.submit(f"run {index}", owner=owner, part=part and f"{owner} {part}", need=need)
    return machine, random.Random(draw(st.integers(0, 2**32)))


@settings(max_examples=120, deadline=None)
@given(histories())
def test_every_run_starts_although_others_never_cease(found: tuple[Machine, random.Random]) -> None:
    """Others, as small as can be, always wait; every second that ends is the oldest."""
    machine, chance = found
    number, left, names = len(machine.waiting), {job.run for job in machine.waiting}, itertools.count()
    left -= set(machine.look())
    bound = 40 * len(machine.devices) * (number + len(OWNERS))
    while left:
        assert machine.completions < bound, (left, machine.working)
        ended = machine.working[0] if chance.random() < 0.5 else chance.choice(machine.working)
        machine.end(ended[0].run)
        while len(machine.waiting) < number + 8:
            owner = chance.choice(OWNERS)
            machine.submit(f"new {next(names)}", owner=owner, part=chance.choice(["", f"{owner} endless"]))
        left -= set(machine.look())


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(0, 2**32), st.booleans())
def test_two_people_with_endless_queues_have_equal_shares(devices: int, seed: int, experiments: bool) -> None:
    """Runs that take equally long: after each look nobody has begun more than one more than the other."""
    machine, chance = Machine(gpus(devices)), random.Random(seed)
    for index in range(60):
        owner = "ann" if index < 40 else "bob"
        part = f"{owner}'s" if experiments and chance.random() < 0.5 else ""
        machine.submit(f"{owner} {index}", owner=owner, part=part)
    begun = Counter[str]()
    for _ in range(18 // devices):
        begun.update(name.split()[0] for name in machine.look())
        assert abs(begun["ann"] - begun["bob"]) <= 1
        for job, _claim in list(machine.working):
            machine.end(job.run)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 30), st.integers(0, 2**32))
def test_who_has_one_run_waits_for_at_most_one_to_end_on_each_device(devices: int, others: int, seed: int) -> None:
    machine, chance = Machine(gpus(devices)), random.Random(seed)
    for index in range(devices + others):
        machine.submit(f"ann {index}", owner="ann", part=chance.choice(["", "widths"]))
    machine.look()
    machine.submit("bob", owner="bob")
    machine.end(chance.choice(machine.working)[0].run)
    assert machine.look() == ["bob"]


@settings(max_examples=60, deadline=None)
@given(histories(), st.integers(1, 1000))
def test_what_is_foreseen_is_what_comes(found: tuple[Machine, random.Random], seed: int) -> None:
    """The order and the times, if every run takes as long as was said; and always the same."""
    machine, _ = found
    chance = random.Random(seed)
    takes: dict[str, float | None] = {job.run: float(chance.randrange(1, 9)) for job in machine.waiting}
    foreseen = machine.queue().foresee(takes)
    assert foreseen == machine.queue().foresee(takes)
    came = [(run, 0.0) for run in machine.look()]
    ends = {run: takes[run] or 0.0 for run, _ in came}
    while ends:
        now = min(ends.values())
        for run in [run for run, at in ends.items() if at == now]:
            machine.end(run)
            del ends[run]
        for run in machine.look():
            came.append((run, now))
            ends[run] = now + (takes[run] or 0.0)
    assert sorted(came, key=lambda each: each[1]) == foreseen


def test_what_depends_on_an_unknown_end_has_no_time() -> None:
    machine = Machine(("cpu",))
    for name in "abcd":
        machine.submit(name)
    expected = [("a", 0.0), ("b", 3.0), ("c", None), ("d", None)]
    assert machine.queue().foresee({"a": 3.0, "b": None, "d": 1.0}) == expected


@pytest.mark.parametrize("parts", [1, 200])
def test_two_hundred_waiting_runs_are_foreseen_at_once(parts: int) -> None:
    machine = Machine(gpus(2))
    for index in range(200):
        machine.submit(f"run {index}", owner=OWNERS[index % 2], part=f"part {index % parts}")
    began = time.process_time()
    assert len(machine.queue().foresee({job.run: 1.0 + index % 7 for index, job in enumerate(machine.waiting)})) == 200
    assert time.process_time() - began < 0.1
