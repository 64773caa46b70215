"""What the machines of a cluster have, and what of it runs are given and told; cases that ask Ray are few."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.cli import main
from explorer.runs import Manager
from explorer.runs._ray_connection import ClusterError, Gateway
from explorer.runs._ray_machines import Machine, Machines, Need, find_need, list_free
from explorer.training import check, parse, start
from pages.ui import start as start_of_server
from pages.ui.manager import manager as page_manager
from tests.pages.parts import messages, open_page, visible_text
from tests.sizes import thorough
from tests.training.parts import config, network

from .clusters import COMMAND, add_node, start_cluster
from .parts import create, set_config, until, until_status

CPU = Machine(cpus=4.0, memory_bytes=16 * 10**9)
GPU = Machine(cpus=8.0, gpus=2.0, memory_bytes=64 * 10**9, gpu_bytes=24 * 10**9)


def know(manager: Manager, machines: Sequence[Machine]) -> None:
    """Have a manager think of a cluster with these machines; none is asked."""
    place: Any = manager._scheduler.place
    place._machines.known, place._machines._heard = list(machines), time.monotonic() + 1e6


@pytest.fixture
def elsewhere(root: Path, database: str) -> Manager:
    """A manager of a cluster that is nowhere, on a machine without a GPU."""
    made = Manager(root, database, worker_command=lambda: COMMAND, cluster="nowhere:1")
    know(made, [CPU, GPU])
    return made


def test_what_a_run_asks_for(root: Path, database: str) -> None:
    manager = Manager(root, database)
    run = create(manager)
    manager.store.update(run.id, memory=1_000_000)
    small = Machine(4.0, 1.0, gpu_bytes=2_000_000)
    for settings, machines, expected in (
        ({"device": "auto"}, [CPU], (1, 0, 1, 1_000_000)),
        ({"device": "auto", "threads": 3}, [CPU, GPU], (3, 1)),
        ({"device": "cuda:7", "processes": 2}, [CPU, GPU], (1, 1, 2)),
        ({"device": "cpu", "processes": 2, "threads": 2}, [GPU], (2, 0, 2, 500_000)),
        ({"share_gpu": True}, [GPU], (1, 0.25)),
        ({"share_gpu": True, "processes": 2}, [GPU], (1, 1, 2)),
        ({"share_gpu": True}, [small, GPU, CPU], (1, 0.625)),  # the smallest
    ):
        set_config(manager, run.id, **{"device": "auto", "threads": None, "processes": 1, **settings})
        assert find_need(manager.store.get(run.id), machines) == Need(*expected)
    set_config(manager, run.id, device="mps")
    with pytest.raises(ValueError, match="a cluster has no device mps; choose"):
        find_need(manager.store.get(run.id), [CPU])


whole = st.integers(1, 64)
machine = st.builds(
    Machine, cpus=whole.map(float), gpus=st.integers(0, 8).map(float),
    memory_bytes=st.sampled_from((0, 7, 10**9, 10**12)),
)  # fmt: skip
need = st.builds(
    Need, cpus=st.integers(1, 9), gpus=st.sampled_from((0.0, 0.25, 1.0)), processes=st.integers(1, 4),
    memory_bytes=st.sampled_from((0, 1, 10**8, 10**10)),
)  # fmt: skip


@given(need, st.lists(machine, max_size=4))
def test_what_is_claimed_is_there(need: Need, machines: list[Machine]) -> None:
    """Of CPUs, GPUs and bytes themselves, whatever the claims call them."""

    def has_room(one: Machine, count: int) -> bool:
        enough = count * need.cpus <= one.cpus and count * need.gpus <= one.gpus
        return enough and (not one.memory_bytes or count * need.memory_bytes <= one.memory_bytes)

    places = [max(count for count in range(65) if has_room(one, count)) for one in machines]
    assert [need.count_places(one) for one in machines] == places
    claims, free = need.find_claims(machines), list_free(machines)
    assert len(claims) == (sum(map(bool, places)) if sum(places) >= need.processes else 0)
    assert bool(claims) == need.fits(machines) == (need.describe_lack(machines) == "")
    for claim in claims:
        (index,) = {name.split()[1] for name, _ in claim}
        fitting = int(min(free[name] // amount for name, amount in claim if amount))
        assert 1 <= fitting <= places[int(index)]  # as many claims as the order hands out, Ray has room for


def test_a_server_without_a_gpu_starts_what_its_cluster_can_train(elsewhere: Manager) -> None:
    net = network(classes=10)
    for wanted, processes, device, available in (
        ("auto", 1, "cuda:0", 24 * 10**9), ("cuda:0", 1, "cuda:0", 24 * 10**9), ("auto", 2, "cuda:0", 24 * 10**9),
        ("cpu", 3, "cpu", 64 * 10**9),
    ):  # fmt: skip
        found = check(net, config(device=wanted, processes=processes), elsewhere)
        assert (found.device, found.available, found.waits_for) == (device, available, "")
    fp16 = config(device="cuda:0", precision="fp16")
    run = start(elsewhere, net, fp16)
    assert parse(run.config).device == "cuda:0"
    with pytest.raises(ValueError, match="this machine has no device cuda:0"):
        check(net, fp16)
    with pytest.raises(ValueError, match="a cluster has no device mps; choose auto, cpu or cuda:0"):
        check(net, config(device="mps"), elsewhere)


def test_what_no_machine_has_now_is_waited_for_and_told(elsewhere: Manager) -> None:
    know(elsewhere, [CPU])
    for fields, lack in (
        ({"device": "cuda:0"}, "waits for a machine with 1 CPU and a GPU; the cluster has none"),
        ({"threads": 9}, "waits for a machine with 9 CPUs; the cluster has none"),
        (
            {"processes": 5},
            "waits for machines with 1 CPU for each of 5 processes; the cluster has too few",
        ),
    ):
        assert check(network(classes=10), config(**fields), elsewhere).waits_for == lack


def test_a_run_needs_the_memory_of_one_machine_for_each_process(elsewhere: Manager) -> None:
    net, one = network(classes=10), config(batch_size=64)
    needed = check(net, one, elsewhere).memory
    know(elsewhere, [CPU._replace(memory_bytes=needed.on_cpu)])
    check(net, one, elsewhere)
    know(elsewhere, [CPU._replace(memory_bytes=needed.on_cpu - 1), GPU._replace(memory_bytes=10**6)])
    with pytest.raises(ValueError, match=r"on the cluster's largest machine .*; .*batch_size to"):
        check(net, one, elsewhere)
    check(net, one.changed(processes=2), elsewhere)  # each has half of a batch; together they have more
    know(elsewhere, [GPU, GPU._replace(gpu_bytes=1000)])
    with pytest.raises(ValueError, match="on the cluster's smallest GPU"):
        check(net, config(device="auto"), elsewhere)
    know(elsewhere, [GPU._replace(gpu_bytes=0)])  # it has not answered yet
    assert check(net, config(device="auto"), elsewhere).available == 0


def test_runs_share_a_machine_as_long_as_its_memory_lasts(elsewhere: Manager) -> None:
    """Four CPUs are free; two runs need half of the memory, and what is known of none takes none."""
    know(elsewhere, [CPU])
    place: Any = elsewhere._scheduler.place
    place._names = set()
    large = [create(elsewhere) for _ in range(3)]
    for run in large:
        elsewhere.store.update(run.id, memory=CPU.memory_bytes // 2)
    unknown = create(elsewhere)
    given = dict(elsewhere.foresee({run.id: 9.0 for run in (*large, unknown)}))
    assert [given[run.id] for run in large] == [0.0, 0.0, 9.0]
    assert given[unknown.id] == 0.0


def test_a_cluster_that_does_not_answer_holds_nobody_up_twice(
    root: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is refused for what nobody knows, and the person is told."""

    def ask(*_: Any) -> dict[str, Any]:
        time.sleep(1.5)
        raise ClusterError("it cannot be reached")

    monkeypatch.setattr(Gateway, "ask", ask)
    made = Machines(Gateway("nowhere:1", "test"))
    begun = time.monotonic()
    assert made.find(0.5) == []
    assert time.monotonic() - begun > 0.4
    begun = time.monotonic()
    assert made.find(0.5) == []
    assert time.monotonic() - begun < 0.4
    monkeypatch.setattr(Machines, "find", lambda *_: [])
    manager = Manager(root, database, cluster="nowhere:1")
    found = check(network(classes=10), config(device="cuda:0"), manager)
    assert (found.device, found.waits_for) == ("cuda:0", "waits until the cluster can be reached")


def test_a_server_asks_for_the_machines_before_anybody_comes(
    root: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_DATABASE_URL", database)
    monkeypatch.setenv("EXPLORER_CLUSTER", "nowhere:1")
    asked: list[float] = []

    def find(_: Machines, patience_seconds: float) -> list[Machine]:
        asked.append(patience_seconds)
        return []

    monkeypatch.setattr(Machines, "find", find)
    assert not start_of_server._read_runs()
    assert asked == [0.0]
    assert page_manager().supervising
    page_manager().close()


def test_the_form_offers_what_the_cluster_has(
    root: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_DATABASE_URL", database)
    monkeypatch.setenv("EXPLORER_CLUSTER", "nowhere:1")
    know(page_manager(), [CPU])
    page = open_page("train")
    (device,) = [box for box in page.selectbox if box.label == "Device"]
    assert device.options == ["auto", "cuda:0", "cpu"]
    assert "of 16.0 GB memory on cpu" in visible_text(page)
    assert "time not known yet" in visible_text(page)
    assert "How long it takes is known once a run on cpu of the cluster has trained an epoch" in visible_text(page)
    device.select("cuda:0").run()
    assert "Waits for a machine with 1 CPU and a GPU; the cluster has none." in messages(page)
    know(page_manager(), [CPU, GPU])
    page.run()
    assert "Waits for" not in messages(page)
    assert "of 24.0 GB memory on cuda:0" in visible_text(page)
    page_manager().close()


@thorough("tests/runs/test_cluster_machines.py::test_what_no_machine_has_now_is_waited_for_and_told")
@pytest.mark.usefixtures("light_workers")
def test_a_run_waits_for_a_machine_that_has_what_it_needs(
    root: Path, database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machines of unequal room: a small one and, later, one with two CPUs, where two processes go together."""
    monkeypatch.setenv("EXPLORER_DATABASE_URL", database)
    with start_cluster() as cluster:
        there = Manager(root, database, worker_command=lambda: COMMAND, cluster=cluster.address)
        try:
            known = there._scheduler.place.devices(60.0)
            assert [device.name for device in known] == ["cuda:0", "cpu"]
            assert known[1].memory_bytes > 10**8
            run = start(there, network(classes=10), config(processes=2, threads=2, epochs=2, batch_size=64))
            assert run.memory > 0
            waits = "waits for machines with 2 CPUs and "
            until(lambda: there.store.get(run.id).reason.startswith(waits), manager=there)
            other = start(there, network(classes=10), config(epochs=2))
            assert until_status(there, other.id, "finished", "failed").status == "finished"  # it is not in its way
            large = add_node(cluster, num_cpus=4)
            pair = [run, start(there, network(classes=10), config(processes=2, epochs=2))]
            for each in pair:
                done = until_status(there, each.id, "finished", "failed")
                assert done.status == "finished", done.reason
            cluster.remove_node(large)
        finally:
            there.close()
        main(["train", "lenet5", "--dataset=digits", "--fit", "--epochs=1", "--cluster", cluster.address, "--detach",
              "--device=cuda:0"])  # fmt: skip
        told = capsys.readouterr().err
        assert "It waits for a machine with 1 CPU and a GPU; the cluster has none." in told
