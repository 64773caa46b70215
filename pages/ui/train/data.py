"""Choosing the data: what there is, its card, and ways to bring more."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer import datasets
from explorer.datasets import DatasetCard, DatasetError
from explorer.text import format_bytes, format_shape
from pages.ui.progress import run_with_progress
from pages.ui.text import literal, tell_apart

from . import bring, look
from .bring import follow_import

__all__ = ["choose", "follow_import"]

_OPEN = "Bring your own images"


def choose(network_sizes: Sequence[tuple[int, int]]) -> DatasetCard:
    """The chosen data set's card, shown; its images may have to be brought first.

    Args:
        network_sizes: (height, width) of the networks' inputs, offered as the size to store.
    """
    here = st.session_state
    names = datasets.names()
    offers = {offer.name: offer for offer in datasets.list_offers()}
    if here.get("train_data") not in [*names, *offers]:
        here["train_data"] = datasets.DEFAULT
    titles = tell_apart({
        **{name: _title(name) for name in names},
        **{name: f"{offer.title} (to be imported)" for name, offer in offers.items()},
    })  # fmt: skip
    name = st.selectbox(
        "Data", list(titles), key="train_data", persist_state="session", format_func=titles.__getitem__
    )
    if "data_problem" in here:
        st.error(literal(f"{here.pop('data_problem')}."))
    try:
        card = datasets.get_card(name or datasets.DEFAULT)
    except DatasetError as error:  # never another one in its place without a word: the choice itself goes back
        here["data_problem"], here["train_data_next"] = str(error), datasets.DEFAULT
        st.rerun()
    _card(card)
    if name in offers:
        bring.show_source(offers[name].path, network_sizes)
    elif not card.available:
        _download(card)
    look.manage(card)
    with st.expander(_OPEN, icon=":material/upload:"):
        bring.show_form(network_sizes)
    return card


def _title(name: str) -> str:
    try:
        card = datasets.get_card(name)
    except DatasetError:
        return f"{name} (damaged)"
    return f"{card.title}{'' if card.available else ' (not here yet)'}"


def _card(card: DatasetCard) -> None:
    facts = (
        f"{card.train_count:,} + {card.test_count:,} images · {len(card.classes):,} classes · "
        f"{format_shape(card.shape)} · {format_bytes(card.size_bytes)}{' of index' if card.streamed else ''}"
    )
    lines = [f"Source: {card.source}.", f"Licence: {card.licence}.", *card.notes]
    st.caption(f"{literal(card.summary)}  \n{literal(facts)}", help="\n\n".join(literal(line) for line in lines))
    if card.available:
        look.show_warnings(card.warnings)
        look.show_left_out(card.left_out, card.skipped)


def _download(card: DatasetCard) -> None:
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
