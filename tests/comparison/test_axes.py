"""Axes of a trade-off against the readings that they show."""

from __future__ import annotations

import pytest

from explorer import catalog
from explorer.analysis import METRICS, analyze
from explorer.comparison import list_axes
from explorer.experiments import SampleStatistics

NETS = [catalog.get(name) for name in ("residual-mnist", "inception-net-32", "googlenet")]


def test_every_metric_is_an_axis_with_its_own_words_and_numbers() -> None:
    axes = list_axes()
    assert list(axes) == list(METRICS)
    for key, metric in METRICS.items():
        assert (axes[key].label, axes[key].convention, axes[key].better) == (
            metric.title, metric.convention, metric.trade_off,
        )  # fmt: skip
        for net in NETS:
            found = axes[key].read(net)
            assert found is not None
            assert found.values == (metric.read(net, analyze(net)),)
            assert axes[key].format(found) == f"{metric.read(net, analyze(net)):,.0f}"


def test_accuracy_and_times_are_axes_where_they_are_known() -> None:
    first, second, _ = NETS
    accuracy = {first: SampleStatistics.of([0.5, 0.6, 0.7]), second: SampleStatistics.of([])}
    times = {second: SampleStatistics.of([1.25])}
    axes = list_axes(("digits, 2 epochs", accuracy), {"time.cpu": ("cpu, batch 1", times)})
    assert list(axes) == [*METRICS, "accuracy", "time.cpu"]
    found = axes["accuracy"].read(first)
    assert found is not None
    assert found.values == pytest.approx((50, 60, 70))
    low, high = found.interval or (0, 0)
    assert axes["accuracy"].format(found) == f"60.00 % ({low:.2f} % … {high:.2f} %, n = 3)"
    assert (axes["accuracy"].better, axes["time.cpu"].better) == ("most", "least")
    assert axes["accuracy"].read(second) is None
    assert axes["time.cpu"].read(first) is None
    assert axes["time.cpu"].read(second) == times[second]
    assert "(digits, 2 epochs)" in axes["accuracy"].convention
