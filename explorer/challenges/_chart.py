"""A board as data for a picture: accuracy against cost, with the corner that is to be reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..analysis import METRICS
from ..figures import Axis, Mark, Path, lay_out_scatter
from ..search import Limit
from ..text import format_share, format_si
from ._board import Entry
from ._challenge import Challenge, describe_limit

REACHED, MISSED = 0, 1
"""Colours of entries that reach all goals, and of the others."""


def find_cost(challenge: Challenge) -> str:
    """Find the metric across which a board is drawn: that of the rank, else of the first limit, else MACs.

    Args:
        challenge: The challenge.

    Returns:
        A key of ``METRICS``.
    """
    return next((key for key in challenge.keys if key in METRICS), "macs")


def lay_out_board(challenge: Challenge, board: Sequence[Entry]) -> dict[str, Any]:
    """Lay out a board in the plane of a metric (across) and test accuracy (up), with the lines of the goal.

    Args:
        challenge: What is to be reached.
        board: As ``read_board`` gives it; entries without an accuracy are left out.

    Returns:
        What ``figures.lay_out_scatter`` gives; the key of a mark is the identifier of its entry.
    """
    key = find_cost(challenge)
    marks = [_mark(entry, key) for entry in board if entry.result.accuracy is not None and entry.result.values.get(key)]
    if not marks:
        return {"marks": []}
    limits = [limit for limit in challenge.limits if limit.key == key and limit.bound > 0]
    across = Axis.fit(METRICS[key].title, [*(mark.x for mark in marks), *(limit.bound for limit in limits)])
    up = Axis(label="test accuracy, %")
    return lay_out_scatter(across, up, marks, _goal_lines(challenge, limits, marks))


def _goal_lines(challenge: Challenge, limits: Sequence[Limit], marks: Sequence[Mark]) -> list[Path]:
    """The edges of the region that is to be reached, as far as the marks go."""
    paths, heights = [], [mark.y for mark in marks]
    if challenge.least_accuracy is not None:
        level = 100 * challenge.least_accuracy
        heights.append(level)
        places = [mark.x for mark in marks] + [limit.bound for limit in limits]
        low = max([min(places), *(limit.bound for limit in limits if limit.side == "least")])
        high = min([max(places), *(limit.bound for limit in limits if limit.side == "most")])
        if low < high:
            paths.append(Path(label=f"test accuracy ≥ {level:g} %", points=((low, level), (high, level)), dashed=True))
    low, high = min(heights), max(heights)
    if challenge.least_accuracy is not None:
        low = 100 * challenge.least_accuracy
    if low < high:
        paths += [
            Path(label=describe_limit(limit), points=((limit.bound, low), (limit.bound, high)), dashed=True)
            for limit in limits
        ]
    return paths


def _mark(entry: Entry, key: str) -> Mark:
    accuracy, value = entry.result.accuracy or 0.0, entry.result.values.get(key) or 0.0
    return Mark(
        key=entry.id, label=entry.name, x=float(value), y=100 * accuracy,
        line=MISSED if entry.misses else REACHED, named=entry.place is not None and entry.place <= 3,
        front=entry.place == 1,
        facts=(
            ("place", "–" if entry.place is None else str(entry.place)), ("test accuracy", format_share(accuracy)),
            (METRICS[key].title, format_si(value)), ("run", entry.result.title),
        ),
    )  # fmt: skip
