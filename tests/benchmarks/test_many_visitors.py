"""F18: twenty people move sliders for a minute while two runs train on the same machine."""

import asyncio
import os
import random
import statistics
import time
from pathlib import Path

import pytest

from explorer import catalog
from explorer.training import open_manager, recipe, start
from tests.benchmarks.visitors import Visitor
from tests.browser.helpers import SERVER_TROUBLE, serving

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

VISITORS = 20
SECONDS = 60.0
LOOKING = 4.0
"""Seconds between two gestures of a person, in the mean: to look at what has changed."""
BUDGET = 0.4
"""Seconds, p95: that of the browser's benchmark (test_browser_speed)."""
GROWTH = 1.05
"""Of the server's memory from the middle to the end, all sessions open."""


def resident(pid: int) -> int:
    """Bytes of memory that a process holds (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def worked(pid: int) -> float:
    """Seconds of processor time that a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def crowd(visitors: list[Visitor], pid: int, pause: float) -> tuple[list[int], float]:
    """Let everybody move sliders for a minute: the server's memory each second, and the work that it did."""
    everybody = asyncio.Barrier(len(visitors) + 1)
    visiting = asyncio.gather(*(visitor.visit(everybody, SECONDS, pause) for visitor in visitors))
    await asyncio.wait([visiting, asyncio.ensure_future(everybody.wait())], return_when=asyncio.FIRST_COMPLETED)
    memory, work = [], worked(pid)
    while not visiting.done():
        memory.append(resident(pid))
        await asyncio.wait([visiting], timeout=1.0)
    await visiting
    return memory, worked(pid) - work


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the server's memory from /proc")
@pytest.mark.parametrize("pause", [LOOKING, 0.0], ids=["people", "storm"])
def test_twenty_visitors_beside_two_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause: float) -> None:
    """At the pace of people the numbers come in time; without any pause, all that is asked is that nothing breaks."""
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    manager = open_manager(per_device=2)
    config = recipe("course", "digits").changed(epochs=100_000, threads=1, device="cpu")
    runs = [start(manager, catalog.get("inception-net-32"), config) for _ in range(2)]
    nets = ["googlenet", "inception-net", "inception-v3", "residual-mnist"]
    with serving(tmp_path) as server:
        manager.tick()
        while not all(manager.run(run.id).step for run in runs):
            time.sleep(0.1)
        steps = [manager.run(run.id).step for run in runs]
        visitors = [Visitor(server.url, nets[n % len(nets)], random.Random(n)) for n in range(VISITORS)]
        memory, work = asyncio.run(crowd(visitors, server.process.pid, pause))
        trouble = SERVER_TROUBLE.findall(server.log)
        after = [manager.run(run.id) for run in runs]
    waited = sorted(seconds for visitor in visitors for seconds in visitor.waited)
    took = sorted(seconds for visitor in visitors for seconds in visitor.took)
    late = statistics.quantiles(waited, n=20)[-1]
    middle, end = statistics.median(memory[len(memory) // 2 - 5 :][:10]), statistics.median(memory[-10:])
    print(
        f"\n{VISITORS} visitors, {len(waited)} reruns in {SECONDS:.0f} s beside {len(runs)} runs: "
        f"to the numbers median {1000 * statistics.median(waited):.0f} ms, p95 {1000 * late:.0f} ms, "
        f"to the end median {1000 * statistics.median(took):.0f} ms, work {1000 * work / len(took):.0f} ms each; "
        f"server {middle / 1e6:.0f} MB in the middle, {end / 1e6:.0f} MB at the end"
    )
    assert [problem for visitor in visitors for problem in visitor.problems] == []
    assert trouble == []
    assert all(run.status == "running" and run.step > step for run, step in zip(after, steps, strict=True))
    assert min(len(visitor.waited) for visitor in visitors) >= 8
    assert end <= GROWTH * middle
    assert pause == 0 or late <= BUDGET
