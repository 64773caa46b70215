"""The family tree on a timeline, and the ways from it to other pages."""

from __future__ import annotations

import streamlit as st

from explorer import catalog
from explorer.comparison import lay_out_family
from pages.ui import session
from pages.ui.compare import entries, networks
from pages.ui.components import mount

from . import changes
from .state import PAGE

_WAY = "catalogue_way"
_NOTE = (
    "Years are those of the first publication; an edge says who grew from whom by the authors' own account. Parameters "
    "and MACs (multiply-adds of convolutions and linear layers) are counted here, of the network for inference at its "
    "own image size. Top-1 is what was published for ImageNet, with one crop unless its source says otherwise; * of "
    "another form of the network, such as a library's."
)


def show() -> None:
    """The tree, with what is told of the chosen network."""
    st.caption(
        "Who grew from whom. The other networks, of the course notes and for small images, are in the list."
    )
    mount(
        "family", "catalogue_family", {**lay_out_family(), "note": _NOTE, "chosen": PAGE.state["chosen"]},
        choose=_choose, step=changes.choose, open=lambda name: _leave("open", name),
        compare=lambda name: _leave("compare", name),
    )  # fmt: skip


def follow() -> None:
    """Go where the visitor asked to go from the tree; called before anything is drawn."""
    way, name = st.session_state.pop(_WAY, ("", ""))
    if way == "open":
        st.switch_page("pages/design.py", query_params={"net": name})
    if way == "compare":
        session.begin()
        networks.bring(entries.from_catalogue(name))
        networks.go()


def _choose(name: object) -> None:
    known = [entry.name for entry in catalog.family()]
    PAGE.act()["chosen"] = name if isinstance(name, str) and name in known else ""


def _leave(way: str, name: object) -> None:
    if isinstance(name, str) and name in catalog.names():
        st.session_state[_WAY] = (way, name)
