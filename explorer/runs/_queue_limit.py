"""How many runs of one person may wait or work at a time, held to in the transaction that adds one.

Were it asked before, two who add at once would both be told that there is room.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sql

from ._records import ACTIVE
from ._tables import PEOPLE, RUNS


@dataclass(frozen=True, kw_only=True)
class QueueLimit:
    """The runs that somebody may have waiting or working at a time."""

    person: str
    """Their id; they have signed in once, so that the database knows them."""
    runs: int
    """At most."""

    def check(self, used: int, more: int) -> None:
        """Raise ValueError if so many more runs, beside those that there are, would be above it."""
        if used + more > self.runs:
            raise ValueError(
                f"{used} of your runs wait or work, and {more} more would be above the {self.runs} that each person "
                f"may have at a time: wait until some have ended, stop or pause some, or ask an administrator for more"
            )

    def require(self, connection: sql.Connection) -> None:
        """Raise ValueError, which takes the transaction back, if the run that it has just added is above it."""
        active = sql.select(sql.func.count()).where(RUNS.c.owner == self.person, RUNS.c.status.in_(ACTIVE))
        self.check(connection.execute(active).scalar_one() - 1, 1)


def take_turns(connection: sql.Connection, person: str) -> None:
    """Let nobody else count or add for a person until the transaction ends; the first thing that it does.

    A change that changes nothing: PostgreSQL locks the row of the person, SQLite the file.
    """
    connection.execute(PEOPLE.update().where(PEOPLE.c.id == person).values(last_seen=PEOPLE.c.last_seen))
