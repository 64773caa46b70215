"""What a search has found as data for pictures: the trials with their front, and what of the space was tried."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..analysis import METRICS
from ..figures import Axis, Mark, Path, lay_out_scatter, trace_front
from ..text import escape_html, format_si
from ._limits import ACCURACY
from ._manage import StoredSearch
from ._report import Findings
from ._trials import SearchTrial

if TYPE_CHECKING:
    import plotly.graph_objects as go

OWN, RANDOM = 0, 1
"""Colours of the search's trials and of its baseline's."""


def _label(key: str) -> str:
    metric = METRICS[key]
    return f"{metric.label}, {metric.unit}" if metric.unit else metric.label


def lay_out_front(stored: StoredSearch, findings: Findings, key: str) -> dict[str, Any]:
    """Lay out the trials in the plane of a metric (across) and accuracy (up), with the front.

    Args:
        stored: The search.
        findings: What it has found.
        key: Of ``METRICS``.

    Returns:
        What ``figures.lay_out_scatter`` gives; the key of a mark is the number of its trial.
    """
    shown = [trial for trial in findings.trials if trial.curve]
    rivals = [trial for trial in (findings.baseline.trials if findings.baseline else ()) if trial.curve]
    wanted = {each.key: each.direction for each in stored.search.objectives}.get(key, METRICS[key].trade_off)
    marks = [_mark(trial, key, trial.number in findings.front) for trial in shown]
    marks += [_mark(trial, key, front=False, rival=True) for trial in rivals]
    front = sorted(
        (trial.numbers.get(key, 0), 100 * trial.values[0]) for trial in shown if trial.number in findings.front
    )
    corners = trace_front(front, less_x=wanted == "least")
    across = Axis.fit(_label(key), [mark.x for mark in marks])
    # With further objectives the front is a surface, whose edge in this plane would be no staircase.
    plain = {each.key for each in stored.search.objectives} == {ACCURACY, key}
    paths = [Path(label="front", points=corners)] if plain and len(front) > 1 else []
    return lay_out_scatter(across, Axis(label="validation accuracy, %"), marks, paths)


def _mark(trial: SearchTrial, key: str, front: bool, *, rival: bool = False) -> Mark:
    x, accuracy = trial.numbers.get(key, 0), 100 * trial.values[0]
    name = f"random {trial.number}" if rival else f"trial {trial.number}"
    return Mark(
        key=f"random {trial.number}" if rival else str(trial.number), label=name, x=x, y=accuracy,
        line=RANDOM if rival else OWN if trial.complete else None, named=front, front=front,
        facts=(
            ("validation accuracy", f"{accuracy:.2f} %"), (_label(key), format_si(x)),
            ("state", trial.state), ("epochs", str(trial.run.epoch)),
        ),
    )  # fmt: skip


def lay_out_dimensions(stored: StoredSearch, findings: Findings, *, most: int = 10, dark: bool = False) -> go.Figure:
    """Draw the complete trials as lines through their values of each dimension, coloured by accuracy.

    Args:
        stored: The search.
        findings: What it has found.
        most: Dimensions that are drawn at most, the most important first.
        dark: Whether it stands on a dark background.

    Returns:
        A Plotly figure of parallel coordinates.

    Source: Inselberg, "The Plane with Parallel Coordinates", The Visual Computer 1985.
    """
    import plotly.graph_objects as go

    trials = findings.finished
    ranks = {key: place for place, key in enumerate(findings.importance)}
    places = sorted(
        range(len(stored.search.space.dimensions)),
        key=lambda place: ranks.get(stored.search.space.dimensions[place].key, math.inf),
    )[:most]
    axes = []
    for place in places:
        each = stored.search.space.dimensions[place]
        axes.append({
            "label": escape_html(each.key, quotes=False),
            "values": [trial.point[place] for trial in trials],
            "range": [0, len(each.values) - 1],
            "tickvals": list(range(len(each.values))),
            "ticktext": [escape_html(str(value), quotes=False) for value in each.values],
        })  # fmt: skip
    accuracy = [100 * trial.values[0] for trial in trials]
    axes.append({"label": "accuracy, %", "values": accuracy})
    colour = "#e8ecf1" if dark else "#1a2230"
    figure = go.Figure(
        go.Parcoords(
            line={"color": accuracy, "colorscale": "Cividis", "showscale": False}, dimensions=axes, labelangle=-20,
            labelfont={"color": colour}, tickfont={"color": colour}, rangefont={"color": colour},
        )
    )  # fmt: skip
    figure.update_layout(height=420, margin={"l": 60, "r": 60, "t": 90, "b": 20}, paper_bgcolor="rgba(0,0,0,0)")
    return figure
