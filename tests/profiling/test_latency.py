"""Measured times: what they carry, that they can be stopped, and that what cannot run says why."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from typing import Any

import pytest
import torch

from explorer import catalog
from explorer.analysis import analyze
from explorer.profiling import latency
from explorer.profiling.environment import describe_environment
from explorer.profiling.latency import ceilings, measure
from explorer.profiling.timing import Ceilings, Latency, Setting, count_traffic_bytes

SMALL = catalog.get("near-sighted-cnn")


def test_times() -> None:
    told: list[tuple[int, int, str]] = []
    settings = [Setting(), Setting(batch=8), Setting(precision="bf16")]
    found = measure([SMALL, catalog.get("residual-mnist")], settings, 5, 1, lambda *each: told.append(each))
    assert [(each.name, each.setting) for each in found] == [
        (network.name, setting) for network in (SMALL, catalog.get("residual-mnist")) for setting in settings
    ]
    for each in found:
        assert not each.trouble
        assert len(each.seconds) == 5
        assert min(each.seconds) > 0
        assert each.median == statistics.median(each.seconds)
        assert min(each.seconds) <= each.spread[0] <= each.median <= each.spread[1] <= max(each.seconds)
        assert each.throughput == pytest.approx(each.setting.batch / each.median)
    assert found[1].macs == 8 * analyze(SMALL).macs
    assert [done for done, _, _ in told] == list(range(7))
    assert told[1] == (1, 6, f"{SMALL.name}: cpu, batch 8, eager, fp32")
    assert json.loads(json.dumps([each.to_data() for each in found]))[0]["median"] == found[0].median


def test_one_repeat_has_no_spread() -> None:
    (found,) = measure([SMALL], [Setting()], 1, 0)
    assert found.spread == (found.median, found.median)


def test_more_work_takes_longer() -> None:
    small, large = measure([catalog.get("inception-net-32")], [Setting(batch=1), Setting(batch=64)], 5, 1)
    assert min(large.seconds) > 2 * min(small.seconds)
    assert large.intensity > small.intensity  # the weights are read once for all images


def test_it_can_be_stopped() -> None:
    asked = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 7

    assert len(measure([SMALL], [Setting(), Setting(batch=2), Setting(batch=3)], 3, 1, stop=stop)) == 1


def test_what_cannot_run_says_why_and_the_others_go_on() -> None:
    broken, fine = measure([SMALL], [Setting(device="cuda:99"), Setting()], 1, 0)
    assert broken.trouble
    assert "\n" not in broken.trouble
    assert broken.seconds == ()
    assert "median" not in broken.to_data()
    assert not fine.trouble


def test_traffic_is_what_its_sentence_says() -> None:
    analysis = analyze(SMALL)
    elements = sum(torch.Size(each.input_shape).numel() + each.activation_elements for each in analysis.layers)
    assert count_traffic_bytes(analysis, Setting()) == 4 * (elements + analysis.params)
    assert count_traffic_bytes(analysis, Setting(batch=3, precision="bf16")) == 2 * (3 * elements + analysis.params)


def test_ceilings_and_the_roof() -> None:
    found = ceilings("cpu")
    assert found.flops > 1e8
    assert found.bytes > 1e7
    roof = Ceilings(device="cpu", precision="fp32", flops=100.0, bytes=10.0)
    assert [roof.attainable(intensity) for intensity in (1, 10, 1000)] == [10, 100, 100]


def test_the_roof_is_that_of_the_quicker_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where convolutions use TF32 and matrix products do not, convolutions would stand above a roof of products."""
    seconds = iter([1.0, 0.125, 1.0])  # matrix product, convolution, copy
    done: list[Any] = []

    def quickest(_: torch.device, work: Callable[[], Any]) -> float:
        done.append(work())
        return next(seconds)

    monkeypatch.setattr(latency, "_quickest", quickest)
    product, convolution, _ = (ceilings("cpu"), *done)[1:]
    size = len(product)
    assert torch.allclose(convolution.flatten(2)[0], product, rtol=1e-4)  # the same work
    seconds = iter([1.0, 0.125, 1.0])
    assert ceilings("cpu").flops == 2 * size**3 / 0.125


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_no_convolution_stands_above_the_roof_on_cuda() -> None:
    assert describe_environment("cuda")["tf32"] == {"convolutions": True, "matrix_products": False}
    deep = catalog.get("googlenet-torchvision")
    (found,) = measure([deep], [Setting(device="cuda", batch=256)], 10, 5)
    assert found.flops_rate < 1.05 * ceilings("cuda").flops


def test_where_it_was_measured() -> None:
    found = describe_environment("cpu")
    assert found["torch"] == torch.__version__
    assert found["device"] == "cpu"
    assert found["threads"] == torch.get_num_threads()
    assert found["device_name"]
    assert found["tf32"] is None


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="batch"):
        Setting(batch=0)
    with pytest.raises(ValueError, match="precision"):
        Setting(precision="fp8")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="repeats"):
        measure([SMALL], [Setting()], 0)
    assert Latency(name="x", setting=Setting(), seconds=(1.0,), macs=2, traffic_bytes=4).flops_rate == 4
