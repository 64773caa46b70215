"""Published accuracy against what a network costs, each point with its source."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from explorer import catalog, figures
from explorer.catalog import published_accuracy
from explorer.comparison import FAMILIES, PublishedPoint, list_published, pareto_front, render_published_csv
from explorer.figures import LINES, Axis, Mark, Path
from explorer.text import format_count, format_decimal, format_shape
from pages.ui.components import mount
from pages.ui.downloads import download_button
from pages.ui.text import cell, literal, number_column

from .state import AXES, PAGE

_KEY = "catalogue_axis"
_POINT = "catalogue_point"


def show() -> None:
    """The picture, its table, and the same as CSV."""
    state = PAGE.state
    points = sorted(list_published(), key=lambda point: getattr(point, state["axis"]))
    st.session_state[_KEY] = state["axis"]

    def changed() -> None:
        PAGE.act()["axis"] = st.session_state[_KEY]

    st.segmented_control(
        "Against", list(AXES), key=_KEY, format_func=AXES.__getitem__, required=True, on_change=changed
    )
    _draw(points, state["axis"])
    st.caption(
        "Top-1 accuracy on ImageNet's validation images as published, by the source that the table names; networks "
        "without a sourced number are left out. The numbers are not of one protocol: they differ in training, image "
        "size and crops, so small differences say nothing. Parameters and MACs are counted here: multiply-adds of "
        "convolutions and linear layers (one MAC is two FLOPs), biases not counted, at the network's own image size. "
        "Front: no other network is as accurate for less."
    )
    _show_table(points)
    download_button(
        "Save as CSV", render_published_csv(), "published-accuracy.csv", "text/csv", key="published_csv",
        icon=":material/download:",
    )  # fmt: skip


def _draw(points: list[PublishedPoint], axis: str) -> None:
    values = [(float(getattr(point, axis)), point.accuracy.value) for point in points]
    best = set(pareto_front(values, ["least", "most"]))
    marks = [
        Mark(
            key=point.entry.name, label=point.entry.title, x=x, y=y, line=point.family, front=place in best,
            facts=(
                ("top-1", f"{format_decimal(y, 1)} %"), ("parameters", format_count(point.params)),
                ("MACs", f"{format_count(point.macs)} at {format_shape(point.entry.architecture.input_shape)}"),
                ("source", f"{point.accuracy.source}, {point.accuracy.year}"),
            ),
        )
        for place, (point, (x, y)) in enumerate(zip(points, values, strict=True))
    ]  # fmt: skip
    front = Path(label="front", points=figures.trace_front([values[place] for place in sorted(best)], less_x=True))
    data = figures.lay_out_scatter(
        Axis.fit(AXES[axis], [x for x, _ in values]), Axis(label="top-1 on ImageNet, %"), marks, [front]
    )
    names = ", ".join(points[place].entry.title for place in sorted(best))
    shown = sorted({point.family for point in points})
    chosen = st.session_state.get(_POINT, "")
    with st.container(border=True):
        mount(
            "scatter", "catalogue_accuracy",
            {
                **data, "title": f"Published accuracy against {AXES[axis]}", "note": "choose a point",
                "choosable": True,
                "alt": f"Top-1 accuracy against {AXES[axis]} of {len(points)} networks. On the front: {names}. "
                "Arrow keys move.",
                "legend": [
                    {"label": FAMILIES[family], "colour": LINES[family]._asdict(), "shape": family} for family in shown
                ],
                "chosen": chosen,
            },
            choose=_choose,
        )  # fmt: skip
        if chosen:
            entry = catalog.entry(chosen)
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{literal(entry.title)}**")
                st.page_link(
                    "pages/design.py", label="Open in Design", icon=":material/schema:", query_params={"net": chosen}
                )


def _choose(name: object) -> None:
    if isinstance(name, str) and name in catalog.names() and published_accuracy(catalog.entry(name)):
        st.session_state[_POINT] = name


def _show_table(points: list[PublishedPoint]) -> None:
    rows = [
        {
            "network": cell(point.entry.title),
            "top-1, %": format_decimal(point.accuracy.value, 1),
            "parameters": point.params,
            "MACs": point.macs,
            "source": cell(point.accuracy.source),
            "year of the source": str(point.accuracy.year or "–"),
        }
        for point in points
    ]
    st.dataframe(
        pd.DataFrame(rows), key="published_table", hide_index=True, alt="Table of published accuracies",
        column_config={
            "network": st.column_config.TextColumn(pinned=True),
            "top-1, %": st.column_config.TextColumn(alignment="right"),
            "parameters": number_column(), "MACs": number_column(),
            "source": st.column_config.TextColumn(width="large"),
        },
    )  # fmt: skip
