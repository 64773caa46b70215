"""The run store: a few small tables behind SQLAlchemy, SQLite unless EXPLORER_DATABASE_URL names another database.

Changes of a run's status are compare-and-set, so of two people who click at once exactly one succeeds.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sql

from ..text import suggest
from ._database import to_columns
from ._entries import Entries
from ._experiments import Experiments, Trial
from ._networks import Networks
from ._people import People
from ._queue_limit import QueueLimit, take_turns
from ._recorded import Recorded
from ._records import Run, Status
from ._rows import KnownRuns, read_run
from ._tables import DOCUMENTS, EVENTS, METRICS, RUNS, TRIALS, TURNS
from ._turns import TurnRows, enter


class Store(Recorded):
    """Reads and writes of the tables. Every method is one transaction."""

    def __init__(self, url: str, *, keep_connection: bool = False) -> None:
        """Name a database; nothing is asked of it yet.

        Args:
            url: As SQLAlchemy writes it.
            keep_connection: Whether the next question of the same moment goes over the same connection: for pages,
                which ask many. Otherwise each opens its own, and a process that asks seldom holds none meanwhile.
        """
        super().__init__(url, keep_connection=keep_connection)
        self.experiments = Experiments(self._transaction, self._delete)
        """Runs that belong together."""
        self.entries = Entries(self._transaction)
        """What was handed in to challenges; who may see a challenge may see them."""
        self.people = People(self._transaction)
        """Who has signed in, and what they did."""
        self.networks = Networks(self._transaction, self._upsert)
        """What is known of the networks of runs."""
        self.turns = TurnRows(self._transaction)
        """What the queue's order rests on."""
        self._known = KnownRuns()

    @classmethod
    def at(cls, path: Path, *, keep_connection: bool = False) -> Store:
        """Make the store of an SQLite file."""
        url = sql.URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
        return cls(url, keep_connection=keep_connection)

    def add(self, *, trial: Trial | None = None, limit: QueueLimit | None = None, **fields: Any) -> Run:
        """Add a run, part of an experiment or not, unless it is above a limit.

        Raises StoreError (``duplicate``) if that part has one already, and ValueError where the limit is reached.
        """
        if trial is not None and "owner" not in fields:
            fields["owner"], fields["shared"] = self.experiments.owner_of(trial.experiment)
        with self._transaction() as connection:
            if limit is not None:
                take_turns(connection)
            connection.execute(RUNS.insert().values(**to_columns(fields)))
            if trial is not None:
                connection.execute(TRIALS.insert().values(run=fields["id"], **trial.__dict__))
            enter(connection, fields["id"], "waits")
            if limit is not None:
                limit.require(connection)
        return self.get(fields["id"])

    def get(self, run: str) -> Run:
        """Read a run. Raises ValueError if there is none of this name."""
        with self._transaction() as connection:
            row = connection.execute(RUNS.select().where(RUNS.c.id == run, *self._seen())).one_or_none()
        if row is None:
            raise ValueError(self.describe_missing(run))
        return read_run(row)

    def describe_missing(self, run: str) -> str:
        """Say that there is no run of a name, and which ones may be meant, by their names or titles."""
        known: dict[str, str] = {}
        for each in self.runs():
            known |= {each.name: each.id, each.id: each.id}
        hint = suggest(run, known, "`python -m explorer runs list` shows them")
        return f"there is no run {run[:60]!r}; {hint}"

    def runs(self, *statuses: Status, home: str | None = None) -> list[Run]:
        """Read all runs, or those in certain states, or of one data directory, oldest first."""
        conditions = self._seen()
        if statuses:
            conditions.append(RUNS.c.status.in_(statuses))
        if home is not None:
            conditions.append(RUNS.c.home == home)
        with self._transaction() as connection:
            return self._known.read(connection, *conditions)

    def find(self, runs: Iterable[str]) -> list[Run]:
        """Read the runs with these ids, in their order; unknown ids are left out."""
        wanted = list(runs)
        query = RUNS.select().where(RUNS.c.id.in_(wanted), *self._seen())
        with self._transaction() as connection:
            found = {row.id: read_run(row) for row in connection.execute(query)}
        return [found[name] for name in wanted if name in found]

    def statuses(self, *among: Status, home: str | None = None) -> dict[str, Status]:
        """Read the state of every run, or of those in certain states, or of one data directory, by its id, oldest
        first."""
        query = sql.select(RUNS.c.id, RUNS.c.status).where(*self._seen()).order_by(RUNS.c.created, RUNS.c.id)
        if among:
            query = query.where(RUNS.c.status.in_(among))
        if home is not None:
            query = query.where(RUNS.c.home == home)
        with self._transaction() as connection:  # all at once: row by row thousands take three times as long
            return dict(connection.execute(query).all())

    def adopt(self, runs: Iterable[str], home: str, host: str) -> None:
        """Enter the data directory of runs that were written before rows named one."""
        with self._transaction() as connection:
            query = RUNS.update().where(RUNS.c.id.in_(list(runs)), RUNS.c.home == "")
            connection.execute(query.values(home=home, host=host))

    def last_values(self, series: str) -> dict[str, float]:
        """Read the newest value of a series for every run that has it, in one query."""
        # A look at the end of each run's curve: grouping would read all points of all series.
        newest = sql.select(METRICS.c.value).where(METRICS.c.run == RUNS.c.id, METRICS.c.series == series)
        value = newest.order_by(METRICS.c.step.desc()).limit(1).correlate(RUNS).scalar_subquery()
        query = sql.select(RUNS.c.id, value).where(*self._seen())
        with self._transaction() as connection:
            return {run: value for run, value in connection.execute(query).all() if value is not None}

    def trials(self, experiment: str) -> list[tuple[Trial, Run]]:
        """Read the runs of an experiment, oldest first."""
        query = TRIALS.select().where(TRIALS.c.experiment == experiment)
        within = RUNS.c.id.in_(sql.select(TRIALS.c.run).where(TRIALS.c.experiment == experiment))
        with self._transaction() as connection:
            trials = {row.run: Trial(experiment=experiment, variant=row.variant, seed=row.seed)
                      for row in connection.execute(query)}  # fmt: skip
            runs = self._known.read(connection, within, *self._seen())
        return [(trials[run.id], run) for run in runs if run.id in trials]

    def update(
        self,
        run: str,
        *,
        where: Mapping[str, Iterable[Any]] | None = None,
        event: str = "",
        turn: Literal["waits", "begins"] | None = None,
        limit: QueueLimit | None = None,
        **fields: Any,
    ) -> bool:
        """Change a run if it is still in one of the stated conditions (compare and set).

        Args:
            run: Its id.
            where: For some columns the values of which theirs must be one.
            event: Is written with the change and before anybody can see it, '' for none.
            turn: Whether it waits for its turn from now on, or has got it.
            limit: Of the runs that wait or work, where this makes it one of them.
            fields: New values by column.

        Returns:
            Whether it was, and has been changed.

        Raises:
            ValueError: There is none that may be changed, or the limit is reached; nothing was changed.
        """
        self.require_change(run)
        query = RUNS.update().where(RUNS.c.id == run)
        for column, values in (where or {}).items():
            query = query.where(RUNS.c[column].in_(list(values)))
        with self._transaction() as connection:
            if limit is not None:
                take_turns(connection)
            changed = connection.execute(query.values(**to_columns(fields))).rowcount == 1
            if changed and limit is not None:
                limit.require(connection)
            if changed and turn:
                enter(connection, run, turn)
            if changed and event:
                connection.execute(EVENTS.insert().values(run=run, at=time.time(), text=event))
            return changed

    def owned_by(self, person: str, statuses: Collection[Status] | None = None) -> list[str]:
        """The ids of the runs that are somebody's, those in some states if they are named."""
        query = sql.select(RUNS.c.id).where(RUNS.c.owner == person, *self._seen())
        if statuses is not None:
            query = query.where(RUNS.c.status.in_(statuses))
        with self._transaction() as connection:
            return list(connection.execute(query).scalars())

    def trial_of(self, run: str) -> Trial | None:
        """The place of a run in an experiment, None if it is in none."""
        self.require_look(run)
        with self._transaction() as connection:
            row = connection.execute(TRIALS.select().where(TRIALS.c.run == run)).one_or_none()
        return None if row is None else Trial(experiment=row.experiment, variant=row.variant, seed=row.seed)

    def insert_rows(self, table: sql.Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take over rows as they were stored, by the keys of their columns. One that is there already is replaced in
        the tables that a worker writes; elsewhere StoreError (``duplicate``) is raised."""
        found = [dict(row) for row in rows]
        if found:
            with self._transaction() as connection:
                if table in (METRICS, DOCUMENTS, EVENTS):
                    self._upsert(connection, table, found)
                else:
                    connection.execute(table.insert(), found)

    def remove(self, run: str) -> None:
        """Forget a run."""
        self.require_change(run)
        tables = (METRICS, DOCUMENTS, EVENTS, TRIALS, TURNS)
        recorded = [table.delete().where(table.c.run == run) for table in tables]
        self._delete(*recorded, RUNS.delete().where(RUNS.c.id == run))
