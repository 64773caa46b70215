"""Routing, in one place: titles, icons, order."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

_ROOT = Path(__file__).resolve().parent.parent.parent

PAGES: dict[str, tuple[str, str]] = {
    "design": ("Design", ":material/schema:"),
    "catalogue": ("Catalogue", ":material/library_books:"),
}
"""File stem, which is the address, → (title, icon). The first is the home page."""


@cache
def _style() -> str:
    return (_ROOT / "assets" / "page.css").read_text(encoding="utf-8")


def route() -> None:
    """Show the page that the address names."""
    home = next(iter(PAGES))
    pages = [
        st.Page(_ROOT / "pages" / f"{stem}.py", title=title, icon=icon, default=stem == home)
        for stem, (title, icon) in PAGES.items()
    ]
    # The icon is a file: Streamlit would fetch a :material/…: icon of the browser's tab from the network.
    st.set_page_config(
        page_title="Inception Explorer",
        page_icon=_ROOT / "assets" / "icon.png",
        layout="wide",
        initial_sidebar_state=200,
    )
    st.html(f"<style>{_style()}</style>")
    st.logo(_ROOT / "assets" / "logo.svg", size="large", icon_image=_ROOT / "assets" / "icon.png")
    st.navigation(pages).run()


def enter() -> None:
    """Called first by every page.

    With a folder named pages/, the first request of a fresh server that names a page runs that file alone, without the
    router (Streamlit's older rules). Then route, and let the page run under the router instead.
    """
    if getattr(PagesManager, "uses_pages_directory", False):
        route()
        st.stop()
