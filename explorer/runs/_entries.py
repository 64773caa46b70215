"""What was handed in to challenges: a copy of what a run has reached, which outlives the run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import sqlalchemy as sql

from ._tables import ENTRIES


@dataclass(frozen=True, kw_only=True)
class EntryRow:
    """One row of ``entries``."""

    id: str
    """Its identifier."""
    challenge: str
    """The id of the challenge, a row of ``experiments``."""
    person: str
    """The id of who handed it in; '' without sign-in."""
    name: str
    """What they are called on the board."""
    run: str
    """The id of the run; no run is handed in twice to one challenge."""
    at: float
    """When, in seconds since 1970."""
    data: str
    """JSON that ``explorer.challenges`` reads."""


class Entries:
    """Reads and writes of the table ``entries``, each in one transaction."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[sql.Connection]]) -> None:
        self._transaction = transaction

    def add(self, entry: EntryRow) -> None:
        """Add an entry. Raises StoreError (``duplicate``) if the run has been handed in already."""
        with self._transaction() as connection:
            connection.execute(ENTRIES.insert().values(**entry.__dict__))

    def of(self, challenge: str) -> list[EntryRow]:
        """The entries of a challenge, oldest first."""
        query = ENTRIES.select().where(ENTRIES.c.challenge == challenge).order_by(ENTRIES.c.at, ENTRIES.c.id)
        with self._transaction() as connection:
            return [EntryRow(**row._mapping) for row in connection.execute(query)]

    def count(self) -> dict[str, int]:
        """How many entries each challenge has; those without any are left out."""
        query = sql.select(ENTRIES.c.challenge, sql.func.count().label("entries")).group_by(ENTRIES.c.challenge)
        with self._transaction() as connection:
            return {row.challenge: row.entries for row in connection.execute(query)}

    def remove(self, challenge: str, entry: str | None = None) -> int:
        """Remove one entry of a challenge, or all. Returns how many there were."""
        query = ENTRIES.delete().where(ENTRIES.c.challenge == challenge)
        if entry is not None:
            query = query.where(ENTRIES.c.id == entry)
        with self._transaction() as connection:
            return connection.execute(query).rowcount
