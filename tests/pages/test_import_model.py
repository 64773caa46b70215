"""Models of other programs on the Design page: read in the background, told, opened with their weights kept."""

from __future__ import annotations

import io
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
import torchvision
from streamlit.testing.v1 import AppTest
from torch import nn

from explorer import catalog
from explorer.analysis import analyze
from explorer.export import Subject, export
from explorer.importing import Import, find_architecture, from_name
from explorer.inspection import keeping, list_imported, measure_imported
from pages.ui import import_model, session
from tests.inspection.parts import shaken
from tests.pages.parts import address, design_of, messages, mounted, open_page, set_design, unfold
from tests.sizes import THOROUGH

NAME = "torchvision:squeezenet1_1"


def begin(running: AppTest, name: str, weights: tuple[str, bytes] | None = None) -> AppTest:
    box = unfold(running, "open_popover").selectbox(key="import_name")
    box.options = [name]  # as a browser sends what was typed
    box.set_value(name)
    running.number_input(key="import_side").set_value(64)
    if weights is not None:
        uploader = next(each for each in running.file_uploader if (each.key or "").startswith("import_weights"))
        uploader.set_value((*weights, "application/octet-stream"))
    return press(running)


def press(running: AppTest) -> AppTest:
    next(each for each in running.button if each.label == "Import").click().run()
    assert not running.exception
    return running


def finish(running: AppTest) -> AppTest:
    if "import_work" in running.session_state:
        assert running.session_state["import_work"].wait(120)
    running.run()
    assert not running.exception
    return running


def test_a_network_is_imported_and_its_weights_are_kept(home: Path) -> None:
    running = finish(begin(open_page("design", net="residual-mnist"), NAME))
    assert design_of(running).name == "squeezenet1_1"
    assert design_of(running).input_shape == (3, 64, 64)
    (name,) = list_imported(home)
    told = messages(running)
    for part in ("Imported whole: 1,235,496 parameters", "parameters as in the model", "random numbers", name):
        assert part.lower() in told.lower()
    running.run()
    assert name in messages(running), "it stays until it is dismissed"
    inspect = open_page("inspect", model=name)
    assert inspect.selectbox(key="inspect_model").value == name
    assert f"imported · squeezenet1_1 of torchvision · {name}" in inspect.selectbox(key="inspect_model").options
    assert "random numbers" in messages(inspect)
    running.button(key="import_dismiss").click().run()
    assert name not in messages(running)
    assert address(running, "net") != "residual-mnist"


def test_what_is_refused_changes_nothing(home: Path) -> None:
    running = open_page("design", net="residual-mnist")
    press(unfold(running, "open_popover"))
    assert "Choose the network" in messages(running)
    for name, told in (
        ("torchvision:squeezenet1_2", "did you mean squeezenet1_1"),
        ("torchvision:vit_b_16", "transformer"),
        ("keras:vgg16", "there is no library"),
        ("torchvision:regnet_y_128gf", "has 644,812,894 parameters"),
    ):
        finish(begin(running, name))
        assert told in messages(running)
        assert design_of(running) == catalog.get("residual-mnist")
        assert not list_imported(home)
        box = unfold(running, "open_popover").selectbox(key="import_name")
        box.options = [name]
        assert box.value == name, "nothing is lost by a refusal"


def test_weights_come_along_and_those_of_another_network_are_refused(home: Path) -> None:
    theirs = shaken(torchvision.models.squeezenet1_1(weights=None)).eval()
    file = io.BytesIO()
    torch.save(theirs.state_dict(), file)
    running = open_page("design")
    for name, data in (("mine.pth", file.getvalue()), ("hostile.pth", b"\x80\x02cos\nsystem\n.")):
        finish(begin(running, "torchvision:shufflenet_v2_x0_5", (name, data)))
        assert "Not opened, your design is kept" in messages(running)
        assert name in messages(running)
        assert design_of(running) == catalog.get(session.HOME)
    running = finish(begin(running, NAME, ("mine.pth", file.getvalue())))
    (model,) = list_imported(home).values()
    assert "mine.pth" in model.provenance
    assert f"Its weights are kept as {model.name}" in messages(running)


@pytest.fixture(scope="module")
def known() -> Import:
    return from_name(NAME, input_shape=(3, 64, 64))


@pytest.fixture
def go(known: Import, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """An import that was made before, and that is given once this is set."""
    event = threading.Event()

    def wait(*_: Any, tell: Callable[[str], None], **__: Any) -> Import:
        tell("comparing the scores")
        assert event.wait(120)
        tell("comparing the scores")
        return known

    monkeypatch.setattr(import_model, "from_name", wait)
    return event


def test_a_design_that_was_changed_meanwhile_stays_until_the_import_is_opened(home: Path, go: threading.Event) -> None:
    running = begin(open_page("design", net="residual-mnist"), NAME)
    assert running.button(key="import_work_cancel")
    other = catalog.get("inception-net-32")
    set_design(running, other)
    go.set()
    finish(running)
    assert design_of(running) == other
    assert "Your design was changed meanwhile" in messages(running)
    running.button(key="import_open").click().run()
    assert design_of(running).name == "squeezenet1_1"
    assert "still on the screen" not in messages(running)


def test_it_is_cancelled(home: Path, go: threading.Event) -> None:
    running = begin(open_page("design", net="residual-mnist"), NAME)
    running.button(key="import_work_cancel").click().run()
    assert "was cancelled" in messages(running)
    go.set()
    running.run()
    assert not running.exception
    assert design_of(running) == catalog.get("residual-mnist")
    assert not list_imported(home)


def test_a_name_without_its_library_is_enough(home: Path, go: threading.Event) -> None:
    go.set()
    running = open_page("design")
    unfold(running, "open_popover")  # begins to read the names
    until = time.monotonic() + 120
    while not import_model._names() and time.monotonic() < until:
        time.sleep(0.1)
    finish(begin(running, NAME.partition(":")[2]))
    assert "Imported whole" in messages(running)


def test_another_design_takes_the_report_away(home: Path, go: threading.Event) -> None:
    go.set()
    running = finish(begin(open_page("design"), NAME))
    assert "Imported whole" in messages(running)
    unfold(running, "open_popover").button(key="open_untitled").click().run()
    assert "Imported whole" not in messages(running)


def test_links_name_a_network_of_a_library(home: Path) -> None:
    expected = find_architecture(NAME)
    assert analyze(expected).params == 1_235_496
    design = open_page("design", net=NAME)
    assert design_of(design) == expected
    assert not list_imported(home)
    assert design_of(open_page("receptive_field", net=NAME)) == expected
    compared = open_page("compare", network=[NAME, "googlenet"])
    assert "squeezenet1_1" in str(compared.session_state["compare"])
    wrong = open_page("design", net="torchvision:../../etc/passwd")
    assert "has no network" in messages(wrong)
    assert design_of(wrong) == catalog.get(session.HOME)
    assert mounted(wrong, "diagram")


@pytest.mark.parametrize("dynamo", [False, pytest.param(True, marks=THOROUGH)])
def test_an_onnx_file_is_opened_with_its_weights_and_a_damaged_one_changes_nothing(home: Path, dynamo: bool) -> None:
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
    written = home / "mine.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, about its older exporter
        torch.onnx.export(module, (torch.zeros(1, 1, 8, 8),), str(written), dynamo=dynamo, external_data=False)
    data = written.read_bytes()
    running = open_page("design")
    upload(running, "damaged.onnx", data[: len(data) // 2])
    assert "Not opened, your design is kept" in messages(running)
    assert design_of(running) == catalog.get(session.HOME)
    kept = onnx.load_from_string(data)
    onnx.save(kept, home / "apart.onnx", save_as_external_data=True, location="apart.bin", size_threshold=0)
    apart = [(name, (home / name).read_bytes()) for name in ("apart.onnx", "apart.bin")]
    upload(running, *apart[1])
    assert "give the .onnx file whose weights it holds" in messages(running)
    upload(running, *apart[0])
    assert "give that file, too" in messages(running)
    upload(running, *apart[0], apart[1])
    assert design_of(running).name == "apart"
    upload(running, "mine.onnx", data)
    assert design_of(running).name == "mine"
    model = next(iter(list_imported(home).values()))
    assert not model.is_random
    assert f"Its weights are kept as {model.name}" in messages(running)


def test_where_a_file_leaves_the_size_free_it_is_asked_for(home: Path) -> None:
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, about its older exporter
        torch.onnx.export(
            module, (torch.zeros(1, 1, 8, 8),), str(home / "free.onnx"), dynamo=False, input_names=["x"],
            dynamic_axes={"x": {0: "n", 2: "h", 3: "w"}},
        )  # fmt: skip
    running = open_page("design", net="residual-mnist")
    upload(running, "free.onnx", (home / "free.onnx").read_bytes())
    assert "size of its images free (1×free×free)" in messages(running)
    assert design_of(running) == catalog.get("residual-mnist")
    running.number_input(key="import_at_side").set_value(20)
    running.button(key="import_again").click().run()
    finish(running)
    assert design_of(running).input_shape == (1, 20, 20), "channels are the file's own"
    assert not any(each.key == "import_again" for each in running.button)


def test_imported_models_have_an_end_that_is_told(home: Path, monkeypatch: pytest.MonkeyPatch, known: Import) -> None:
    name = keeping.save_import(known, home)
    assert measure_imported(home) == (home / "imported" / f"{name}.safetensors").stat().st_size
    monkeypatch.setattr(keeping, "MAX_IMPORTED_BYTES", 6_000_000)
    assert keeping.save_import(known, home) == name, "what is there already takes no more"
    with pytest.raises(ValueError, match=r"already take 4\.\d+ MB of the 6\.?0* MB .* --remove NAME"):
        keeping.save_import(replace(known, weights_file="other.pth"), home)
    assert list(list_imported(home)) == [name]


def test_a_source_that_was_changed_says_so(home: Path) -> None:
    network = catalog.get("inception-a-mnist")
    source = export(Subject(architecture=network), "pytorch").data
    running = open_page("design")
    upload(running, "net.py", source)
    assert design_of(running) == network
    assert "changed by hand" not in messages(running)
    upload(running, "net.py", source.replace(b"nn.ReLU()", b"nn.Tanh()"))
    assert "changed by hand" in messages(running)


def upload(running: AppTest, name: str, data: bytes, *more: tuple[str, bytes]) -> None:
    uploader = unfold(running, "open_popover").file_uploader(key="upload")
    uploader.set_value([(each, content, "application/octet-stream") for each, content in ((name, data), *more)]).run()
    finish(running)
