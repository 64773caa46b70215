"""Commands of our components without a browser: the message that assets/commands.js would send."""

import json
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

_SENT: dict[int, list[dict[str, Any]]] = {}


def send(running: AppTest, *commands: tuple[str, str, Any], first: int | None = None) -> AppTest:
    """Send commands (key of the component, name, value) in one message through the first one's component.

    With ``first`` the commands sent before, from that number on, are sent once more.
    """
    mounted = {
        each.proto.id.rpartition("-")[2]: each.proto
        for each in running.main
        if each.type == "bidi_component" and '"commands"' in each.proto.json
    }
    sent = _SENT.setdefault(id(running), [])
    again = [] if first is None else sent[first - 1 :]
    for key, name, value in commands:
        address = json.loads(mounted[key].json)["commands"]["address"]
        sent.append({"id": len(sent) + 1, "to": address, "name": name, "value": value})
    message = {"nonce": f"test-{id(running)}", "commands": again + sent[len(sent) - len(commands) :]}
    through = message["commands"][0]["to"].rpartition("/")[2]
    states = running._tree.get_widget_states()
    states.widgets.append(
        WidgetState(
            id=f"$$STREAMLIT_INTERNAL_KEY_{mounted[through].id}__events",
            json_trigger_value=json.dumps([{"event": "commands", "value": message}]),
        )
    )
    return running._run(states)
