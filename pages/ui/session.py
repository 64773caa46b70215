"""The design that a session holds: architecture, baseline, history, chosen node; and the address that rebuilds it.

Plain values in ``st.session_state``, no classes: a hot reload makes new classes of old names.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import streamlit as st

from explorer import analysis, catalog, editor
from explorer.architecture import (
    Architecture,
    ArchitectureError,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    Pool,
    Sequence,
    edit,
    to_link,
    walk,
)
from explorer.cli import resolve

HOME = "googlenet"
_HISTORY = 200


def untitled() -> Architecture:
    """A small working network to begin with."""
    block = catalog.inception_block(
        "inception_1", ones=32, reduce_3x3=32, out_3x3=64, reduce_5x5=8, out_5x5=16, project=16, norm="batch"
    )
    return Architecture(
        name="Untitled",
        input_shape=(3, 32, 32),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="stem", out_channels=32, kernel_size=3, norm="batch"),
                block,
                Pool(name="pool", kernel_size=3, stride=2, padding=1),
                GlobalPool(name="avgpool"),
                Flatten(name="flatten"),
                Linear(name="fc", out_features=10),
            ),
        ),
    )


def _state() -> Any:
    return st.session_state


def architecture() -> Architecture:
    """The design on the screen; it always is a working network."""
    return _state()["architecture"]  # type: ignore[no-any-return]


def baseline() -> Architecture:
    """What changes are measured against."""
    return _state()["baseline"]  # type: ignore[no-any-return]


def selected_path() -> str:
    """Path of the chosen node, '' for none."""
    return _state()["chosen"]  # type: ignore[no-any-return]


def begin() -> None:
    """Make the session's design from the address; called first by the page. A bad address changes nothing.

    A session's first run is not ``complete``: it shows the numbers and the pictures, and the diagram asks for the rest
    when they have been drawn. The code of tables and uploads would otherwise reach the browser before them.
    """
    state = _state()
    first = "architecture" not in state
    if not first:
        state["complete"] = True
    if first:
        value = catalog.get(HOME)
        state.update(
            architecture=value, baseline=value, undo=[], redo=[], chosen="", metric="macs", notice=None,
            address={}, unwritten="", ack=0, gesture=None, complete=False,
        )  # fmt: skip
        choose(default_path(value))
        state["acted"] = False
    asked = _read_address()
    # What the visitor has just done is newer than the address that came with it: the browser may have sent it before
    # it heard of the last one.
    if not state["acted"] and asked != state["address"] and any(asked.values()):
        _follow(asked)
        if first:
            state["undo"] = []  # nothing was there before it
    state["acted"] = False


def _follow(asked: dict[str, str]) -> None:
    """Show what an address asks for, as a whole: a link, or the browser's Back and Forward."""
    state = _state()
    known = state["address"]
    if asked["net"] and (asked["net"], asked["base"]) != (known.get("net"), known.get("base")):
        try:
            open_design(resolve(asked["net"]))
        except ValueError as error:
            refuse(f"The address could not be opened: {error}")
            return
    if asked["base"]:
        try:
            state["baseline"] = _check_works(resolve(asked["base"]))
        except ValueError as error:
            refuse(f"The baseline in the address could not be opened: {error}")
    if asked["at"]:
        choose(asked["at"])
    state["metric"] = editor.ribbon_metric(asked["ribbon"]) or "macs"


def _read_address() -> dict[str, str]:
    return {key: st.query_params.get(key, "") for key in ("net", "base", "at", "ribbon")}


def address() -> dict[str, str]:
    """What rebuilds the screen. Raises ArchitectureError where it is longer than an address may be."""
    net, base, metric = short_link(architecture()), short_link(baseline()), _state()["metric"]
    return {
        "net": net,
        "base": base if base != net else "",
        "at": selected_path(),
        "ribbon": metric if metric != "macs" else "",
    }


def query_params() -> dict[str, str]:
    """The same without what is as usual, as it stands in the bar; empty where it would be too long."""
    try:
        return {key: value for key, value in address().items() if value}
    except ArchitectureError:
        return {}


def write_address() -> None:
    """Bring the address up to the screen, so that it can be copied at any time; ``unwritten`` says why it cannot be."""
    try:
        state_of_screen = address()
    except ArchitectureError as error:
        _state()["unwritten"] = str(error)
        return
    _state().update(address=state_of_screen, unwritten="")
    # Compared with the bar itself: it may hold a bad link, or nothing after a click in the menu.
    if state_of_screen != _read_address():
        st.query_params.from_dict({key: value for key, value in state_of_screen.items() if value})


@lru_cache(maxsize=64)
def short_link(value: Architecture) -> str:
    """The catalogue's name where the value is exactly that, else the link text."""
    return catalog.name_of(value) or to_link(value)


@lru_cache(maxsize=32)
def panel(value: Architecture, base: Architecture, path: str, metric: str) -> dict[str, Any]:
    """The editor's panel. The last ones of all sessions are kept: much is done on the page that does not change it."""
    return editor.panel(value, analysis.analyze(value), path, metric=metric, baseline=base)


def _check_works(value: Architecture) -> Architecture:
    analysis.analyze(value)
    return value


def open_design(value: Architecture) -> None:
    """Show another design; it becomes the baseline too. Raises ArchitectureError if it is not a working network."""
    state = _state()
    _check_works(value)
    _remember(value, gesture=None)
    state["baseline"] = value
    state["notice"] = None
    choose(default_path(value))


def default_path(value: Architecture) -> str:
    """The node that a design opens with: its first block, else its first layer."""
    found = edit.blocks(value) or [node.name for node in value.trunk.nodes]
    return found[0] if found else ""


def choose(path: object) -> None:
    """Choose a node; the nearest existing parent of a path that is gone."""
    path = path if isinstance(path, str) else ""
    while path:
        try:
            edit.find(architecture(), path)
            break
        except ArchitectureError:
            path = path.rpartition("/")[0]
    _state().update(chosen=path, acted=True)


def _remember(value: Architecture, gesture: object) -> None:
    state = _state()
    if value == state["architecture"]:
        return
    # One drag is one step back, however many values it passed.
    if gesture is None or gesture != state["gesture"]:
        state["undo"] = [*state["undo"][-_HISTORY:], state["architecture"]]
    state["gesture"] = gesture
    state["redo"] = []
    state["architecture"] = value


def handle_edit(event: Any) -> None:
    """An edit from the editor: {seq, gesture, phase, command}. What cannot be done is said, and changes nothing."""
    state = _state()
    if not isinstance(event, dict) or not isinstance(event.get("command"), dict):
        return
    state["ack"] = event.get("seq", 0)
    state["acted"] = True
    state["phase"] = event.get("phase", "commit")
    state["notice"] = None
    try:
        value, repairs = editor.carry_out(architecture(), event["command"])
    except ArchitectureError as error:
        refuse(f"Not changed: {error}")
        return
    before = architecture()
    _remember(value, event.get("gesture"))
    choose(_path_after(before, value, event["command"]))
    if repairs:
        state["notice"] = {"kind": "info", "text": f"{' '.join(repairs)} Undo takes it all back."}


def _path_after(before: Architecture, value: Architecture, command: dict[str, Any]) -> str:
    """What is chosen after an edit: what was added, the neighbour of what was removed, else what was chosen before."""
    if command["do"] in ("add_branch", "add_layer", "add_block", "duplicate"):
        known = {path for path, _ in walk(before)}
        return next((path for path, _ in walk(value) if path not in known), selected_path())
    block = selected_path().partition("/")[0]
    names = [node.name for node in before.trunk.nodes]
    kept: list[str] = [node.name for node in value.trunk.nodes]
    if block in names and block not in kept and kept and command["do"] == "remove":
        return kept[min(names.index(block), len(kept) - 1)]
    return selected_path()


def pick(path: object) -> None:
    """Choose a node by hand: whatever was said before has been read."""
    _state()["notice"] = None
    choose(path)


def command(**fields: Any) -> None:
    """An edit from one of the page's own widgets."""
    handle_edit({"command": fields, "gesture": None, "seq": _state()["ack"]})


def refuse(text: str) -> None:
    """Say what could not be done; the design stays."""
    _state().update(notice={"kind": "error", "text": text}, acted=True)


def undo() -> None:
    """One step back."""
    _step("undo", "redo")


def redo() -> None:
    """One step forward."""
    _step("redo", "undo")


def _step(source: str, target: str) -> None:
    state = _state()
    if state[source]:
        state[target] = [*state[target], state["architecture"]]
        *state[source], state["architecture"] = state[source]
        state.update(gesture=None, notice=None)
        choose(selected_path())


def pin() -> None:
    """Measure changes from here."""
    _state().update(baseline=architecture(), acted=True)


def show_metric(metric: object) -> None:
    """Let the ribbons show another metric."""
    if isinstance(metric, str) and (shown := editor.ribbon_metric(metric)):
        _state().update(metric=shown, acted=True)
