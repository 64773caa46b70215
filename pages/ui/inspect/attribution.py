"""Attribution: which parts of the picture speak for a class, by three methods, for two classes side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from explorer import figures
from explorer.inspection import Box
from explorer.text import format_decimal, format_number, format_shape
from pages.ui.components import mount
from pages.ui.progress import run_with_progress
from pages.ui.text import literal

from . import downloads, nodes, predictions, queries, state
from .branches import ask_class
from .queries import CACHE
from .state import Picture

_METHODS = {"cam": "Grad-CAM", "occlusion": "Occlusion", "gradients": "Integrated gradients"}
_NONE = -1
Found = tuple[list[Any], str]
"""For each class its values (H, W) of the input, and their unit."""


def show(model: Any, picture: Picture, prediction: Any) -> None:
    """One method for one class or two, on the picture; below it what the method is, and where it looks."""
    architecture = model.architecture
    with st.container(horizontal=True, vertical_alignment="bottom", key="inspect_why_head"):
        method = st.segmented_control(
            "Method", list(_METHODS), default="cam", key="inspect_method", required=True,
            format_func=_METHODS.__getitem__, persist_state="session",
        ) or "cam"  # fmt: skip
        first = ask_class(model, prediction)
        second = _ask_second(model, prediction, first)
    classes = [first, *([] if second is None else [second])]
    pictures = st.container()
    # Far back in the network maps speak of classes; that is where Grad-CAM is read.
    path = nodes.choose(architecture, nodes.last_block(architecture)) if method == "cam" else ""
    found = {"cam": _cam, "occlusion": _occlusion, "gradients": _gradients}[method](
        model, picture, prediction, classes, path
    )
    with pictures:
        if found is None:
            mount("picture", "inspect_why", {"frames": [predictions.input_frame(model, prediction)]})
        else:
            _draw(model, picture, _METHODS[method], classes, found)
    if method == "cam":
        nodes.diagram(architecture, path)


def _ask_second(model: Any, prediction: Any, first: int) -> int | None:
    """A widget for the class beside it: the best other one, another, or none."""
    best = [each.index for each in prediction.top if each.index != first]
    options = [_NONE, *best, *(number for number in range(len(model.classes)) if number not in (*best, first))]
    here = state.state()
    value = here["beside"] if here["beside"] in options else options[min(1, len(options) - 1)]
    st.session_state["inspect_beside"] = value
    st.selectbox(
        "Beside it", options, key="inspect_beside",
        on_change=lambda: state.change(beside=st.session_state["inspect_beside"]),
        format_func=lambda number: "nothing" if number == _NONE else model.classes[number],
        help="The same for another class, in the same colours: why this one, and why not that one.",
    )  # fmt: skip
    return None if value == _NONE else value


def _draw(model: Any, picture: Picture, method: str, classes: list[int], found: Found) -> None:
    values, unit = found
    arrays = [each.numpy() for each in values]
    low = min(figures.find_color_range(each)[0] for each in arrays)
    high = max(figures.find_color_range(each)[1] for each in arrays)
    rows, columns = arrays[0].shape
    place = queries.placement(model, picture).to_image(Box(0.0, 0.0, float(rows), float(columns)))
    frames = []
    for index, each in zip(classes, arrays, strict=True):
        row, column = divmod(int(each.argmax()), columns)
        frame = predictions.picture_frame(picture, predictions.crop_boxes(model, picture), method)
        frame["title"] = model.classes[index]
        frame["heat"] = {
            **figures.draw_heatmap(each, -high if low < 0 else 0.0, high), "unit": unit, "box": place._asdict(),
        }  # fmt: skip
        frame["alt"] = (
            f"{method} for {model.classes[index]} on the picture: values from {format_number(float(each.min()))} to "
            f"{format_number(float(each.max()))}, the largest at row {row}, column {column} of the input"
        )
        frames.append(frame)
    mount("picture", "inspect_why", {"frames": frames})
    with st.container(horizontal=True, key="inspect_why_files"):
        for index, each in zip(classes, arrays, strict=True):
            downloads.offer_map(each, f"{method} {model.classes[index]}", f"inspect_why_csv_{index}")
    others = "" if len(classes) < 2 else " Both in one range of colours."
    st.caption(
        f"Over the part of the picture that the network gets, {rows} × {columns} numbers.{others} The scores of "
        "classes are logits: what speaks for one need not speak against another."
    )


def _cam(model: Any, picture: Picture, prediction: Any, classes: list[int], path: str) -> Found | None:
    from explorer.inspection.attribution import grad_cam, upsample

    def ask(index: int) -> Any:
        key = ("cam", model.digest, picture["digest"], path, index)
        return CACHE.get_or_compute(key, lambda: grad_cam(model, prediction.input, path, index))

    try:
        cams = [ask(index) for index in classes]
    except ValueError as error:
        st.info(literal(f"{error}."))
        return None
    st.caption(
        f"Grad-CAM of {literal(path)} ({format_shape(tuple(cams[0].shape))} units), brought to the input's size "
        "(bilinear): the node's channels, each weighed by the mean gradient of the class's logit, summed; what is "
        "below 0 is cut off (Selvaraju et al. 2017, equations 1 and 2). Later layers say more, and less "
        "precisely where. Its numbers compare places of one picture, not pictures."
    )
    return [upsample(cam, tuple(prediction.input.shape[1:])) for cam in cams], ""


def _occlusion(model: Any, picture: Picture, prediction: Any, classes: list[int], _: str) -> Found | None:
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
        [("occlusion", model.digest, picture["digest"], index, window, stride) for index in classes],
        "Covering squares",
        lambda place, progress: occlusion(
            model, prediction.input, classes[place], window=window, stride=stride, progress=progress
        ),
    )
    return None if found is None else ([each.values for each in found], "logit")


def _gradients(model: Any, picture: Picture, prediction: Any, classes: list[int], _: str) -> Found | None:
    from explorer.inspection.attribution import integrated_gradients

    steps = int(st.number_input("Steps", 1, 1000, 50, key="inspect_steps", persist_state="session"))
    st.caption(
        "Integrated gradients (Sundararajan et al. 2017): how much of the logit's change, from an image of the mean "
        "colour to this one, is due to each pixel; its channels are summed."
    )
    found = _computed(
        [("gradients", model.digest, picture["digest"], index, steps) for index in classes],
        "Following the gradient",
        lambda place, progress: integrated_gradients(
            model, prediction.input, classes[place], steps=steps, progress=progress
        ),
    )
    if found is None:
        return None
    for index, each in zip(classes, found, strict=True):
        whole, gap = float(each.values.sum()), each.completeness_gap
        together, change, missed = (format_decimal(value, 4, signed=True) for value in (whole, whole + gap, gap))
        st.caption(
            f"{literal(model.classes[index])}: all pixels together {together}; the logit changes by {change}. The gap "
            f"of {missed} is what the sum over {steps:,} steps misses (completeness); more steps make it smaller."
        )
    return [each.values.sum(0) for each in found], "logit"


def _computed(keys: list[tuple[Any, ...]], what: str, work: Callable[[int, Any], Any]) -> list[Any] | None:
    """What was found for each key, if it was for all; else a button that begins the work."""
    missing = [place for place, key in enumerate(keys) if CACHE.lookup(key) is None]
    if missing and not st.button("Compute", key="inspect_compute", icon=":material/play_arrow:", type="primary"):
        return None
    if missing:

        def compute(progress: Any) -> bool:
            for turn, place in enumerate(missing):
                found = work(
                    place, lambda done, total, turn=turn: progress(turn * total + done, len(missing) * total)
                )
                CACHE.store(keys[place], found)
            return True

        if run_with_progress(what, compute) is None:
            return None
        state.change()
        st.rerun()
    return [CACHE.lookup(key) for key in keys]
