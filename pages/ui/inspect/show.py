"""The main part of the Inspect page: pictures with predictions, the chosen one large, and tabs that look inside."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer import catalog
from explorer.analysis import analyze
from explorer.inspection import AvailableModel, describe_fetch
from explorer.text import format_count, format_shape
from pages.ui.manager import manager
from pages.ui.text import literal

from . import (
    attribution,
    branches,
    drawing,
    evaluation,
    ink,
    maps,
    model_pair,
    models,
    perturb,
    pictures,
    predictions,
    queries,
    receptive_field,
    slim,
    state,
)
from .state import Picture

_OF_PICTURE = {
    "maps": maps.show, "branches": branches.show, "why": attribution.show, "perturb": perturb.show,
    "field": receptive_field.show,
}  # fmt: skip
_OF_MODEL = {"two": model_pair.show, "test": evaluation.show, "slim": slim.show}


def main(found: dict[str, AvailableModel]) -> None:
    """Everything but the card."""
    name = state.state()["model"]
    entry = found.get(name.partition("@")[0])
    if not name or (entry and not entry.ready):
        _nothing(bool(name))
        return
    with st.spinner(describe_fetch(name, manager()) or "Loading PyTorch and the model"):
        model = models.open_by_name(name, found)
    if model is None:
        return
    with st.spinner("Reading pictures"):
        pictures.fetch_requested()
    with st.container():
        _facts(model)
    prediction = _answer(model)
    picture = pictures.selected()
    _tabs(found, model, ink.seen_by(model, picture) if picture is not None else None, prediction)


def _answer(model: Any) -> Any:
    """All pictures and what the network says of the chosen one, which it gives.

    A stroke under way runs this part alone. Whatever else is done in it runs the whole page, after this part has
    answered.
    """
    alone = False

    @st.fragment
    def part() -> Any:
        nonlocal alone
        above = st.container()  # one box: whatever stands there, a pad below it keeps its place in the page
        chosen = pictures.selected()
        if chosen is not None:
            # Not where the pad stands: what a spinner stands before is mounted anew, and a stroke under way lost.
            with above, st.spinner("Predicting"):
                queries.predict_picture(model, ink.seen_by(model, chosen))
        shown = state.state()["pictures"] or state.state()["pad"]
        prediction = predictions.show_picture(model, chosen) if shown else None
        with above:
            if shown:
                predictions.show_tiles(model, state.state()["pictures"])
            else:
                st.info(
                    "Upload a picture under **Pictures**, draw one, or take a test image of a data set: the "
                    "prediction appears here."
                )
            pictures.show_buttons(drawing.title(model), drawing.begin)
        growing = drawing.grows()
        if alone and not growing:
            st.rerun()
        alone = True
        return prediction

    return part()


def _nothing(chosen: bool) -> None:
    if chosen:
        st.info("The weights of this model are not here yet. **Download** them under **Model**, or choose another one.")
        return
    st.info(
        "There is no trained network here yet. Train one, download published weights, or open **Your own weights**."
    )
    st.page_link("pages/train.py", label="Train a network", icon=":material/monitoring:")


def _facts(model: Any) -> None:
    analysis, origin = analyze(model.architecture), catalog.find_origin(model.architecture)
    made_from = "" if origin is None else f" · {origin.short}"
    st.caption(
        literal(
            f"{model.architecture.name}{made_from}: {model.provenance} · {format_count(analysis.params)} parameters · "
            f"input {format_shape(analysis.input_shape)} · {len(model.classes):,} classes · computes on {model.device}"
        )
    )
    st.caption(literal(model.tell_limits()))
    if model.conversions:
        st.caption(literal(f"About the file: {'; '.join(model.conversions)}."))
    for note in model.notes:
        st.warning(literal(note))


def _tabs(found: dict[str, AvailableModel], model: Any, picture: Picture | None, prediction: Any) -> None:
    """Only the open tab is computed."""
    for (word, _), tab in zip(
        state.TABS.items(), st.tabs(list(state.TABS.values()), key=state.TAB, on_change="rerun"), strict=True
    ):
        if not tab.open:
            continue
        with tab:
            if word in _OF_PICTURE:
                if picture is None or prediction is None:
                    st.caption("This needs a picture with a prediction.")
                else:
                    _OF_PICTURE[word](model, picture, prediction)
            elif word == "filters":
                maps.show_filters(model)
            else:
                _OF_MODEL[word](found, model)
