"""Attribution: which parts of the picture speak for a class, by three methods, over the network's input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from explorer import figures
from explorer.text import format_decimal, format_number, format_shape
from pages.ui.components import mount
from pages.ui.progress import run_with_progress
from pages.ui.text import literal

from . import nodes, predictions, state
from .branches import ask_class
from .queries import CACHE
from .state import Picture

_METHODS = {"cam": "Grad-CAM", "occlusion": "Occlusion", "gradients": "Integrated gradients"}


def show(model: Any, picture: Picture, prediction: Any) -> None:
    """One method, over the input."""
    method = st.segmented_control(
        "Method", list(_METHODS), default="cam", key="inspect_method", required=True,
        format_func=_METHODS.__getitem__, persist_state="session",
    )  # fmt: skip
    # Far back in the network maps speak of classes; that is where Grad-CAM is read.
    path = nodes.diagram(model, usual=nodes.last_block(model.architecture)) if method == "cam" else ""
    left, right = st.columns([0.42, 0.58], gap="medium")
    with left:
        index = ask_class(model, prediction)
        make = {"cam": _cam, "occlusion": _occlusion, "gradients": _gradients}[method or "cam"]
        found = make(model, picture, prediction, index, path)
    with right:
        if found is None:
            mount("picture", "inspect_why", {"frames": [predictions.input_frame(model, prediction)]})
            return
        values, unit = found
        heat = {**figures.draw_heatmap(values.numpy()), "unit": unit}
        frame = predictions.input_frame(model, prediction, heat=heat, title=f"{_METHODS[method or 'cam']}")
        low, high = (format_number(float(end)) for end in (values.min(), values.max()))
        frame["alt"] = (
            f"{_METHODS[method or 'cam']} for {model.classes[index]}: values from {low} to {high}, the largest at row "
            f"{int(values.argmax()) // values.shape[1]}, column {int(values.argmax()) % values.shape[1]}"
        )
        mount("picture", "inspect_why", {"frames": [frame]})


def _cam(model: Any, picture: Picture, prediction: Any, index: int, path: str) -> tuple[Any, str] | None:
    from explorer.inspection.attribution import grad_cam, upsample

    try:
        cam = CACHE.get_or_compute(
            ("cam", model.digest, picture["digest"], path, index),
            lambda: grad_cam(model, prediction.input, path, index),
        )
    except ValueError as error:
        st.info(literal(f"{error}."))
        return None
    st.caption(
        f"Grad-CAM of {literal(path)} ({format_shape(tuple(cam.shape))} units), brought to the input's size "
        "(bilinear): the node's channels, each weighed by the mean gradient of the class's logit, summed; what is "
        "below 0 is cut off (Selvaraju et al. 2017, equations 1 and 2). Later layers say more, and less "
        "precisely where. Its numbers compare places of one picture, not pictures."
    )
    return upsample(cam, tuple(prediction.input.shape[1:])), ""


def _occlusion(
    model: Any, picture: Picture, prediction: Any, index: int, _: str
) -> tuple[Any, str] | None:
    from explorer.inspection.attribution import occlusion

    side = min(prediction.input.shape[1:])
    left, right = st.columns(2)
    window = int(left.number_input("Window", 1, side, max(1, side // 6), key=f"inspect_window_{side}"))
    most = min(window, side)
    stride = int(right.number_input("Stride", 1, most, max(1, min(most, side // 12)), key=f"inspect_stride_{most}"))
    st.caption(
        f"What the class's logit loses when a square of {window} × {window} input pixels is covered by the mean "
        f"colour, every {stride} pixels; a pixel shows the mean over all squares that cover it (Zeiler & "
        "Fergus 2014). Orange: covering it costs the class; blue: covering it helps."
    )
    found = _computed(
        ("occlusion", model.digest, picture["digest"], index, window, stride),
        "Covering squares",
        lambda progress: occlusion(
            model, prediction.input, index, window=window, stride=stride, progress=progress
        ),
    )  # fmt: skip
    return None if found is None else (found.values, "logit")


def _gradients(model: Any, picture: Picture, prediction: Any, index: int, _: str) -> tuple[Any, str] | None:
    from explorer.inspection.attribution import integrated_gradients

    steps = int(st.number_input("Steps", 1, 1000, 50, key="inspect_steps", persist_state="session"))
    st.caption(
        "Integrated gradients (Sundararajan et al. 2017): how much of the logit's change, from an image of the mean "
        "colour to this one, is due to each pixel; its channels are summed."
    )
    found = _computed(
        ("gradients", model.digest, picture["digest"], index, steps),
        "Following the gradient",
        lambda progress: integrated_gradients(model, prediction.input, index, steps=steps, progress=progress),
    )
    if found is None:
        return None
    whole, gap = float(found.values.sum()), found.completeness_gap
    together, change, missed = (format_decimal(value, 4, signed=True) for value in (whole, whole + gap, gap))
    st.caption(
        f"All pixels together: {together}; the logit changes by {change}. The gap of {missed} is what the sum over "
        f"{steps} steps misses (completeness); more steps make it smaller."
    )
    return found.values.sum(0), "logit"


def _computed(key: tuple[Any, ...], what: str, work: Callable[[Any], Any]) -> Any:
    """What was found, if it was; else a button that begins the work."""
    found = CACHE.lookup(key)
    if found is None and st.button("Compute", key="inspect_compute", icon=":material/play_arrow:", type="primary"):
        found = run_with_progress(what, work)
        if found is not None:
            CACHE.store(key, found)
            state.change()
            st.rerun()
    return found
