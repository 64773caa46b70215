"""Connections to a database: one for each transaction, or one for what is asked within a moment.

A page asks some twenty questions in a twentieth of a second. To open an SQLite file and read its schema takes twice as
long as a question, and to sign in to PostgreSQL ten times as long. A connection that rests for longer is not used
again: of a server that was restarted or hangs only a new one knows in time, and the worth of it is in the moment.
"""

from __future__ import annotations

import os
import time
import weakref
from typing import Any

import sqlalchemy as sql
from sqlalchemy.pool import NullPool, QueuePool

_REST_SECONDS = 0.2
"""For so long a connection is kept that nobody uses: less than the pause between two looks after the runs."""
_kept: weakref.WeakSet[sql.Engine] = weakref.WeakSet()


def connect(url: sql.URL, arguments: dict[str, Any], *, keep: bool) -> sql.Engine:
    """Make what opens connections to a database.

    Args:
        url: The database.
        arguments: For its driver.
        keep: Whether a connection may serve several transactions; its process then has one open at all times.

    Returns:
        The engine; nothing is connected yet. ``dispose`` closes what it keeps.

    Raises:
        ModuleNotFoundError: The driver is not installed.
    """
    if not keep:
        return sql.create_engine(url, poolclass=NullPool, connect_args=arguments)
    engine = sql.create_engine(url, poolclass=QueuePool, pool_size=1, max_overflow=-1, connect_args=arguments)
    file = url.database if url.get_backend_name() == "sqlite" else None

    disposed = 0

    def count(_: sql.Engine) -> None:
        nonlocal disposed
        disposed += 1

    def begin(_: Any, record: Any) -> None:
        record.info["disposed"] = disposed

    def note(_: Any, record: Any) -> None:
        record.info["left"] = time.monotonic(), _identify(file)
        if record.info["disposed"] != disposed:  # closed while it was asked: nobody would find it again
            record.invalidate()

    def check(_: Any, record: Any, __: Any) -> None:
        if "left" in record.info:  # otherwise it is new
            since, known = record.info["left"]
            if time.monotonic() - since > _REST_SECONDS or known != _identify(file):
                raise sql.exc.DisconnectionError("rested for too long, or the file is another one")

    sql.event.listen(engine, "engine_disposed", count)
    sql.event.listen(engine, "connect", begin)
    sql.event.listen(engine, "checkin", note)
    sql.event.listen(engine, "checkout", check)
    _kept.add(engine)
    return engine


def _identify(file: str | None) -> object:
    """What changes when an SQLite file is replaced, or written by anybody: what a connection remembers of it is then
    checked by SQLite if SQLite wrote it, but not where a backup was copied over it."""
    if file is None:
        return None
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _forget_after_fork() -> None:
    """A connection belongs to the process that opened it: another one must neither use it nor say goodbye on it."""
    for engine in _kept:
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
