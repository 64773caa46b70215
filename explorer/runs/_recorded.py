"""What a worker writes of its run, and what is read of it: curves, documents, events.

A metric is keyed (run, series, step) and written by upsert: a resumed run overwrites what it repeats and duplicates
nothing.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sql

from ._database import Database, to_columns
from ._records import Document, Point, Superseded
from ._samples import PREDICTIONS, SAMPLES, Prediction, Samples
from ._tables import DOCUMENTS, EVENTS, METRICS, RUNS


class Recorded(Database):
    """Reads and writes of what workers record. Every method is one transaction."""

    def _seen(self) -> list[sql.ColumnElement[bool]]:
        """What a row of ``runs`` must fulfil to be seen here: nothing, as this is everybody's store."""
        return []

    def _seen_runs(self) -> list[sql.ColumnElement[bool]]:
        """The same of a row of ``metrics``."""
        seen = self._seen()
        return [METRICS.c.run.in_(sql.select(RUNS.c.id).where(*seen))] if seen else []

    def require_look(self, run: str) -> None:
        """Raise ValueError if a run may not be seen: anything may, as this is everybody's store."""

    def require_change(self, run: str) -> None:
        """Raise ValueError if a run may not be changed: anything may, as this is everybody's store."""

    def record(
        self,
        run: str,
        points: Iterable[Point],
        documents: Iterable[Document] = (),
        *,
        attempt: int | None = None,
        **fields: Any,
    ) -> None:
        """Write metrics, documents and progress in one transaction.

        Args:
            run: Its id.
            points: Values of series. One that is there already is overwritten; what is not finite is left out.
            documents: Plain data by name and step.
            attempt: Who writes; None for somebody who is not a worker.
            fields: New values of the run's columns, such as ``step``.

        Raises:
            StoreError: It could not be written; nothing of it was.
            Superseded: A later attempt has begun; nothing was written.
        """
        self.require_change(run)
        rows = [
            {"run": run, "series": p.series, "step": p.step, "value": p.value, "seconds": p.seconds}
            for p in points
            if math.isfinite(p.value)
        ]
        with self._transaction() as connection:
            if fields or attempt is not None:  # first: it locks the run's row, on which a later attempt begins
                query = RUNS.update().where(RUNS.c.id == run)
                if attempt is not None:
                    query, fields = query.where(RUNS.c.attempt == attempt), {"attempt": attempt, **fields}
                changed = connection.execute(query.values(**to_columns(fields))).rowcount
                if attempt is not None and not changed:
                    raise Superseded(f"attempt {attempt} of run {run} is no longer the one that trains it")
            if rows:
                self._upsert(connection, METRICS, rows)
            tables = [{"run": run, "name": d.name, "step": d.step, "data": json.dumps(d.data)} for d in documents]
            if tables:
                self._upsert(connection, DOCUMENTS, tables)

    def documents(self, run: str, name: str) -> list[tuple[int, Any]]:
        """Read (step, data) of a name, in order."""
        self.require_look(run)
        table = DOCUMENTS
        query = sql.select(table.c.step, table.c.data).where(table.c.run == run, table.c.name == name)
        with self._transaction() as connection:
            return [(row.step, json.loads(row.data)) for row in connection.execute(query.order_by(table.c.step))]

    def latest(self, run: str, name: str) -> tuple[int, Any] | None:
        """Read (step, data) of the last document of a name; None before there is one."""
        self.require_look(run)
        query = sql.select(DOCUMENTS.c.step, DOCUMENTS.c.data).where(DOCUMENTS.c.run == run, DOCUMENTS.c.name == name)
        with self._transaction() as connection:
            row = connection.execute(query.order_by(DOCUMENTS.c.step.desc()).limit(1)).one_or_none()
        return None if row is None else (row.step, json.loads(row.data))

    def document_names(self, run: str) -> list[str]:
        """List the names of a run's documents."""
        self.require_look(run)
        query = sql.select(DOCUMENTS.c.name).where(DOCUMENTS.c.run == run).distinct().order_by(DOCUMENTS.c.name)
        with self._transaction() as connection:
            return list(connection.execute(query).scalars())

    def samples(self, run: str) -> Samples | None:
        """Read the images for which a run records its predictions after every epoch; None before its first start."""
        found = self.latest(run, SAMPLES)
        return None if found is None else Samples.from_data(found[1])

    def predictions(self, run: str) -> tuple[int, list[Prediction]] | None:
        """Read (step, prediction for each of the ``samples``) of the last evaluation; None before the first."""
        found = self.latest(run, PREDICTIONS)
        return None if found is None else (found[0], [Prediction.from_data(each) for each in found[1]])

    def series(self, run: str) -> list[str]:
        """List the names of a run's series."""
        self.require_look(run)
        query = sql.select(METRICS.c.series).where(METRICS.c.run == run).distinct().order_by(METRICS.c.series)
        with self._transaction() as connection:
            return list(connection.execute(query).scalars())

    def points(self, run: str, series: str, after: int = -1, limit: int | None = None) -> list[Point]:
        """Read a series in the order of its steps, only those above ``after``, and the first ``limit`` of them."""
        self.require_look(run)
        table = METRICS
        query = table.select().where(table.c.run == run, table.c.series == series, table.c.step > after)
        with self._transaction() as connection:
            rows = connection.execute(query.order_by(table.c.step).limit(limit)).all()
        return [Point(series=row.series, step=row.step, value=row.value, seconds=row.seconds) for row in rows]

    def curves(self, runs: Iterable[str], series: str) -> dict[str, list[float]]:
        """Read the values of one series of several runs, each in the order of its steps."""
        table = METRICS
        query = sql.select(table.c.run, table.c.value).where(table.c.series == series, table.c.run.in_(list(runs)))
        query = query.where(*self._seen_runs())
        found: dict[str, list[float]] = {}
        with self._transaction() as connection:
            for run, value in connection.execute(query.order_by(table.c.run, table.c.step)):
                found.setdefault(run, []).append(value)
        return found

    def log_event(self, run: str, text: str) -> None:
        """Write an event."""
        self.require_change(run)
        with self._transaction() as connection:
            connection.execute(EVENTS.insert().values(run=run, at=time.time(), text=text))

    def events(self, run: str) -> list[tuple[float, str]]:
        """Read (seconds since 1970, text), oldest first."""
        self.require_look(run)
        query = sql.select(EVENTS.c.at, EVENTS.c.text).where(EVENTS.c.run == run).order_by(EVENTS.c.id)
        with self._transaction() as connection:
            return [(row.at, row.text) for row in connection.execute(query)]
