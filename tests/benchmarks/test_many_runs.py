"""How long the pages take that list runs, with 5,000 of them in the store."""

from __future__ import annotations

import os
import random
import statistics
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page

from explorer import catalog
from explorer.architecture import to_json
from explorer.runs import Manager, Point, RunFolder, new_run_id, series
from explorer.training import TrainConfig, measure_networks
from tests.browser.helpers import Server, free_port, launching, new_context, open_app, rerun, serving

pytestmark = pytest.mark.benchmark

RUNS, LOOKS = 5_000, 5
WITHIN_SECONDS = 1.0
FIRST_WITHIN_SECONDS = 1.5
"""The first load of a server that has stood for a while; of Inspect more, whose first picture waits for torch."""
CALM_SECONDS = 0.3
"""What ``settle`` waits for after the last sign of work."""
TICKS, TICK_SECONDS = 20, 0.02
"""Of a core's half second."""
NETWORKS = ("cifar-inception-residual-cbam", "inception-net-32", "lenet")


def seed_runs(home: Path, count: int) -> None:
    """Runs that have ended, each with a network of its own, the usual curves and a file named like a checkpoint."""
    manager = Manager(home)
    chance = random.Random(0)
    config = TrainConfig(dataset="digits", epochs=2).model_dump_json()
    networks = [catalog.get(name) for name in NETWORKS]
    for number in range(count):
        network = chance.choice(networks)
        channels, height, width = network.input_shape
        shape = (channels, height + number // 80, width + number % 80)
        network = network.model_copy(update={"name": f"trial {number}", "input_shape": shape})
        run = manager.store.add(
            id=new_run_id(), name=network.name, created=time.time() - 60 * (count - number), home=manager.home_id,
            architecture=to_json(network), config=config, status="finished", epoch=2, step=126, steps=126, seconds=9.0,
            device="cpu", attempt=1, tags=("search",),
        )  # fmt: skip
        points = [
            Point(series=name, step=step, value=chance.random(), seconds=step / 14)
            for name, steps in ((series.TEST_ACCURACY, (63, 126)), (series.TRAIN_LOSS, range(1, 127, 5)))
            for step in steps
        ]
        manager.store.record(run.id, points)
        checkpoints = RunFolder(home, run.id).checkpoints
        checkpoints.mkdir(parents=True)
        (checkpoints / "step-0000000126.pt").touch()
        os.utime(checkpoints, (time.time() - 100,) * 2)
    manager.close()
    Manager(home).close()  # the next who opens them writes beside each what its worker would have written


def _time(page: Page, act: str, look: int) -> float:
    begun = time.perf_counter()
    with rerun(page):
        if act == "filter":
            box = page.locator(".st-key-runs_search input")
            box.fill(f"trial {look + 1}")
            box.press("Enter")
        else:
            page.locator(".st-key-runs_best label").first.click()
    return time.perf_counter() - begun


def _load(page: Page, url: str) -> float:
    begun = time.perf_counter()
    open_app(page, url)
    return time.perf_counter() - begun - CALM_SECONDS


def _wait_for_rest(server: Server) -> None:
    """Until the server has got ready: it spends less than a tenth of a core."""
    spent = -1.0
    while (now := sum(server.process.cpu_times()[:2])) - spent > 0.1:
        spent = now
        time.sleep(1.0)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with so many runs, whose networks nobody has measured until the pages show them."""
    made = tmp_path_factory.mktemp("many")
    seed_runs(made, RUNS)
    return made


def test_a_server_at_rest_with_5000_runs(many: Path, tmp_path: Path) -> None:
    """What looking after them takes while nothing is to be done: the manager looks twice a second."""
    spent: dict[int, float] = {}
    for count, manager in ((0, Manager(tmp_path)), (RUNS, Manager(many))):
        manager.tick()
        begun = time.process_time()
        for _ in range(TICKS):
            manager.tick()
        spent[count] = (time.process_time() - begun) / TICKS
        manager.close()
    print("a look at " + ", ".join(f"{count:,} runs that have ended: {1000 * s:.1f} ms" for count, s in spent.items()))
    assert spent[RUNS] <= TICK_SECONDS


def test_pages_with_5000_runs(many: Path) -> None:
    """Whole loads of pages, and what one does with the table; the waits of the test are taken off."""
    found: dict[str, list[float]] = {}
    port = free_port()
    with launching() as browser:
        page = new_context(browser, "light", (1280, 900)).new_page()
        with serving(many, port=port) as server:  # as after an upgrade: nobody has measured these networks yet
            begun = time.perf_counter()
            page.goto(f"{server.url}/train", wait_until="domcontentloaded")
            page.locator(".st-key-runs_table [data-testid=stDataFrame]").wait_for()
            print(f"{RUNS:,} unmeasured networks, train: {time.perf_counter() - begun:.2f} s to its table")
        store = Manager(many).store
        begun = time.perf_counter()
        measure_networks(store, [run.architecture for run in store.runs()])
        print(f"all of them measured: {time.perf_counter() - begun:.2f} s, once")
        for name in ("train", "compare", "inspect", "ablate"):
            with serving(many, port=port) as server:  # at the same address: what the browser has of it stays
                _wait_for_rest(server)
                found[name] = [_load(page, f"{server.url}/{name}") for _ in range(LOOKS)]
                if name == "train":
                    for look in range(LOOKS):
                        for act in ("filter", "best first"):
                            found.setdefault(act, []).append(_time(page, act, look) - CALM_SECONDS)
                page.goto("about:blank")
    for name, times in found.items():
        first, rest = times[0], statistics.median(times[1:])
        print(f"{RUNS:,} runs, {name}: first {first:.2f} s, then {rest:.2f} s")
    assert max(statistics.median(times[1:]) for times in found.values()) <= WITHIN_SECONDS
    assert max(times[0] for name, times in found.items() if name != "inspect") <= FIRST_WITHIN_SECONDS
