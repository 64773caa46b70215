"""The first lesson: which pixels one window reads."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer import figures
from explorer.analysis import problems
from explorer.architecture import MIN_IMAGE, Architecture, Conv, Sequence
from pages.ui.components import mount
from pages.ui.text import literal

from . import parts
from .numbers import KERNELS, LESSONS, PADDINGS, SIZES, STRIDES, WINDOW_DILATIONS, Numbers

NAME = "window"
_SLIDERS = (
    ("Kernel k", KERNELS, "Taps along each axis."),
    ("Dilation d", WINDOW_DILATIONS, "Distance between taps: d − 1 pixels between two of them are not read."),
    ("Stride s", STRIDES, "Pixels from one output's window to the next one's."),
    ("Padding p", PADDINGS, "Zeros put around the image, at each border."),
    ("Image n", SIZES, "Pixels along each axis."),
)
_PRESETS: dict[str, Numbers] = {
    "3×3 on 5×5, as in the notes": (3, 1, 1, 0, 5),
    "Dilated by 2, as in the notes": (3, 2, 1, 2, 16),
    "Stride 2": (3, 1, 2, 1, 9),
    "Stride and dilation 2": (3, 2, 2, 2, 11),
}


def show() -> None:
    """A kernel with its holes on an image, and the output that it makes."""
    kernel, dilation, stride, padding, size = numbers = parts.current(NAME)
    conv = Conv(
        name="conv", out_channels=1, kernel_size=kernel, dilation=dilation, stride=stride, padding=padding, bias=False
    )
    parts.introduce(
        "What one output reads",
        "k × k pixels are read whatever the dilation, but the box that they stand in has the side d·(k − 1) + 1: with "
        "stride 2 and dilation 2 half of the rows are read by no output at all.",
        "the window",
        _link(conv, size),
    )
    parts.show_presets(NAME, _PRESETS)
    left, right = st.columns([0.3, 0.7], gap="medium")
    with left, st.container(border=True):
        usual = LESSONS[NAME].usual
        parts.show_sliders(
            NAME,
            [
                parts.describe_slider(label, bounds, value, first, hint)
                for (label, bounds, hint), value, first in zip(_SLIDERS, numbers, usual, strict=True)
            ],
        )
    with right, st.container(border=True):
        try:
            found = figures.lay_out_window(conv, size)
        except ValueError as error:
            st.info(literal(f"There is no output: {error}. Make the image larger or add padding."))
            return
        mount(
            "taps", "lesson_window",
            {
                "view": "window", "title": f"{kernel}×{kernel}, dilation {dilation}, stride {stride}",
                "note": "point at an output, or move its sliders",
                "alt": f"A {kernel}×{kernel} window with dilation {dilation} and stride {stride} on an image of {size} "
                f"× {size} pixels with padding {padding}: each of {found['out']} × {found['out']} outputs reads "
                f"{kernel} × {kernel} pixels in a box of {found['reach']} × {found['reach']}",
                **found,
            },
        )  # fmt: skip


def _link(conv: Conv, size: int) -> dict[str, Any] | None:
    """The window as a network, on the smallest image that one may have if need be; None where it does not fit."""
    side = max(size, MIN_IMAGE)
    network = Architecture(
        name="One window", input_shape=(1, side, side), trunk=Sequence(name="trunk", children=(conv,))
    )
    return None if problems(network) else parts.link_to(network)
