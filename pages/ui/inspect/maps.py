"""Feature maps of a node as a grid, one of them large; and the filters of the first convolution."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer import figures
from explorer.architecture import Architecture, edit
from explorer.inspection import inner_units
from explorer.text import format_number, format_shape
from pages.ui.components import mount
from pages.ui.text import literal

from . import downloads, nodes, queries, state
from .state import Picture

MAX_MAPS = 512
"""Maps in a grid."""
MAX_BARS = 60
"""Numbers of a vector that are drawn."""
_ORDERS = {"contrast": "Most varied first", "activity": "Most active first", "channel": "By channel"}
_SCALES = {"own": "Own", "shared": "Shared"}


def show(model: Any, picture: Picture, prediction: Any) -> None:  # noqa: ARG001
    """The node's maps for the chosen picture."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="inspect_maps_head"):
        path = nodes.choose(model.architecture)
        found = queries.maps(model, picture, path)
        vector = found.values.shape[1:] == (1, 1)
        orders = {name: title for name, title in _ORDERS.items() if name != "contrast" or not vector}
        order = st.segmented_control(
            "Order", list(orders), default=next(iter(orders)), key=f"inspect_order{'_vector' if vector else ''}",
            required=True, format_func=_ORDERS.__getitem__, persist_state="session",
        )  # fmt: skip
        if not vector:
            scale = st.segmented_control(
                "Colour scale", list(_SCALES), default="own", key="inspect_scale", required=True,
                format_func=_SCALES.__getitem__, persist_state="session",
                help="Own: each channel's own range, so faint ones can be read. Shared: one range for all channels, so "
                "brightness compares them.",
            )  # fmt: skip
    if edit.find(model.architecture, path).op == "auxiliary":
        st.info("An auxiliary head runs in training only; shown is what it reads.")
    if vector:
        _show_vector(model, found, path, by_activity=order == "activity")
    else:
        _show_maps(model, picture, found, order or "contrast", shared=scale == "shared")
    nodes.diagram(model.architecture, path)


def _show_maps(model: Any, picture: Picture, found: Any, order: str, *, shared: bool) -> None:
    path, values = found.path, found.values.numpy()
    channel, unit = select_unit(model, found)
    orders = {"contrast": found.channels_by_contrast, "activity": found.channels_by_activity}
    channels = orders.get(order, range(len(values)))[:MAX_MAPS]
    key = ("sheet", model.digest, picture["digest"], path, order, shared)
    sheet = queries.CACHE.get_or_compute(key, lambda: figures.draw_map_grid(values, channels, shared=shared))
    mount(
        "maps", "inspect_maps",
        {
            "what": "channel", "choosable": True, "size": _side(sheet),
            "groups": [{"key": path, "title": path.replace("/", " / "), "note": _note(values, len(channels)),
                        "kind": None, "sheet": sheet}],
            "chosen": {"group": path, "channel": channel},
            "large": enlarged_map(model, values, path, channel, unit, shared=shared),
        },
        choose=state.choose_map,
    )  # fmt: skip
    downloads.offer_map(values[channel], f"Channel {channel} of {path}", "inspect_map_csv")
    low, _ = figures.find_color_range(values)
    st.caption(
        "Each map is one channel of what the node gives for this picture, in inference, after its norm and "
        "activation. Varied: standard deviation over its positions; activity: mean magnitude over them. "
        + ("Blue is below 0, orange above, 0 is pale. " if low < 0 else "Dark is 0, bright is the largest number. ")
        + "A click on a unit of the large map chooses it: *Receptive field* shows what it sees. At first it is the "
        "strongest whose field lies inside the picture, where there is such a unit."
    )


def _show_vector(model: Any, found: Any, path: str, *, by_activity: bool) -> None:
    """A vector as bars; the last node's numbers are the scores of the classes and have their names."""
    numbers = found.values[:, 0, 0].tolist()
    scores = path == list_trunk(model.architecture)[-1] and len(numbers) == len(model.classes)
    names = list(model.classes) if scores else [f"channel {number}" for number in range(len(numbers))]
    order = list(range(len(numbers)))
    if by_activity:
        order = sorted(order, key=numbers.__getitem__, reverse=True) if scores else list(found.channels_by_activity)
    shown = order[:MAX_BARS]
    what = "scores (logits) of the classes" if scores else "numbers"
    mount(
        "bars", "inspect_vector",
        {
            "title": path.replace("/", " / "), "alt": f"The {what} that {path} gives",
            "note": f"{what}, {len(shown)} of {len(numbers):,} shown",
            "bars": [
                {"label": names[place], "value": numbers[place], "text": format_number(numbers[place]),
                 "strong": scores and place == max(range(len(numbers)), key=numbers.__getitem__)}
                for place in shown
            ],
        },
    )  # fmt: skip
    rows = [["name", "value"], *([name, number] for name, number in zip(names, numbers, strict=True))]
    downloads.offer_rows(lambda: rows, path, "inspect_vector_csv")
    st.caption("The node gives one number for each channel, without positions: bars left of the middle are below 0.")


def list_trunk(architecture: Architecture) -> list[str]:
    """The paths of the nodes of the trunk that run in inference, in their order."""
    return [node.name for node in architecture.trunk.children if node.op != "auxiliary"]


def select_unit(model: Any, found: Any) -> tuple[int, tuple[int, int]]:
    """The chosen channel (default: the most varied) and unit of a node's maps.

    By default it is the strongest whose receptive field lies inside the picture, where there are such units.
    """
    here = state.state()
    count, height, width = found.values.shape
    channel = here["channel"]
    if channel is None or channel >= count:
        channel = found.channels_by_contrast[0]
    unit = here["unit"]
    if unit is None or unit[0] >= height or unit[1] >= width:
        try:
            unit = found.strongest_unit(channel, *inner_units(model.architecture, found.path))
        except ValueError:  # a vector: its units have no place
            unit = (0, 0)
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
