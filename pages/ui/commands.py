"""Commands of our components: each is carried out once and in order, however often it arrives.

Streamlit keeps one value for each trigger, and a second value overwrites a first that was not read yet. So the browser
(assets/commands.js) numbers the commands of all components of a page in one row, and every message carries all of them
that were not acknowledged. Here those are skipped that were carried out already, by the highest number seen of the
browser's page load (its nonce). The component through which a message came carries the acknowledgement back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

logger = logging.getLogger(__name__)

Handlers = Mapping[str, Callable[[Any], None]]
"""What carries out a component's commands, by their names."""

_MAX_NONCES = 8


def new_inbox() -> dict[str, Any]:
    """What a visitor's session remembers of its commands; plain values, as everything in a session."""
    return {"handlers": {}, "seen": {}, "acknowledged": {}}


def register(inbox: dict[str, Any], address: str, handlers: Handlers) -> dict[str, Any]:
    """Let commands to ``address`` be carried out by ``handlers``.

    The handlers stay when the page changes: a command that the visitor gave before may still be on its way.

    Returns:
        What the component's script needs: its address, and the last command acknowledged through it.
    """
    inbox["handlers"][address] = handlers
    return {"address": address, **inbox["acknowledged"].get(address, {"nonce": "", "id": 0})}


def receive(inbox: dict[str, Any], address: str, message: Any) -> None:
    """Carry out what is new in a message that came through the component at ``address``.

    A command counts as seen before it is carried out: one that fails is not tried again. Those behind it are carried
    out when the browser sends them again.
    """
    read = _read(message)
    if read is None:
        logger.warning("A message through %s that is no list of commands was left out: %.200r", address, message)
        return
    nonce, commands = read
    seen = inbox["seen"]
    last = seen.pop(nonce, 0)
    while len(seen) >= _MAX_NONCES:
        del seen[next(iter(seen))]
    seen[nonce] = last
    try:
        for number, to, name, value in commands:
            if number <= seen[nonce]:
                continue
            seen[nonce] = number
            handler = inbox["handlers"].get(to, {}).get(name)
            if handler is None:
                logger.warning("Nothing on the server takes the command %.80r to %.200r", name, to)
            else:
                handler(value)
    finally:
        inbox["acknowledged"][address] = {"nonce": nonce, "id": seen[nonce]}


def _read(message: Any) -> tuple[str, list[tuple[int, str, str, Any]]] | None:
    """Nonce and commands of a message, in their order; None where it has another form than our script's."""
    if not isinstance(message, dict):
        return None
    nonce, rows = message.get("nonce"), message.get("commands")
    if not isinstance(nonce, str) or not isinstance(rows, list) or len(nonce) > 100:
        return None
    commands = []
    for row in rows:
        if not isinstance(row, dict):
            return None
        number, to, name = row.get("id"), row.get("to"), row.get("name")
        if type(number) is not int or number < 1 or not isinstance(to, str) or not isinstance(name, str):
            return None
        commands.append((number, to, name, row.get("value")))
    return nonce, sorted(commands, key=lambda command: command[0])
