"""The tab Step by step of the page Receptive field: five lessons, their sliders, their addresses."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer import catalog
from explorer.analysis import analyze, explain_growth, format_growth
from explorer.architecture import edit
from explorer.comparison import list_stacks
from tests.pages.parts import address, messages, mounted, open_page, plain, press, set_design, visible_text
from tests.pages.sending import send

NAMES = ("window", "chain", "same", "dilations", "growth")


def lesson(text: str = "", **more: str) -> AppTest:
    return open_page("receptive_field", tab="steps", **({"lesson": text} if text else {}), **more)


def move(running: AppTest, sliders: str, place: int, value: object) -> AppTest:
    return send(running, (f"lesson_sliders_{sliders}", "set", {"name": f"number_{place}", "value": value}))


def test_the_lessons_follow_one_another() -> None:
    running = lesson()
    for name in NAMES:
        assert address(running, "lesson") == (name if name != NAMES[0] else "")
        assert "Notice:" in visible_text(running)
        if name != NAMES[-1]:
            press(running, "lesson_next")
    assert "lesson_next" not in {button.key for button in running.button}


def test_one_window() -> None:
    running = lesson()
    drawn = mounted(running, "lesson_window")
    assert (drawn["image"], drawn["out"], drawn["taps"][1]) == (5, 3, [1, 2, 3])
    press(running, "lesson_window-3-2-1-2-16")
    assert mounted(running, "lesson_window")["equations"][0].endswith("= 2·(3 − 1) + 1 = 5")
    move(running, "window_5", 1, 6)
    assert address(running, "lesson") == "window-3-6-1-2-16"
    assert mounted(running, "lesson_window")["reach"] == 13
    move(running, "window_5", 0, 7)
    assert "reaches over 37 pixels" in messages(running)
    send(running, ("lesson_sliders_window_5", "reset", None))
    assert mounted(running, "lesson_window")["image"] == 5


@pytest.mark.parametrize("value", [None, "3", 99, -1, 2.5, True, 4, [3]])
def test_values_that_no_slider_sends_change_nothing(value: Any) -> None:
    running = lesson("chain")
    before = mounted(running, "lesson_chain")["layers"]
    move(running, "chain_5", 1, value)
    assert mounted(running, "lesson_chain")["layers"] == before


def test_layers_are_added_and_removed() -> None:
    running = lesson("chain")
    assert "18·C² = 73,728" in visible_text(running)
    assert "25·C² = 102,400" in visible_text(running)
    press(running, "lesson_chain_add")
    move(running, "chain_7", 6, 4)
    assert address(running, "lesson") == "chain-64-3-1-3-1-3-4"
    assert mounted(running, "lesson_chain")["box"] == [-6, 6]
    for _ in range(2):
        press(running, "lesson_chain_remove")
    assert running.button(key="lesson_chain_remove").disabled
    assert [each["kernel"] for each in mounted(running, "lesson_chain")["layers"]] == [3]


def test_the_same_field() -> None:
    running = lesson("same-7-32")
    ways = list_stacks(7, 32)
    (table,) = [each.value for each in running.table]
    assert list(table["weights"]) == [f"{way.totals.params:,}" for way in ways]
    assert list(table["MACs"]) == [f"{way.totals.macs:,}" for way in ways]
    assert list(table["pixels read"])[-1] == "9 of 7 × 7"
    drawn = mounted(running, "lesson_same")["fields"]
    assert drawn[-1]["rows"] == ["#..#..#" if row % 3 == 0 else "......." for row in range(7)]
    move(running, "same_2", 0, 4)  # no field is even
    assert address(running, "lesson") == "same-7-32"


def test_dilations() -> None:
    running = lesson("dilations")
    press(running, "lesson_dilations-2-2-2")
    drawn = mounted(running, "lesson_dilations")
    assert drawn["maps"][-1]["positions"] == [-6, -4, -2, 0, 2, 4, 6]
    assert drawn["share"]["text"].startswith("49 of 13 × 13 pixels")
    text = visible_text(running)
    for name in ("dilated-cnn", "dilated-cnn-121"):
        for slip in catalog.entry(name).repairs:
            assert slip[1:] in text


def test_growth_of_the_sessions_network() -> None:
    running = lesson("growth", net="googlenet", at="inception_4e")
    net = catalog.get("googlenet")
    steps = explain_growth(net, "inception_4e")
    (table,) = [each.value for each in running.table]
    assert [plain(text) for text in table["r"]] == [step.equations["r"] for step in steps]
    assert running.code[0].value == format_growth(steps)
    assert f"sees **{analyze(net).by_path['inception_4e'].receptive_field.size[0]}** pixels" in visible_text(running)
    running.segmented_control(key="lesson_growth_path").set_value("Shortest path").run()
    assert address(running, "lesson") == "growth-1-0"
    assert running.code[0].value == format_growth(explain_growth(net, "inception_4e", shortest=True))
    set_design(running, edit.replace(net, "conv1", kernel_size=9))
    running.run()
    assert "1 + (9 − 1)·1·1 = 9" in running.code[0].value


@pytest.mark.parametrize(
    "text", ["x", "window-", "window-3-1-1-0", "chain-64-4-1", "dilations-1-2-99", "same-8-64", "ü"]
)
def test_a_lesson_that_there_is_not_is_told(text: str) -> None:
    running = lesson(text)
    assert "lesson" in messages(running)
    assert mounted(running, "lesson_window")["image"] == 5
