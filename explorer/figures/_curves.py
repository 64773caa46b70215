"""Learning curves of several runs as data for the component that draws them: thinned, with their spread kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._colours import Kind

LINES: tuple[Kind, ...] = (
    Kind("blue", "#0072b2", "#56b4e9"),
    Kind("orange", "#d55e00", "#f58b3c"),
    Kind("green", "#00805d", "#3cd19a"),
    Kind("purple", "#b04a87", "#dd8bb9"),
    Kind("yellow", "#9a7000", "#f0c040"),
    Kind("violet", "#7656b5", "#b9a1ee"),
    Kind("brown", "#7a6248", "#c4a988"),
    Kind("grey", "#5b6b7f", "#a9b1bc"),
)
"""Colours of the runs in an overlay; each has a shape of marker of its own too."""
MAX_POINTS = 500
"""Maximum number of points of a line that are sent to the browser."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a chart."""

    run: int
    """Which of the runs, from 0."""
    name: str
    """Label: 'train', 'test', a block's name."""
    steps: ArrayLike
    """Optimizer steps, increasing, shape (N,)."""
    values: ArrayLike
    """What was measured at each, shape (N,)."""
    seconds: ArrayLike
    """Training time at each, shape (N,)."""
    marked: bool = False
    """Drawn with a mark at every point: values of whole epochs."""


def thin_line(
    steps: ArrayLike, values: ArrayLike, seconds: ArrayLike, limit: int = MAX_POINTS
) -> dict[str, list[float]]:
    """Thin a line to at most about ``limit`` points: each the mean of a stretch of steps, with its extremes.

    Stretches are powers of two long and begin at fixed steps, so a line that grows does not tremble; their number
    halves when it exceeds ``limit``.

    Args:
        steps: Optimizer steps, increasing, shape (N,).
        values: What was measured at each, shape (N,).
        seconds: Training time at each, shape (N,).
        limit: About how many points may remain.

    Returns:
        ``step`` (last of a stretch), ``second``, ``value`` (mean), ``low`` and ``high``: lists of equal length.
    """
    step, value, second = np.asarray(steps), np.asarray(values, float), np.asarray(seconds, float)
    if not len(step):
        return {"step": [], "second": [], "value": [], "low": [], "high": []}
    length = 1
    while len(np.unique(step // length)) > limit:
        length *= 2
    starts = np.flatnonzero(np.diff(step // length, prepend=-1))
    counts = np.diff(np.append(starts, len(step)))

    def mean(of: Any) -> list[float]:
        return [float(f"{each:.6g}") for each in np.add.reduceat(of, starts) / counts]

    low, high = np.minimum.reduceat(value, starts), np.maximum.reduceat(value, starts)
    return {
        # The last step of an interval, at which its mean is known.
        "step": step[starts + counts - 1].tolist(),
        "second": [round(float(each), 3) for each in second[starts + counts - 1]],
        "value": mean(value),
        "low": [float(f"{each:.6g}") for each in low],
        "high": [float(f"{each:.6g}") for each in high],
    }


def lay_out_curves(runs: Sequence[tuple[str, str, float]], panels: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Prepare learning curves for the component that draws them.

    Args:
        runs: (id, title, steps of an epoch) of each run, in the order of their colours.
        panels: ``{"key", "title", "note", "format": "number" | "percent", "lines": [Line, ...]}`` each, and
            ``"levels": [(value, name), ...]``, drawn across, where there are any.

    Returns:
        ``runs`` with their colours, and ``panels`` whose lines are thinned.
    """
    return {
        "runs": [
            {"id": run, "title": title, "steps": steps, "colour": LINES[index % len(LINES)]._asdict()}
            for index, (run, title, steps) in enumerate(runs)
        ],
        "panels": [
            {
                **panel,
                "lines": [
                    {
                        "run": line.run,
                        "name": line.name,
                        "marked": line.marked,
                        **thin_line(line.steps, line.values, line.seconds),
                    }
                    for line in panel["lines"]
                ],
            }
            for panel in panels
        ],
    }
