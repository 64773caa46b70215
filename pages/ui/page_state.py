"""What a page remembers in a session, and the address that rebuilds it: one machinery for all pages.

A page declares the parameters of its address, each with a reader and a writer, and a first state. In
``st.session_state`` lie plain dictionaries, typed here: a hot reload makes new classes of old names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypedDict, TypeVar

import streamlit as st

from explorer.architecture import MAX_LINK_CHARS

from .components import is_run_by_commands
from .text import literal

Kind = Literal["error", "warning", "info", "success"]
Address = dict[str, list[str]]
"""The values of each parameter, in order; no parameter without a value."""
MAX_NOTICES = 5


class Notice(NamedTuple):
    """A sentence for the visitor."""

    kind: Kind
    text: str


def _to_query_params(address: Address) -> dict[str, str | list[str]]:
    return {name: values if len(values) > 1 else values[0] for name, values in address.items()}


class PageState(TypedDict):
    """What the machinery keeps; a page's own state has these keys, too."""

    address: Address
    """What was followed or written last."""
    unwritten: str
    """Why the state has no address, '' where it has one."""
    notices: list[Notice]
    acted: bool
    """The visitor has done something since the page was last rendered."""


State = TypeVar("State", bound=PageState)


def first_state() -> PageState:
    """The machinery's part of a first state."""
    return {"address": {}, "unwritten": "", "notices": [], "acted": False}


@dataclass(frozen=True)
class Parameter:
    """One parameter of an address."""

    name: str
    read: Callable[[str], None]
    """Takes the text, '' where there is none, into the state. Raises ValueError where the rest is not to be read."""
    write: Callable[[], str]
    """The text, '' for the default. Raises ValueError where the state is too large for an address."""


@dataclass(frozen=True)
class ListParameter:
    """A parameter that stands in an address once for each of its values."""

    name: str
    read: Callable[[list[str]], None]
    write: Callable[[], list[str]]


class Page(Generic[State]):
    """The state of one page in this session, its address and its notices.

    Args:
        key: where the state lies in ``st.session_state``.
        first: makes the state of a first visit.
        parameters: of the address; they are read in this order.
    """

    def __init__(
        self, key: str, first: Callable[[], State], parameters: tuple[Parameter | ListParameter, ...]
    ) -> None:
        self.key = key
        self._first = first
        self._parameters = parameters

    @property
    def state(self) -> State:
        """The dictionary itself; made where the session has none."""
        if self.key not in st.session_state:
            st.session_state[self.key] = self._first()
        return st.session_state[self.key]  # type: ignore[no-any-return]

    # ---- address ----------------------------------------------------------------------------------------------------

    def follow_address(self) -> None:
        """Take over what the address asks for, if it is another one than the last; called first by the page."""
        state, asked = self.state, self._asked()
        acted = is_run_by_commands() or state["acted"]
        # What the visitor has just done is newer than the address that came with it: the browser may have sent it
        # before it heard of the last one.
        if asked and asked != state["address"] and not acted:
            state["notices"] = []
            try:
                for parameter in self._parameters:
                    values = asked.get(parameter.name, [])
                    if isinstance(parameter, ListParameter):
                        parameter.read(values)
                    else:
                        parameter.read(values[-1] if values else "")
            except ValueError as error:
                self.tell("error", f"The address could not be opened: {error}")
            state["address"] = asked
        state["acted"] = False

    def _asked(self) -> Address:
        """What the bar says, of this page's parameters; no text longer than the longest link and one character."""
        found = {
            each.name: [text[: MAX_LINK_CHARS + 1] for text in st.query_params.get_all(each.name) if text]
            for each in self._parameters
        }
        return {name: values for name, values in found.items() if values}

    def address(self) -> Address:
        """What rebuilds the page. Raises ValueError in one sentence where it is longer than an address may be."""
        found: Address = {}
        for parameter in self._parameters:
            text = parameter.write()
            if text:
                found[parameter.name] = text if isinstance(text, list) else [text]
        return found

    def query_params(self) -> dict[str, str | list[str]]:
        """The same as Streamlit takes it, for links to this page; empty where it would be too long."""
        try:
            return _to_query_params(self.address())
        except ValueError:
            return {}

    def write_address(self, *others: Page[Any]) -> None:
        """Bring the bar up to the state, so that it can be copied at any time.

        Where the state is too large for an address, the bar keeps the last one and ``unwritten`` says why.

        Args:
            others: Pages whose parameters stand in this page's address, too, before its own.
        """
        wanted: Address = {}
        for page in (*others, self):
            try:
                page.state["address"] = page.address()
            except ValueError as error:
                self.state["unwritten"] = page.state["unwritten"] = str(error)
                return
            page.state["unwritten"] = ""
            wanted |= page.state["address"]
        # Compared with the bar itself: it may hold a bad link, or nothing after a click in the menu.
        if {name: st.query_params.get_all(name) for name in st.query_params} != wanted:
            st.query_params.from_dict(_to_query_params(wanted))

    def end_part(self, *others: Page[Any]) -> None:
        """Called last by a part of the page that runs alone (``st.fragment``) and is all that changed.

        Args:
            others: As for ``write_address``.
        """
        is_run_by_commands()  # answered
        self.state["acted"] = False
        self.write_address(*others)

    # ---- what the visitor does and is told --------------------------------------------------------------------------

    def act(self) -> State:
        """The state, for a change that the visitor has asked for: what was told before has been read."""
        state = self.state
        state["acted"], state["notices"] = True, []
        return state

    def tell(self, kind: Kind, text: str) -> None:
        """Tell the visitor something when the page is next rendered."""
        notice, notices = Notice(kind, text), self.state["notices"]
        if notice not in notices and len(notices) < MAX_NOTICES:
            notices.append(notice)

    def show_notices(self) -> None:
        """What there is to tell, one sentence each; it stays until the visitor does something else."""
        for kind, text in self.state["notices"]:
            getattr(st, kind)(literal(text if text.endswith((".", "?", "…")) else f"{text}."))

    def run_action(self, action: Callable[..., Any], *arguments: Any, done: str = "", **fields: Any) -> None:
        """Do what a button asks for; what cannot be done is told, and ``done`` when it is."""
        self.act()
        try:
            action(*arguments, **fields)
        except ValueError as error:
            self.tell("error", str(error))
        else:
            if done:
                self.tell("success", done)
