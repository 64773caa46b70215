"""Visitors without a browser: Streamlit's own websocket messages, so that twenty of them cost less than one Chromium.

Only what a Design page needs is spoken: open an address, read what comes, answer the diagram's wake, send the editor's
edits as ``assets/controls.js`` does, by the queue of ``assets/commands.js``.
"""

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

PATIENCE = 120.0
_DRAG_PLACES = 4


@dataclass
class Visitor:
    """One session."""

    url: str
    net: str
    numbers: random.Random
    waited: list[float] = field(default_factory=list)
    """Seconds from sending an edit to the headline's numbers, which come first in the rerun that it causes."""
    took: list[float] = field(default_factory=list)
    """Seconds from sending an edit to the end of that rerun."""
    problems: list[str] = field(default_factory=list)
    _components: dict[str, tuple[str, dict]] = field(default_factory=dict)
    _page: str = ""
    _commands: int = 0

    async def visit(self, everybody: asyncio.Barrier, seconds: float, pause: float) -> None:
        """Open the design, wait until everybody is there, and move one slider after another for so long."""
        address = self.url.replace("http", "ws", 1) + "/_stcore/stream"
        async with websockets.connect(
            address, subprotocols=["streamlit"], max_size=None, open_timeout=PATIENCE, ping_interval=None
        ) as self._socket:
            await self._rerun()
            await self._send("diagram", "wake", True)
            await everybody.wait()
            await asyncio.sleep(pause * self.numbers.random())
            until, gesture = time.monotonic() + seconds, 0
            while time.monotonic() < until and not self.problems:
                gesture += 1
                await self._move_a_slider(gesture)
                await asyncio.sleep(pause * self.numbers.uniform(0.5, 1.5))

    async def _move_a_slider(self, gesture: int) -> None:
        """A thumb over some places of a ribbon, one message under way at a time, then let go."""
        cards = self._components["editor"][1]["cards"]
        controls = [c for card in cards for c in card.get("controls", ())]
        controls += [c for card in cards for group in card.get("groups", ()) for c in group["controls"]]
        ribbon = self.numbers.choice([control for control in controls if control["type"] == "ribbon"])
        possible = [value for value, number, _ in ribbon["points"] if number is not None]
        places = self.numbers.choices(possible, k=_DRAG_PLACES)
        for number, value in enumerate(places):
            phase = "commit" if number == len(places) - 1 else "drag"
            command = {**ribbon["command"], "value": value}
            edit = {"gesture": gesture, "phase": phase, "command": command}
            started = time.monotonic()
            shown = await self._send("editor", "edit", edit)
            self.waited.append(shown - started)
            self.took.append(time.monotonic() - started)

    async def _send(self, component: str, name: str, value: object) -> float:
        self._commands += 1
        identity, data = self._components[component]
        command = {"id": self._commands, "to": data["commands"]["address"], "name": name, "value": value}
        payload = [{"event": "commands", "value": {"nonce": "visitor", "commands": [command]}}]
        return await self._rerun((f"$$STREAMLIT_INTERNAL_KEY_{identity}__events", json.dumps(payload)))

    async def _rerun(self, trigger: tuple[str, str] | None = None) -> float:
        """Ask for a run of the script and read until it has ended. The time at which the headline came."""
        headline = float("nan")
        message = BackMsg()
        state = message.rerun_script
        state.query_string = urlencode({"net": self.net})
        state.page_script_hash, state.page_name = self._page, "" if self._page else "design"
        if trigger is not None:
            widget = state.widget_states.widgets.add()
            widget.id, widget.json_trigger_value = trigger
        await self._socket.send(message.SerializeToString())
        while True:
            answer = ForwardMsg.FromString(await asyncio.wait_for(self._socket.recv(), PATIENCE))
            kind = answer.WhichOneof("type")
            if kind == "navigation":
                self._page = answer.navigation.page_script_hash
            elif kind == "delta":
                element = answer.delta.new_element
                if element.WhichOneof("type") == "metric" and element.metric.label == "Parameters":
                    headline = time.monotonic()
                self._read(element)
            elif kind == "script_finished":
                status = answer.script_finished
                if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    continue
                if status != ForwardMsg.FINISHED_SUCCESSFULLY:
                    self.problems.append(f"a script ended as {ForwardMsg.ScriptFinishedStatus.Name(status)}")
                return headline

    def _read(self, element) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.problems.append(f"{element.exception.type}: {element.exception.message}")
        elif kind == "bidi_component":
            name = element.bidi_component.component_name.removeprefix("explorer_")
            self._components[name] = (element.bidi_component.id, json.loads(element.bidi_component.json or "null"))
