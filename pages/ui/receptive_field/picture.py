"""The picture on which a field is drawn: one of the session's, which are the Inspect page's, too, else one of ours."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any, NamedTuple

import streamlit as st

from explorer import datasets, figures
from explorer.architecture import Architecture
from explorer.datasets import Box, Preprocessing
from explorer.inspection import ResultCache, list_sample_images
from pages.ui.inspect import pictures
from pages.ui.inspect import state as inspect_state

_CACHE = ResultCache(max_entries=64)
_SHARP_PX = 768
"""Longest side of a picture that is shown sharper than the network gets it."""
_COARSE_PX = 128
"""Longest side of an input whose pixels are shown as squares."""


class Content(NamedTuple):
    """A picture as its file."""

    title: str
    data: bytes
    digest: str
    """SHA-256 of the data."""


def choose() -> None:
    """The session's pictures, and where others come from."""
    chosen, taken = pictures.selected(), inspect_state.state()["pictures"]
    with st.container(horizontal=True, vertical_alignment="bottom", key="field_picture_row"):
        if chosen is not None:
            titles = {picture["key"]: picture["title"] for picture in taken}
            st.session_state["field_picture"] = chosen["key"]
            st.selectbox(
                "Picture", list(titles), key="field_picture", format_func=titles.__getitem__,
                on_change=lambda: inspect_state.choose_picture(st.session_state["field_picture"]),
            )  # fmt: skip
        unfolded = st.popover(
            "Other pictures" if chosen else "Your picture", icon=":material/add_photo_alternate:",
            key="field_pictures", on_change="rerun",
        )  # fmt: skip
    if unfolded.open:
        with unfolded:
            pictures.show("")


def lay_out(architecture: Architecture, *, as_input: bool) -> dict[str, Any]:
    """The picture as the ground of a drawing: the part of it that becomes the network's input.

    Args:
        architecture: The network.
        as_input: Whether its pixels are those of the input; else it is as sharp as it came.

    Returns:
        ``src``, ``pixelated`` and ``title`` for the component. Raises ValueError where the picture cannot be cut.
    """
    shown, shape = find_shown(architecture), architecture.input_shape
    src = _CACHE.get_or_compute((shown.digest, shape, as_input), lambda: _cut(shown.data, shape, as_input))
    coarse = as_input and max(shape[1:]) <= _COARSE_PX
    return {"src": src, "pixelated": coarse, "title": shown.title}


def find_shown(architecture: Architecture) -> Content:
    """The picture that is shown for a network: the chosen one, or one of ours."""
    chosen = pictures.selected()
    return _take(chosen) if chosen is not None else _read_sample(architecture.input_shape[0])


def list_own() -> list[Content]:
    """All pictures of this session."""
    return [_take(each) for each in inspect_state.state()["pictures"]]


def _take(picture: inspect_state.Picture) -> Content:
    return Content(picture["title"], picture["data"], picture["digest"])


def _cut(data: bytes, shape: tuple[int, ...], as_input: bool) -> str:
    """The address of the image."""
    channels, rows, columns = shape
    pixels = datasets.decode(data).pixels
    preprocessing = Preprocessing(shape=(1 if channels == 1 else 3, rows, columns))
    if as_input:
        found = preprocessing.pixels(pixels)
        return figures.encode_photo(found[0] if len(found) == 1 else found.transpose(1, 2, 0), max(rows, columns))
    part = preprocessing.placement(*pixels.shape[:2]).to_image(Box(0.0, 0.0, float(rows), float(columns)))
    top, left, bottom, right = (round(each) for each in part)
    return figures.encode_photo(pixels[top : max(bottom, top + 1), left : max(right, left + 1)], _SHARP_PX)


@lru_cache(maxsize=2)
def _read_sample(channels: int) -> Content:
    """The picture of a first visit: a digit for a network of grey images."""
    usual = "digit-5" if channels == 1 else "cat"
    samples = {sample.name: sample for sample in list_sample_images()}
    sample = samples.get(usual) or next(iter(samples.values()))
    data = sample.path.read_bytes()
    return Content(sample.title, data, hashlib.sha256(data).hexdigest())
