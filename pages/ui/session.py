"""The design that a session holds: its history, baseline and selected node; and the address that rebuilds it."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from typing import Any, Literal

import streamlit as st

from explorer import analysis, catalog, editor
from explorer.architecture import MAX_TEXT_BYTES, Architecture, ArchitectureError, branches, edit, to_link
from explorer.editor import History

from . import find_networks, tabs
from .page_state import Page, PageState, Parameter, first_state

_TAB = re.compile("[0-9a-f]{32}")
HOME = "googlenet"
"""The design of a first visit: a name in the catalogue."""

JSON_MEGABYTES = -(-MAX_TEXT_BYTES // 10**6)
"""What an upload of an architecture may have; reading it says the exact bound."""


class DesignState(PageState):
    """What the Design page remembers."""

    history: History
    baseline: Architecture
    """What changes are measured against."""
    selected: str
    """Path of the selected node, '' for none; the first one of several."""
    count: int
    """How many neighbours are selected."""
    metric: str
    """What the ribbons of the sliders show."""
    phase: Literal["drag", "commit"]
    """Whether the last edit came from a thumb that is still moving."""
    refused: dict[str, Any] | None
    """What could not be done last: {command, text, offers}; told as long as its notice is."""
    bare: bool
    """Whether the session's first address named no design."""
    tab: str
    """Name of the browser's tab, '' until it is known."""
    complete: bool
    """Whether the whole page is rendered, and not its numbers alone."""


def _first() -> DesignState:
    value = catalog.get(HOME)
    return {
        **first_state(), "history": History(value), "baseline": value, "selected": default_path(value), "count": 1,
        "metric": "macs", "phase": "commit", "refused": None,
        "bare": not st.query_params.get("net"), "tab": "", "complete": False,
    }  # fmt: skip


def architecture() -> Architecture:
    """The design on the screen; it always is a working network."""
    return PAGE.state["history"].current


def baseline() -> Architecture:
    """What changes are measured against."""
    return PAGE.state["baseline"]


def selected_path() -> str:
    """Path of the selected node, '' for none."""
    return PAGE.state["selected"]


def begin() -> None:
    """Make the session's design from the address; called first by the page. A bad address changes nothing.

    A session's first run is not ``complete``: it shows the numbers and the pictures, and the diagram asks for the rest
    when they have been drawn. The code of tables and uploads would otherwise reach the browser before them.
    """
    first = PAGE.key not in st.session_state
    if not first:
        PAGE.state["complete"] = True
    PAGE.follow_address()
    if first:
        PAGE.state["history"] = PAGE.state["history"].forget_past()


def recognize_tab(name: object) -> None:
    """The browser has said which of its tabs this is: after a reload the tab gets back what it had."""
    state = PAGE.state
    if not isinstance(name, str) or not _TAB.fullmatch(name) or state["tab"]:
        return
    state["tab"] = name
    kept = tabs.find(name)
    if kept is None:
        return
    now = state["history"]
    # The address is bare where the page was reloaded on another page, and older where the design is too large for it.
    lost = not now.past and (state["bare"] or (not kept.addressed and now.current in kept.history.past))
    if lost:
        state["history"], state["baseline"] = kept.history, kept.baseline
        _select(default_path(architecture()))
    else:
        state["history"] = kept.history.resume(now)


def keep_for_reload() -> None:
    """Let the design outlive the session, in this tab."""
    state = PAGE.state
    if state["tab"]:
        tabs.keep(state["tab"], tabs.Kept(state["history"], state["baseline"], not state["unwritten"]))


# ---- the address ----------------------------------------------------------------------------------------------------


def _read_net(text: str) -> None:
    state = PAGE.state
    if text and [text] != state["address"].get("net"):
        open_design(find_networks.resolve(text))


def _write_net() -> str:
    return short_link(architecture())


def _read_base(text: str) -> None:
    try:
        PAGE.state["baseline"] = _check_works(find_networks.resolve(text)) if text else architecture()
    except ValueError as error:
        PAGE.tell("error", f"The baseline in the address could not be opened: {error}")


def _write_base() -> str:
    base = short_link(baseline())
    return base if base != short_link(architecture()) else ""


def _read_path(text: str) -> None:
    _select(text or default_path(architecture()))


def _read_metric(text: str) -> None:
    PAGE.state["metric"] = editor.ribbon_metric(text) or "macs"


def _write_metric() -> str:
    metric = PAGE.state["metric"]
    return metric if metric != "macs" else ""


PAGE: Page[DesignState] = Page(
    "design",
    _first,
    (
        Parameter("net", _read_net, _write_net),
        Parameter("base", _read_base, _write_base),
        Parameter("at", _read_path, selected_path),
        Parameter("ribbon", _read_metric, _write_metric),
    ),
)


@lru_cache(maxsize=64)
def short_link(value: Architecture) -> str:
    """The catalogue's name where the value is exactly that, else the link text."""
    return catalog.name_of(value) or to_link(value)


@lru_cache(maxsize=32)
def describe_controls(
    value: Architecture, base: Architecture, path: str, metric: str, fields: tuple[str, ...] | None = None
) -> dict[str, Any]:
    """The editor's panel. Cached for all sessions: most of what is done on the page leaves it alone."""
    return editor.describe_controls(value, analysis.analyze(value), path, metric=metric, baseline=base, fields=fields)


_BUILDING = ("insert", "add_branch", "paste", "relocate", "move", "wrap", "unwrap", "duplicate", "remove", "rename")
"""What is done in the picture, and answered there."""


def refused(*, building: bool = False) -> dict[str, Any] | None:
    """What could not be done last, and what can be done instead; None once something else was done.

    Args:
        building: Whether it was asked for in the picture, where networks are built, or in the editor.
    """
    found = PAGE.state["refused"]
    if not found or (found["command"].get("do") in _BUILDING) != building:
        return None
    return found if any(notice.text == found["text"] for notice in PAGE.state["notices"]) else None


# ---- the design -----------------------------------------------------------------------------------------------------


def _check_works(value: Architecture) -> Architecture:
    analysis.analyze(value)
    return value


def open_design(value: Architecture) -> None:
    """Show another design; it becomes the baseline too. Raises ArchitectureError if it is not a working network."""
    _check_works(value)
    state = PAGE.act()
    state["history"] = state["history"].record(value)
    state["baseline"] = value
    _select(default_path(value))


def default_path(value: Architecture) -> str:
    """The node that a design opens with: its first block, else its first layer."""
    found = edit.blocks(value) or [*edit.columns(value)]
    return found[0] if found else ""


def _select(path: object, count: int = 1) -> None:
    """Select a node, or a run of neighbours; the nearest existing parent of a path that is gone."""
    path = path if isinstance(path, str) else ""
    while path:
        try:
            edit.find(architecture(), path)
            break
        except ArchitectureError:
            path = path.rpartition("/")[0]
    PAGE.state["selected"], PAGE.state["count"] = path, count


def pick(path: object) -> None:
    """Select a node by hand."""
    PAGE.act()
    _select(path)


def extend(ends: Any) -> None:
    """Select all from one node to another beside it: {from, to}."""
    PAGE.act()
    first, last = (ends.get("from"), ends.get("to")) if isinstance(ends, dict) else (None, None)
    if not isinstance(first, str) or not isinstance(last, str):
        return
    with suppress(ArchitectureError):  # a message by hand, or of a design that is gone
        _select(*editor.find_run_between(architecture(), first, last))


def tools() -> dict[str, Any]:
    """What the diagram needs to build the network by hand."""
    return {
        "tools": editor.describe_selection(architecture(), selected_path(), PAGE.state["count"]),
        "parts": [{"value": key, "label": text, "group": group} for key, (text, group) in editor.list_parts().items()],
        "branches": [{"value": key, "label": label} for key, (label, _) in branches.BRANCH_KINDS.items()],
        "longest_text": MAX_TEXT_BYTES,
        "refused": refused(building=True),
    }


def handle_edit(event: Any) -> None:
    """An edit from the editor: {gesture, phase, command}. What cannot be done is told, and changes nothing."""
    if not isinstance(event, dict) or not isinstance(event.get("command"), dict):
        return
    state = PAGE.act()
    state["phase"] = "drag" if event.get("phase") == "drag" else "commit"
    before, command = state["history"].current, event["command"]
    misfit = editor.explain_misfit(before, command) if event.get("phase") == "ask" else None
    if misfit:
        _refuse_command(command, **misfit)
        return
    try:
        value, repairs = editor.apply_with_repairs(before, command)
    except ArchitectureError as error:
        _refuse_command(command, f"Not changed: {error}", editor.find_ways_out(before, command))
        return
    state["history"] = state["history"].record(value, event.get("gesture"))
    state["selected"], state["count"] = editor.follow_selection(before, value, command, selected_path(), state["count"])
    if repairs:
        PAGE.tell("info", f"{' '.join(repairs)} Undo takes it all back.")


def take(value: Architecture, made_from: Architecture, said: str) -> None:
    """Go on with a design that was made from the one on the screen; ``said`` tells what has changed."""
    state = PAGE.act()
    if state["history"].current != made_from:  # a late click on what was offered for another one
        PAGE.tell("info", "The design has changed meanwhile; nothing was done")
        return
    state["phase"] = "commit"
    state["history"] = state["history"].record(value)
    _select(selected_path())
    PAGE.tell("success", said)


def _refuse_command(command: dict[str, Any], text: str, offers: list[dict[str, Any]]) -> None:
    """Tell what could not be done, at its control with what can be done instead."""
    refuse(text)
    asked = {name: value for name, value in command.items() if name != "value"}
    PAGE.state["refused"] = {"command": asked, "text": text, "offers": offers}


def command(**fields: Any) -> None:
    """An edit from one of the page's own widgets."""
    handle_edit({"command": fields, "gesture": None})


def refuse(text: str) -> None:
    """Tell what could not be done; the design stays."""
    PAGE.act()
    PAGE.tell("error", text)


def undo() -> None:
    """One step back."""
    _step_to(PAGE.state["history"].undo())


def redo() -> None:
    """One step forward."""
    _step_to(PAGE.state["history"].redo())


def _step_to(history: History) -> None:
    PAGE.act()["history"] = history
    _select(selected_path())


def pin() -> None:
    """Measure changes from here."""
    PAGE.act()["baseline"] = architecture()


def show_metric(metric: object) -> None:
    """Let the ribbons show another metric."""
    if isinstance(metric, str) and (shown := editor.ribbon_metric(metric)):
        PAGE.act()["metric"] = shown
