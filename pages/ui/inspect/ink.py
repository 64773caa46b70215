"""Photos of ink on paper, in the form that a model of light handwriting learnt from; and the switch to leave them."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import streamlit as st
from PIL import Image

from explorer import datasets, figures
from pages.ui.text import literal

from . import state
from .state import Picture

_KEY = "inspect_ink"


def seen_by(model: Any, picture: Picture) -> Picture:
    """The picture as a model is to get it: itself, or its ink in MNIST's form; then everything shown is of that one."""
    converted = None if state.state()["as_is"] else _convert(model, picture)
    return picture if converted is None else converted


def show_switch(model: Any, picture: Picture) -> None:
    """Where the picture is ink on paper: what was done to it, and the switch."""
    if _convert(model, picture) is None:
        return
    st.session_state[_KEY] = not state.state()["as_is"]
    st.toggle(
        "Ink on paper as MNIST's pictures", key=_KEY,
        on_change=lambda: state.change(as_is=not st.session_state[_KEY], unit=None),
        help="The network learnt from light figures on a dark ground, centred. Off: it gets the picture as it came.",
    )  # fmt: skip
    if state.state()["as_is"]:
        st.caption("Dark ink on light paper, taken as it is: the network learnt from light figures on a dark ground.")
    else:
        st.caption(literal(f"Converted: {datasets.MNIST_FORM}."))


def _convert(model: Any, picture: Picture) -> Picture | None:
    """The converted picture; looked for once a picture."""
    if not model.reads_light_ink:
        return None
    if "ink" not in picture:
        pixels = picture.get("pixels")
        if pixels is None:
            pixels = datasets.decode(picture["data"]).pixels
        picture["ink"] = _make(picture, datasets.bring_ink_to_mnist(pixels))
    found: Picture | None = picture["ink"]
    return found


def _make(picture: Picture, pixels: Any) -> Picture | None:
    if pixels is None:
        return None
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    data = file.getvalue()
    return {
        "key": picture["key"], "title": picture["title"], "shows": picture["shows"], "credit": picture["credit"],
        "data": data, "digest": hashlib.sha256(data).hexdigest(), "format": "PNG", "size": pixels.shape[:2],
        "notes": (datasets.MNIST_FORM,), "thumb": figures.encode_photo(pixels),
    }  # fmt: skip
