"""What was found out about the networks of runs, kept so that thousands need not be read and analysed at every start.

One row for each text of a network, by its digest. All of it can be found out again: the table may be emptied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sql

from ._tables import NETWORKS

_AT_ONCE = 500
"""Digests in one query: databases bound how many values one may name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkRow:
    """One row of ``networks``."""

    digest: str
    """SHA-256 of the network's text, hexadecimal."""
    revision: int
    """Of the rules by which the others were found."""
    structure: str
    """Equal for networks that differ in name and notes alone; '' where the text is no network."""
    numbers: str
    """JSON: its metrics by their keys."""


class Networks:
    """Reads and writes of the table ``networks``, each in one transaction."""

    def __init__(
        self,
        transaction: Callable[[], AbstractContextManager[sql.Connection]],
        upsert: Callable[[sql.Connection, sql.Table, list[dict[str, Any]]], None],
    ) -> None:
        self._transaction, self._upsert = transaction, upsert

    def find(self, digests: Iterable[str], revision: int) -> dict[str, NetworkRow]:
        """Read what is known of some networks by the rules of a revision, by their digests."""
        wanted, found = list(digests), {}
        with self._transaction() as connection:
            for begin in range(0, len(wanted), _AT_ONCE):
                query = NETWORKS.select().where(
                    NETWORKS.c.digest.in_(wanted[begin : begin + _AT_ONCE]), NETWORKS.c.revision == revision
                )
                for row in connection.execute(query):
                    found[row.digest] = NetworkRow(**row._mapping)
        return found

    def save(self, rows: Iterable[NetworkRow]) -> None:
        """Write what was found out; what is there of the same networks is replaced."""
        plain = [asdict(row) for row in rows]
        if plain:
            with self._transaction() as connection:
                self._upsert(connection, NETWORKS, plain)
