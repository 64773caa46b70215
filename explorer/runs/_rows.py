"""Rows of the table ``runs`` as values: made anew only where something has changed since they were read last."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sql

from ._records import Run
from ._tables import RUNS

_SHORT = [column for column in RUNS.columns if column is not RUNS.c.architecture]
_NAMES = [column.key for column in _SHORT]
_ID = _NAMES.index("id")
_OLDEST_FIRST = sql.select(*_SHORT).order_by(RUNS.c.created, RUNS.c.id)
"""Made once: to name the columns takes as long as to read some runs."""


def read_run(row: Any) -> Run:
    """Make the value of a whole row."""
    stored = row._mapping
    fields = {column.key: stored[column.name] for column in RUNS.columns}
    return Run(**{**fields, "tags": _read_tags(fields["tags"])})


@lru_cache(maxsize=1024)
def _read_tags(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


class KnownRuns:
    """Remembers the runs that were read: of thousands few change from look to look, and no network ever does."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[Any, ...], Run]] = {}
        """By a run's id its row without the network, and its value."""

    def read(self, connection: sql.Connection, *conditions: sql.ColumnElement[bool]) -> list[Run]:
        """Read the runs that meet some conditions on the table ``runs``, oldest first."""
        rows = connection.execute(_OLDEST_FIRST.where(*conditions)).all()
        unread = [row.created for row in rows if row.id not in self._known]
        networks: dict[str, str] = {}
        if unread:  # by age, as there may be more of them than a query takes names
            texts = sql.select(RUNS.c.id, RUNS.c.architecture).where(*conditions, RUNS.c.created >= min(unread))
            networks = {row.id: sys.intern(row.architecture) for row in connection.execute(texts)}
        # One that was deleted between the two queries has no network.
        return [self._take(tuple(row), networks) for row in rows if row.id in self._known or row.id in networks]

    def _take(self, row: Sequence[Any], networks: dict[str, str]) -> Run:
        known = self._known.get(row[_ID])
        if known is not None and known[0] == row:
            return known[1]
        fields = dict(zip(_NAMES, row, strict=True))
        network = networks[row[_ID]] if known is None else known[1].architecture
        run = Run(**{**fields, "tags": _read_tags(fields["tags"]), "architecture": network})
        self._known[run.id] = tuple(row), run
        return run
