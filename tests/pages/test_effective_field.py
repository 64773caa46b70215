"""The tab Effective of the Receptive field page: states, images, work in the background, results."""

from __future__ import annotations

import base64
import io
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer import catalog, datasets
from explorer.datasets import Cancel, CancelledError, Progress, import_images
from explorer.inspection.effective_field import draw_test_images, find_effective_field, make_noise
from explorer.inspection.opening import open_initial, open_model
from explorer.runs import Manager, RunFolder
from explorer.training import checkpoint
from explorer.training.state import State
from pages.ui import background
from tests.datasets.test_streaming import draw
from tests.inspection.parts import learnt, trained_run
from tests.pages.parts import address, messages, mounted, open_page
from tests.pages.sending import send
from tests.training.parts import CPU

PATIENCE_SECONDS = 120.0


def app(**query: str) -> AppTest:
    return open_page("receptive_field", tab="effective", n="8", **query)


def measure(running: AppTest) -> AppTest:
    """Press the button, and wait for the thread."""
    return wait(running.button(key="effective_run").click().run())


def wait(running: AppTest) -> AppTest:
    """Wait for the thread."""
    assert not running.exception
    if "effective_work" in running.session_state:
        assert running.session_state["effective_work"].wait(PATIENCE_SECONDS)
        running.run()
    return running.run()


def frames(running: AppTest) -> list[dict[str, Any]]:
    return mounted(running, "effective_drawing")["frames"]  # type: ignore[no-any-return]


def fact(frame: dict[str, Any], name: str) -> str:
    return str({row[0]: row[1] for row in frame["facts"]}[name])


def test_initial_weights_by_noise() -> None:
    running = app(net="inception-net-32", at="inception1", unit="2-3")
    assert "over" not in frames(running)[0]
    assert running.selectbox(key="effective_weights").value == "initial"
    measure(running)
    (frame,) = frames(running)
    net = catalog.get("inception-net-32")
    found = find_effective_field(open_initial(net), make_noise(net, 8), "inception1", (2, 3))
    assert fact(frame, "side").startswith(f"{found.size_px:.1f} px of ")
    assert fact(frame, "images") == "8"
    assert frame["over"]["scale"]["high"] == 1
    (table,) = running.dataframe
    assert float(table.value["side"][0]) == pytest.approx(found.size_px)
    assert not [each for each in running.button if each.key == "effective_run"]  # nothing is left to measure
    send(running, ("effective_drawing", "place", {"frame": 0, "at": [0, 0]}))
    assert address(running, "unit") == "0-0"
    assert "over" not in frames(running)[0]
    send(running, ("effective_drawing", "move", {"frame": 0, "by": [2, 3]}))
    assert "over" in frames(running)[0]  # the same unit again is there at once
    again = app(**{key: address(running, key) for key in ("net", "at", "unit")})
    assert "over" in frames(again)[0]


def test_the_course_of_a_run_and_its_initial_weights(home: Path, manager: Manager) -> None:
    run = trained_run(manager)
    net, settings, captured = learnt(0)
    begun = {**captured, **State(net, settings, CPU).capture()}
    for step in (0, 20):
        checkpoint.save_kept(RunFolder(manager.root, run).checkpoints, run, step, begun)
    from explorer.architecture import to_link

    running = app(net=to_link(net), at="residual", weights=f"{run}@all")
    assert running.selectbox(key="effective_weights").options == [
        "run · tiny", "run · tiny · all 3 checkpoints", "run · tiny · step 0", "run · tiny · step 20",
        "run · tiny · step 40", "initial (random, before any training)"
    ]  # fmt: skip
    measure(running)
    assert [frame["title"] for frame in frames(running)] == ["step 0 · residual", "step 40 · residual"]
    assert list(running.dataframe[0].value["state"]) == ["step 0", "step 20", "step 40"]
    traced = mounted(running, "effective_growth")
    assert [mark["x"] for mark in traced["marks"]][:3] == [0, 20, 40]
    sides = running.dataframe[0].value["side"]
    assert sides[0] == sides[1] != sides[2]
    running.selectbox(key="effective_weights").select(run).run()
    assert address(running, "weights") == run
    measure(running)
    shown = frames(running)
    assert [frame["title"] for frame in shown] == ["initial · residual", "step 40 · residual"]
    assert fact(shown[0], "side") == f"{sides[0]:.1f} px of {fact(shown[1], 'side').partition(' of ')[2]}"


@pytest.mark.parametrize(
    "query",
    [
        {"weights": "nonsense", "images": "nothing", "net": "inception-net-32"},
        {"net": "inception-net-32", "at": "fc"},
        {"net": "inception-net-32", "unit": "999-999"},
    ],
)
def test_what_an_address_says_wrongly_has_its_usual_value(query: dict[str, str]) -> None:
    running = app(**query)
    assert not running.exception
    assert running.selectbox(key="effective_images").value == "noise"
    assert frames(running)


def test_pictures_and_test_images() -> None:
    running = app(net="mnist-inception", at="inception_a", picture="sample:digit-3", images="pictures")
    options = running.selectbox(key="effective_weights").options
    assert options[0] == "MNIST Inception"
    running.selectbox(key="effective_weights").select("initial").run()
    measure(running)
    assert fact(frames(running)[0], "images") == "1"
    running.selectbox(key="effective_images").select("digits").run()
    assert address(running, "images") == "digits"
    measure(running)
    assert fact(frames(running)[0], "images") == "8"
    assert len(frames(running)) == 1


def test_test_images_are_prepared_as_the_trained_state_was(home: Path, manager: Manager) -> None:
    """Also for the initial state beside it, which has no preprocessing of its own; whichever is measured first."""
    from explorer.architecture import to_link

    run = trained_run(manager)
    net = learnt(0)[0]
    trained = open_model(run, manager)
    x = draw_test_images(trained.preprocessing, datasets.load("digits"), 8, 3)
    expected = [find_effective_field(state, x, "residual", channel=2) for state in (open_initial(net), trained)]
    running = app(net=to_link(net), at="residual", images="digits", seed="3", channel="2", weights="initial")
    measure(running)  # alone it has the usual preprocessing
    assert running.dataframe[0].value["side"][0] != pytest.approx(expected[0].size_px)
    running.selectbox(key="effective_weights").select(run).run()
    measure(running)
    assert list(running.dataframe[0].value["side"]) == pytest.approx([each.size_px for each in expected])


def test_channel_seed_and_number() -> None:
    running = app(net="inception-net-32", at="inception1", seed="7", channel="5")
    measure(running)
    net = catalog.get("inception-net-32")
    found = find_effective_field(open_initial(net, 7), make_noise(net, 8, 7), "inception1", channel=5)
    assert fact(frames(running)[0], "side").startswith(f"{found.size_px:.1f} px of ")
    for key, value in (("effective_count", 3), ("effective_seed", 4_000_000_000), ("effective_channel", None)):
        running.number_input(key=key).set_value(value).run()
    assert [address(running, name) for name in ("n", "seed", "channel")] == ["3", "4000000000", ""]
    measure(running)
    net = catalog.get("inception-net-32")
    found = find_effective_field(open_initial(net, 4 * 10**9), make_noise(net, 3, 4 * 10**9), "inception1")
    assert fact(frames(running)[0], "side").startswith(f"{found.size_px:.1f} px of ")
    again = app(net="inception-net-32", at="stem", channel="99999", seed="-1", count="x")
    assert again.number_input(key="effective_channel").value is None
    assert not again.exception


def test_a_streamed_set_and_the_picture_that_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    known = import_images(draw(tmp_path / "pets", "PNG"), size=(16, 16), stream=True)
    running = app(net="inception-net-32", at="inception1", images=known.name)
    assert "test images: pets (streamed)" in running.selectbox(key="effective_images").options
    measure(running)
    assert fact(frames(running)[0], "images") == str(known.counts[1])
    running.selectbox(key="effective_images").select("picture").run()
    assert not [each for each in running.number_input if each.key == "effective_count"]
    measure(running)
    assert fact(frames(running)[0], "images") == "1"


def test_the_layer_over_the_exact_field() -> None:
    """Switched on it is measured at once; it lies over what is touched, and follows no step by itself."""
    running = open_page("receptive_field", net="inception-net-32", at="inception1", n="4", unit="5-3")

    def frame() -> dict[str, Any]:
        return mounted(running, "field_drawing")["frames"][0]  # type: ignore[no-any-return]

    exact = frame()
    layers = [*running.pills(key="field_layers").value, "effective"]
    wait(running.pills(key="field_layers").set_value(layers).run())
    assert address(running, "show") == "touched,box,branches,effective"
    net = catalog.get("inception-net-32")
    found = find_effective_field(open_initial(net), make_noise(net, 4), "inception1", (5, 3))
    over = frame()["over"]
    assert over["clear"]
    assert over["ring"] == pytest.approx([*found.gaussian.centre, *(2 * each for each in found.gaussian.sigma_px)])
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(over["src"].partition(",")[2]))).convert("RGBA"))
    assert not pixels[~found.exact][:, 3].any()  # holes and the rest of the photo are seen as without the layer
    assert pixels[np.unravel_index(found.values.argmax(), found.values.shape)][3] > 200
    assert frame()["facts"][: len(exact["facts"])] == exact["facts"]
    assert fact(frame(), "filled") == f"{100 * found.filled:.1f} % of the exact field"
    assert fact(frame(), "effective") == "initial · all channels · 4 images of noise, seed 0"
    assert [each.proto.label.replace("\\", "") for each in running.get("download_button")] == [
        f"{net.name} inception1 5-3 as CSV",
        f"effective field initial {net.name} inception1 5-3 as CSV",
    ]
    send(running, ("field_drawing", "move", {"frame": 0, "by": [0, 1]}))
    assert "over" not in frame()
    shared = {key: address(running, key) for key in ("net", "at", "show", "n")}
    again = open_page("receptive_field", **shared, unit="5-3")
    assert "over" in mounted(again, "field_drawing")["frames"][0]
    measure(running)
    assert fact(frame(), "effective").startswith("initial")


def test_the_layer_of_two_networks_and_from_layer_to_layer() -> None:
    query = {"net": "inception-net-32", "at": "inception1", "n": "1", "show": "touched,effective"}
    running = open_page("receptive_field", **{**query, "with": "dilated-cnn", "node": "conv2"})
    measure(running)
    frames = mounted(running, "field_drawing")["frames"]
    assert [fact(each, "effective").partition(" ·")[0] for each in frames] == ["initial", "initial"]
    net = catalog.get("dilated-cnn")
    unit = tuple(frames[1]["at"])
    found = find_effective_field(open_initial(net), make_noise(net, 1), "conv2", unit)
    assert fact(frames[1], "side").startswith(f"{found.size_px:.1f} px of ")
    from_layer = open_page("receptive_field", **{**query, "from": "conv1"})
    assert not [each for each in from_layer.button if each.key == "effective_run"]
    assert any("measured from the image on" in each.value for each in from_layer.caption)


def test_work_is_cancelled_told_and_ends_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def do(progress: Progress, cancel: Cancel) -> None:
        progress(1, 4)
        begun.set()
        while not cancel():
            time.sleep(0.005)
        raise CancelledError("cancelled")

    work = background.Work("Counting", do)
    assert begun.wait(10)
    share, text = work.look()
    assert (share, work.ended) == (0.25, False)
    assert text.startswith("Counting: 25 %, ")
    work.cancel()
    assert work.wait(10)
    assert work.error == "cancelled"
    monkeypatch.setattr(background, "_UNSEEN_SECONDS", 0.05)
    assert background.Work("Counting", do).wait(10)

    def fail(progress: Progress, cancel: Cancel) -> None:
        raise ValueError("the weights are damaged")

    failed = background.Work("Counting", fail)
    assert failed.wait(10)
    assert failed.error == "the weights are damaged"


def test_a_failure_is_told_once(home: Path, manager: Manager) -> None:
    run = trained_run(manager)
    path = RunFolder(manager.root, run).checkpoints / "step-0000000040.pt"
    path.write_bytes(path.read_bytes()[:-9])
    from explorer.architecture import to_link

    running = app(net=to_link(learnt(0)[0]), at="mixed", weights=run)
    running.button(key="effective_run").click().run()
    if "effective_work" in running.session_state:
        assert running.session_state["effective_work"].wait(PATIENCE_SECONDS)
        running.run()
    assert "step-0000000040.pt: damaged" in messages(running)
    (initial,) = frames(running)  # what was done before it failed is kept
    assert initial["title"] == "initial · mixed"
    assert np.isfinite(running.dataframe[0].value["side"]).all()
