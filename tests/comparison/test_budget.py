"""Equal budget: within 1 % or a clear reason, and then nothing nearer among all widths."""

from __future__ import annotations

import itertools
import random

import pytest

from explorer import catalog
from explorer.analysis import analyze
from explorer.architecture import Architecture, ArchitectureError, Conv, Sequence, edit
from explorer.comparison import EqualBudget, scale_to_budget
from tests.sizes import ALL

PAIRS = [
    (*pair, metric) for pair in itertools.permutations(catalog.names(), 2) for metric in ("params", "macs")
]  # fmt: skip


def check(found: EqualBudget, architecture: Architecture) -> None:
    assert analyze(found.architecture).input_shape == analyze(architecture).input_shape
    assert getattr(analyze(found.architecture).totals, found.metric) == found.value
    if found.reached:
        assert abs(found.error) <= 0.01
    else:
        assert abs(found.error) > 0.01
        assert f"{found.value:,}" in found.reason
        assert f"{found.target:,}" in found.reason


@pytest.mark.parametrize(("name", "other", "metric"), random.Random(5).sample(PAIRS, 40)[: 40 if ALL else 10])
def test_pairs_of_the_catalogue(name: str, other: str, metric: str) -> None:
    network = catalog.get(name)
    target = getattr(analyze(catalog.get(other)).totals, metric)
    found = scale_to_budget(network, target, metric)  # type: ignore[arg-type]
    check(found, network)
    # No uniform width comes nearer, whatever was said.
    for step in range(-30, 31):
        try:
            scaled = edit.scale_width(network, min(100, max(0.01, found.factor * 1.02**step)))
            value = getattr(analyze(scaled).totals, metric)
        except ArchitectureError:
            continue
        assert abs(found.value - target) <= max(abs(value - target), 0.01 * target)


def test_googlenet_at_the_cost_of_inception_v3() -> None:
    found = scale_to_budget(catalog.get("googlenet"), 5_713_216_096)
    assert found.reached
    assert 1.8 < found.factor < 2.0


def test_its_own_cost_needs_no_change() -> None:
    network = catalog.get("googlenet")
    found = scale_to_budget(network, analyze(network).totals.params, "params")
    assert (found.factor, found.architecture, found.error) == (1.0, network, 0)


def test_cannot() -> None:
    small = catalog.get("near-sighted-cnn")
    assert "at its narrowest" in scale_to_budget(catalog.get("inception-v3"), 1_000, "params").reason
    assert "at the greatest width" in scale_to_budget(small, 23_834_568, "params").reason
    assert "whole channels" in scale_to_budget(small, 2_000, "params", 0.0001).reason


def test_widths_that_must_fit_together() -> None:
    network = Architecture(
        name="grouped",
        input_shape=(4, 16, 16),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="a", out_channels=48, kernel_size=3),
                Conv(name="b", out_channels=48, kernel_size=3, groups=12),
                Conv(name="c", out_channels=48, kernel_size=3, groups=4),
            ),
        ),
    )
    target = 2 * analyze(network).macs
    found = scale_to_budget(network, target)
    check(found, network)


def test_mistakes() -> None:
    network = catalog.get("residual-mnist")
    with pytest.raises(ValueError, match=r"target \(=0\)"):
        scale_to_budget(network, 0)
    with pytest.raises(ValueError, match="metric"):
        scale_to_budget(network, 5, "depth")  # type: ignore[arg-type]
