"""Commands of our components, seen from the server: each is carried out once and in order, however messages arrive."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from explorer import catalog
from explorer.architecture import edit, to_link
from pages.ui.callbacks import keep_callbacks_whole
from pages.ui.commands import new_inbox, receive, register
from tests.pages.parts import design_of, mounted, open_page, plain
from tests.pages.sending import send


def message(*numbers: int, nonce: str = "n", to: str = "page/editor", name: str = "edit") -> dict[str, Any]:
    return {"nonce": nonce, "commands": [{"id": n, "to": to, "name": name, "value": n} for n in numbers]}


@pytest.fixture
def done() -> list[Any]:
    return []


@pytest.fixture
def inbox(done: list[Any]) -> dict[str, Any]:
    inbox = new_inbox()
    register(inbox, "page/editor", {"edit": done.append, "choose": lambda value: done.append(("chosen", value))})
    register(inbox, "page/diagram", {"choose": lambda value: done.append(("diagram", value))})
    return inbox


@given(st.data())
def test_any_messages_of_a_growing_list_carry_out_each_command_once_and_in_order(data: st.DataObject) -> None:
    """Messages get lost, come twice and late; the last one arrives. What is acknowledged is left out by the browser."""
    done: list[int] = []
    inbox = new_inbox()
    register(inbox, "page/editor", {"edit": done.append})
    count = data.draw(st.integers(1, 12))
    acknowledged, sent = 0, []
    for last in range(1, count + 1):
        sent.append(message(*range(acknowledged + 1, last + 1)))
        for index in data.draw(st.lists(st.integers(0, len(sent) - 1), max_size=3)):
            receive(inbox, "page/editor", sent[index])
        seen = register(inbox, "page/editor", {"edit": done.append})["id"]
        assert done == list(range(1, len(done) + 1))
        assert seen == len(done) or not done
        acknowledged = data.draw(st.sampled_from([acknowledged, seen]))
    receive(inbox, "page/editor", message(*range(acknowledged + 1, count + 1)))
    assert done == list(range(1, count + 1))


def test_the_component_that_brought_them_acknowledges(inbox: dict[str, Any], done: list[Any]) -> None:
    mixed = message(1, 2)
    mixed["commands"].append({"id": 3, "to": "page/diagram", "name": "choose", "value": "a"})
    receive(inbox, "page/diagram", mixed)
    assert done == [1, 2, ("diagram", "a")]
    assert register(inbox, "page/diagram", {}) == {"address": "page/diagram", "nonce": "n", "id": 3}
    assert register(inbox, "page/editor", {}) == {"address": "page/editor", "nonce": "", "id": 0}
    # The other one brings what it still has; nothing is done again, and it can acknowledge now.
    receive(inbox, "page/editor", mixed)
    assert done == [1, 2, ("diagram", "a")]
    assert register(inbox, "page/editor", {})["id"] == 3


def test_the_order_is_that_of_the_numbers(inbox: dict[str, Any], done: list[Any]) -> None:
    shuffled = message(*range(1, 30))
    random.Random(1).shuffle(shuffled["commands"])
    receive(inbox, "page/editor", shuffled)
    assert done == list(range(1, 30))


def test_another_load_of_the_page_counts_from_one(inbox: dict[str, Any], done: list[Any]) -> None:
    receive(inbox, "page/editor", message(1, 2, nonce="first"))
    receive(inbox, "page/editor", message(1, nonce="second"))
    receive(inbox, "page/editor", message(1, 2, nonce="first"))  # late
    assert done == [1, 2, 1]


def test_a_command_that_fails_is_not_repeated_and_those_behind_it_are_not_lost(inbox: dict[str, Any]) -> None:
    done: list[int] = []

    def edit(value: int) -> None:
        if value == 2:
            raise ValueError("no")
        done.append(value)

    register(inbox, "page/editor", {"edit": edit})
    with pytest.raises(ValueError, match="no"):
        receive(inbox, "page/editor", message(1, 2, 3))
    assert register(inbox, "page/editor", {"edit": edit})["id"] == 2
    receive(inbox, "page/editor", message(3))
    assert done == [1, 3]


def test_a_command_to_the_page_before_goes_there(inbox: dict[str, Any], done: list[Any]) -> None:
    other: list[Any] = []
    register(inbox, "other/editor", {"edit": other.append})
    receive(inbox, "other/editor", message(1))
    assert (done, other) == ([1], [])


def test_what_nobody_takes_is_told_and_acknowledged(inbox: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    receive(inbox, "page/editor", message(1, name="nothing"))
    receive(inbox, "page/editor", message(2, to="nowhere"))
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert register(inbox, "page/editor", {})["id"] == 2


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        3,
        "text",
        [],
        {},
        {"nonce": 1, "commands": []},
        {"nonce": "n", "commands": {}},
        {"nonce": "n" * 101, "commands": []},
        {"nonce": "n", "commands": [1]},
        {"nonce": "n", "commands": [{"id": True, "to": "", "name": ""}]},
        {"nonce": "n", "commands": [{"id": 1.0, "to": "", "name": ""}]},
        {"nonce": "n", "commands": [{"id": 1, "to": 1, "name": ""}]},
        message(0),
        message(-1),
    ],
)
def test_other_messages_change_nothing(
    inbox: dict[str, Any], done: list[Any], wrong: Any, caplog: pytest.LogCaptureFixture
) -> None:
    receive(inbox, "page/editor", wrong)
    assert done == []
    assert "left out" in caplog.text
    receive(inbox, "page/editor", message(1))
    assert done == [1]


def test_few_loads_of_the_page_are_remembered(inbox: dict[str, Any], done: list[Any]) -> None:
    for number in range(1000):
        receive(inbox, "page/editor", message(1, nonce=str(number)))
    assert len(done) == 1000
    assert len(inbox["seen"]) <= 8


# ---- through Streamlit, without a browser ----


def visit() -> AppTest:
    return open_page("design").run()


def test_a_page_carries_out_and_acknowledges() -> None:
    running = visit()
    path = running.session_state["design"]["selected"] + "/branch_1x1"
    wanted = [{"do": "set", "path": path, "field": "out_channels", "value": 40 + number} for number in range(3)]
    edits = [("editor", "edit", {"gesture": n, "phase": "commit", "command": each}) for n, each in enumerate(wanted)]
    send(running, *edits, ("undo_button", "press", None), ("diagram", "choose", "conv1"))
    assert not running.exception
    assert running.session_state["design"]["selected"] == "conv1"
    history = running.session_state["design"]["history"]
    assert (len(history.past), len(history.future)) == (2, 1)
    channel = mounted(running, "editor")["commands"]
    assert channel["id"] == 5
    send(running, first=4)  # the list once more
    assert running.session_state["design"]["history"] == history
    assert mounted(running, "editor")["commands"] == channel


def test_the_address_that_came_with_a_command_is_not_followed() -> None:
    """A browser sends a command with the address it has: the one before, where it has not heard of the last yet."""
    running = visit()
    send(running, ("editor", "edit", {"gesture": 1, "phase": "commit", "command": {"do": "title", "value": "Mine"}}))
    written = running.query_params["net"]
    running.query_params["net"] = "inception-net"
    send(running, first=1)
    assert design_of(running).name == "Mine"
    assert running.query_params["net"] == written
    running.query_params["net"] = "inception-net"
    running.run()
    assert design_of(running).name != "Mine"


def _interrupted_app() -> None:
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx
    from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

    def take() -> None:
        st.session_state["begun"] = st.session_state["text"]
        context = get_script_run_ctx()
        assert context is not None
        assert context.script_requests is not None
        context.script_requests.request_rerun(RerunData())  # what comes with the browser's next message
        st.session_state["done"] = st.session_state["text"]

    st.text_input("Text", key="text", on_change=take)


def test_a_callback_is_not_stopped_by_the_next_message() -> None:
    """Streamlit stops a script, and a callback too, at its next look into the state as soon as a message waits."""
    keep_callbacks_whole()
    running = AppTest.from_function(_interrupted_app).run()
    running.text_input(key="text").set_value("mine").run()
    assert running.session_state["begun"] == "mine"
    assert running.session_state["done"] == "mine"


def test_the_picture_builds_a_network_from_nothing() -> None:
    running = open_page("design", net=to_link(catalog.empty()))
    running = send(running, ("diagram", "wake", True))

    def edit(**command: Any) -> None:
        send(running, ("diagram", "edit", {"gesture": None, "phase": "commit", "command": command}))

    edit(do="insert", place="inside", path="", value="stem")
    for part, behind in (("inception", "stem"), ("inception", "inception"), ("head", "inception_2")):
        edit(do="insert", place="after", path=behind, value=part)
    names = [node.name for node in design_of(running).trunk.nodes]
    assert names == ["stem", "inception", "inception_2", "avgpool", "flatten", "fc"]
    assert mounted(running, "diagram")["tools"]["paths"] == ["avgpool", "flatten", "fc"]
    odd: list[Any] = [None, 3, [], {}, {"from": 1, "to": "fc"}, {"from": "no", "to": "fc"}, {"from": "", "to": ""}]
    for ends in odd:
        send(running, ("diagram", "extend", ends))
    assert mounted(running, "diagram")["tools"]["paths"] == ["avgpool", "flatten", "fc"]
    send(running, ("diagram", "extend", {"from": "inception_2", "to": "stem"}))
    tools = mounted(running, "diagram")["tools"]
    assert tools["paths"] == ["stem", "inception", "inception_2"]
    edit(**tools["wrap"], value="residual")
    assert design_of(running).trunk.nodes[0].name == "residual"
    before = design_of(running)
    edit(do="insert", place="after", path="fc", value="conv")
    assert design_of(running) == before
    assert "insert it before flatten, where there still are feature maps" in plain(running.error[0].value)


def test_a_choice_that_does_not_fit_is_answered_and_changes_nothing() -> None:
    """In the editor; what is built by hand is answered in the picture."""
    running = open_page("design").run()
    before = design_of(running)
    command = {"do": "residual", "path": "inception_3a", "value": "identity"}
    send(running, ("editor", "edit", {"gesture": 1, "phase": "ask", "command": command}))
    assert design_of(running) == before
    answer = mounted(running, "editor")["refused"]
    assert "Not changed: inception_3a: an identity shortcut needs equal shapes" in answer["text"]
    assert mounted(running, "diagram")["refused"] is None
    send(running, ("editor", "edit", {"gesture": None, "phase": "commit", "command": answer["offers"][0]["command"]}))
    assert edit.find(design_of(running), "inception_3a").shortcut == "identity"
    assert mounted(running, "editor")["refused"] is None
    insertion = {"do": "insert", "place": "after", "path": "fc", "value": "conv"}
    send(running, ("diagram", "edit", {"gesture": None, "phase": "commit", "command": insertion}))
    answer = mounted(running, "diagram")["refused"]
    assert mounted(running, "editor")["refused"] is None
    assert answer["offers"][0]["label"] == "insert Convolution 3×3 before flatten"
    send(running, ("diagram", "edit", {"gesture": None, "phase": "commit", "command": answer["offers"][0]["command"]}))
    names = [node.name for node in design_of(running).trunk.nodes]
    assert names[names.index("flatten") - 1] == "conv"
