"""The database behind the run store: transactions, and errors in the words of people."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from ._connections import connect
from ._records import StoreError
from ._schema import NewerSchemaError, bring_up_to_date

_BUSY_SECONDS = 30.0
_SERVER_PATIENCE = {"connect_timeout": 10, "tcp_user_timeout": 30_000}
"""Seconds, and milliseconds, after which a PostgreSQL whose machine is gone is away; by default that takes minutes."""
_PACKAGES = {"psycopg": "psycopg[binary]"}
"""What to install where a database's driver is missing, by the module that was not found."""
_CHECKED_PAGES = 16_384  # 64 MB


class Database:
    """A database, named by a URL."""

    def __init__(self, url: str, *, keep_connection: bool = False) -> None:
        try:
            self.url = sql.make_url(url)
            self.url.get_dialect()
        except sql.exc.ArgumentError as error:  # NoSuchModuleError, for an unknown kind of database, is one
            raise StoreError(f"EXPLORER_DATABASE_URL does not name a database: {error}") from None
        lite = self.url.get_backend_name() == "sqlite"
        self._suspect = Path(f"{self.url.database}.suspect") if lite and self.url.database else None
        """A file that says that damage was met: the next program that opens the store checks it whatever its size."""
        arguments: dict[str, Any] = {}
        if lite:
            arguments = {"timeout": _BUSY_SECONDS}
        elif self.url.get_driver_name() in ("psycopg", "psycopg2"):
            arguments = {name: value for name, value in _SERVER_PATIENCE.items() if name not in self.url.query}
        try:
            self._engine = connect(self.url, arguments, keep=keep_connection)
        except ModuleNotFoundError as error:
            package = _PACKAGES.get(error.name or "", error.name)
            raise StoreError(
                f"the run store {self.location} needs a package that is not installed; "
                f"run: pip install {package!r}, as requirements.txt does not name it"
            ) from None
        weakref.finalize(self, self._engine.dispose)

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

    def close(self) -> None:
        """Close the connection that is kept; the next question opens one again."""
        self._engine.dispose()

    @property
    def location(self) -> str:
        """Where the store is, without a password."""
        return self.url.database or "" if self.url.get_backend_name() == "sqlite" else str(self.url)

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
                connection.detach()  # no other question of this connection, which stays so
                connection.exec_driver_sql("PRAGMA journal_mode=MEMORY")
                for statement in statements:
                    connection.execute(statement)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except sql.exc.DBAPIError as error:
            found = self._describe(error)
            if found.damaged and self._suspect is not None:
                with contextlib.suppress(OSError):
                    self._suspect.touch()
            raise found from None

    def _describe(self, error: sql.exc.DBAPIError) -> StoreError:
        """Say in one sentence what the database did not do."""
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        if isinstance(error.orig, sqlite3.Error):
            away = code == sqlite3.SQLITE_BUSY
        else:
            away = isinstance(error, sql.exc.OperationalError | sql.exc.InterfaceError)
        lines = str(error.orig).split("\n")
        reason = " ".join(" ".join(lines[:1] if away else lines).split())  # further lines ask whether the server runs
        said = f"the run store {self.location}{' does not answer' if away else ''}: {reason}"
        return StoreError(said, code=code, duplicate=isinstance(error, sql.exc.IntegrityError), away=away)

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


def to_columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a run as its columns hold them."""
    return {name: json.dumps(list(value)) if name == "tags" else value for name, value in fields.items()}
