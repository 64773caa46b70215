"""Forged values of the widgets that a page has: of a wrong kind, too large, and naming what is somebody else's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates

from explorer import challenges, search
from explorer.person import Person
from explorer.training import open_manager
from tests.browser.by_hand import Visit, signed_cookie, user_of
from tests.browser.helpers import Server
from tests.browser.signing_in import IDS, person_of, prepare, sharing
from tests.browser.test_people_hostile import assert_tells_nothing
from tests.challenges.parts import small as small_challenge
from tests.search.parts import small as small_search
from tests.sizes import first

HUGE = 2**53 - 1


def find_ids(message: Message) -> Iterator[str]:
    """The ids of all widgets in a message of the server."""
    for field, value in message.ListFields():
        if field.message_type is None:
            if field.name == "id" and isinstance(value, str) and value.startswith("$$ID-"):
                yield value
        elif field.is_repeated:
            if not field.message_type.GetOptions().map_entry:
                for each in value:
                    yield from find_ids(each)
        else:
            yield from find_ids(value)


class Page(Visit):
    """A visit that keeps what the server draws."""

    def listen(self, seconds: float = 60) -> str:
        self.widgets: dict[str, None] = {}
        self.components: dict[str, None] = {}
        self.failures: list[str] = []
        return super().listen(seconds)

    def hear(self, message: ForwardMsg) -> None:
        if message.WhichOneof("type") == "delta":
            self.widgets |= dict.fromkeys(find_ids(message.delta))
            element = message.delta.new_element
            if element.WhichOneof("type") == "bidi_component":
                self.components[element.bidi_component.id] = None
            if element.WhichOneof("type") == "exception":
                self.failures.append(f"{element.exception.type}: {element.exception.message}")


VALUES: dict[str, Callable[[], dict[str, Any]]] = {
    "pressed": lambda ids: {"trigger_value": True},
    "on": lambda ids: {"bool_value": True},
    "a run": lambda ids: {"string_value": ids["private"]},
    "a search": lambda ids: {"string_value": ids["search of ann"]},
    "a long text": lambda ids: {"string_value": "9" * 100_000},
    "a path": lambda ids: {"string_value": "/etc/passwd"},
    "runs": lambda ids: {"string_array_value": {"data": [ids["private"], ids["trial"], ids["data"]]}},
    "no option": lambda ids: {"string_array_value": {"data": [""]}},
    "a number": lambda ids: {"int_value": HUGE},
    "a negative number": lambda ids: {"int_value": -HUGE},
    "no number": lambda ids: {"double_value": float("nan")},
    "infinity": lambda ids: {"double_value": float("inf")},
    "numbers": lambda ids: {"double_array_value": {"data": [float("nan"), 1e308, -1.0]}},
    "places": lambda ids: {"int_array_value": {"data": [HUGE, -5]}},
    "rows": lambda ids: {"string_value": json.dumps({"selection": {"rows": [0, HUGE], "columns": [], "cells": []}})},
    "rows of a run": lambda ids: {"string_value": json.dumps({"selection": {"rows": [ids["private"]], "columns": 7}})},
    "JSON": lambda ids: {"json_value": json.dumps({"run": ids["private"], "selection": {"rows": [99]}})},
    "no JSON": lambda ids: {"json_value": "{"},
    "a list": lambda ids: {"json_value": "[" * 50_000 + "]" * 50_000},
    "a triggered text": lambda ids: {"string_trigger_value": {"data": ids["private"]}},
    "triggered JSON": lambda ids: {"json_trigger_value": json.dumps({"commands": [1, {"run": ids["private"]}]})},
    "no triggered JSON": lambda ids: {"json_trigger_value": "nothing"},
    "bytes": lambda ids: {"bytes_value": b"\xff" * 1000},
    "a file": lambda ids: {
        "file_uploader_state_value": {"uploaded_file_info": [{"file_id": "x", "name": "../x", "size": 5}]}
    },
    "a chat": lambda ids: {"chat_input_value": {"data": "hello"}},
    "a table": lambda ids: {"arrow_value": {"data": b"no arrow"}},
}


def prepare_more(home: Path, people: dict[str, Person]) -> None:
    """Bob has two searches, one of them with a trial, Ann one of her own; each has set a challenge."""
    prepare(home, people)
    manager = open_manager(home)
    for sub, count in (("ann", 1), ("bob", 2)):
        somebody = manager.act_for(people[sub])
        IDS[f"challenge of {sub}"] = challenges.start(somebody, small_challenge()).id
        for _ in range(count):
            IDS[f"search of {sub}"] = search.start(somebody, small_search()).id
    search.advance(manager, IDS["search of bob"])
    for sub in ("ann", "bob"):
        for each in search.list_searches(manager.act_for(people[sub])):
            search.stop(manager, each.id)
    manager.close()


@pytest.fixture(scope="module")
def alone(
    _servers: list[Server], tmp_path_factory: pytest.TempPathFactory, forks: str
) -> Iterator[tuple[Server, dict[str, str]]]:
    """A server of this file's own, where nobody may start a run, and what lies there: buttons are pressed."""
    before, around = dict(IDS), {"EXPLORER_QUOTA_QUEUE": "0"}
    with sharing(tmp_path_factory.mktemp("alone"), around, prepare=prepare_more, forks=forks) as running:
        mine = dict(IDS)
        IDS.update(before)
        _servers.append(running)
        yield running, mine
        _servers.remove(running)


PAGES = {
    "train": "run={shared}", "compare": "network=lenet-5&network=googlenet&tab=tradeoffs", "design": "",
    "inspect": "model={bobs}", "ablate": "", "search": "search={search of bob}&trial=0",
    "challenges": "challenge={challenge of bob}", "people": "", "catalogue": "",
    "receptive_field": "",
}  # fmt: skip
SIGN_OUT = "sign_out"
NAMES = (
    "another", "at", "cell", "choose", "compare", "draw", "edit", "extend", "grow", "metric", "move", "open", "place",
    "press", "reset", "set", "step", "view", "wake", "width",
)  # fmt: skip
"""Of the commands that our components give."""
ADDRESS = re.compile(r'"address": ?"([^"]+)"')


@pytest.fixture
def nothing_is_harmed(alone: tuple[Server, dict[str, str]]) -> Iterator[Callable[[Page, str], None]]:
    """Gives what looks at an answer; in the end, what is Ann's is as it was, and the server has met no error."""
    server, ids = alone
    manager = open_manager(server.home)
    ann = manager.act_for(person_of(server.home, "ann"))
    kept = ann.store.find([ids["private"], ids["shared"], ids["trial"]]), ann.store.experiments.all()
    before = len(server.log)

    def look(visit: Page, said: str) -> None:
        assert visit.failures == []
        assert_tells_nothing(said)

    yield look
    now = ann.store.find([ids["private"], ids["shared"], ids["trial"]]), ann.store.experiments.all()
    theirs = {ids["search of ann"], ids["challenge of ann"]}
    assert now[0] == kept[0]
    assert [row for row in now[1] if row.id in theirs] == [row for row in kept[1] if row.id in theirs]
    manager.close()
    assert "Traceback" not in server.log[before:]


@pytest.mark.parametrize("page", first(2, PAGES))
def test_values_that_no_widget_sends(
    alone: tuple[Server, dict[str, str]], nothing_is_harmed: Callable[[Page, str], None], page: str
) -> None:
    """Each kind of value to all widgets of the page at once, and the page after it."""
    server, ids = alone
    query = PAGES[page].format(**ids)
    for make in VALUES.values():
        with Page(server, signed_cookie(user_of(server, "bob"))) as visit:
            visit.run()
            nothing_is_harmed(visit, visit.run(page, query))
            found = [each for each in visit.widgets if SIGN_OUT not in each]
            assert found
            states = WidgetStates(widgets=[WidgetState(id=each, **make(ids)) for each in found])
            nothing_is_harmed(visit, visit.run(page, query, states))
            nothing_is_harmed(visit, visit.run(page, query))


@pytest.mark.parametrize("page", first(2, ["train", "design", "compare", "inspect", "receptive_field"]))
def test_commands_that_no_component_gives(
    alone: tuple[Server, dict[str, str]], nothing_is_harmed: Callable[[Page, str], None], page: str
) -> None:
    """Commands of a page's own components with what they never carry."""
    server, ids = alone
    query = PAGES[page].format(**ids)
    values: list[Any] = [
        ids["private"], {"run": ids["private"], "step": 1}, [ids["private"], ids["trial"]], {"path": "../../etc"},
        {"x": "9" * 10_000, "smooth": "much", "log": 7}, 1e308, -1, True, None, [[[]]], {}, "", "9" * 100_000,
        {"row": -5, "column": 10**9}, {"command": "delete", "path": [1, {}], "value": [None]},
    ]  # fmt: skip
    with Page(server, signed_cookie(user_of(server, "bob"))) as visit:
        visit.run()
        said = visit.run(page, query)
        addresses = sorted(set(ADDRESS.findall(said)))
        assert addresses
        rows = [{"to": to, "name": name, "value": value} for to in addresses for name in NAMES for value in values]
        for number, row in enumerate(rows, start=1):
            row["id"] = number
        message = {"event": "commands", "value": {"nonce": "forged", "commands": rows}}
        state = WidgetState(json_trigger_value=json.dumps([message]))
        before = len(server.log)
        for base in visit.components:
            state.id = f"$$STREAMLIT_INTERNAL_KEY_{base}__events"
            nothing_is_harmed(visit, visit.run(page, query, WidgetStates(widgets=[state])))
        assert "Nothing on the server takes the command" in server.log[before:]  # they have arrived
        nothing_is_harmed(visit, visit.run(page, query))
