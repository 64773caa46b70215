"""Widgets look up their own values in the session's state, and nobody copies it for that."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.runtime.state import SessionState
from streamlit.testing.v1 import AppTest

from pages.ui.state_view import look_up_one_value


def _script() -> None:
    import streamlit as st

    st.session_state.setdefault("kept", {"of": "a page"})
    st.session_state.setdefault("none", None)
    for place in range(30):
        st.text_input("field", "as it was", key=f"field_{place}")
    st.text_input("without a key")
    st.number_input("number", value=3, key="none")
    st.selectbox("choice", ["a", "b"], index=None, key="choice")
    st.text(f"{dict(st.session_state.to_dict())} {len(st.session_state)} {sorted(st.session_state)} {st.session_state}")


def test_the_state_is_what_it_was_and_nobody_copies_it_for_one_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each field would ask for all values: of fifty fields the square of that."""
    look_up_one_value()
    copies = 0
    plain = SessionState.filtered_state.fget  # type: ignore[attr-defined]

    def copy(state: SessionState) -> Any:
        nonlocal copies
        copies += 1
        return plain(state)

    monkeypatch.setattr(SessionState, "filtered_state", property(copy))
    running = AppTest.from_function(_script).run()
    copies = 0
    running.text_input(key="field_1").set_value("typed").run()
    assert copies < 10  # for the script's own question
    assert running.number_input(key="none").value is None  # as the state says, whatever the widget begins with
    values = {
        "kept": {"of": "a page"}, "none": None, "choice": None, "field_1": "typed",
        **{f"field_{place}": "as it was" for place in range(30) if place != 1},
    }  # fmt: skip
    assert running.session_state._state._state.filtered_state == values
    assert running.text[0].value.count("'typed'") == 2
    assert f" {len(values)} {sorted(values)} " in running.text[0].value
