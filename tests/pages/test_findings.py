"""Findings of the linter on Design and on Receptive field: told, and mended by a click that can be undone."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from explorer.architecture import Architecture, Conv, Sequence, edit, to_link
from tests.pages.parts import design_of, open_page, visible_text

GRIDDED = Architecture(
    name="gridded",
    input_shape=(3, 32, 32),
    trunk=Sequence(
        name="trunk",
        children=tuple(Conv(name=f"conv{i}", out_channels=4, kernel_size=3, dilation=2) for i in range(3)),
    ),
)


def dilations(running: AppTest) -> list[object]:
    return [edit.find(design_of(running), f"conv{i}").dilation for i in range(3)]


def open_on(page: str, architecture: Architecture = GRIDDED, at: str = "conv2") -> AppTest:
    return open_page(page, net=to_link(architecture), at=at).run()  # Design shows all but numbers in its second run


@pytest.mark.parametrize("page", ["design", "receptive_field"])
def test_a_fix_is_a_click_and_a_step_back(page: str) -> None:
    running = open_on(page)
    assert "Gridding" in visible_text(running)
    assert "49 of 169 pixels (29 %)" in visible_text(running)
    (fix,) = [button for button in running.button if button.key and button.key.startswith("fix_")]
    assert "1, 2, 3" in fix.label
    fix.click().run()
    assert not running.exception
    assert dilations(running) == [1, 2, 3]
    told = " ".join(message.value for message in running.success)
    for words in ("Gridding mended", "conv0: dilation 2 → 1", "MACs 0", "coverage 29 % → 100 %"):
        assert words in visible_text(running), told
    assert not [button for button in running.button if button.key and button.key.startswith("fix_")]
    assert running.session_state["design"]["history"].past == (GRIDDED,)


def test_findings_of_other_blocks_are_a_button_that_leads_there() -> None:
    running = open_on("design", edit.insert(GRIDDED, "", Conv(name="last", out_channels=4)), at="last")
    assert "49 of 169" not in visible_text(running)
    running.button(key="findings_elsewhere").click().run()
    assert running.session_state["design"]["selected"] == "conv2"
    assert "49 of 169" in visible_text(running)


def test_a_late_click_changes_nothing() -> None:
    """What was offered for a design that is gone is not applied to the one that is there."""
    running = open_on("design")
    (fix,) = [button for button in running.button if button.key and button.key.startswith("fix_")]
    history = running.session_state["design"]["history"]
    other = edit.replace(GRIDDED, "conv0", out_channels=7)
    running.session_state["design"]["history"] = history.record(other)
    fix.click().run()
    assert design_of(running) == other
    assert "The design has changed meanwhile" in visible_text(running)


def test_a_network_without_findings_shows_none() -> None:
    running = open_page("design", net="googlenet").run()
    assert not [button for button in running.button if button.key in ("fix_0_0", "findings_elsewhere")]
