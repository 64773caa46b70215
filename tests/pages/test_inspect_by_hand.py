"""The Inspect page where a picture is made or changed by hand: the pad and the perturbations."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.datasets import MAX_STROKES_LETTERS, MNIST_FORM, decode, format_strokes
from explorer.inspection import load_model_cards
from explorer.inspection.opening import open_model
from explorer.inspection.perturbation import trace_perturbation
from explorer.inspection.predict import predict
from explorer.runs import Manager
from pages.ui.inspect import drawing
from tests.inspection.test_ink import photo
from tests.pages.parts import address, messages, mounted, open_page, press, visible_text
from tests.pages.sending import send
from tests.sizes import first

ONE = format_strokes([[(0.5, 0.1), (0.5, 0.9)]])
SEVEN = format_strokes([[(0.2, 0.15), (0.8, 0.15), (0.45, 0.9)]])


@pytest.fixture
def pad(home: Path) -> AppTest:
    return press(open_page("inspect", model="mnist-inception"), "inspect_draw")


def keys(running: AppTest) -> list[str]:
    return [picture["key"] for picture in running.session_state["inspect"]["pictures"]]


def shares(running: AppTest, key: str = "inspect_predictions") -> dict[str, float]:
    return {bar["label"]: bar["value"] for bar in mounted(running, key)["bars"]}


def test_a_first_visit_shows_digits_and_the_pad_is_at_hand(home: Path) -> None:
    running = open_page("inspect", model="mnist-inception")
    assert keys(running) == [f"sample:digit-{digit}" for digit in range(10)]
    assert running.button(key="inspect_draw").label == "Draw a digit"
    running = press(running, "inspect_draw")
    assert mounted(running, "inspect_pad")["text"] == ""
    assert [tile["title"] for tile in mounted(running, "inspect_tiles")["tiles"]][-1] == "empty drawing"


def test_a_drawing_is_read_while_it_grows_and_is_one_picture(pad: AppTest) -> None:
    before = len(keys(pad))
    send(pad, ("inspect_pad", "draw", SEVEN[:6]), ("inspect_pad", "draw", SEVEN))
    assert not pad.exception
    assert keys(pad)[before:] == [f"drawn:{SEVEN}"]
    assert mounted(pad, "inspect_pad")["text"] == SEVEN
    assert mounted(pad, "inspect_pad")["said"].startswith("7, ")
    assert list(shares(pad)) == list("0123456789")  # in their own order, so that none jumps
    assert max(shares(pad).items(), key=lambda each: each[1])[0] == "7"
    # The next stroke replaces it, where it stands; another drawing is another picture.
    send(pad, ("inspect_pad", "another", None))
    send(pad, ("inspect_pad", "draw", ONE))
    send(pad, ("inspect_tiles", "choose", f"drawn:{SEVEN}"))
    send(pad, ("inspect_pad", "draw", f"{SEVEN}.{ONE}"))
    assert keys(pad)[before:] == [f"drawn:{SEVEN}.{ONE}", f"drawn:{ONE}"]
    send(pad, ("inspect_pad", "draw", ""))
    assert keys(pad)[before:] == [f"drawn:{ONE}"]
    assert pad.session_state["inspect"]["pad"]


def test_only_a_stroke_under_way_leaves_the_rest_of_the_page_for_later(
    pad: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    grows = drawing.grows

    def look() -> bool:
        seen.append(grows())
        return seen[-1]

    monkeypatch.setattr(drawing, "grows", look)
    grow, done = ("inspect_pad", "grow", SEVEN[:6]), ("inspect_pad", "draw", SEVEN)
    send(pad, grow)
    send(pad, grow, done)  # in one message
    send(pad, grow, ("inspect_tiles", "choose", keys(pad)[0]))
    assert seen == [True, False, False]
    assert keys(pad)[-1] == f"drawn:{SEVEN[:6]}"


def test_the_address_draws_it_again_and_every_tab_works_on_it(home: Path) -> None:
    for tab, key in {"maps": "inspect_maps", "why": "inspect_why", "perturb": "inspect_response"}.items():
        running = open_page("inspect", model="mnist-inception", pictures=f"drawn:{SEVEN}", tab=tab)
        assert keys(running) == [f"drawn:{SEVEN}"]
        assert mounted(running, key)
    assert address(running, "pictures") == f"drawn:{SEVEN}"
    assert "as MNIST's digits were" in visible_text(running)


@pytest.mark.parametrize("text", first(3, ["A", None, "A" * (MAX_STROKES_LETTERS + 3), "AAAA", "<b>", 7, ["AAA"]]))
def test_what_is_no_drawing_is_told_and_nothing_is_lost(pad: AppTest, text: object) -> None:
    send(pad, ("inspect_pad", "draw", ONE))
    there = keys(pad)
    send(pad, ("inspect_pad", "draw", text))
    assert not pad.exception
    assert keys(pad) == there
    if isinstance(text, str):
        assert "drawing" in messages(pad)


def test_a_damaged_address_is_told(home: Path) -> None:
    running = open_page("inspect", model="mnist-inception", pictures="drawn:AAAA", perturb="rotate:3000,turn:1,blur:x")
    assert "describes no drawing" in messages(running)
    assert "rotate (=3,000) must be from −90 to 90" in messages(running)
    assert "no perturbation 'turn'" in messages(running)
    assert running.session_state["inspect"]["perturb"] == {}


def test_another_model_brings_its_own_samples_but_takes_nothing_away(home: Path) -> None:
    running = open_page("inspect")
    assert keys(running)[0] == "sample:airplane"
    running.selectbox(key="inspect_model").set_value("mnist-inception").run()
    assert keys(running)[0] == "sample:digit-0"
    send(running, ("inspect_tiles", "choose", "sample:digit-3"))
    press(running, "inspect_draw")
    send(running, ("inspect_pad", "draw", ONE))
    running.selectbox(key="inspect_model").set_value("cifar10-inception").run()
    assert f"drawn:{ONE}" in keys(running)
    assert not running.exception


def test_perturbations_follow_the_sliders_and_their_curve_is_drawn(home: Path, tmp_path: Path) -> None:
    running = open_page("inspect", model="mnist-inception", pictures=f"drawn:{SEVEN}", tab="perturb")
    model = open_model("mnist-inception", Manager(tmp_path))
    picture = running.session_state["inspect"]["pictures"][0]
    (was,) = predict(model, [decode(picture["data"]).pixels], top=10)
    assert shares(running, "inspect_perturbed_bars")["7"] == pytest.approx(was.top[0].probability, abs=1e-6)
    send(
        running, ("inspect_sliders", "set", {"name": "blur", "value": 3}),
        ("inspect_sliders", "set", {"name": "rotate", "value": 45}),
    )  # fmt: skip
    found = trace_perturbation(model, was.input, "rotate", {"blur": 3.0})
    drawn = mounted(running, "inspect_response")
    assert (drawn["now"], drawn["values"]) == (45.0, list(found.values))
    for line in drawn["lines"]:
        expected = found.probabilities[:, int(line["label"])].tolist()
        assert line["shares"] == pytest.approx(expected, abs=1e-5)
    place = found.values.index(45.0)
    now = shares(running, "inspect_perturbed_bars")
    assert now["7"] == pytest.approx(float(found.probabilities[place, 7]), abs=1e-5)
    assert address(running, "perturb") == "blur:3,rotate:45"
    again = open_page("inspect", model="mnist-inception", pictures=f"drawn:{SEVEN}", tab="perturb",
                      perturb="blur:3,rotate:45")  # fmt: skip
    assert shares(again, "inspect_perturbed_bars") == pytest.approx(now, abs=1e-6)
    # A press on the picture covers a square there; what is no place, or out of range, changes nothing.
    send(running, ("inspect_perturbed", "place", [0.31, 0.79]))
    assert running.session_state["inspect"]["perturb"] == {
        "blur": 3.0, "rotate": 45.0, "cover": 24.0, "cover_x": 30.0, "cover_y": 80.0,
    }  # fmt: skip
    for value in ([1], "x", None, {"name": "turn", "value": 1}, {"name": "blur", "value": 1e9}):
        send(running, ("inspect_perturbed", "place", value), ("inspect_sliders", "set", value))
    assert len(running.session_state["inspect"]["perturb"]) == 5
    send(running, ("inspect_sliders", "reset", None))
    assert running.session_state["inspect"]["perturb"] == {}
    assert address(running, "perturb") == ""


def test_images_that_a_model_has_seen_are_told(home: Path) -> None:
    assert load_model_cards()["mnist-inception"].seen == ("digits",)
    running = open_page("inspect", model="mnist-inception", tab="test")
    assert running.selectbox(key="inspect_test_drawn-digits").value == "drawn-digits"
    running.selectbox(key="inspect_test_drawn-digits").set_value("digits").run()
    assert "among those that the model was trained on" in messages(running)


def test_a_cell_of_the_confusion_matrix_opens_its_images(home: Path) -> None:
    running = open_page("inspect", model="mnist-inception", tab="test")
    running.selectbox(key="inspect_count_400").set_value(200).run()
    press(running, "inspect_evaluate")
    board = mounted(running, "inspect_confusion")
    assert sum(map(sum, board["confusion"])) == 200
    assert board["what"] == "200 test images"
    send(running, ("inspect_confusion", "cell", [4, 4]))
    tiles = mounted(running, "inspect_cell")["tiles"]
    assert len(tiles) == min(24, board["confusion"][4][4])
    assert all((tile["shows"], tile["predictions"][0]["name"]) == ("4", "4") for tile in tiles)
    send(running, ("inspect_cell", "choose", tiles[0]["key"]))
    assert tiles[0]["key"] in keys(running)
    for wrong in ([99, 0], [-1, 0], "x", [1], None):
        send(running, ("inspect_confusion", "cell", wrong))
        assert not running.exception


def test_what_an_address_asks_for_in_vain_is_told(home: Path) -> None:
    running = open_page("inspect", model="mnist-inception", tab="zzz", node="inception_a/xyz")
    assert "There is no tab 'zzz' here; known: maps, " in messages(running)
    assert "has no node 'inception_a/xyz'; 'inception_a' is shown" in messages(running)


def test_a_model_compared_with_itself_is_told_and_a_fresh_install_has_something_to_show(home: Path) -> None:
    running = open_page("inspect", tab="two", second="cifar10-inception")
    assert "Both are the same model" in messages(running)
    running = open_page("inspect", tab="test")
    assert "airplane" in messages(running)
    press(running, "inspect_open_mnist-inception")
    assert running.button(key="inspect_evaluate")
    running = open_page("inspect", tab="two")
    press(running, "inspect_pair_mnist-inception_mnist-inception-1")
    assert len(mounted(running, "inspect_two_tiles")["tiles"]) == 10
    assert (address(running, "model"), address(running, "second")) == ("mnist-inception", "mnist-inception-1")
    running = open_page("inspect", model="mnist-inception-1", tab="two")
    assert running.button(key="inspect_pair_mnist-inception-1_mnist-inception")


def test_two_classes_side_by_side_on_the_picture(home: Path) -> None:
    running = open_page("inspect", tab="why", pictures="sample:cat")
    first, second = mounted(running, "inspect_why")["frames"]
    assert first["title"] == "cat"
    assert second["title"] != "cat"
    assert (first["width"], first["height"]) == running.session_state["inspect"]["pictures"][0]["size"][::-1]
    assert first["heat"]["scale"]["high"] == second["heat"]["scale"]["high"]  # one range of colours for both
    side = min(first["width"], first["height"])
    box = first["heat"]["box"]
    assert (box["bottom"] - box["top"], box["right"] - box["left"]) == pytest.approx((side, side), abs=1)
    running.selectbox(key="inspect_beside").set_value(-1).run()
    assert [frame["title"] for frame in mounted(running, "inspect_why")["frames"]] == ["cat"]
    running.selectbox(key="inspect_beside").set_value(5).run()
    assert [frame["title"] for frame in mounted(running, "inspect_why")["frames"]] == ["cat", "dog"]
    running.segmented_control(key="inspect_method").set_value("occlusion").run()
    running.number_input(key="inspect_stride_5").set_value(5)
    press(running, "inspect_compute")
    assert [frame["heat"]["unit"] for frame in mounted(running, "inspect_why")["frames"]] == ["logit", "logit"]


def test_ink_on_paper_is_converted_told_and_left_when_asked(home: Path) -> None:
    running = open_page("inspect", model="mnist-inception")
    file = io.BytesIO()
    Image.fromarray(photo("7", at=(0.1, 0.2))).save(file, "PNG")
    running.file_uploader(key="inspect_upload_0").set_value([("seven.png", file.getvalue(), "image/png")]).run()
    assert not running.exception
    assert max(shares(running).items(), key=lambda each: each[1])[0] == "7"
    assert f"Converted: {MNIST_FORM}" in visible_text(running)
    as_came, as_given = mounted(running, "inspect_pair")["frames"]
    assert (as_came["width"], as_came["height"], as_came["boxes"]) == (240, 200, [])
    running.toggle(key="inspect_ink").set_value(False).run()
    assert address(running, "ink") == "as-is"
    assert "taken as it is" in visible_text(running)
    assert mounted(running, "inspect_pair")["frames"][1]["src"] != as_given["src"]
    running.selectbox(key="inspect_model").set_value("cifar10-inception").run()
    assert "taken as it is" not in visible_text(running)
    # Digits on a dark ground have nothing to convert.
    running = open_page("inspect", model="mnist-inception", pictures=f"drawn:{SEVEN}", ink="as-is")
    assert not [each for each in running.toggle if each.key == "inspect_ink"]
