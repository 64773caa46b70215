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
STEP = 0.200
LOOK = 1.0
DRAWN = "TKZcxNpiAjLmc0AnsZpl_c3CR-P"


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


# From the event in the page to the bars that answer it.
ANSWERED = """(bar, event) => {
    const tree = bar.getRootNode()
    let begun = null
    window.measured = []
    document.addEventListener(event, () => { begun ??= performance.now() }, { capture: true })
    new MutationObserver(() => {
        if (begun !== null) window.measured.push(performance.now() - begun)
        begun = null
    }).observe(tree, { subtree: true, childList: true, characterData: true })
}"""
STEPS = 30


def test_stroke_and_slider_to_answer(tmp_path: Path) -> None:
    """A drawing that grows, and a slider of Perturb that moves: from the hand's move to the new probabilities."""
    with launching() as browser, serving(tmp_path / "home") as server:
        page = new_context(browser).new_page()
        open_app(page, f"{server.url}/inspect?model=mnist-inception&pictures=drawn:{DRAWN}&tab=perturb")
        page.locator(".st-key-inspect_response svg").first.wait_for(timeout=60_000)
        settle(page)
        pad = page.locator(".st-key-inspect_pad svg.pad")
        slider = page.locator(".st-key-inspect_sliders input[data-name=rotate]")

        def measure(event: str, bars: str, step: Callable[[int], None]) -> list[float]:
            page.locator(f".st-key-{bars} .bar").first.evaluate(ANSWERED, event)
            for number in range(STEPS):
                before = len(page.evaluate("window.measured"))
                step(number)
                page.wait_for_function("count => window.measured.length > count", arg=before)
                settle(page)
            return [milliseconds / 1e3 for milliseconds in page.evaluate("window.measured")][3:]

        pad.scroll_into_view_if_needed()
        box = pad.bounding_box()
        assert box is not None

        def draw(number: int) -> None:
            page.mouse.move(box["x"] + 24 + 4 * number, box["y"] + 30 + 90 * (number % 2))

        page.mouse.move(box["x"] + 20, box["y"] + 30)
        page.mouse.down()
        strokes = measure("pointermove", "inspect_predictions", draw)
        page.mouse.up()
        slider.focus()
        steps = measure("input", "inspect_perturbed_bars", lambda number: page.keyboard.press(
            "ArrowRight" if number < STEPS // 2 else "ArrowLeft"
        ))  # fmt: skip
    for what, measured in (("a stroke", strokes), ("a step of a slider", steps)):
        median, worst = statistics.median(measured), max(measured)
        print(f"\n{what} to the new probabilities: {1e3 * median:.0f} ms, worst {1e3 * worst:.0f} ms")
    assert statistics.median(strokes) <= STEP
    assert statistics.median(steps) <= STEP


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
