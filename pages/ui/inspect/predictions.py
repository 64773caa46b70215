"""Predictions: all pictures as tiles, and the chosen one beside its input and the best classes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import streamlit as st

from explorer import datasets, figures
from explorer.inspection import Box
from explorer.text import format_decimal, format_shape, format_share
from pages.ui.components import mount
from pages.ui.text import literal

from . import downloads, drawing, ink, pictures, queries, state
from .state import Picture

_BEST = 5
"""Classes that are shown of a picture."""
_SMALL = 128
"""Longest side of a picture whose pixels are shown as squares."""


def show_tiles(model: Any, taken: list[Picture]) -> None:
    """Every picture with its predicted class; a click chooses one. An empty pad has its place among them already."""
    shown = [
        make_tile(picture, [("", model, queries.predict_picture(model, ink.seen_by(model, picture)))])
        for picture in taken
    ]
    chosen = pictures.selected()
    if chosen is None:
        nothing = {"by": "", "name": "…", "share": 0.0, "right": None}
        shown.append({"key": "", "title": "empty drawing", "src": _black(), "small": True, "shows": None,
                      "predictions": [nothing], "differs": False, "problem": None})  # fmt: skip
    mount(
        "tiles", "inspect_tiles",
        {"tiles": shown, "chosen": chosen["key"] if chosen else "", "choosable": True},
        choose=state.choose_picture,
    )  # fmt: skip


@cache
def _black() -> str:
    return figures.encode_photo(np.zeros((1, 1, 3), np.uint8))


def make_tile(picture: Picture, predictions: list[tuple[str, Any, Any]]) -> dict[str, Any]:
    """A picture and what models say of it, as data; ``predictions`` are (by whom, model, Prediction or a sentence).

    A prediction is right or wrong only where the model knows the class that the picture shows.
    """
    given = [(by, model, found.top[0]) for by, model, found in predictions if not isinstance(found, str)]
    problem = next((found for _, _, found in predictions if isinstance(found, str)), None)
    truth = picture["shows"]
    return {
        "key": picture["key"],
        "title": picture["title"],
        "src": picture["thumb"],
        "small": max(picture["size"]) <= _SMALL,
        "shows": truth,
        "predictions": [
            {"by": by, "name": best.name, "share": best.probability,
             "right": best.name == truth if truth in model.classes else None}
            for by, model, best in given
        ],
        "differs": len({best.name for _, _, best in given}) > 1,
        "problem": problem,
    }  # fmt: skip


def show_picture(model: Any, picture: Picture | None) -> Any:
    """The chosen picture, its input and its best classes, or an empty pad; gives the Prediction, None for none."""
    seen = ink.seen_by(model, picture) if picture is not None else None
    prediction = queries.predict_picture(model, seen) if seen is not None else None
    with st.container(border=True, key="inspect_chosen"):
        # The pad stands in the same place whether something was drawn or not: a redraw must not end a stroke.
        if drawing.is_drawing(picture) or picture is None:
            pad, left, right = st.columns([0.34, 0.28, 0.38], gap="medium")
        else:
            pad = None
            left, right = st.columns([0.62, 0.38], gap="medium")
        if picture is not None and not isinstance(prediction, str):
            with right:  # the answer goes first
                _bars(model, picture, prediction)
        if pad is not None:
            with pad:
                drawing.show(model, picture, prediction)
        if picture is None:
            left.caption("Draw with mouse, finger, pen or keys: the answer appears here while you draw.")
            return None
        if isinstance(prediction, str):
            with left:
                mount("picture", "inspect_pair", {"frames": [picture_frame(picture, [])]})
            st.error(literal(f"{picture['title']}: {prediction}."))
            return None
        with left:
            boxes = crop_boxes(model, picture) if seen is picture else []
            frames = [picture_frame(picture, boxes), input_frame(model, prediction)]
            mount("picture", "inspect_pair", {"frames": frames})
            ink.show_switch(model, picture)
        height, width = picture["size"]
        told = [f"{picture['format']}, {width:,} × {height:,} pixels", *picture["notes"]]
        credit = f" Credit: {picture['credit']}." if picture["credit"] else ""
        st.caption(
            literal(f"As it came: {'; '.join(told)}.{credit}") + "  \n"
            + literal(f"For the network: {'; '.join(model.preprocessing.steps())}."),
        )  # fmt: skip
    return prediction


def picture_frame(picture: Picture, boxes: list[dict[str, Any]], note: str = "as it came") -> dict[str, Any]:
    """A frame of the picture itself; boxes are in its own pixels."""
    height, width = picture["size"]
    if "src" not in picture:  # made for the picture that is looked at, and not before its prediction is there
        picture["src"] = figures.encode_photo(datasets.decode(picture["data"]).pixels)
    return {
        "title": "Picture", "note": note, "alt": f"The picture {picture['title']}", "src": picture["src"],
        "width": width, "height": height, "pixelated": max(height, width) <= _SMALL, "heat": None, "boxes": boxes,
    }  # fmt: skip


def input_frame(
    model: Any, prediction: Any, *, heat: dict[str, Any] | None = None, boxes: list[dict[str, Any]] | None = None,
    title: str = "Input",
) -> dict[str, Any]:  # fmt: skip
    """A frame of the network's input, before its numbers are normalised; boxes are in the input's pixels."""
    pixels = model.preprocessing.restore_pixels(prediction.input.numpy())
    height, width = pixels.shape[:2]
    return {
        "title": title, "note": format_shape(model.preprocessing.shape),
        "alt": f"The input as the network gets it, {height} by {width} pixels", "src": figures.encode_photo(pixels),
        "width": width, "height": height, "pixelated": True, "heat": heat, "boxes": boxes or [],
    }  # fmt: skip


def box_data(kind: str, of: Box, label: str) -> dict[str, Any]:
    """A rectangle as data."""
    return {"kind": kind, **of._asdict(), "label": label}


def crop_boxes(model: Any, picture: Picture) -> list[dict[str, Any]]:
    """The part of the picture that becomes the input, where that is not all of it."""
    _, rows, columns = model.preprocessing.shape
    part = queries.placement(model, picture).to_image(Box(0.0, 0.0, float(rows), float(columns)))
    height, width = picture["size"]
    if part == Box(0.0, 0.0, float(height), float(width)):
        return []
    return [box_data("crop", part, "what the network gets")]


def _bars(model: Any, picture: Picture, prediction: Any) -> None:
    """The best classes; under a pad all of few, in their own order, so that none jumps while somebody draws."""
    truth = picture["shows"]
    note = f"it shows {truth}" if truth else "probability · logit"
    best = prediction.top[:_BEST]
    if drawing.is_drawing(picture) and len(model.classes) <= len(prediction.top):
        best = sorted(prediction.top, key=lambda answer: answer.index)
    mount(
        "bars", "inspect_predictions",
        {
            "title": "Prediction", "note": note, "most": 1.0,
            "alt": "The best classes with probability and logit",
            "bars": [
                {"label": answer.name, "value": answer.probability, "text": format_share(answer.probability, 1),
                 "detail": format_decimal(answer.logit, 2),
                 "strong": answer.name == truth or (truth is None and answer is prediction.top[0])}
                for answer in best
            ],
        },
    )  # fmt: skip
    downloads.offer_rows(lambda: _all_scores(model, prediction), "All classes", "inspect_predictions_csv")
    count = f"The {len(best)} best classes" if len(best) < len(model.classes) else "All classes"
    st.caption(
        f"{count}: probability (softmax of all scores) and the score itself (logit). "
        "High probability is not certainty: see Test set for how far it can be trusted."
    )


def _all_scores(model: Any, prediction: Any) -> list[list[Any]]:
    """Every class with its probability and score, the best first."""
    from explorer.inspection.predict import rank_classes

    ranked = rank_classes(model, model.scores(prediction.input[None])[0], len(model.classes))
    return [["class", "probability", "logit"], *([each.name, each.probability, each.logit] for each in ranked)]
