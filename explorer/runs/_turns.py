"""Which turns the queue has given, and which runs wait since when: counted, so that no clocks are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple

import sqlalchemy as sql

from ._fair import Turns
from ._tables import RUNS, TRIALS, TURNS

_LAST = sql.func.max(TURNS.c.begun)
_GIVEN = sql.select(sql.func.coalesce(_LAST, 0)).scalar_subquery()
_PEOPLE = sql.select(TURNS.c.owner, _LAST).group_by(TURNS.c.owner)
_PARTS = (
    sql.select(TRIALS.c.experiment, _LAST).join(TURNS, TURNS.c.run == TRIALS.c.run).group_by(TRIALS.c.experiment)
)
_WAITING = sql.select(
    RUNS.c.id, sql.func.coalesce(TRIALS.c.experiment, RUNS.c.id), sql.func.coalesce(TURNS.c.queued, 0)
).select_from(RUNS.outerjoin(TRIALS, TRIALS.c.run == RUNS.c.id).outerjoin(TURNS, TURNS.c.run == RUNS.c.id))


class Waiting(NamedTuple):
    """What the order knows of a run that waits, beside the run itself."""

    part: str
    """The experiment or search that it belongs to, or the run itself."""
    since: int
    """How many turns had been given when it was queued."""


class TurnRows:
    """Reads of the table ``turns``, each in one transaction. They are everybody's: no page shows them."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[sql.Connection]]) -> None:
        self._transaction = transaction

    def read(self, runs: Iterable[str]) -> tuple[Turns, dict[str, Waiting]]:
        """Read which turns were given last, and of some runs what they belong to and since when they wait."""
        waiting = _WAITING.where(RUNS.c.id.in_(list(runs)))
        with self._transaction() as connection:
            turns = Turns(*({row[0]: row[1] for row in connection.execute(query)} for query in (_PEOPLE, _PARTS)))
            return turns, {run: Waiting(part, since) for run, part, since in connection.execute(waiting)}


def enter(connection: sql.Connection, run: str, what: Literal["waits", "begins"]) -> None:
    """Enter that a run begins to wait, or gets its turn."""
    found = {"queued": _GIVEN} if what == "waits" else {"begun": _GIVEN + 1}
    if not connection.execute(TURNS.update().where(TURNS.c.run == run).values(**found)).rowcount:
        row = {"queued": sql.literal(0), "begun": sql.literal(0), **found}
        query = sql.select(RUNS.c.id, RUNS.c.owner, row["queued"], row["begun"]).where(RUNS.c.id == run)
        connection.execute(TURNS.insert().from_select(["run", "owner", "queued", "begun"], query))
