"""How many variants a second the Pareto cloud analyses on one core, and how long four networks take to compare."""

from __future__ import annotations

import time

import pytest

from explorer import catalog
from explorer.comparison import compare, make_report, render_html, sample_cloud

VARIANTS_A_SECOND = 1000
FOUR_NETWORKS = ("googlenet", "googlenet-torchvision", "inception-v3", "cifar-inception-residual-cbam")
SECONDS = 0.7
"""Of the page's one second; the rest is the browser's."""


@pytest.mark.benchmark
@pytest.mark.parametrize("name", ["googlenet", "googlenet-torchvision"])
def test_variants_a_second(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    network = catalog.get(name)
    rates = []
    for seed in range(3):
        start = time.process_time()  # one core's time, whoever else is at work
        found = sample_cloud(network, 1000, seed=seed)
        rates.append(1000 / (time.process_time() - start))
        found.front(macs="least", receptive_field="most")
    with capsys.disabled():
        print(f"\nPareto cloud of {name}: {sorted(rates)[1]:,.0f} variants a second on one core")
    assert sorted(rates)[1] >= VARIANTS_A_SECOND


@pytest.mark.benchmark
def test_four_networks(capsys: pytest.CaptureFixture[str]) -> None:
    networks = [catalog.get(name) for name in FOUR_NETWORKS]
    taken = []
    for _ in range(5):
        start = time.process_time()
        found = make_report(compare(networks))
        taken.append(time.process_time() - start)
        assert render_html(found)
    with capsys.disabled():
        print(f"\nfour networks, every difference and its cost: {sorted(taken)[2] * 1e3:.0f} ms on one core")
    assert sorted(taken)[2] < SECONDS
