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

from explorer import challenges, experiments, search
from explorer.person import Person
from explorer.runs import Manager
from explorer.training import open_manager
from tests.browser.by_hand import Visit, signed_cookie, user_of
from tests.browser.helpers import Server
from tests.browser.signing_in import IDS, person_of, prepare, sharing
from tests.browser.test_people_hostile import assert_tells_nothing
from tests.challenges.parts import small as small_challenge
from tests.challenges.parts import trained
from tests.experiments.parts import finish as finish_variant
from tests.experiments.parts import small as small_experiment
from tests.search.parts import finish as finish_trial
from tests.search.parts import small as small_search
from tests.sizes import ALL, first

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

    def open(self, page: str, ids: dict[str, str]) -> tuple[str, str, str]:
        """Go to one of PAGES: its name, its query, and what the server says."""
        address, _, view = PAGES[page].format(**ids).partition("#")
        name, _, query = address.partition("?")
        said = self.run(name, query)
        if view:
            control = next(each for each in self.widgets if each.endswith("_view"))
            states = [WidgetState(id=control, string_array_value={"data": [view]})]
            said = self.run(name, query, WidgetStates(widgets=states))
        return name, query, said

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


VALUES: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
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
    "pressed": lambda ids: {"trigger_value": True},
}
TOGETHER = ("on", "a search", "no option", "a number", "infinity", "places", "rows", "pressed")
"""Values that fields may hold while every button is pressed: each widget takes what is of its kind."""


def prepare_more(home: Path, people: dict[str, Person]) -> None:
    """Ann and Bob have a search of two trials, an experiment and a challenge each, Bob others for what spares them."""
    prepare(home, people)
    manager = open_manager(home)
    for name, sub in (("ann", "ann"), ("bob", "bob"), ("bob, kept", "bob")):
        fill(manager, manager.act_for(people[sub]), name)
    manager.close()


def fill(manager: Manager, somebody: Manager, name: str) -> None:
    """One of each, with something to see in its picture, and nothing that waits."""
    own = {"search": search.start(somebody, small_search()).id}
    for accuracy in (0.5, 0.6):
        search.advance(manager, own["search"])
        finish_trial(manager, manager.store.trials(own["search"])[-1][1], accuracy, accuracy)
    search.stop(somebody, own["search"])
    planned = small_experiment(factors=("residual",), seeds=(0,))
    own["experiment"] = experiments.start(somebody, planned).id
    finish_variant(manager, manager.store.trials(own["experiment"])[0][1], 0.5)
    experiments.stop(somebody, own["experiment"])
    own["challenge"] = challenges.start(somebody, small_challenge()).id
    own["entry"] = challenges.hand_in(somebody, own["challenge"], trained(somebody, 0.8).id).id
    IDS.update({f"{what} of {name}": each for what, each in own.items()})


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
    "train": "train?run={shared}", "compare": "compare?network=lenet-5&network=googlenet&tab=tradeoffs",
    "design": "design?", "inspect": "inspect?model={bobs}", "search": "search?search={search of bob}&trial=0",
    "ablate": "ablate?experiment={experiment of bob}",
    "challenges": "challenges?challenge={challenge of bob}&entry={entry of bob}",
    "challenge of ann": "challenges?challenge={challenge of ann}&entry={entry of ann}",
    "search, kept": "search?search={search of bob, kept}",
    "challenge, kept": "challenges?challenge={challenge of bob, kept}",
    "new search": "search?#New search", "new ablation": "ablate?#New ablation",
    "new challenge": "challenges?#New challenge",
    "people": "people?", "catalogue": "catalogue?", "receptive_field": "receptive_field?",
}  # fmt: skip
"""Addresses; behind '#' the view of the page that is chosen there."""
KINDS = ("search", "experiment", "challenge")
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


    def find_theirs() -> object:
        mine = [row for row in ann.store.experiments.all() if row.id in {ids[f"{what} of ann"] for what in KINDS}]
        assert len(mine) == len(KINDS)
        runs = [*(ids[each] for each in ("private", "shared", "trial")), *ann.store.owned_by(ann.person.id)]
        entries = ann.store.entries.of(ids["challenge of ann"])
        return mine, ann.store.find(runs), [row for row in entries if row.id == ids["entry of ann"]]

    kept = find_theirs()
    before = len(server.log)

    def look(visit: Page, said: str) -> None:
        assert visit.failures == []
        assert_tells_nothing(said)

    yield look
    assert find_theirs() == kept
    manager.close()
    assert "Traceback" not in server.log[before:]


@pytest.mark.parametrize("page", first(2, [name for name in PAGES if "kept" not in name]))
def test_values_that_no_widget_sends(
    alone: tuple[Server, dict[str, str]], nothing_is_harmed: Callable[[Page, str], None], page: str
) -> None:
    """Each kind of value to all widgets of the page at once, then several with all buttons; and the page after it."""
    server, ids = alone
    kinds = [*((kind,) for kind in VALUES), TOGETHER]
    # Each in a session of its own in `make test-all`; otherwise in few, one behind the other: a third fewer runs.
    for visited in [[each] for each in kinds] if ALL else [kinds[start::4] for start in range(4)]:
        with Page(server, signed_cookie(user_of(server, "bob"))) as visit:
            name, query, said = visit.open(page, ids)
            nothing_is_harmed(visit, said)
            found = [each for each in visit.widgets if SIGN_OUT not in each]
            assert found
            for sent in visited:
                made = [VALUES[kind](ids) for kind in sent]
                states = WidgetStates(widgets=[WidgetState(id=each, **value) for each in found for value in made])
                nothing_is_harmed(visit, visit.run(name, query, states))
                nothing_is_harmed(visit, visit.run(name, query))


WITH_COMPONENTS = (
    "train", "search, kept", "design", "compare", "inspect", "receptive_field", "challenge, kept", "challenge of ann",
)  # fmt: skip


@pytest.mark.parametrize("page", first(2, WITH_COMPONENTS))
def test_commands_that_no_component_gives(
    alone: tuple[Server, dict[str, str]], nothing_is_harmed: Callable[[Page, str], None], page: str
) -> None:
    """Commands of a page's own components with what they never carry."""
    server, ids = alone
    values: list[Any] = [
        ids["private"], ids["entry of ann"], ids["search of ann"], "0", "-1", "٣",
        {"run": ids["private"], "step": 1}, [ids["private"], ids["trial"]], {"path": "../../etc"},
        {"x": "9" * 10_000, "smooth": "much", "log": 7}, 1e308, -1, True, None, [[[]]], {}, "", "9" * 100_000,
        {"row": -5, "column": 10**9}, {"command": "delete", "path": [1, {}], "value": [None]},
    ]  # fmt: skip
    with Page(server, signed_cookie(user_of(server, "bob"))) as visit:
        name, query, said = visit.open(page, ids)
        addresses = sorted(set(ADDRESS.findall(said)))
        assert addresses
        rows = [{"to": to, "name": each, "value": value} for to in addresses for each in NAMES for value in values]
        for number, row in enumerate(rows, start=1):
            row["id"] = number
        message = {"event": "commands", "value": {"nonce": "forged", "commands": rows}}
        state = WidgetState(json_trigger_value=json.dumps([message]))
        before = len(server.log)
        for base in visit.components:
            state.id = f"$$STREAMLIT_INTERNAL_KEY_{base}__events"
            nothing_is_harmed(visit, visit.run(name, query, WidgetStates(widgets=[state])))
        assert "Nothing on the server takes the command" in server.log[before:]  # they have arrived
        nothing_is_harmed(visit, visit.run(name, query))
