"""Curves as arrays, kept between two looks: of a run that grows only what is new is read from the store."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._chance import ChanceLevel, find_chance
from ._records import Run
from ._store import Store


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """One series of one run, in the order of its steps."""

    steps: NDArray[np.int64]
    """Updates done, from 1."""
    values: NDArray[np.float64]
    """What was measured at each."""
    seconds: NDArray[np.float64]
    """Of training until then, over all attempts."""

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def last(self) -> float | None:
        """The newest value."""
        return float(self.values[-1]) if len(self) else None


_EMPTY = Curve(steps=np.empty(0, np.int64), values=np.empty(0), seconds=np.empty(0))


class History:
    """A cache of curves for readers that come back every second; it fetches only what is new.

    Safe to share between threads. At most ``limit`` curves are kept, the most recently read ones.
    """

    def __init__(self, store: Store, *, limit: int = 512) -> None:
        self._store, self._limit = store, limit
        self._known: OrderedDict[tuple[str, str], tuple[int, Curve]] = OrderedDict()
        self._chance: dict[str, ChanceLevel] = {}
        self._guard = threading.Lock()

    def read_by(self, store: Store) -> History:
        """The same curves for somebody who is signed in.

        Args:
            store: As they see it; of a run that they may not look at nothing is given, whoever has read it before.

        Returns:
            A history that shares what was read.
        """
        found = copy.copy(self)
        found._store = store
        return found

    def curve(self, run: Run, series: str) -> Curve:
        """Read a series as it is now.

        Args:
            run: The row as it was just read; a new attempt makes the cached curve invalid.
            series: One of the names in ``explorer.runs.series``.

        Returns:
            The curve, empty if nothing was recorded.
        """
        key = (run.id, series)
        with self._guard:
            attempt, curve = self._known.get(key, (run.attempt, _EMPTY))
        if attempt != run.attempt:  # a resumed run overwrites what came after its checkpoint
            curve = _EMPTY
        after = int(curve.steps[-1]) if len(curve) else -1
        points = self._store.points(run.id, series, after=after)
        if points:
            curve = Curve(
                steps=np.append(curve.steps, [point.step for point in points]),
                values=np.append(curve.values, [point.value for point in points]),
                seconds=np.append(curve.seconds, [point.seconds for point in points]),
            )
        with self._guard:
            self._known[key] = (run.attempt, curve)
            self._known.move_to_end(key)
            while len(self._known) > self._limit:
                self._known.popitem(last=False)
        return curve

    def chance(self, run: Run) -> ChanceLevel | None:
        """Find the chance level of a run's test accuracy, as ``find_chance`` does; it never changes.

        Args:
            run: The run.

        Returns:
            The level; None while it is not known.
        """
        self._store.require_look(run.id)
        known = self._chance.get(run.id)
        if known is None:
            known = find_chance(self._store, run.id)
            if known is not None:
                self._chance[run.id] = known
        return known
