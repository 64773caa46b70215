"""Feature maps of a node as a grid, one of them large; and the filters of the first convolution."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer import figures
from explorer.architecture import edit
from explorer.text import format_shape
from pages.ui.components import mount
from pages.ui.text import literal

from . import nodes, queries, state
from .state import Picture

MAX_MAPS = 512
"""Maps in a grid."""
_ORDERS = {"activity": "Most active first", "channel": "By channel"}
_SCALES = {"shared": "Shared", "own": "Own"}


def show(model: Any, picture: Picture, prediction: Any) -> None:  # noqa: ARG001
    """The node's maps for the chosen picture."""
    path = nodes.diagram(model)
    if edit.find(model.architecture, path).op == "auxiliary":
        st.info("An auxiliary head runs in training only; shown is what it reads.")
    found = queries.maps(model, picture, path)
    values = found.values.numpy()
    with st.container(horizontal=True, vertical_alignment="bottom", key="inspect_maps_head"):
        order = st.segmented_control(
            "Order", list(_ORDERS), default="activity", key="inspect_order", required=True,
            format_func=_ORDERS.__getitem__, persist_state="session",
        )  # fmt: skip
        scale = st.segmented_control(
            "Colour scale", list(_SCALES), default="shared", key="inspect_scale", required=True,
            format_func=_SCALES.__getitem__, persist_state="session",
            help="Shared: one range for all channels, so brightness compares them. Own: each channel's own range, so "
            "faint ones can be read.",
        )  # fmt: skip
    channel, unit = select_unit(found)
    channels = (found.channels_by_activity if order == "activity" else range(len(values)))[:MAX_MAPS]
    sheet = figures.draw_map_grid(values, channels, shared=scale == "shared")
    mount(
        "maps", "inspect_maps",
        {
            "what": "channel", "choosable": True, "size": _side(sheet),
            "groups": [{"key": path, "title": path.replace("/", " / "), "note": _note(values, len(channels)),
                        "kind": None, "sheet": sheet}],
            "chosen": {"group": path, "channel": channel},
            "large": enlarged_map(model, values, path, channel, unit, shared=scale == "shared"),
        },
        choose=state.choose_map,
    )  # fmt: skip
    low, _ = figures.find_color_range(values)
    st.caption(
        "Each map is one channel of what the node gives for this picture, in inference, after its norm and "
        "activation. Activity is the mean magnitude over all positions. "
        + ("Blue is below 0, orange above, 0 is pale. " if low < 0 else "Dark is 0, bright is the largest number. ")
        + "A click on a unit of the large map chooses it: *Receptive field* shows what it sees."
    )


def select_unit(found: Any) -> tuple[int, tuple[int, int]]:
    """The chosen channel (default: the most active) and unit (default: the strongest) of a node's maps."""
    here = state.state()
    count, height, width = found.values.shape
    channel = here["channel"]
    if channel is None or channel >= count:
        channel = found.channels_by_activity[0]
    unit = here["unit"]
    if unit is None or unit[0] >= height or unit[1] >= width:
        unit = found.strongest_unit(channel)
    return channel, unit


def enlarged_map(
    model: Any, values: Any, path: str, channel: int, unit: tuple[int, int], *, shared: bool
) -> dict[str, Any]:  # fmt: skip
    """One map large, as data for the component."""
    low, high = figures.find_color_range(values if shared else values[channel])
    if low == 0 and figures.find_color_range(values)[0] < 0:
        low = -high
    return {
        "group": path, "channel": channel, "unit": list(unit),
        "alt": f"Channel {channel} of {path} in {model.architecture.name}.",
        **figures.draw_map(values[channel], low, high),
    }  # fmt: skip


def _note(values: Any, shown: int) -> str:
    count = len(values)
    return f"{format_shape(values.shape)}" + (f", {shown} of {count:,} channels shown" if shown < count else "")


def _side(sheet: dict[str, Any]) -> int:
    """How wide a tile is at least, in the page's pixels."""
    return min(88, max(40, 2 * max(int(sheet["width"]), int(sheet["height"]))))


def show_filters(model: Any) -> None:
    """The weights of the first convolution."""
    from explorer.inspection.features import first_filters

    try:
        path, weights = first_filters(model)
    except ValueError as error:
        st.info(literal(f"{error}."))
        return
    sheet = figures.draw_filters(weights[:MAX_MAPS].numpy())
    mount(
        "maps", "inspect_filters",
        {
            "what": "filter", "choosable": False, "size": 64, "chosen": None, "large": None,
            "groups": [{"key": path, "title": path.replace("/", " / "), "note": format_shape(tuple(weights.shape)),
                        "kind": None, "sheet": sheet}],
        },
    )  # fmt: skip
    what = (
        "The three input channels are red, green and blue; grey is a weight of 0."
        if sheet["colours"]
        else "Blue is below 0, orange above."
        + ("" if len(weights[0]) == 1 else f" The mean over the filter's {len(weights[0]):,} input channels is shown.")
    )
    st.caption(
        f"The {len(weights):,} filters of the first convolution, {literal(path)} (filters × input channels × height × "
        f"width), as they are stored. {what} One range for all. A batch norm after it may still turn or scale them."
    )
