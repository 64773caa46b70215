"""How many variants a second the Pareto cloud analyses on one core, and how long four networks take to compare."""

from __future__ import annotations

import time

import pytest

from explorer import catalog
from explorer.comparison import compare, find_differences, make_report, render_html, sample_cloud
from tests.comparison.test_changes import large

VARIANTS_A_SECOND = 1000
FOUR_NETWORKS = ("googlenet", "googlenet-torchvision", "inception-v3", "cifar-inception-residual-cbam")
SECONDS = 0.7
"""Of the page's one second; the rest is the browser's."""
LARGEST_SECONDS = 8
"""For two networks of as many layers as there may be, each unlike those of the other."""


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


@pytest.mark.benchmark
@pytest.mark.parametrize("name", ["a", "b"])
def test_networks_as_large_as_allowed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = large(1, "a"), large(9, name)
    start = time.process_time()
    assert find_differences(before, after).steps
    taken = time.process_time() - start
    with capsys.disabled():
        print(f"\ndifferences of two networks of 1,950 layers: {taken:.1f} s on one core")
    assert taken < LARGEST_SECONDS
