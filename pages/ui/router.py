"""Routing, in one place: titles, icons, order."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from explorer import datasets

from . import account, people
from .absence import tell_absence
from .callbacks import keep_callbacks_whole
from .forged_values import leave_forged_values_out
from .server import listens_on_loopback
from .state_view import look_up_one_value

_ROOT = Path(__file__).resolve().parent.parent.parent

keep_callbacks_whole()  # before the first of them
leave_forged_values_out()
look_up_one_value()
people.keep_strangers_out()

PAGES: dict[str, tuple[str, str]] = {
    "design": ("Design", ":material/schema:"),
    "compare": ("Compare", ":material/compare_arrows:"),
    "train": ("Train", ":material/monitoring:"),
    "ablate": ("Ablate", ":material/science:"),
    "search": ("Search", ":material/travel_explore:"),
    "challenges": ("Challenges", ":material/flag:"),
    "inspect": ("Inspect", ":material/image_search:"),
    "receptive_field": ("Receptive field", ":material/center_focus_weak:"),
    "catalogue": ("Catalogue", ":material/library_books:"),
}
"""File stem, which is the address, → (title, icon). The bare address leads to the first."""


@cache
def _read(name: str) -> str:
    return (_ROOT / "assets" / name).read_text(encoding="utf-8")


@people.one_look_at_sign_in()
def route() -> None:
    """Show the page that the address names; on a server with sign-in, to whoever is signed in and nobody else."""
    person = people.signed_in()
    admitted = person is not None or not people.sign_in_is_on()
    datasets.open_paths(to_all=listens_on_loopback() and not people.sign_in_is_on())
    pages = [
        # Streamlit serves its default page at '/' alone, and says "page not found" at the page's own address.
        # So none of ours is the default: a hidden one leads on, and every page keeps its file stem as its address.
        st.Page(_home, title="Inception Explorer", default=True, visibility="hidden"),
        *(st.Page(_ROOT / "pages" / f"{stem}.py", title=title, icon=icon) for stem, (title, icon) in PAGES.items()),
    ]
    if people.sign_in_is_on():
        pages.append(st.Page(_ROOT / "pages" / "people.py", title="People", icon=":material/group:"))
    # The icon is a file: Streamlit would fetch a :material/…: icon of the browser's tab from the network.
    st.set_page_config(
        page_title="Inception Explorer",
        page_icon=_ROOT / "assets" / "icon.png",
        layout="wide",
        initial_sidebar_state=200,
    )
    st.html(f"<style>{_read('page.css')}</style>")
    mark = f'<div data-signed-in="{"yes" if person else "no"}"></div>' if person or not admitted else ""
    with st.container(key="page_script"):
        st.html(f"{mark}<script>{_read('page.js')}</script>", unsafe_allow_javascript=True)
    st.logo(_ROOT / "assets" / "logo.svg", size="large", icon_image=_ROOT / "assets" / "icon.png")
    page = st.navigation(pages, position="sidebar" if admitted else "hidden")
    if not admitted:
        people.show_sign_in()
        return
    with tell_absence():
        if person is not None:
            account.welcome(person)
            account.show(person)
        page.run()


def _home() -> None:
    """The bare address, with whatever it asks for, becomes the first page's."""
    st.switch_page(_ROOT / "pages" / f"{next(iter(PAGES))}.py", query_params=st.query_params.to_dict())


def speak_title(title: str) -> None:
    """The title of a page that shows none: whoever listens has to know where they are, and headings begin with it."""
    with st.container(key="spoken_title"):
        st.title(title, anchor=False)


def enter() -> None:
    """Called first by every page.

    With a folder named pages/, the first request of a fresh server that names a page runs that file alone, without the
    router (Streamlit's older rules). Then route, and let the page run under the router instead.
    """
    if getattr(PagesManager, "uses_pages_directory", False):
        route()
        st.stop()
