"""Who has signed in, and what they did, on a server that several people share."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass

import sqlalchemy as sql

from ..person import Person
from ._queue_limit import take_turns
from ._tables import AUDIT, PEOPLE

UPLOAD = "upload"
"""The action of audit lines whose detail is a number of bytes."""


@dataclass(frozen=True, kw_only=True)
class PersonRow:
    """One row of ``people``."""

    id: str
    """What rows and files name as their owner."""
    name: str
    """As the identity provider told it last."""
    email: str
    """As far as the identity provider vouches for it; '' otherwise."""
    first_seen: float
    """When they signed in first, in seconds since 1970."""
    last_seen: float
    """When they signed in last, in seconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class AuditLine:
    """What somebody did."""

    at: float
    """Seconds since 1970."""
    person: str
    """The id of who did it."""
    action: str
    """What was done, such as 'delete'."""
    object: str
    """To what, such as 'run 20260131-142501-0fa3c2'."""
    detail: str
    """More of it; '' where there is nothing to say."""


class People:
    """Reads and writes of the tables ``people`` and ``audit``, each in one transaction."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[sql.Connection]]) -> None:
        self._transaction = transaction

    def welcome(self, person: Person) -> float | None:
        """Enter that somebody has come, with the name that they have now; when they came last, None for the first time.

        A hint for people: of two who come at the same time both may be told the time before.
        """
        now = time.time()
        known = PEOPLE.update().where(PEOPLE.c.id == person.id)
        fields = {"name": person.name, "email": person.email, "last_seen": now}
        with self._transaction() as connection:
            before = connection.execute(sql.select(PEOPLE.c.last_seen).where(PEOPLE.c.id == person.id)).scalar()
            if not connection.execute(known.values(**fields)).rowcount:
                connection.execute(PEOPLE.insert().values(id=person.id, first_seen=now, **fields))
        return None if before is None else float(before)

    def all(self) -> list[PersonRow]:
        """All who have ever signed in, in the order of their names."""
        with self._transaction() as connection:
            found = [PersonRow(**row._mapping) for row in connection.execute(PEOPLE.select())]
        return sorted(found, key=lambda row: (row.name.casefold(), row.id))

    def names(self) -> dict[str, str]:
        """The name of everybody by their id."""
        with self._transaction() as connection:
            return {row.id: row.name for row in connection.execute(sql.select(PEOPLE.c.id, PEOPLE.c.name))}

    def is_admin(self, person: str, admins: Collection[str]) -> bool:
        """Whether somebody administers; ``admins`` are ids and verified emails, as ``person.list_admins`` has them."""
        with self._transaction() as connection:
            email = connection.execute(sql.select(PEOPLE.c.email).where(PEOPLE.c.id == person)).scalar()
        return person in admins or (bool(email) and str(email).lower() in admins)

    def uploaded(self, person: str, since: float) -> int:
        """Bytes that somebody has uploaded since a time."""
        with self._transaction() as connection:
            return _sum_uploads(connection, person, since)

    def log_action(self, person: str, action: str, what: str, detail: str = "") -> None:
        """Write an audit line."""
        with self._transaction() as connection:
            _write_line(connection, person, action, what, detail)

    def log_upload(self, person: str, what: str, size: int, check: Callable[[int], None], since: float) -> None:
        """Write the audit line of an upload, which counts from then on, unless it is too much.

        Args:
            person: The id of who uploads.
            what: The file.
            size: Its bytes.
            check: Raises where it is too much beside the bytes that were uploaded since a time; no line is written
                then. Of two uploads at once the second is told of the first.
            since: That time, in seconds since 1970.
        """
        with self._transaction() as connection:
            take_turns(connection, person)
            check(_sum_uploads(connection, person, since))
            _write_line(connection, person, UPLOAD, what, str(size))

    def audit(self, limit: int = 1000, before: float | None = None, person: str | None = None) -> list[AuditLine]:
        """Read audit lines, newest first; those from before a time, and of one person, if they are named."""
        query = sql.select(*(column for column in AUDIT.columns if column is not AUDIT.c.id))
        if before is not None:
            query = query.where(AUDIT.c.at < before)
        if person is not None:
            query = query.where(AUDIT.c.person == person)
        with self._transaction() as connection:
            rows = connection.execute(query.order_by(AUDIT.c.id.desc()).limit(limit)).all()
        return [AuditLine(**row._mapping) for row in rows]


def _sum_uploads(connection: sql.Connection, person: str, since: float) -> int:
    query = sql.select(AUDIT.c.detail).where(AUDIT.c.person == person, AUDIT.c.action == UPLOAD, AUDIT.c.at > since)
    return sum(int(detail) for detail in connection.execute(query).scalars() if detail.isdecimal())


def _write_line(connection: sql.Connection, person: str, action: str, what: str, detail: str) -> None:
    fields = {"person": person, "action": action[:40], "object": what[:500], "detail": detail[:2000]}
    connection.execute(AUDIT.insert().values(at=time.time(), **fields))


def seen_by(person: Person, table: sql.Table) -> list[sql.ColumnElement[bool]]:
    """What a row with an owner must fulfil so that somebody may see it: ``Person.may_look`` in SQL."""
    if person.admin:
        return []
    return [sql.or_(table.c.owner.in_(("", person.id)), table.c.shared.is_(True))]


def describe_owner(connection: sql.Connection, owner: str) -> str:
    """Say that something is not the visitor's to change."""
    if not owner:
        return "was made without sign-in; only administrators can change it"
    name = connection.execute(sql.select(PEOPLE.c.name).where(PEOPLE.c.id == owner)).scalar() or "somebody else"
    return f"belongs to {name}; only they and administrators can change it"
