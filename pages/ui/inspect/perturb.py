"""The picture perturbed by hand, and what the network says of it: now, and over a parameter's whole range."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer import figures
from explorer.analysis import analyze
from explorer.inspection import PERTURBATIONS
from explorer.text import format_number, format_share
from pages.ui.components import mount
from pages.ui.progress import run_with_progress
from pages.ui.text import literal

from . import downloads, state
from .queries import CACHE
from .state import Picture

_AT_ONCE_MACS = 2_000_000_000
"""Of a whole curve, up to which it is computed while a slider moves; a move then runs this part of the page alone."""
_LINES = 6
_COVERED = 24.0
"""Percent of the side that a press on the picture covers where nothing was covered."""


def show(model: Any, picture: Picture, prediction: Any) -> None:
    """Sliders, the perturbed input with its prediction, and the curve of the slider that was moved last."""
    if not all(_is_quick(model, name) for name in PERTURBATIONS):
        _show(model, picture, prediction)
        return
    told = list(state.state()["notices"])

    @st.fragment
    def part() -> None:
        _show(model, picture, prediction)
        if state.state()["notices"] != told:  # they stand above, and are read
            st.rerun()
        state.PAGE.end_part()

    part()


def _is_quick(model: Any, name: str) -> bool:
    return bool(analyze(model.architecture).macs * len(PERTURBATIONS[name].values) <= _AT_ONCE_MACS)


def _show(model: Any, picture: Picture, prediction: Any) -> None:
    from explorer.inspection.perturbation import perturb_input

    here = state.state()
    settings, along = here["perturb"], here["along"]
    left, middle, right = st.columns([0.4, 0.24, 0.36], gap="medium")
    with left:
        mount(
            "sliders", "inspect_sliders",
            {
                "along": along,
                "rows": [
                    {"name": each.name, "label": each.label, "unit": each.unit, "low": each.low, "high": each.high,
                     "step": each.step, "neutral": each.neutral, "value": settings.get(each.name, each.neutral),
                     "hint": each.meaning}
                    for each in PERTURBATIONS.values()
                ],
            },
            set=_set, reset=_reset,
        )  # fmt: skip
    pixels = perturb_input(model, prediction.input, settings)
    with middle:
        _picture(pixels)
    with right:
        _answer(model, picture, prediction, pixels)
    curve = _curve(model, picture, prediction)
    if curve is not None:
        _draw(model, curve, settings)
    st.caption(
        "The input is perturbed as the network gets it, before its numbers are normalised: turned, moved and scaled "
        "(bilinear; the mean colour of its border comes in from outside), blurred, made brighter, more contrasting, "
        "noisy, covered by the mean colour of the training images, in this order, and rounded to 256 steps as any "
        "picture. A press on the perturbed picture covers a square there. The curve runs over one parameter, the "
        "others as they are set; the dashed line marks the present value."
    )


def _set(value: object) -> None:
    """A slider was moved: {name, value}."""
    if not isinstance(value, dict) or value.get("name") not in PERTURBATIONS:
        return
    each, number = PERTURBATIONS[value["name"]], value.get("value")
    if isinstance(number, int | float) and each.low <= number <= each.high:
        _take({each.name: float(number)}, along=each.name)


def _cover(place: object) -> None:
    """A press on the picture: [across, down], as shares of its sides."""
    if not isinstance(place, list) or len(place) != 2 or not all(isinstance(each, int | float) for each in place):
        return
    at = {
        name: each.step * round(100 * min(1.0, max(0.0, share)) / each.step)
        for name, share in zip(("cover_x", "cover_y"), place, strict=True)
        for each in (PERTURBATIONS[name],)
    }
    _take({"cover": state.state()["perturb"].get("cover") or _COVERED, **at}, along="cover")


def _take(changes: dict[str, float], along: str) -> None:
    settings = {**state.state()["perturb"], **changes}
    kept = {name: value for name, value in settings.items() if value != PERTURBATIONS[name].neutral}
    state.change(perturb=kept, along=along)


def _reset(_: object) -> None:
    state.change(perturb={})


def _picture(pixels: Any) -> None:
    shown = pixels[0] if len(pixels) == 1 else pixels.permute(1, 2, 0)
    height, width = shown.shape[:2]
    frame = {
        "title": "Perturbed", "note": "", "alt": f"The perturbed input, {height} by {width} pixels",
        "src": figures.encode_photo(shown.numpy()), "width": width, "height": height, "pixelated": True, "heat": None,
        "boxes": [], "place": True,
    }  # fmt: skip
    mount("picture", "inspect_perturbed", {"frames": [frame]}, place=_cover)


def _answer(model: Any, picture: Picture, prediction: Any, pixels: Any) -> None:
    """The classes that were best before, and the one that is best now."""
    from explorer.inspection.predict import rank_classes

    def ask() -> Any:
        return rank_classes(model, model.scores(model.normalise(pixels[None]))[0], len(model.classes))

    settings = tuple(sorted(state.state()["perturb"].items()))
    now = CACHE.get_or_compute(("perturbed", model.digest, picture["digest"], settings), ask)
    before = {each.index: each.probability for each in prediction.top}
    shown = list(dict.fromkeys([*(each.index for each in prediction.top[:5]), now[0].index]))
    by_index = {each.index: each for each in now}
    mount(
        "bars", "inspect_perturbed_bars",
        {
            "title": "Prediction", "note": "now · before", "most": 1.0,
            "alt": "Probability of the classes for the perturbed picture, and for the picture as it was",
            "bars": [
                {"label": model.classes[index], "value": by_index[index].probability,
                 "text": format_share(by_index[index].probability, 1),
                 "detail": format_share(before[index], 1) if index in before else "",
                 "strong": index == now[0].index}
                for index in shown
            ],
        },
    )  # fmt: skip


def _curve(model: Any, picture: Picture, prediction: Any) -> Any:
    from explorer.inspection.perturbation import trace_perturbation

    along = state.state()["along"]
    others = {name: value for name, value in state.state()["perturb"].items() if name != along}
    key = ("perturbation", model.digest, picture["digest"], along, tuple(sorted(others.items())))
    found = CACHE.lookup(key)
    if found is not None:
        return found
    if _is_quick(model, along):
        return CACHE.get_or_compute(key, lambda: trace_perturbation(model, prediction.input, along, others))
    if st.button("Draw the curve", key="inspect_trace", icon=":material/show_chart:"):
        found = run_with_progress(
            "Perturbing", lambda progress: trace_perturbation(model, prediction.input, along, others, progress=progress)
        )
        if found is not None:
            CACHE.store(key, found)
            state.change()
            st.rerun()
    return None


def _draw(model: Any, curve: Any, settings: dict[str, float]) -> None:
    of = PERTURBATIONS[curve.name]
    shown = curve.find_classes(_LINES)
    table = curve.probabilities.numpy()
    lines = [
        {"label": model.classes[index], "shares": table[:, index].tolist(),
         "colour": {"light": colour.light, "dark": colour.dark}}
        for index, colour in zip(shown, figures.LINES, strict=False)
    ]  # fmt: skip
    now = settings.get(of.name, of.neutral)
    winners = [model.classes[index] for index in table.argmax(1).tolist()]
    turns = [f"{winners[0]} from {format_number(of.low)}"] + [
        f"{name} from {format_number(value)}"
        for before, name, value in zip(winners, winners[1:], curve.values[1:], strict=False)
        if name != before
    ]
    mount(
        "response", "inspect_response",
        {
            "title": f"{of.label}: probabilities", "note": f"{of.meaning}, {of.span}",
            "alt": f"Best class over {of.label.lower()} in {of.unit}: {', then '.join(turns[:8])}",
            "unit": of.unit, "values": list(curve.values), "now": now, "lines": lines,
        },
    )  # fmt: skip
    st.caption(literal(f"Best class along the curve, in {of.unit}: {', then '.join(turns[:8])}."))
    rows = [[value, *shares] for value, shares in zip(curve.values, table.tolist(), strict=True)]
    downloads.offer_rows(
        lambda: [[of.name, *model.classes], *rows], f"{of.label}, all classes", "inspect_response_csv"
    )
