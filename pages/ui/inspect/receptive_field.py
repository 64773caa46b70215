"""What a unit sees: its receptive field on the picture and on the input, from the analysis of the architecture."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer import figures
from explorer.inspection import Box, UnitField, unit_field
from explorer.text import format_number
from pages.ui.components import mount
from pages.ui.field import Place, mount_field
from pages.ui.text import literal

from . import maps, nodes, predictions, queries, state
from .state import Picture


def show(model: Any, picture: Picture, prediction: Any) -> None:
    """The chosen unit (default: the strongest of the most varied channel) of the chosen node."""
    path = nodes.choose(model.architecture)
    _show_unit(model, picture, prediction, path)
    nodes.diagram(model.architecture, path)


def _show_unit(model: Any, picture: Picture, prediction: Any, path: str) -> None:
    found = queries.maps(model, picture, path)
    channel, unit = maps.select_unit(model, found)
    try:
        field = unit_field(model.architecture, path, unit)
    except ValueError as error:
        st.info(literal(f"{error}."))
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="inspect_unit"):
        _ask(found, channel, unit)
    _draw(model, picture, prediction, path, channel, field)
    value = float(found.values[channel, unit[0], unit[1]])
    st.markdown(
        f"Unit at row **{unit[0]}**, column **{unit[1]}** of channel **{channel}** has the value "
        f"**{format_number(value)}**."
    )
    if field.whole_input:
        st.info(
            "Attention, a gate, group norm, global pooling or flattening comes before this node: beside the rectangle, "
            "which is what convolutions and poolings let it see, the unit depends on every pixel."
        )
    st.caption(
        "Bright is every input pixel that the unit can depend on, borders and padding included; the box around it is "
        "solid where the border clips it, dashed with the padding outside (Araujo, Norris & Sim 2019). All channels of "
        "a node see the same. It does not say how strongly the unit depends on each pixel: the page Receptive field "
        "does."
    )


def _draw(model: Any, picture: Picture, prediction: Any, path: str, channel: int, field: UnitField) -> None:
    """The field on the picture as it came, and pixel by pixel on the input."""
    around, inside = st.columns([0.22, 0.78], gap="medium")
    with around:
        boxes = [predictions.box_data("field", field.in_image(queries.placement(model, picture)), "receptive field")]
        frame = {**predictions.picture_frame(picture, boxes, ""), "title": "On the picture"}
        mount("picture", "inspect_field_picture", {"frames": [{**frame, "alt": _alt(path, field.unit, field.box)}]})
    with inside:
        seen = predictions.input_frame(model, prediction)
        drawn = figures.draw_field(model.architecture, path, field.unit)
        ground = {"src": seen["src"], "pixelated": True, "title": "On the input", "note": seen["note"]}
        mount_field(
            "inspect_field", [{**drawn, **ground}], ("touched", "box", "branches"),
            place=lambda _, unit: state.change(channel=channel, unit=unit),
            move=lambda _, by: _move(channel, field.unit, by, drawn["units"]),
        )  # fmt: skip


def _move(channel: int, unit: Place, by: Place, units: dict[str, Any]) -> None:
    """An arrow key: the neighbour, if there is one."""
    row, column = unit[0] + by[0], unit[1] + by[1]
    if 0 <= row < units["rows"] and 0 <= column < units["columns"]:
        state.change(channel=channel, unit=(row, column))


def _ask(found: Any, channel: int, unit: tuple[int, int]) -> None:
    """Inputs for channel, row and column."""
    count, height, width = found.values.shape
    for name, key, last, value in (
        ("Channel", "inspect_channel", count, channel),
        ("Row", "inspect_unit_row", height, unit[0]),
        ("Column", "inspect_unit_column", width, unit[1]),
    ):
        st.session_state[key] = value
        st.number_input(name, 0, last - 1, key=key, on_change=_changed, args=(key,), width=110)
    if state.state()["channel"] is not None or state.state()["unit"] is not None:
        st.button(
            "Strongest unit", key="inspect_strongest", on_click=state.change, kwargs={"channel": None, "unit": None},
            help="Of the most varied channel, the unit with the largest value, inside the picture where there is one.",
        )  # fmt: skip


def _changed(key: str) -> None:
    channel, row, column = (int(st.session_state[f"inspect_{name}"]) for name in ("channel", "unit_row", "unit_column"))
    # Another channel: its own strongest unit.
    state.change(channel=channel, unit=None if key == "inspect_channel" else (row, column))


def _alt(path: str, unit: tuple[int, int], box: Box) -> str:
    return (
        f"Receptive field of the unit at row {unit[0]}, column {unit[1]} of {path}: rows {box.top:g} to "
        f"{box.bottom:g}, columns {box.left:g} to {box.right:g} of the input"
    )
