"""Below the curves: predictions, gradients and speed, what happened, and with which settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from explorer import figures
from explorer.architecture import from_json, to_link
from explorer.runs import Run, measure_classes, read_log, series
from pages.ui import class_table
from pages.ui.components import mount
from pages.ui.manager import history, manager
from pages.ui.text import literal

from . import state
from .run_text import list_titles

_FAMILIES = {
    series.GRADIENT_NORM: ("Gradient norm by block", "Euclidean length over its weights", "number"),
    series.UPDATE_RATIO: ("Update / weight by block", "length of the update / of the weights", "number"),
    series.ACTIVATION_SCALE: ("Activation scale by block", "root mean square of its output", "number"),
    series.DEAD_RELUS: ("Dead ReLUs by block", "share of its units that are 0 for every image", "percent"),
}
_OTHERS = (
    (series.LEARNING_RATE, "Learning rate", "per step", "number"),
    (series.IMAGES_PER_SECOND, "Images a second", "training steps alone", "number"),
    (series.DATA_SHARE, "Share of the time spent on data", "of the training steps", "percent"),
    (series.MEMORY_PEAK, "Memory peak", "bytes", "number"),
    (series.GPU_UTILISATION, "GPU utilisation", "share of the time", "percent"),
)
_LOG_LINES = 200
"""Of the end of what a run's processes have printed."""


def show(run: Run, runs: list[Run]) -> None:
    """Tabs about the first of the runs; only the open one is made."""
    predictions, gradients, speed, log, settings = st.tabs(
        ["Predictions", "Blocks", "Speed", "What happened", "Settings"], key="run_details", on_change="rerun"
    )
    fills: list[tuple[Any, Callable[[], None]]] = [
        (predictions, lambda: _predictions(run)),
        (gradients, lambda: _gradients(run)),
        (speed, lambda: _speed(runs)),
        (log, lambda: _log(run)),
        (settings, lambda: _settings(run)),
    ]
    for tab, fill in fills:
        if tab.open:
            with tab:
                fill()


def _predictions(run: Run) -> None:
    store = manager().store
    found = store.latest(run.id, "confusion/test")
    if found is None:
        st.caption("After the first epoch: predictions on test images, and the confusion matrix.")
        return
    step, confusion = found
    samples, predictions = store.samples(run.id), store.predictions(run.id)
    classes = samples.classes if samples else tuple(str(number) for number in range(len(confusion)))
    mount(
        "board",
        "board",
        {
            "classes": list(classes),
            "confusion": confusion,
            "samples": samples.to_data() if samples else None,
            "predictions": [list(zip(each.classes, each.probabilities, strict=True)) for each in predictions[1]]
            if predictions
            else None,
            "note": f"after epoch {round(step / state.steps_per_epoch(run))}",
        },
    )
    st.markdown("**Classes**")
    class_table.show(measure_classes(classes, confusion), "run_classes")


def _panels(runs: list[Run], wanted: list[dict[str, Any]], key: str) -> None:
    panels = [panel for panel in wanted if panel["lines"]]
    if not panels:
        st.caption("Nothing has been recorded yet.")
        return
    data = figures.lay_out_curves(list_titles(runs), panels)
    mount("curves", key, {**data, "view": state.PAGE.state["view"]}, view=state.set_view)


def _line(run: int, name: str, found: Any, *, marked: bool) -> list[figures.Line]:
    if not len(found):
        return []
    return [
        figures.Line(
            run=run, name=name, steps=found.steps, values=found.values, seconds=found.seconds, marked=marked
        )
    ]  # fmt: skip


_OBSERVED = "every 100 steps and at the last step of every epoch"


def _gradients(run: Run) -> None:
    """One line a block: the runs of the picture are the blocks, so each has a colour."""
    past = history()
    blocks = list(dict.fromkeys(node.name for node in from_json(run.architecture).trunk.nodes))
    wanted = []
    shown: list[str] = []
    for family, (title, note, form) in _FAMILIES.items():
        lines = []
        for block in blocks:
            found = past.curve(run, series.of_block(family, block))
            if not len(found):
                continue
            if block not in shown:
                shown.append(block)
            lines += _line(shown.index(block), "", found, marked=True)
        wanted.append({"key": family, "title": title, "note": note, "format": form, "lines": lines})
    panels = [panel for panel in wanted if panel["lines"]]
    if not panels:
        st.caption(f"Recorded {_OBSERVED}.")
        return
    st.caption(
        "A gradient that shrinks from the last block to the first vanishes on its way back; shortcuts keep it alive. "
        "An update of about a thousandth of the weights is usual. A unit, a channel or one number of a vector, is dead "
        "where its ReLU gives 0 for every image and position: no gradient comes through it. Scale and dead units are "
        f"those of up to 64 training images, without dropout; all is recorded {_OBSERVED}."
    )
    titles = [(block, block, state.steps_per_epoch(run)) for block in shown]
    data = figures.lay_out_curves(titles, panels)
    mount("curves", "gradients", {**data, "view": state.PAGE.state["view"]}, view=state.set_view)


def _speed(runs: list[Run]) -> None:
    past = history()
    _panels(
        runs,
        [
            {
                "key": name,
                "title": title,
                "note": note,
                "format": form,
                "lines": [
                    line
                    for index, run in enumerate(runs)
                    for line in _line(index, title.lower(), past.curve(run, name), marked=False)
                ],
            }
            for name, title, note, form in _OTHERS
        ],
        "speed",
    )


def _log(run: Run) -> None:
    events = manager().store.events(run.id)
    rows = [
        {"when": f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S}", "what": literal(text)}
        for at, text in reversed(events)
    ]
    st.table(pd.DataFrame(rows, columns=["when", "what"]).set_index("when"), border="horizontal")
    person = manager().person
    if person is None or person.admin:  # tracebacks name folders of the server
        text = read_log(manager().root, run.id)
        if text.strip():
            with st.expander("What its process printed", icon=":material/terminal:"):
                st.code("\n".join(text.splitlines()[-_LOG_LINES:]), language=None, height=320)
                st.caption(f"The last {_LOG_LINES} lines of log.txt in the run's folder; the newest stand below.")


def _settings(run: Run) -> None:
    left, right = st.columns(2)
    config = {key: value for key, value in json.loads(run.config).items() if value is not None}
    with left:
        st.caption("Settings")
        _table(config)
    with right:
        st.caption("Trained on")
        environments = manager().store.documents(run.id, "environment")
        _table(environments[-1][1] if environments else {"": "not started yet"})
        st.page_link(
            "pages/design.py", label="Open its network in Design", icon=":material/schema:",
            query_params={"net": to_link(from_json(run.architecture))},
        )  # fmt: skip


def _short(text: str) -> str:
    """A digest is told by its beginning; sentences are told whole."""
    return text if len(text) <= 60 or " " in text else f"{text[:12]}…"


def _table(facts: dict[str, Any]) -> None:
    rows = [{"name": name, "value": literal(_short(str(value)))} for name, value in facts.items() if value is not None]
    st.table(pd.DataFrame(rows).set_index("name"), border="horizontal")
