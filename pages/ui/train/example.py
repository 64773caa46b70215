"""A short run of ours, shown as an example where nobody has trained anything yet.

assets/example_run.json holds what ``python -m explorer train inception-net-32`` recorded, as ``runs export --format
json`` writes it, without what only tells of the computer.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from explorer import figures
from explorer.runs import ChanceLevel, Curve, series
from pages.ui.components import mount
from pages.ui.text import literal

from . import new_run, state
from .run_text import lay_out_panels

_FILE = Path(__file__).resolve().parents[3] / "assets" / "example_run.json"


@cache
def _read() -> dict[str, Any]:
    return json.loads(_FILE.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def _curve(name: str) -> Curve:
    points = _read()["series"].get(name, [])
    return Curve(
        steps=np.array([point["step"] for point in points], np.int64),
        values=np.array([point["value"] for point in points], float),
        seconds=np.array([point["seconds"] for point in points], float),
    )


@cache
def _lay_out() -> dict[str, Any]:
    run = _read()
    chance = ChanceLevel.of([sum(row) for row in run["documents"]["confusion/test"][-1]["data"]])
    titles = [("example", run["name"], run["steps"] / run["config"]["epochs"])]
    return figures.lay_out_curves(titles, lay_out_panels(1, lambda _, name: _curve(name), [chance]))


def show() -> None:
    """What the page will look like, and the button that begins."""
    run = _read()
    config = run["config"]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="example_head"):
        st.header(literal(run["name"]), anchor=False, width="content")
        st.badge("example", icon=":material/auto_stories:", color="gray")
        if st.button(
            "Start a first run", key="start_example", icon=":material/play_arrow:", type="primary",
            help="Starts what New run holds: at first the network, data and recipe of this example.",
        ):  # fmt: skip
            new_run.ask_to_start()
            st.rerun()
    reached = _curve(series.TEST_ACCURACY).last or 0.0
    st.caption(
        literal(
            f"No run yet. This one came with the program: {config['dataset']}, {config['epochs']} epochs, seed "
            f"{config['seed']}, {100 * reached:.1f} % of the test images right at its end. Your own take its place; "
            "their curves grow while they learn, and they go on when you close the browser."
        )
    )
    documents = {name: found[-1]["data"] for name, found in run["documents"].items()}
    with st.container(border=True, key="curves_card"):
        mount("curves", "example_curves", {**_lay_out(), "view": state.PAGE.state["view"]}, view=state.set_view)
    mount(
        "board",
        "example_board",
        {
            "classes": documents["samples"]["classes"],
            "confusion": documents["confusion/test"],
            "samples": documents["samples"],
            "predictions": documents["predictions/test"],
            "note": f"after epoch {run['epoch']}",
        },
    )
