"""Points in a plane as data for the component that draws them: named marks, thousands of dots, lines, a front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ._curves import LINES

Pair = tuple[float, float]
_WIDE_RATIO = 8


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One direction of the plane."""

    label: str
    """With its unit."""
    log: bool = False
    """Ratios instead of differences; every value must then be above 0."""

    @classmethod
    def fit(cls, label: str, values: Sequence[float]) -> Axis:
        """Make an axis for these values, logarithmic where the greatest is more than 8 times the least."""
        return cls(label=label, log=bool(values) and min(values) > 0 and max(values) > _WIDE_RATIO * min(values))


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A point that has a name."""

    key: str
    """The event of a click on it."""
    label: str
    """Its name for people."""
    x: float
    """Place on the horizontal axis, in that axis's unit."""
    y: float
    """Place on the vertical axis."""
    reach_x: Pair | None = None
    """Ends of the error bar of ``x``."""
    reach_y: Pair | None = None
    """Ends of the error bar of ``y``."""
    line: int | None = None
    """Number of its colour and shape; None is a small grey dot."""
    named: bool = True
    """Whether its label is drawn beside it, where there is space."""
    front: bool = False
    """Whether it is on the Pareto front."""
    facts: tuple[tuple[str, str], ...] = ()
    """(name, value) for the tooltip and screen readers."""


@dataclass(frozen=True, kw_only=True)
class Path:
    """A line through points."""

    label: str
    """What it shows."""
    points: tuple[Pair, ...]
    """(x, y) of each, in order."""
    line: int | None = None
    """Number of its colour; None is the colour of text."""
    dashed: bool = False
    """Whether it is drawn dashed."""


@dataclass(frozen=True, kw_only=True)
class Dots:
    """Points without names, drawn as one."""

    label: str
    """What they show."""
    x: Sequence[float] = field(repr=False)
    """Places on the horizontal axis."""
    y: Sequence[float] = field(repr=False)
    """Places on the vertical axis, as many."""
    keys: Sequence[str] = field(repr=False)
    """The event of a click on each."""


def lay_out_scatter(
    x: Axis, y: Axis, marks: Sequence[Mark], paths: Sequence[Path] = (), dots: Dots | None = None
) -> dict[str, Any]:
    """Prepare points in a plane for the component that draws them.

    Args:
        x: The horizontal axis.
        y: The vertical axis.
        marks: Points that have names.
        paths: Lines.
        dots: Points without names.

    Returns:
        The same as plain data. Values that a logarithmic axis cannot show are left out.
    """

    def fits(a: float, b: float) -> bool:
        return (a > 0 or not x.log) and (b > 0 or not y.log)

    kept = [place for place in range(len(dots.x)) if fits(dots.x[place], dots.y[place])] if dots else []
    return {
        "x": {"label": x.label, "log": x.log},
        "y": {"label": y.label, "log": y.log},
        "marks": [_mark(mark) for mark in marks if fits(mark.x, mark.y)],
        "paths": [
            {
                "label": path.label, "points": [list(pair) for pair in path.points if fits(*pair)],
                "colour": _colour(path.line), "dashed": path.dashed,
            }
            for path in paths
        ],
        "dots": dots and {
            "label": dots.label, "x": [dots.x[place] for place in kept], "y": [dots.y[place] for place in kept],
            "keys": [dots.keys[place] for place in kept],
        },
    }  # fmt: skip


def _mark(mark: Mark) -> dict[str, Any]:
    return {
        "key": mark.key, "label": mark.label, "x": mark.x, "y": mark.y,
        "reachX": mark.reach_x and list(mark.reach_x), "reachY": mark.reach_y and list(mark.reach_y),
        "colour": _colour(mark.line), "shape": mark.line, "named": mark.named, "front": mark.front,
        "facts": [list(fact) for fact in mark.facts],
    }  # fmt: skip


def _colour(line: int | None) -> dict[str, str] | None:
    return None if line is None else LINES[line % len(LINES)]._asdict()


def trace_front(points: Sequence[Pair], *, less_x: bool) -> tuple[Pair, ...]:
    """Trace the edge of the region that a front's points dominate.

    Args:
        points: The front, in the order of x.
        less_x: Whether less of x is better: the edge goes level first, then up or down; else the other way round.

    Returns:
        The corners of the edge.
    """
    found: list[Pair] = []
    for before, point in zip([None, *points], points, strict=False):
        if before is not None:
            found.append((point[0], before[1]) if less_x else (before[0], point[1]))
        found.append(point)
    return tuple(found)
