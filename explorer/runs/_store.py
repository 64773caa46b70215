"""The run store: a few small tables behind SQLAlchemy, SQLite unless EXPLORER_DATABASE_URL names another database.

A metric is keyed (run, series, step) and written by upsert: a resumed run overwrites what it repeats and duplicates
nothing. Changes of a run's status are compare-and-set, so of two people who click at once exactly one succeeds.
"""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import NullPool

from ..text import suggest
from ._experiments import Experiments, Trial
from ._records import Document, Point, Run, Status, StoreError, Superseded
from ._samples import PREDICTIONS, SAMPLES, Prediction, Samples
from ._schema import NewerSchemaError, bring_up_to_date
from ._tables import DOCUMENTS, EVENTS, METRICS, RUNS, TRIALS

_BUSY_SECONDS = 30.0
_PACKAGES = {"psycopg": "psycopg[binary]"}
"""What to install where a database's driver is missing, by the module that was not found."""
_SHORT = [column for column in RUNS.columns if column is not RUNS.c.architecture]
_CHECKED_PAGES = 16_384  # 64 MB


def _run(row: Any) -> Run:
    stored = dict(getattr(row, "_mapping", row))
    fields = {column.key: stored[column.name] for column in RUNS.columns}
    return Run(**{**fields, "tags": _read_tags(fields["tags"])})


@lru_cache(maxsize=1024)
def _read_tags(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


class Store:
    """Reads and writes of the tables. Every method is one transaction; connections are opened for it and closed."""

    def __init__(self, url: str) -> None:
        try:
            self.url = sql.make_url(url)
            self.url.get_dialect()
        except sql.exc.ArgumentError as error:  # NoSuchModuleError, for an unknown kind of database, is one
            raise StoreError(f"EXPLORER_DATABASE_URL does not name a database: {error}") from None
        self.experiments = Experiments(self._transaction, self._delete)
        """Runs that belong together."""
        self._architectures: dict[str, str] = {}
        """By a run's id, the texts that were read: most of what thousands of rows hold, and none of it ever changes."""
        lite = self.url.get_backend_name() == "sqlite"
        self._suspect = Path(f"{self.url.database}.suspect") if lite and self.url.database else None
        """A file that says that damage was met: the next program that opens the store checks it whatever its size."""
        # No pool: a connection is cheap beside a batch of metrics, survives no fork, and always means the current file.
        try:
            self._engine = sql.create_engine(
                self.url, poolclass=NullPool, connect_args={"timeout": _BUSY_SECONDS} if lite else {}
            )
        except ModuleNotFoundError as error:
            package = _PACKAGES.get(error.name or "", error.name)
            raise StoreError(
                f"the run store {self.location} needs a package that is not installed; "
                f"run: pip install {package!r}, as requirements.txt does not name it"
            ) from None

    @classmethod
    def at(cls, path: Path) -> Store:
        """Make the store of an SQLite file."""
        return cls(sql.URL.create("sqlite", database=str(path)).render_as_string(hide_password=False))

    def prepare(self) -> None:
        """Check the file, and bring an older store up to date. Raises StoreError where it cannot be used."""
        with self._transaction() as connection:
            if self._engine.dialect.name == "sqlite":
                # Reads every page: left out where that would take more than a moment.
                size = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
                thorough = size < _CHECKED_PAGES or (self._suspect is not None and self._suspect.exists())
                check = "quick_check(1)" if thorough else "schema_version"
                found = connection.exec_driver_sql(f"PRAGMA {check}").scalar()
                if isinstance(found, str) and found != "ok":
                    raise StoreError(f"{self.location}: {found}", code=sqlite3.SQLITE_CORRUPT)
                # Rollback journal: WAL has a reset race before SQLite 3.51.3. It is what SQLite does by default, but a
                # file that somebody switched to WAL stays so until told.
                connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
        if self._suspect is not None:
            with contextlib.suppress(OSError):
                self._suspect.unlink(missing_ok=True)
        try:
            with self._translate_errors():
                bring_up_to_date(self._engine)
        except NewerSchemaError as error:
            raise StoreError(
                f"the run store {self.location} was written by a newer version of the product ({error}); "
                f"install that one, or name another folder by EXPLORER_HOME"
            ) from None

    @property
    def location(self) -> str:
        """Where the store is, without a password."""
        return self.url.database or "" if self.url.get_backend_name() == "sqlite" else str(self.url)

    # ---- runs -------------------------------------------------------------------------------------------------------

    def add(self, *, trial: Trial | None = None, **fields: Any) -> Run:
        """Add a run, part of an experiment or not. Raises StoreError (``duplicate``) if that part has one already."""
        with self._transaction() as connection:
            connection.execute(RUNS.insert().values(**_plain(fields)))
            if trial is not None:
                connection.execute(TRIALS.insert().values(run=fields["id"], **trial.__dict__))
        return self.get(fields["id"])

    def get(self, run: str) -> Run:
        """Read a run. Raises ValueError if there is none of this name."""
        with self._transaction() as connection:
            row = connection.execute(RUNS.select().where(RUNS.c.id == run)).one_or_none()
        if row is None:
            raise ValueError(self.describe_missing(run))
        return _run(row)

    def describe_missing(self, run: str) -> str:
        """Say that there is no run of a name, and which ones may be meant, by their names or titles."""
        known: dict[str, str] = {}
        for each in self.runs():
            known |= {each.name: each.id, each.id: each.id}
        hint = suggest(run, known, "`python -m explorer runs list` shows them")
        return f"there is no run {run[:60]!r}; {hint}"

    def runs(self, *statuses: Status, home: str | None = None) -> list[Run]:
        """Read all runs, or those in certain states, or of one data directory, oldest first."""
        conditions: list[sql.ColumnElement[bool]] = [RUNS.c.status.in_(statuses)] if statuses else []
        if home is not None:
            conditions.append(RUNS.c.home == home)
        query = sql.select(*_SHORT).where(*conditions).order_by(RUNS.c.created, RUNS.c.id)
        with self._transaction() as connection:
            rows = connection.execute(query).all()
            unread = [row.created for row in rows if row.id not in self._architectures]
            if unread:  # by age, as there may be more of them than a query takes names
                texts = sql.select(RUNS.c.id, RUNS.c.architecture).where(*conditions, RUNS.c.created >= min(unread))
                for row in connection.execute(texts):
                    self._architectures[row.id] = sys.intern(row.architecture)
        names = [column.key for column in _SHORT]
        found = (dict(zip(names, row, strict=True)) for row in rows)
        return [
            Run(**{**fields, "tags": _read_tags(fields["tags"]), "architecture": self._architectures[fields["id"]]})
            for fields in found
        ]

    def find(self, runs: Iterable[str]) -> list[Run]:
        """Read the runs with these ids, in their order; unknown ids are left out."""
        wanted = list(runs)
        query = RUNS.select().where(RUNS.c.id.in_(wanted))
        with self._transaction() as connection:
            found = {row.id: _run(row) for row in connection.execute(query)}
        return [found[name] for name in wanted if name in found]

    def statuses(self, *, home: str | None = None) -> dict[str, Status]:
        """Read the state of every run, or of those of one data directory, by its id, oldest first."""
        query = sql.select(RUNS.c.id, RUNS.c.status).order_by(RUNS.c.created, RUNS.c.id)
        if home is not None:
            query = query.where(RUNS.c.home == home)
        with self._transaction() as connection:
            return {row.id: row.status for row in connection.execute(query)}

    def adopt(self, runs: Iterable[str], home: str, host: str) -> None:
        """Enter the data directory of runs that were written before rows named one."""
        with self._transaction() as connection:
            query = RUNS.update().where(RUNS.c.id.in_(list(runs)), RUNS.c.home == "")
            connection.execute(query.values(home=home, host=host))

    def last_values(self, series: str) -> dict[str, float]:
        """Read the newest value of a series for every run that has it, in one query."""
        last = sql.select(METRICS.c.run, sql.func.max(METRICS.c.step).label("step"))
        newest = last.where(METRICS.c.series == series).group_by(METRICS.c.run).subquery()
        query = sql.select(METRICS.c.run, METRICS.c.value).where(METRICS.c.series == series)
        query = query.join(newest, (newest.c.run == METRICS.c.run) & (newest.c.step == METRICS.c.step))
        with self._transaction() as connection:
            return {row.run: row.value for row in connection.execute(query)}

    def trials(self, experiment: str) -> list[tuple[Trial, Run]]:
        """Read the runs of an experiment, oldest first."""
        query = sql.select(TRIALS.c.variant, TRIALS.c.seed, RUNS).join(RUNS, RUNS.c.id == TRIALS.c.run)
        query = query.where(TRIALS.c.experiment == experiment).order_by(RUNS.c.created, RUNS.c.id)
        with self._transaction() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        return [
            (Trial(experiment=experiment, variant=row.pop("variant"), seed=row.pop("seed")), _run(row)) for row in rows
        ]

    def update(
        self, run: str, *, where: Mapping[str, Iterable[Any]] | None = None, event: str = "", **fields: Any
    ) -> bool:
        """Change a run if it is still in one of the stated conditions (compare and set).

        Args:
            run: Its id.
            where: For some columns the values of which theirs must be one.
            event: Is written with the change and before anybody can see it, '' for none.
            fields: New values by column.

        Returns:
            Whether it was, and has been changed.
        """
        query = RUNS.update().where(RUNS.c.id == run)
        for column, values in (where or {}).items():
            query = query.where(RUNS.c[column].in_(list(values)))
        with self._transaction() as connection:
            changed = connection.execute(query.values(**_plain(fields))).rowcount == 1
            if changed and event:
                connection.execute(EVENTS.insert().values(run=run, at=time.time(), text=event))
            return changed

    def trial_of(self, run: str) -> Trial | None:
        """The place of a run in an experiment, None if it is in none."""
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
        tables = (METRICS, DOCUMENTS, EVENTS, TRIALS)
        recorded = [table.delete().where(table.c.run == run) for table in tables]
        self._delete(*recorded, RUNS.delete().where(RUNS.c.id == run))

    # ---- what a worker records --------------------------------------------------------------------------------------

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
                changed = connection.execute(query.values(**_plain(fields))).rowcount
                if attempt is not None and not changed:
                    raise Superseded(f"attempt {attempt} of run {run} is no longer the one that trains it")
            if rows:
                self._upsert(connection, METRICS, rows)
            tables = [{"run": run, "name": d.name, "step": d.step, "data": json.dumps(d.data)} for d in documents]
            if tables:
                self._upsert(connection, DOCUMENTS, tables)

    def documents(self, run: str, name: str) -> list[tuple[int, Any]]:
        """Read (step, data) of a name, in order."""
        table = DOCUMENTS
        query = sql.select(table.c.step, table.c.data).where(table.c.run == run, table.c.name == name)
        with self._transaction() as connection:
            return [(row.step, json.loads(row.data)) for row in connection.execute(query.order_by(table.c.step))]

    def latest(self, run: str, name: str) -> tuple[int, Any] | None:
        """Read (step, data) of the last document of a name; None before there is one."""
        query = sql.select(DOCUMENTS.c.step, DOCUMENTS.c.data).where(DOCUMENTS.c.run == run, DOCUMENTS.c.name == name)
        with self._transaction() as connection:
            row = connection.execute(query.order_by(DOCUMENTS.c.step.desc()).limit(1)).one_or_none()
        return None if row is None else (row.step, json.loads(row.data))

    def document_names(self, run: str) -> list[str]:
        """List the names of a run's documents."""
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
        query = sql.select(METRICS.c.series).where(METRICS.c.run == run).distinct().order_by(METRICS.c.series)
        with self._transaction() as connection:
            return list(connection.execute(query).scalars())

    def points(self, run: str, series: str, after: int = -1, limit: int | None = None) -> list[Point]:
        """Read a series in the order of its steps, only those above ``after``, and the first ``limit`` of them."""
        table = METRICS
        query = table.select().where(table.c.run == run, table.c.series == series, table.c.step > after)
        with self._transaction() as connection:
            rows = connection.execute(query.order_by(table.c.step).limit(limit)).all()
        return [Point(series=row.series, step=row.step, value=row.value, seconds=row.seconds) for row in rows]

    def curves(self, runs: Iterable[str], series: str) -> dict[str, list[float]]:
        """Read the values of one series of several runs, each in the order of its steps."""
        table = METRICS
        query = sql.select(table.c.run, table.c.value).where(table.c.series == series, table.c.run.in_(list(runs)))
        found: dict[str, list[float]] = {}
        with self._transaction() as connection:
            for run, value in connection.execute(query.order_by(table.c.run, table.c.step)):
                found.setdefault(run, []).append(value)
        return found

    def log_event(self, run: str, text: str) -> None:
        """Write an event."""
        with self._transaction() as connection:
            connection.execute(EVENTS.insert().values(run=run, at=time.time(), text=text))

    def events(self, run: str) -> list[tuple[float, str]]:
        """Read (seconds since 1970, text), oldest first."""
        query = sql.select(EVENTS.c.at, EVENTS.c.text).where(EVENTS.c.run == run).order_by(EVENTS.c.id)
        with self._transaction() as connection:
            return [(row.at, row.text) for row in connection.execute(query)]

    # ---- inside -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[sql.Connection]:
        with self._translate_errors(), self._engine.begin() as connection:
            yield connection

    def _delete(self, *statements: sql.Delete) -> None:
        """Delete rows in one transaction, on a full disk too."""
        try:
            with self._transaction() as connection:
                for statement in statements:
                    connection.execute(statement)
        except StoreError as error:
            if not error.disk_full:
                raise
            # What is deleted frees pages of the file that is there; only the journal needs room of its own. In memory
            # it does not outlive a crash at this very moment, after which the file may be damaged: it is put together
            # again from its rows and the runs' folders. Refusing the one way to make room would be worse.
            with self._transaction() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=MEMORY")
                for statement in statements:
                    connection.execute(statement)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except sql.exc.DBAPIError as error:
            code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
            duplicate = isinstance(error, sql.exc.IntegrityError)
            found = StoreError(f"the run store {self.location}: {error.orig}", code=code, duplicate=duplicate)
            if found.damaged and self._suspect is not None:
                with contextlib.suppress(OSError):
                    self._suspect.touch()
            raise found from None

    def _upsert(self, connection: sql.Connection, table: sql.Table, rows: list[dict[str, Any]]) -> None:
        keys = [column.name for column in table.primary_key]
        values = [column.name for column in table.columns if column.name not in keys]
        kind = self._engine.dialect.name
        if kind in ("sqlite", "postgresql"):
            insert: Any = (sqlite if kind == "sqlite" else postgresql).insert(table)
            insert = insert.on_conflict_do_update(
                index_elements=keys, set_={name: insert.excluded[name] for name in values}
            )
            connection.execute(insert, rows)
            return
        old = table.delete().where(*(table.c[key] == sql.bindparam(f"old_{key}") for key in keys))
        connection.execute(old, [{f"old_{key}": row[key] for key in keys} for row in rows])
        connection.execute(table.insert(), rows)


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(list(value)) if name == "tags" else value for name, value in fields.items()}
