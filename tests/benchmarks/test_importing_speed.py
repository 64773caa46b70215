"""Time to capture a module and find its architecture: within 5 s for ResNet-50, within 10 s for Inception v3."""

from __future__ import annotations

import time

import pytest
import torch
import torchvision

from explorer.importing import from_graph
from explorer.importing._capture import capture

pytestmark = pytest.mark.benchmark


@pytest.mark.parametrize(("name", "side", "budget_s"), [("resnet50", 224, 5), ("inception_v3", 299, 10)])
def test_capture_and_reduction(name: str, side: int, budget_s: float, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"init_weights": False} if name == "inception_v3" else {}
    module = torchvision.models.get_model(name, weights=None, **settings).eval()
    image = torch.zeros(1, 3, side, side)
    capture(module, (3, side, side), name)  # torch loads its exporter
    begun = time.perf_counter()
    graph = capture(module, (3, side, side), name)
    captured = time.perf_counter()
    found = from_graph(graph)
    done = time.perf_counter()
    with torch.no_grad():
        module(image)
        forward = time.perf_counter()
        module(image)
        forward = time.perf_counter() - forward
    assert found.status == "complete"
    with capsys.disabled():
        print(
            f"\n{name}: captured in {captured - begun:.2f} s, architecture and weights in {done - captured:.2f} s; "
            f"together {(done - begun) / forward:.0f} times a forward pass of one image"
        )
    assert done - begun < budget_s
