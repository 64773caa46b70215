"""How much quicker the analysis is than tools that run the network: measured side by side, medians of one run.

What is the same for every input (a layer's filters, its window) is worked out once a node, as torchinfo's module is
built once; no result is remembered. ``fresh`` is the first analysis of a network, when none of that is there.
"""

from __future__ import annotations

import logging
import statistics
import time
import warnings
from collections.abc import Callable

import pytest
import torch
import torchinfo
import torchvision
from fvcore.nn import FlopCountAnalysis

from explorer import catalog
from explorer.analysis import Sweep, analyze
from explorer.architecture import (
    edit,
    from_json,
    to_json,
)
from explorer.modules import build

TORCHINFO_RATIO = 500
FVCORE_RATIO = 1000


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@pytest.mark.benchmark
def test_analysis_is_hundreds_of_times_faster(capsys: pytest.CaptureFixture[str]) -> None:
    architecture = catalog.get("googlenet-torchvision")
    logging.getLogger("fvcore").setLevel(logging.ERROR)
    meta = build(architecture, device="meta").eval()
    image = torch.rand(1, *architecture.input_shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=False).eval()

        def ours() -> None:
            analyze(architecture)

        def by_torchinfo() -> None:
            torchinfo.summary(meta, input_size=(1, *architecture.input_shape), device="meta", verbose=0)

        def by_fvcore() -> None:
            FlopCountAnalysis(theirs, image).unsupported_ops_warnings(False).total()

        for warm_up in (ours, by_torchinfo, by_fvcore):
            warm_up()
        own, fresh, info, core = [], [], [], []
        for _ in range(9):  # in turns, so that a busy machine slows all three alike
            own += [timed(ours) for _ in range(100)]
            unseen = from_json(to_json(architecture))
            fresh.append(timed(lambda unseen=unseen: analyze(unseen)))
            info.append(timed(by_torchinfo))
            core.append(timed(by_fvcore))
    quick, slow, slower = (statistics.median(times) for times in (own, info, core))
    with capsys.disabled():
        print(
            f"\nGoogLeNet: analyze {quick * 1e3:.3f} ms · torchinfo on meta {slow * 1e3:.0f} ms ({slow / quick:.0f}×)"
            f" · fvcore {slower * 1e3:.0f} ms ({slower / quick:.0f}×)"
            f"\nminima: {min(own) * 1e3:.3f} · {min(info) * 1e3:.1f} ms ({min(info) / min(own):.0f}×)"
            f" · {min(core) * 1e3:.0f} ms ({min(core) / min(own):.0f}×); first analysis {min(fresh) * 1e3:.3f} ms"
        )
    assert slow / quick >= TORCHINFO_RATIO
    assert slower / quick >= FVCORE_RATIO


@pytest.mark.benchmark
def test_ribbon_costs_less_than_as_many_analyses(capsys: pytest.CaptureFixture[str]) -> None:
    architecture = catalog.get("googlenet-torchvision")
    path, widths = "inception_4c/branch_3x3/conv", range(64, 320, 4)

    def ribbon() -> None:
        assert None not in Sweep().ribbon(architecture, path, "out_channels", widths)

    def one_by_one() -> None:
        for width in widths:
            analyze(edit.replace(architecture, path, out_channels=width))

    ribbon()
    sweeps, singles = [], []
    for _ in range(30):
        sweeps.append(timed(ribbon))
        singles.append(timed(one_by_one))
    swept, single = statistics.median(sweeps), statistics.median(singles)
    with capsys.disabled():
        print(f"\n64 variants: sweep {swept * 1e3:.1f} ms · one by one {single * 1e3:.1f} ms ({single / swept:.1f}×)")
    assert swept < 0.7 * single


@pytest.mark.benchmark
def test_inception_resnet_v2_takes_two_milliseconds(capsys: pytest.CaptureFixture[str]) -> None:
    network = catalog.get("inception-resnet-v2")
    layers = len(analyze(network).layers)
    taken = []
    for _ in range(200):
        start = time.thread_time()
        analyze(network)
        taken.append(time.thread_time() - start)
    quick = min(taken)  # there is no other tool beside it, so the least disturbed pass counts
    with capsys.disabled():
        print(f"\nInception-ResNet v2, {layers} layers: analyze {quick * 1e3:.2f} ms")
    assert layers > 300
    assert quick < 0.002
