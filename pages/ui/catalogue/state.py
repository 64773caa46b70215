"""What the Catalogue page remembers, and its address."""

from __future__ import annotations

from explorer import catalog
from explorer.catalog import GROUPS
from pages.ui.page_state import Page, PageState, Parameter, first_state

VIEWS = {"tree": "Family tree", "changes": "What changed", "accuracy": "Accuracy", "list": "List"}
"""Name in the address → title."""
ORDERS = {
    "": "by group",
    "params": "fewest parameters first",
    "macs": "fewest MACs first",
    "field": "largest receptive field first",
    "name": "by name",
}
"""Name in the address → title, of the orders of the list."""
AXES = {"macs": "MACs", "params": "Parameters"}
"""What an accuracy can be drawn against."""
MAX_TEXT = 120


class CatalogueState(PageState):
    """What the page remembers."""

    view: str
    """A key of ``VIEWS`` that was chosen; '' for the list where something is searched, else the tree."""
    chosen: str
    """The network of the tree that is told of, '' for none."""
    step: str
    """Name of the step whose blocks are shown, '' for the first."""
    axis: str
    """What the accuracy is drawn against, a key of ``AXES``."""
    text: str
    """What is searched."""
    group: str
    """A key of ``GROUPS``, '' for all."""
    tags: list[str]
    """What a network must have."""
    order: str
    """A key of ``ORDERS``."""


def _first() -> CatalogueState:
    return {
        **first_state(), "view": "", "chosen": "", "step": "", "axis": "macs", "text": "", "group": "", "tags": [],
        "order": "",
    }  # fmt: skip


def list_tags() -> list[str]:
    """The tags to filter by, in the order in which they first appear: no year, and none that a group stands for."""
    known = catalog.entries()
    groups = [{entry.name for entry in known if entry.group == group} for group in GROUPS]
    tags = dict.fromkeys(tag for entry in known for tag in entry.tags if not tag.isdigit())
    return [tag for tag in tags if {entry.name for entry in known if tag in entry.tags} not in groups]


def _read_text(text: str) -> None:
    PAGE.state["text"] = text[:MAX_TEXT]


def _read_group(text: str) -> None:
    PAGE.state["group"] = text if text in GROUPS else ""


def _read_tags(text: str) -> None:
    known = list_tags()
    PAGE.state["tags"] = [tag for tag in text.split(",") if tag in known]


def _read_order(text: str) -> None:
    PAGE.state["order"] = text if text in ORDERS else ""


def _read_view(text: str) -> None:
    PAGE.state["view"] = text if text in VIEWS else ""


def _read_chosen(text: str) -> None:
    PAGE.state["chosen"] = text if any(entry.name == text for entry in catalog.family()) else ""


def _read_step(text: str) -> None:
    PAGE.state["step"] = text if any(step.name == text for step in catalog.steps()) else ""


def _read_axis(text: str) -> None:
    PAGE.state["axis"] = text if text in AXES else "macs"


PAGE: Page[CatalogueState] = Page(
    "catalogue",
    _first,
    (
        Parameter("q", _read_text, lambda: PAGE.state["text"]),
        Parameter("group", _read_group, lambda: PAGE.state["group"]),
        Parameter("with", _read_tags, lambda: ",".join(PAGE.state["tags"])),
        Parameter("sort", _read_order, lambda: PAGE.state["order"]),
        Parameter("view", _read_view, lambda: PAGE.state["view"]),
        Parameter("network", _read_chosen, lambda: PAGE.state["chosen"]),
        Parameter("step", _read_step, lambda: PAGE.state["step"]),
        Parameter("against", _read_axis, lambda: "" if PAGE.state["axis"] == "macs" else PAGE.state["axis"]),
    ),
)


def view() -> str:
    """The view that is shown: what was chosen; without a choice the list where it is searched or sorted."""
    state = PAGE.state
    asked = state["text"] or state["group"] or state["tags"] or state["order"]
    return state["view"] or ("list" if asked else "tree")


def choose_view(name: str) -> None:
    """Show another view."""
    PAGE.act()["view"] = name
