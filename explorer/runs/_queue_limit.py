"""How many runs may wait or work at a time, of one data directory and of one person.

It is held to in the transaction that adds one. Were it asked before, two who add at once would both be told that there
is room.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sql

from ._records import ACTIVE
from ._tables import PEOPLE, RUNS, SCHEMA

MAX_ACTIVE = 200
"""Runs of a data directory that may wait or work at a time, whosever they are."""


@dataclass(frozen=True, kw_only=True)
class QueueLimit:
    """The runs that may wait or work at a time where one more is to do so."""

    home: str
    """The id of its data directory."""
    person: str = ""
    """The id of whose it is."""
    runs_each: int | None = None
    """Of each person at most; None: as many as there may be of all."""

    def require(self, connection: sql.Connection) -> None:
        """Raise ValueError, which takes the transaction back, if the run that it has just added is above it."""
        active = sql.select(sql.func.count()).where(RUNS.c.status.in_(ACTIVE))
        if self.runs_each is not None:
            theirs = connection.execute(active.where(RUNS.c.owner == self.person)).scalar_one()
            check_person(theirs - 1, 1, self.runs_each)
        check_directory(connection.execute(active.where(RUNS.c.home == self.home)).scalar_one() - 1, 1)


def check_person(used: int, more: int, allowed: int) -> None:
    """Raise ValueError if so many more runs of somebody, beside those that there are, would be above what each may."""
    if used + more > allowed:
        raise ValueError(
            f"{used} of your runs wait or work, and {more} more would be above the {allowed} that each person "
            f"may have at a time: wait until some have ended, stop or pause some, or ask an administrator for more"
        )


def check_directory(used: int, more: int) -> None:
    """Raise ValueError if so many more runs of a data directory, beside those that there are, would be too many."""
    if used + more > MAX_ACTIVE:
        raise ValueError(
            f"{used} runs are queued or running, and {more} more would be above the {MAX_ACTIVE} that there may be at "
            f"a time: wait until some have ended, stop or pause some, or ask for fewer"
        )


def take_turns(connection: sql.Connection, person: str | None = None) -> None:
    """Let nobody else count or add until the transaction ends; the first thing that it does.

    A change that changes nothing: PostgreSQL locks the row, SQLite the file.

    Args:
        connection: In a transaction.
        person: The id of for whom it is counted, who has signed in once; None for everybody, which is for runs.
    """
    if person is None:
        connection.execute(SCHEMA.update().values(version=SCHEMA.c.version))
    else:
        connection.execute(PEOPLE.update().where(PEOPLE.c.id == person).values(last_seen=PEOPLE.c.last_seen))
