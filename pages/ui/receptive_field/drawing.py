"""The drawing of the exact field, of one network or of two: what is drawn, and what a click on it means."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

import streamlit as st

from explorer import figures
from explorer.text import format_shape
from pages.ui.field import Place, mount_field
from pages.ui.inspect import downloads
from pages.ui.text import literal

from . import measuring, overlay, picture, state
from .view import View


def show(views: list[View]) -> None:
    """The field of the chosen unit, or the units of the chosen pixel, in each of the networks."""
    try:
        places = _places(views)
        frames = [_lay_out(view, at) for view, at in zip(views, places, strict=True)]
    except ValueError as error:
        st.info(literal(f"{error}."))
        return
    questions = overlay.ask(views, places) if overlay.is_on() else []
    if overlay.is_on():
        overlay.show_work(views[0], questions)
        frames[: len(questions)] = map(overlay.lay_over, frames, questions)
    mount_field(
        "field_drawing", frames, state.state()["layers"],
        place=lambda number, at: _place(views, number, at), move=lambda _, by: _move(views, by),
    )  # fmt: skip
    with st.container(horizontal=True, key="field_files"):
        for number, (view, at) in enumerate(zip(views, places, strict=True)):
            name = f"{view.architecture.name} {view.path} {at[0]}-{at[1]}"
            make = partial(
                figures.tabulate_field, view.architecture, view.path, at, source=view.source,
                reverse=state.state()["pixel"] is not None, paths="paths" in state.state()["layers"],
            )  # fmt: skip
            downloads.offer_rows(make, name, f"field_csv_{number}")
            if questions:
                overlay.offer_file(questions[number], name, f"field_effective_csv_{number}")


def choose_layers(views: list[View], layers: tuple[str, ...]) -> None:
    """Draw other layers; the effective field is measured at once when it is switched on."""
    before = overlay.is_on()
    state.change(layers=layers)
    if overlay.is_on() and not before:
        with suppress(ValueError):  # there is no such unit; the drawing says so
            measuring.begin(overlay.ask(views, _places(views)))


def turn(views: list[View], way: str) -> None:
    """Look the other way, from the same place."""
    view = views[0]
    if way == "pixel":
        row, column = view.lattice.centre(view.clip_unit(state.state()["unit"]))
        state.change(pixel=view.clip_pixel((round(row), round(column))))
    else:
        pixel = state.state()["pixel"]
        state.change(pixel=None, unit=view.lattice.nearest(pixel) if pixel else None)


# ---- what is drawn --------------------------------------------------------------------------------------------------


def _places(views: list[View]) -> list[Place]:
    """The chosen unit or pixel of the first network, and what lies nearest to it in the others."""
    here, first = state.state(), views[0]
    pixel = here["pixel"]
    if pixel is not None:
        pixel = first.clip_pixel(pixel)
        return [pixel, *(view.clip_pixel(first.carry(pixel, view)) for view in views[1:])]
    unit = first.clip_unit(here["unit"])
    return [unit, *(view.lattice.nearest(first.carry(first.lattice.centre(unit), view)) for view in views[1:])]


@lru_cache(maxsize=256)
def _draw(view: View, at: Place, reverse: bool, paths: bool) -> dict[str, Any]:
    """The last fields of all sessions: somebody walks over them with arrow keys, and back."""
    if reverse:
        return figures.draw_projection(view.architecture, view.path, at, source=view.source)
    return figures.draw_field(view.architecture, view.path, at, source=view.source, paths=paths)


def _lay_out(view: View, at: Place) -> dict[str, Any]:
    """One frame of the drawing."""
    layers, reverse = state.state()["layers"], state.state()["pixel"] is not None
    frame = _draw(view, at, reverse, "paths" in layers and not reverse)
    title = f"{view.architecture.name} · {view.path}"
    channels, rows, columns = view.architecture.input_shape
    if view.source or channels not in (1, 3):
        note = f"on the map of {view.source}" if view.source else f"on the input, {channels:,} × {rows:,} × {columns:,}"
        return {**frame, "src": None, "pixelated": False, "title": title, "note": note}
    ground = picture.lay_out(view.architecture, as_input="input" in layers)
    note = f"on {ground['title']}, {format_shape(view.architecture.input_shape)}"
    return {**frame, "src": ground["src"], "pixelated": ground["pixelated"], "title": title, "note": note}


# ---- what a click or a key means ------------------------------------------------------------------------------------


def _place(views: list[View], number: int, at: Place) -> None:
    """A unit or pixel was chosen on a frame; on a second network's, the nearest to it is chosen on the first."""
    view, first = views[number], views[0]
    if state.state()["pixel"] is not None:
        state.change(pixel=first.clip_pixel(view.carry(at, first)))
        return
    unit = view.clip_unit(at)
    state.change(unit=first.lattice.nearest(view.carry(view.lattice.centre(unit), first)) if number else unit)


def _move(views: list[View], by: Place) -> None:
    """An arrow key: the first network's unit or pixel moves, and the others follow."""
    row, column = _places(views)[0]
    moved = row + by[0], column + by[1]
    if state.state()["pixel"] is not None:
        state.change(pixel=views[0].clip_pixel(moved))
    else:
        state.change(unit=views[0].clip_unit(moved))
