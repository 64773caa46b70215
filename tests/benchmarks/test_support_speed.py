"""Exact support against the analysis, gradients and TorchLens: measured side by side, medians of one run."""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchlens

from explorer import catalog
from explorer.analysis import analyze
from explorer.analysis.support import count_paths, find_default_node, find_layer_supports, find_unit_support
from explorer.architecture import Architecture, Conv, Parallel, Sequence
from explorer.modules import build
from tests.analysis.linear_twin import LinearTwin
from tests.large import densenet

from .test_analysis_speed import timed

ANALYZE_RATIO = 3
UNIT_SECONDS = 0.003
GRADIENT_RATIO = 200
TORCHLENS_RATIO = 2000
WORST_SECONDS = 0.1
WHOLE_FIELD = 736
"""Pixels a side on which the middle unit of GoogLeNet sees no border."""


def medians(rounds: int, *works: Callable[[], object]) -> list[float]:
    """Seconds of each, in turns, so that a busy machine slows all alike."""
    for work in works:
        work()
    times = [[timed(work) for work in works] for _ in range(rounds)]
    return [statistics.median(each) for each in zip(*times, strict=True)]


def networks() -> dict[str, Architecture]:
    return {"GoogLeNet": catalog.get("googlenet"), "Inception v3": catalog.get("inception-v3"), "DenseNet": densenet()}


@pytest.mark.benchmark
@pytest.mark.parametrize("name", networks())
def test_all_layers_and_one_unit(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    net = networks()[name]
    path = find_default_node(net)
    side = analyze(net).by_path[path].output_shape[1] // 2
    analysis, layers, unit = medians(
        101,
        lambda: analyze(net),
        lambda: find_layer_supports(net),
        lambda: find_unit_support(net, path, (side, side)),
    )
    (paths,) = medians(9, lambda: count_paths(net, path, (side, side)))  # large arrays: apart from what is quick
    with capsys.disabled():
        print(
            f"\n{name}: analyze {1e3 * analysis:.2f} ms · support of all layers {1e3 * layers:.2f} ms "
            f"({layers / analysis:.1f}×) · one unit {1e3 * unit:.2f} ms · its paths {1e3 * paths:.0f} ms"
        )
    assert layers <= ANALYZE_RATIO * analysis
    assert unit <= UNIT_SECONDS


@pytest.mark.benchmark
def test_against_gradients_and_torchlens(capsys: pytest.CaptureFixture[str]) -> None:
    net = catalog.get("googlenet-torchvision")
    shape = (3, WHOLE_FIELD, WHOLE_FIELD)
    large = Architecture(name="large", input_shape=shape, trunk=net.trunk)
    middle = tuple(side // 2 for side in analyze(large).by_path["inception_5b"].output_shape[1:])
    module, image = build(net).eval(), torch.rand(1, *net.input_shape)

    def by_gradient() -> Any:
        """One channel, float64: the cheapest twin that there is."""
        return LinearTwin(large, 1, single=True).gradients([("inception_5b", middle)], [""])[""][0] > 0

    def by_torchlens() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torchlens.trace(module, image).modules["inception_5b"].receptive_field.status

    assert torch.equal(by_gradient(), torch.from_numpy(find_unit_support(large, "inception_5b", middle).mask))
    unit, gradient = medians(9, lambda: find_unit_support(large, "inception_5b", middle), by_gradient)
    layers, *_ = medians(9, lambda: find_layer_supports(net))
    lens = timed(by_torchlens)
    with capsys.disabled():
        print(
            f"\nGoogLeNet: one unit {1e3 * unit:.2f} ms · by its gradient {1e3 * gradient:.0f} ms "
            f"({gradient / unit:,.0f}×) · all layers {1e3 * layers:.2f} ms · TorchLens, boxes without holes, "
            f"{1e3 * lens:,.0f} ms ({lens / layers:,.0f}×)"
        )
    assert gradient >= GRADIENT_RATIO * unit
    assert lens >= TORCHLENS_RATIO * layers


@pytest.mark.benchmark
@pytest.mark.parametrize("dilations", [(1,) * 40, (1, 2, 4, 8, 16, 31, 5, 11), (1, 3, 7, 15, 31, 2, 5, 11)])
def test_worst_cases(dilations: tuple[int, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Crosses of 1×3 beside 3×1, one after another."""
    blocks = tuple(
        Parallel(
            name=f"x{at}",
            branches=(
                Conv(name="wide", out_channels=1, kernel_size=(1, 3), dilation=dilation),
                Conv(name="high", out_channels=1, kernel_size=(3, 1), dilation=dilation),
            ),
        )
        for at, dilation in enumerate(dilations)
    )
    net = Architecture(name="crosses", input_shape=(1, 256, 256), trunk=Sequence(name="trunk", children=blocks))
    last = blocks[-1].name
    layers, unit = medians(9, lambda: find_layer_supports(net), lambda: find_unit_support(net, last, (128, 128)))
    with capsys.disabled():
        print(f"\n{len(dilations)} crosses: all layers {1e3 * layers:.0f} ms · one unit {1e3 * unit:.0f} ms")
    assert max(layers, unit) <= WORST_SECONDS
