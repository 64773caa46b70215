"""The Receptive field page through Streamlit's own test runner."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer import catalog
from explorer.analysis.support import find_unit_support
from explorer.architecture import edit, to_link, walk
from pages.ui.receptive_field.network import list_sources
from tests.datasets.makers import encoded
from tests.pages.parts import HOSTILE, address, design_of, messages, mounted, open_page
from tests.pages.sending import send
from tests.sizes import examples
from tests.strategies import analysis_or_skip, architectures


def app(**query: str) -> AppTest:
    return open_page("receptive_field", **query)


def frames(running: AppTest) -> list[dict[str, Any]]:
    return mounted(running, "field_drawing")["frames"]  # type: ignore[no-any-return]


def place(running: AppTest, name: str, frame: int, pair: Any) -> AppTest:
    """A click ('place') or an arrow key ('move') on a frame."""
    word = {"place": "at", "move": "by"}[name]
    send(running, ("field_drawing", name, {"frame": frame, word: pair}))
    assert not running.exception
    return running


def test_a_unit_is_chosen_by_a_click_and_by_keys_and_stands_in_the_address() -> None:
    running = app(net="googlenet", at="inception_3b")
    (first,) = frames(running)
    assert first["at"] == [14, 14]
    place(running, "place", 0, [3, 20])
    place(running, "move", 0, [0, -1])
    assert address(running, "unit") == "3-19"
    support = find_unit_support(catalog.get("googlenet"), "inception_3b", (3, 19))
    assert support.box is not None
    assert frames(running)[0]["field"]["box"] == list(support.box)
    place(running, "move", 0, [-9, 0])  # at the border it stays
    assert frames(app(**{key: address(running, key) for key in ("net", "at", "unit")}))[0]["at"] == [0, 19]
    for nonsense in ([1], "there", [1.5, 2], [None, None], [True, 0]):
        place(running, "place", 0, nonsense)
    place(running, "place", 4, [1, 1])
    assert address(running, "unit") == "0-19"


def test_the_node_is_the_designs_and_an_edit_here_is_an_edit_there() -> None:
    running = app(net="far-sighted-cnn", at="conv2")
    before = frames(running)[0]["field"]
    command = {"do": "set", "path": "conv2", "field": "dilation", "value": 1}
    send(running, ("editor", "edit", {"gesture": None, "phase": "commit", "command": command}))
    assert edit.find(design_of(running), "conv2").dilation == 1
    assert frames(running)[0]["field"] != before
    assert catalog.resolve(address(running, "net")) == design_of(running)
    send(running, ("undo_button", "press", None))
    assert design_of(running) == catalog.get("far-sighted-cnn")
    assert frames(running)[0]["field"] == before
    assert mounted(running, "editor")["metric"] == "receptive_field"
    send(running, ("editor", "metric", "macs"), ("editor", "metric", HOSTILE))
    assert mounted(running, "editor")["metric"] == "macs"
    send(running, ("field_growth", "choose", "conv1"))
    assert (address(running, "at"), frames(running)[0]["title"].partition(" · ")[2]) == ("conv1", "conv1")
    running.switch_page("pages/design.py").run().run()
    assert mounted(running, "diagram")["chosen"] == "conv1"
    assert running.session_state["design"]["history"].future


def test_the_other_way_and_back_again() -> None:
    running = app(net="googlenet", at="inception_3a", unit="5-6")
    running.segmented_control(key="field_way").set_value("pixel").run()
    (reverse,) = frames(running)
    assert (reverse["mode"], address(running, "pixel")) == ("pixel", "46-54")  # the middle of that unit's field
    place(running, "move", 0, [2, 0])
    assert address(running, "pixel") == "48-54"
    running.segmented_control(key="field_way").set_value("unit").run()
    assert (frames(running)[0]["mode"], address(running, "pixel"), address(running, "unit")) == ("unit", "", "5-6")


def test_from_layer_to_layer_two_networks_and_what_is_drawn() -> None:
    asked = {"from": "inception_3a", "with": "inception-v3", "node": "Mixed_5b", "show": "touched,paths", "unit": "7-7"}
    running = app(net="googlenet", at="inception_3b", **asked)
    first, second = frames(running)
    assert (first["source"]["name"], first["src"]) == ("inception_3a", None)
    assert second["title"] == "Inception v3 · Mixed_5b"
    assert second["src"].startswith("data:image/")
    assert first["heat"]["unit"] == "paths"
    # The second's unit is the one whose centre lies where the first's does, as a share of the sides: at 80 of 299.
    assert second["at"] == [round((299 * 7.5 / 28 - 0.5 - centre) / 8) for centre in second["units"]["first"]]
    place(running, "place", 1, [17, 34])
    assert frames(running)[1]["at"] == [pytest.approx(17, abs=1), 34]  # the first's units lie further apart
    running.get_by_key("field_layers").set_value(["box"]).run()
    assert address(running, "show") == "box"
    running.get_by_key("field_layers").set_value([]).run()
    assert address(running, "show") == "none"
    running.selectbox(key="field_other").set_value("@baseline").run()
    assert address(running, "with") == "googlenet"
    running.selectbox(key="field_other").set_value("").run()
    assert len(frames(running)) == 1


@pytest.mark.parametrize("query", [
    {"unit": "9999-9999", "from": HOSTILE, "with": "1.broken", "show": HOSTILE, "tab": HOSTILE, "picture": HOSTILE},
    {"unit": "x", "pixel": "9999-0", "from": "inception_5b", "with": "inception-v3", "node": HOSTILE, "at": "fc"},
    {"picture": "sample:nobody", "at": "auxiliary_1"}, {"at": HOSTILE},
])  # fmt: skip
def test_wrong_addresses_show_what_there_is(query: dict[str, str]) -> None:
    running = app(net="googlenet", **query)
    assert not running.exception
    assert frames(running)[0]["at"]
    if query.get("with") == "1.broken":
        assert "could not be opened" in messages(running)


def test_a_network_of_nothing_and_inputs_that_are_no_picture() -> None:
    empty = catalog.empty()
    assert "no layer yet" in messages(app(net=to_link(empty)))
    deep = app(net="inception-block", at="inception")
    assert (frames(deep)[0]["src"], frames(deep)[0]["note"]) == (None, "on the input, 64 × 28 × 28")
    grey = app(net="mnist-inception", at="inception_a", show="touched,input")
    assert frames(grey)[0]["pixelated"]


def test_an_uploaded_picture_stands_upright_under_the_field() -> None:
    """A photo with a note that it lies on its side: what is dark and left in the file is dark and above on the page."""
    running = app(net="far-sighted-cnn", at="conv2")
    running.session_state["field_pictures"] = True
    running.run()
    pixels = np.full((60, 80, 3), 255, np.uint8)
    pixels[:, :30] = 0
    turned = Image.fromarray(pixels)
    turned.getexif()[0x0112] = 6  # to be turned a quarter to the right
    content = encoded(turned, "JPEG", exif=turned.getexif(), quality=95)
    place_of = running.session_state["inspect"]["round"]
    running.get_by_key(f"inspect_upload_{place_of}").set_value(("photo.jpg", content, "image/jpeg")).run()
    assert not running.exception
    (frame,) = frames(running)
    assert "photo.jpg" in frame["note"]
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(frame["src"].partition(",")[2]))).convert("L"))
    assert shown[2].mean() < 30
    assert shown[-3].mean() > 225
    assert "picture" not in running.query_params  # it is nobody else's


def test_a_sample_stands_in_the_address() -> None:
    running = app(net="far-sighted-cnn", at="conv2", picture="sample:frog")
    assert "Frog" in frames(running)[0]["note"]
    assert address(running, "picture") == "sample:frog"


@settings(max_examples=examples(50), deadline=None)
@given(architectures(), st.data())
def test_a_node_depends_on_every_source_that_is_offered(network: Any, data: st.DataObject) -> None:
    analysis_or_skip(network)
    heads = tuple(path for path, node in walk(network) if node.op == "auxiliary")
    paths = [path for path, _ in walk(network) if not path.startswith(heads)]
    assume(paths)
    path = data.draw(st.sampled_from(paths))
    for source in list_sources(network, path):
        find_unit_support(network, path, source=source)  # raises where it does not


def test_all_before_a_branch_is_offered_and_nothing_beside_it() -> None:
    offered = list_sources(catalog.get("googlenet"), "inception_4a/branch_3x3/conv")
    assert [path for path in offered if "/" not in path] == [
        "conv1", "pool1", "norm1", "conv2_reduce", "conv2", "norm2", "pool2", "inception_3a", "inception_3b", "pool3",
    ]  # fmt: skip
    assert "inception_3a/branch_5x5/reduce" in offered
    assert [path for path in offered if path.startswith("inception_4a")] == ["inception_4a/branch_3x3/reduce"]
