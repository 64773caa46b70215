"""What a person waits for on the Inspect page: an answer to an upload, and a look into a large network."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer import catalog
from explorer.inspection import branch_paths
from explorer.inspection.attribution import grad_cam
from explorer.inspection.features import feature_maps
from tests.browser.helpers import launching, new_context, open_app, serving, settle
from tests.datasets.makers import encoded
from tests.inspection.parts import input_for, model_with

pytestmark = pytest.mark.benchmark

UPLOADS = 12
ANSWER = 0.300
LOOK = 1.0


# Seen by the browser itself, both ends: Playwright hands the file over in its own time, and looks now and then only.
# The tiles are drawn in the component's own tree.
STOPWATCH = """(tile) => {
    const tree = tile.getRootNode()
    const count = () => tree.querySelectorAll('.tile').length
    let before = count(), begun = null
    window.measured = []
    document.addEventListener('change', () => { begun = performance.now() }, { capture: true })
    new MutationObserver(() => {
        if (count() <= before) return
        before = count()
        window.measured.push(performance.now() - begun)
    }).observe(tree, { subtree: true, childList: true })
}"""


def photo(seed: int) -> bytes:
    """A JPEG of 1,600 × 1,200 pixels, smooth as photographs are."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return encoded(np.kron(coarse, np.ones((100, 100, 1), np.uint8)), "JPEG", quality=90)


def test_upload_to_answer(tmp_path: Path) -> None:
    """From the choice of a file to the network's answer on the screen, torch and the shipped model being loaded."""
    with launching() as browser, serving(tmp_path / "home") as server:
        page = new_context(browser).new_page()
        open_app(page, f"{server.url}/inspect")
        tiles = page.locator(".st-key-inspect_tiles .tile")
        tiles.first.wait_for(timeout=60_000)
        tiles.first.evaluate(STOPWATCH)
        for number in range(UPLOADS + 2):
            settle(page)
            here = tiles.count()
            page.locator("[class*=st-key-inspect_upload_] input[type=file]").set_input_files(
                {"name": f"photo-{number}.jpg", "mimeType": "image/jpeg", "buffer": photo(number)}
            )
            page.wait_for_function("count => window.measured.length > count", arg=number)
            assert tiles.count() == here + 1
        measured = [seconds / 1e3 for seconds in page.evaluate("window.measured")]
    measured = measured[2:]
    median, worst = statistics.median(measured), max(measured)
    print(f"\nupload to answer, {UPLOADS} photos of 1,600 × 1,200: {1e3 * median:.0f} ms, worst {1e3 * worst:.0f} ms")
    assert median <= ANSWER


def test_a_look_into_googlenet() -> None:
    """Feature maps of a block and all its branches, and Grad-CAM of the last block, at 224×224."""
    torch.set_num_threads(2)
    architecture = catalog.get("googlenet-torchvision")
    model = model_with(architecture)
    (x_CHW,) = input_for(model)
    block = "inception_4a"
    paths = [block, *branch_paths(architecture, block)]

    def seconds(work: Callable[[], object]) -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    looks: dict[str, Callable[[], object]] = {
        "feature maps": lambda: feature_maps(model, x_CHW, paths),
        "Grad-CAM": lambda: grad_cam(model, x_CHW, "inception_5b", 0),
    }
    for name, work in looks.items():
        work()
        median = statistics.median(seconds(work) for _ in range(5))
        print(f"\n{name} of GoogLeNet at 224: {1e3 * median:.0f} ms")
        assert median <= LOOK
