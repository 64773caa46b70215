"""Choosing the data: what there is, its card, and ways to bring more."""

from __future__ import annotations

import streamlit as st

from explorer import datasets
from explorer.datasets import DatasetCard
from explorer.text import format_bytes, format_shape
from pages.ui.progress import run_with_progress
from pages.ui.server import listens_on_loopback
from pages.ui.text import literal

_OPEN = "Bring your own images"


def choose() -> DatasetCard:
    """The chosen data set's card, shown; its images may have to be fetched first."""
    names = datasets.names()
    if st.session_state.get("train_data") not in names:
        st.session_state["train_data"] = datasets.DEFAULT
    name = st.selectbox("Data", names, key="train_data", format_func=_title, persist_state="session")
    card = datasets.get_card(name or datasets.DEFAULT)
    _card(card)
    if not card.available:
        _bring(card)
    with st.expander(_OPEN, icon=":material/upload:"):
        _import()
    return card


def _title(name: str) -> str:
    card = datasets.get_card(name)
    return f"{card.title}{'' if card.available else ' (not here yet)'}"


def _card(card: DatasetCard) -> None:
    facts = (
        f"{card.train_count:,} + {card.test_count:,} images · {len(card.classes)} classes · "
        f"{format_shape(card.shape)} · {format_bytes(card.size_bytes)}"
    )
    lines = [f"Source: {card.source}.", f"Licence: {card.licence}.", *card.notes]
    st.caption(f"{literal(card.summary)}  \n{literal(facts)}", help="\n\n".join(literal(line) for line in lines))
    if card.skipped:
        with st.popover(f"{len(card.skipped)} files were left out", type="tertiary"):
            st.table([{"file": literal(name), "why": literal(why)} for name, why in card.skipped[:500]])


def _bring(card: DatasetCard) -> None:
    if card.manual_download:
        st.info(literal(card.manual_download))
    if card.download_bytes and st.button(
        f"Download {format_bytes(card.download_bytes)}", icon=":material/download:", key="download", width="stretch"
    ):
        done = run_with_progress(
            f"Downloading {card.title}", lambda progress: datasets.fetch(card.name, progress=progress)
        )
        if done is not None:
            st.rerun()


def _import() -> None:
    st.caption(
        "A zip or a folder with one folder of images per class, with or without train and test around them. "
        "It is copied into the program's data folder and stays on this machine."
    )
    upload = st.file_uploader("Zip file", type=["zip"], key="train_upload")
    path = ""
    # Whoever reaches the server from elsewhere shall not read its files by naming them.
    if listens_on_loopback():
        path = st.text_input("or the path of a zip or folder on this machine", key="train_path", max_chars=1000).strip()
    if not st.button("Import", key="import", icon=":material/input:", disabled=not upload and not path):
        return
    imported = run_with_progress(
        "Reading the images",
        lambda progress: datasets.import_images(path, progress=progress)
        if upload is None
        else datasets.import_upload(upload.getbuffer(), upload.name, progress=progress),
    )
    if imported is not None:
        st.session_state["train_data_next"] = imported.name
        st.rerun()


def follow_import() -> None:
    """Choose what was imported a moment ago; before the list is drawn, as Streamlit wants it."""
    name = st.session_state.pop("train_data_next", None)
    if name is not None:
        st.session_state["train_data"] = name
