"""The course of a run beside its checkpoints, so that what it reached survives the loss of the run store.

A line of JSON for a batch of points, appended. Of every series at most one point is kept in each of some two thousand
stretches of the run, and the last one: small, whatever the length of the run, and every epoch of most.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ._records import Point

_STRETCHES = 2000
_MAX_BYTES = 1 << 26
_log = logging.getLogger(__name__)


class HistoryFile:
    """Appends to the file of one run. Only its worker may do so."""

    def __init__(self, path: Path, steps: int) -> None:
        """``steps`` is the number of updates of the whole run."""
        self._path, self._steps = path, steps
        self._stretch = -(-steps // _STRETCHES)
        self._reached: dict[str, int] = {}
        self._failed = False

    def append(self, points: Iterable[Point], **progress: Any) -> None:
        """Append what is to be kept of some points. A failure is only logged: the store has the points, too."""
        kept = [[p.series, p.step, p.value, round(p.seconds, 3)] for p in points if self._keeps(p)]
        if not kept:
            return
        # The newline comes first: a line that a crash tore off ends there.
        line = "\n" + json.dumps({"steps": self._steps, **progress, "points": kept}, separators=(",", ":"))
        try:
            with self._path.open("ab") as file:
                file.write(line.encode())
        except OSError as error:
            if not self._failed:
                _log.warning("the course of the run is not written beside its checkpoints: %s", error)
            self._failed = True

    def _keeps(self, point: Point) -> bool:
        stretch = point.step // self._stretch
        if not math.isfinite(point.value) or (self._reached.get(point.series) == stretch and point.step < self._steps):
            return False
        self._reached[point.series] = stretch
        return True


def read_history(path: Path) -> tuple[list[Point], dict[str, Any]]:
    """Read what a run's folder says of its course.

    Args:
        path: ``RunFolder.history``; it need not exist.

    Returns:
        The points, a later one in place of an earlier one of the same series and step; and the run's ``epoch``,
        ``step``, ``steps`` and ``seconds`` as they were written last, {} where nothing was.
    """
    try:
        with path.open("rb") as file:
            lines = file.read(_MAX_BYTES).splitlines()
    except OSError:
        return [], {}
    points: dict[tuple[str, int], Point] = {}
    progress: dict[str, Any] = {}
    for line in filter(None, lines):
        try:
            found = json.loads(line)
            read = [
                Point(series=str(series)[:120], step=int(step), value=float(value), seconds=float(seconds))
                for series, step, value, seconds in found["points"]
            ]
            reached = {
                name: kind(found[name])
                for name, kind in (("epoch", int), ("step", int), ("steps", int), ("seconds", float))
                if name in found
            }
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # torn off, or no line of ours
        points.update({(point.series, point.step): point for point in read})
        progress |= reached
    return list(points.values()), progress
