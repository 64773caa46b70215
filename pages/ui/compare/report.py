"""The comparison to take away: one HTML file, LaTeX, Markdown, CSV, each network as JSON, and the address."""

from __future__ import annotations

import urllib.parse

import streamlit as st

from explorer import catalog
from explorer.architecture import to_json
from explorer.comparison import LETTERS, make_report, render_csv, render_html, render_latex, render_markdown
from pages.ui.downloads import download_button

from . import networks, run_results, state
from .entries import Entry


def show(entries: tuple[Entry, ...]) -> None:
    """What unfolds is made when it is opened."""
    unfolded = st.popover("Report", icon=":material/description:", key="compare_report", on_change="rerun")
    if not unfolded.open:
        return
    with unfolded:
        here = link()
        if here:
            st.caption("This address rebuilds the comparison in any browser that reaches this server.")
            st.code(here, language=None, wrap_lines=True)
        else:
            st.write("These networks are too large for an address: take the files.")
        found = make_report(networks.compare_entries(entries), run_results.load_results(entries), here)
        forms = (
            ("HTML, one file", render_html, "html", "text/html"),
            ("LaTeX", render_latex, "tex", "text/x-tex"),
            ("Markdown", render_markdown, "md", "text/markdown"),
            ("CSV", render_csv, "csv", "text/csv"),
        )
        with st.container(horizontal=True, gap="small"):
            for label, make, ending, kind in forms:
                download_button(
                    label, make(found), f"comparison.{ending}", kind, key=f"compare_{ending}"
                )
        st.caption("Each network, to be opened again here or on the Design page:")
        with st.container(horizontal=True, gap="small"):
            for letter, entry in zip(LETTERS, entries, strict=False):
                text = to_json(catalog.state_origin(entry.architecture), indent=1)
                download_button(
                    f"{letter} as JSON", text, f"network-{letter}.json", "application/json",
                    key=f"compare_json_{letter}",
                )  # fmt: skip


def link() -> str:
    """The page's address as it is to be copied; '' where it would be too long."""
    wanted = state.PAGE.query_params()
    base = (st.context.url or "").partition("?")[0]
    return f"{base}?{urllib.parse.urlencode(wanted, doseq=True)}" if wanted else ""
