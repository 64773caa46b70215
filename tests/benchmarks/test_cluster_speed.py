"""What Ray costs: runs on a cluster beside the same runs as processes of this machine, at the same time."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator

import pytest

from explorer.experiments import SampleStatistics
from explorer.runs import Manager
from tests.runs.clusters import COMMAND, start_cluster, start_postgres
from tests.runs.parts import create, make_database, until

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1200)]

ROUNDS = 7
PAIRS, EPOCHS = 24, 20
STARTS_WITHIN_SECONDS, TRAINS_WITHIN = 5.0, 1.03


@pytest.fixture(scope="module")
def managers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Manager, Manager]]:
    """One that trains on this machine, and one on a cluster; both with the same database, each with its folder."""
    folder = tmp_path_factory.mktemp("places")
    with start_cluster() as cluster, start_postgres() as postgres:
        address = postgres.get_uri().replace("postgresql://", "postgresql+psycopg://")
        database = make_database(address, "speed")
        here = Manager(folder / "here", database, worker_command=lambda: COMMAND)
        there = Manager(folder / "there", database, worker_command=lambda: COMMAND, cluster=cluster.address)
        for manager in (here, there):
            manager.supervise()
        yield here, there
        for manager in (here, there):
            for run in manager.store.runs("queued", "running", home=manager.home_id):
                manager.stop(run.id)
        until(lambda: not here.store.runs("queued", "running"))
        for manager in (here, there):
            manager.close()


def test_a_run_starts_on_a_cluster_nearly_as_soon(managers: tuple[Manager, Manager]) -> None:
    """From the request to the first step, in turns: a start takes all that the machine has."""
    seconds: dict[Manager, list[float]] = {manager: [] for manager in managers}
    for _ in range(ROUNDS):
        for manager in managers:
            begun = time.perf_counter()
            run = create(manager, epochs=1, threads=1)
            until(lambda manager=manager, run=run: manager.store.get(run.id).step, seconds=600)
            seconds[manager].append(time.perf_counter() - begun)
            print(f"\n{'here' if manager is managers[0] else 'on the cluster'}: {seconds[manager][-1]:.1f} s", end="")
            until(lambda manager=manager, run=run: not manager.store.get(run.id).active, seconds=600)
    here, there = (statistics.median(seconds[manager]) for manager in managers)
    print(f"\nrequest -> first step: {here:.1f} s here, {there:.1f} s on the cluster (medians of {ROUNDS})")
    assert there - here < STARTS_WITHIN_SECONDS


def test_a_run_trains_on_a_cluster_as_fast(managers: tuple[Manager, Manager]) -> None:
    """Both at the same time, so that whatever else the machine does slows both; by the time of training alone."""
    ratios = []
    for _ in range(PAIRS):
        runs = [create(manager, epochs=EPOCHS, threads=1, checkpoint_seconds=60.0) for manager in managers]
        until(lambda runs=runs: not any(managers[0].store.get(run.id).active for run in runs), seconds=600)
        here, there = (managers[0].store.get(run.id) for run in runs)
        assert (here.status, there.status, here.step) == ("finished", "finished", there.step), (here, there)
        ratios.append(there.seconds / here.seconds)
        print(f"\n{here.seconds:.1f} s here, {there.seconds:.1f} s on the cluster", end="")
    ratio, logarithms = statistics.median(ratios), SampleStatistics.of([math.log(each) for each in ratios])
    assert logarithms.mean is not None
    assert logarithms.interval is not None
    mean, low, high = map(math.exp, (logarithms.mean, *logarithms.interval))
    print(
        f"\ntime of training on the cluster: {ratio:.3f} of that here (median of {PAIRS} pairs between "
        f"{min(ratios):.2f} and {max(ratios):.2f}); mean {mean:.3f}, 95 % interval {low:.3f} to {high:.3f}"
    )
    assert ratio < TRAINS_WITHIN
