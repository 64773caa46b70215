"""Other servers on the same cluster and the same database: their runs stand in one queue with ours.

Each server says in the cluster, whenever it looks, that it lives: a neighbour lives as long as what it says changes, by
the clock of whoever looks. Everybody finds the same order; a run whose turn it is has its room held until its own
server starts it, and not for ever: that one may have its reasons.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from ._records import ACTIVE, Run
from ._store import Store

_SILENT_SECONDS = 10.0
_PATIENCE_SECONDS = 30.0
"""For so long room is held for a run that another server does not start."""


class Neighbours:
    """What a data directory knows of the others on its cluster."""

    def __init__(self, store: Store, home: str) -> None:
        self._store, self._home = store, home
        self._said: dict[str, tuple[str, float]] = {}
        """By data directory what its server said last, and when that was seen to change."""
        self.actors: set[str] = set()
        """What the others have in Ray."""
        self._held: dict[str, float] = {}
        """Runs for which room is held, and since when."""

    def look(self, said: Mapping[str, str], actors: Collection[str]) -> None:
        """Take note of what is on the cluster.

        Args:
            said: By data directory what its server said last.
            actors: What the others have in Ray: names of actors.
        """
        now = time.monotonic()
        for home in said.keys() - {self._home}:
            before = self._said.get(home)
            if before is None or before[0] != said[home]:  # who is seen for the first time may be long dead
                self._said[home] = said[home], now if before else now - _SILENT_SECONDS
        self.actors = set(actors)

    def find(self) -> list[Run]:
        """Find the runs that the others have on the cluster, and those that wait where a server lives, oldest first.

        Those of another database are not known here.
        """
        now = time.monotonic()
        living = [home for home, (_, since) in self._said.items() if now - since < _SILENT_SECONDS]
        waiting = {run.id: run for home in living for run in self._store.runs("queued", home=home)}
        self._held = {run: since for run, since in self._held.items() if run in waiting}
        late = {run for run, since in self._held.items() if now - since > _PATIENCE_SECONDS}
        begun = {actor.rpartition("-")[0] for actor in self.actors}
        known = self._store.find(begun) if begun else []
        found = {run.id: run for run in known if run.status in ACTIVE}
        found |= {name: run for name, run in waiting.items() if name not in late}
        return sorted(found.values(), key=lambda run: (run.created, run.id))

    def hold_room(self, run: str) -> bool:
        """Hold room for a run that its own server is to start now."""
        self._held.setdefault(run, time.monotonic())
        return True
