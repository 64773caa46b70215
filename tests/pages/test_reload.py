"""A reload of the Design page keeps its steps: another session of the same browser tab, without a browser."""

from __future__ import annotations

import secrets
from typing import Any

from streamlit.testing.v1 import AppTest

from explorer import catalog
from explorer.architecture import edit
from pages.ui import tabs
from tests.pages.parts import address, design_of, open_page
from tests.pages.sending import send

CONV = "inception_3a/branch_1x1"


def set_channels(running: AppTest, value: int) -> AppTest:
    command = {"do": "set", "path": CONV, "field": "out_channels", "value": value}
    return send(running, ("editor", "edit", {"gesture": value, "phase": "commit", "command": command}))


def visit(tab: str, **query: str) -> AppTest:
    return send(open_page("design", **query), ("diagram", "wake", tab))


def channels(running: AppTest) -> int:
    return edit.find(design_of(running), CONV).out_channels  # type: ignore[no-any-return]


def undo(running: AppTest) -> AppTest:
    return send(running, ("undo_button", "press", None))


def redo(running: AppTest) -> AppTest:
    return send(running, ("redo_button", "press", None))


def history(running: AppTest) -> Any:
    return running.session_state["design"]["history"]


def test_steps_back_and_forward_are_there_after_a_reload() -> None:
    tab = secrets.token_hex(16)
    before = visit(tab, net="googlenet")
    for number in (33, 34, 35):
        set_channels(before, number)
    undo(before)
    tabs._unpacked.clear()  # as where the session before is gone for good
    after = visit(tab, net=address(before, "net"))
    assert channels(after) == 34
    assert (len(history(after).past), len(history(after).future)) == (2, 1)
    assert channels(redo(after)) == 35
    for number in (34, 33, 64):
        assert channels(undo(after)) == number
    assert history(after).past == ()


def test_what_is_done_before_the_tab_is_known_comes_on_top() -> None:
    tab = secrets.token_hex(16)
    before = visit(tab, net="googlenet")
    set_channels(before, 33)
    after = open_page("design", net=address(before, "net")).run()
    set_channels(after, 34)
    send(after, ("diagram", "wake", tab))
    assert [channels(undo(after)), channels(undo(after))] == [33, 64]


def test_another_tab_begins_anew() -> None:
    before = visit(secrets.token_hex(16), net="googlenet")
    set_channels(before, 33)
    after = visit(secrets.token_hex(16), net=address(before, "net"))
    assert history(after).past == ()
    for wrong in ("", "x" * 32, True, None, {"a": 1}, "A" * 40):
        assert history(visit(wrong, net="googlenet")).past == ()  # type: ignore[arg-type]


def test_the_design_is_there_where_another_page_was_reloaded() -> None:
    tab = secrets.token_hex(16)
    before = visit(tab, net="residual-mnist")
    after = visit(tab)
    assert design_of(after) == design_of(before) == catalog.get("residual-mnist")
    assert address(after, "net") == "residual-mnist"


def test_a_design_that_is_too_large_for_an_address_outlives_a_reload() -> None:
    tab = secrets.token_hex(16)
    before = visit(tab, net="googlenet")
    fields = {"notes": secrets.token_urlsafe(3000), "provenance": secrets.token_urlsafe(3000)}
    large = edit.replace(catalog.get("googlenet"), "", **fields)
    state = before.session_state["design"]
    state["history"] = state["history"].record(large)
    before.run()
    send(before, ("editor", "metric", "params"))
    assert before.session_state["design"]["unwritten"]
    after = visit(tab, net=address(before, "net"))
    assert design_of(after) == large


def test_the_tabs_used_longest_ago_are_forgotten_first(monkeypatch: Any) -> None:
    names = [secrets.token_hex(16) for _ in range(3)]
    store = tabs._store()
    with store.lock:
        for known in list(store.tabs):
            store._drop(known)
    assert store.size_bytes == 0
    for name in names:
        set_channels(visit(name, net="googlenet"), 33)
    assert [tabs.find(name) is not None for name in names] == [True] * 3
    visit(names[0], net=address(set_channels(visit(names[0], net="googlenet"), 33), "net"))
    monkeypatch.setattr(tabs, "MAX_BYTES", store.size_bytes)
    set_channels(visit(secrets.token_hex(16), net="googlenet"), 33)
    assert [tabs.find(name) is not None for name in names] == [True, False, True]
