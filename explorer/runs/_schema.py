"""Brings the run store's tables to the schema of this program: made where there are none, else upgraded by Alembic."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sql

from ._tables import HEAD, META, REVISION, SCHEMA, VERSION

if TYPE_CHECKING:  # loaded only for the one start at which it is needed
    from alembic.config import Config

_log = logging.getLogger(__name__)
_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_KEY = 0x1C_E9_01
"""Of the advisory lock in PostgreSQL under which the schema is changed; any number that nobody else uses there."""
_one_at_a_time = threading.Lock()
"""Alembic keeps its context in a module: one migration at a time in a process."""


class NewerSchemaError(ValueError):
    """The database was written by a newer version of the product; the message says what its schema is."""


def bring_up_to_date(engine: sql.Engine) -> None:
    """Make or upgrade the tables, in one transaction that excludes all other programs that do so.

    Raises:
        NewerSchemaError: The database is newer than this program. It was not changed.
    """
    with engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
    with _one_at_a_time, engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        elif engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})")
        found = _revision(connection)  # perhaps somebody else was quicker
        if found == HEAD:
            return
        if not {table.name for table in META.sorted_tables} & set(sql.inspect(connection).get_table_names()):
            META.create_all(connection, checkfirst=False)  # none is there: asking for each would take half the time
            connection.execute(SCHEMA.insert().values(id=1, version=VERSION))
            connection.execute(REVISION.insert().values(version_num=HEAD))
        else:
            _refuse_newer(found)
            _log.info("the run store's schema goes from %s to %s", found or "before 0001", HEAD)
            _upgrade(connection)


def _upgrade(connection: sql.Connection) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _revision(connection: sql.Connection) -> str | None:
    if not sql.inspect(connection).has_table(REVISION.name):
        return None
    found: str | None = connection.execute(sql.select(REVISION.c.version_num)).scalar()
    return found


def _refuse_newer(revision: str | None) -> None:
    from alembic.script import ScriptDirectory

    known = [each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()]
    if revision is not None and revision not in known:
        raise NewerSchemaError(f"its schema is {revision}, known up to {HEAD}")
