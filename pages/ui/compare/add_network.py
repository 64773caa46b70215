"""Where a further network comes from: the catalogue, the design, a JSON text or file, a link, a run."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from explorer import catalog
from explorer.architecture import MAX_TEXT_BYTES, ArchitectureError, from_json
from explorer.comparison import MAX_NETWORKS
from explorer.text import format_shape
from pages.ui import find_networks, run_picker, session, uploads
from pages.ui.manager import manager
from pages.ui.text import literal

from . import networks, state
from .entries import Entry, from_architecture, from_catalogue, from_design, from_run

_SOURCES = {"catalogue": "Catalogue", "design": "Your design", "link": "Link", "json": "JSON", "run": "Run"}


def show(entries: tuple[Entry, ...]) -> None:
    """What unfolds is made when it is opened."""
    unfolded = st.popover("Add a network", icon=":material/add:", key="compare_add", on_change="rerun")
    if not unfolded.open:
        return
    with unfolded:
        state.PAGE.show_notices()  # a refused network is said here too: the list hides the place below the head
        if len(entries) == MAX_NETWORKS:
            st.info(f"A comparison holds up to {MAX_NETWORKS} networks. Remove one to add another.")
        source = st.segmented_control(
            "From", list(_SOURCES), default="catalogue", key="compare_source", format_func=_SOURCES.__getitem__,
            required=True, persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
        _FORMS[source or "catalogue"]()


def _button(make: Callable[[], Entry], *, ready: bool = True) -> None:
    st.button("Add", icon=":material/add:", key="compare_add_button", disabled=not ready, on_click=_add, args=(make,))


def _add(make: Callable[[], Entry]) -> None:
    """Close the list where the network was added; what was typed stays where it was not.

    Args:
        make: Makes it of what the fields hold now: what was typed a moment ago may come with the click.
    """
    state.PAGE.state["notices"] = []
    try:
        if networks.try_to_add(make()):
            st.session_state["compare_add"] = False
    except ValueError as error:
        state.PAGE.tell("error", f"Not added: {error}")


def _catalogue() -> None:
    names = find_networks.search("compare_catalogue")
    name = st.selectbox(
        "Network of the catalogue", names, key="compare_catalogue", filter_mode=None, persist_state="session",
        format_func=lambda name: f"{catalog.entry(name).title} · {', '.join(catalog.entry(name).tags)}",
    )  # fmt: skip
    entry = catalog.entry(name or names[0])
    st.caption(literal(f"{entry.summary} Input {format_shape(entry.architecture.input_shape)}."))
    _button(lambda: from_catalogue(st.session_state["compare_catalogue"] or entry.name))


def _design() -> None:
    value = session.architecture()
    st.write(literal(value.name))
    st.caption("The design of this browser session, as it is now; later changes of it are not followed.")
    _button(from_design)


def _link() -> None:
    text = st.text_input(
        "Address of a Design page, text of a link, or name of the catalogue", key="compare_link", max_chars=20_000,
        persist_state="session",
    )  # fmt: skip

    def make() -> Entry:
        value = find_networks.resolve(st.session_state["compare_link"])
        return from_architecture(value, "link")

    _button(make, ready=bool(text.strip()))


def _json() -> None:
    upload = uploads.file_uploader(
        "A JSON file", type=["json"], key="compare_upload", max_upload_size=session.JSON_MEGABYTES
    )
    text = st.text_area(
        "or its text", key="compare_json", max_chars=MAX_TEXT_BYTES, height=120, persist_state="session",
        placeholder='{"version": 1, "name": …',
    )  # fmt: skip

    def make() -> Entry:
        try:
            value = from_json(upload.getvalue() if upload is not None else st.session_state["compare_json"])
        except ArchitectureError as error:
            raise ValueError(f"{upload.name if upload is not None else 'the text'}: {error}") from None
        return Entry(value, value.name, "json")

    _button(make, ready=upload is not None or bool(text.strip()))


def _run() -> None:
    try:
        runs = {run.id: run for run in reversed(manager().runs())}
    except ValueError as error:
        st.error(literal(f"Runs cannot be looked up: {error}."))
        return
    if not runs:
        st.info("There is no run yet. A run's network is compared together with its accuracy and curves.")
        st.page_link("pages/train.py", label="Train a network", icon=":material/monitoring:")
        return
    place = st.container()
    titles = {name: f"{run.name} · {run.setting('dataset')} · {name}" for name, run in runs.items()}
    titles = run_picker.narrow(titles, runs, key="compare_run_words", keep=(st.session_state.get("compare_run"),))
    chosen = place.selectbox(
        "Run", list(titles), key="compare_run", persist_state="session", format_func=titles.__getitem__,
    )  # fmt: skip
    _button(lambda: from_run(st.session_state["compare_run"] or chosen), ready=chosen is not None)


_FORMS: dict[str, Callable[[], None]] = {
    "catalogue": _catalogue, "design": _design, "link": _link, "json": _json, "run": _run,
}  # fmt: skip
