"""Real workers on small runs, and what the tests of faults do to them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from explorer.architecture import Architecture, to_json
from explorer.runs import AlreadyManaged, Lock, Manager, Run, RunFolder, is_locked, read_note
from explorer.training._control import ControlThread
from tests.training.parts import config, network

PATIENCE = 150.0
"""Seconds; a worker needs five to start, and on a machine that does ten things at once ten times as long."""


def create(manager: Manager, architecture: Architecture | None = None, **fields: Any) -> Run:
    """A queued run on the embedded digits at 12×12: 63 updates of some milliseconds an epoch."""
    settings = config(**{"batch_size": 64, "epochs": 1000, "checkpoint_seconds": 0.2, "precision": "fp32", **fields})
    return manager.create("tiny", to_json(architecture or network(classes=10)), settings.model_dump_json())


def tick(manager: Manager) -> None:
    """Look after the runs, unless somebody else does."""
    with contextlib.suppress(AlreadyManaged):
        manager.tick()


def until(what: Callable[[], Any], seconds: float = PATIENCE, manager: Manager | None = None) -> Any:
    """Wait for something to be true, looking after the runs meanwhile if a manager is given."""
    end = time.monotonic() + seconds
    while True:
        if manager is not None:
            tick(manager)
        found = what()
        if found:
            return found
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def until_step(manager: Manager, run: str, step: int) -> Run:
    """Wait until a run has done so many updates."""

    def there() -> Run | None:
        found = manager.store.get(run)
        assert found.status in ("queued", "running"), (found.status, found.reason, log(manager, run))
        return found if found.step >= step and found.status == "running" else None

    return until(there, manager=manager)


def until_status(manager: Manager, run: str, *statuses: str, seconds: float = PATIENCE) -> Run:
    """Wait until a run is in a state."""
    found: Run = until(lambda: (r := manager.store.get(run)).status in statuses and r, seconds=seconds, manager=manager)
    return found


def worker(manager: Manager, run: str) -> int:
    """Process number of a living worker."""
    lock = RunFolder(manager.root, run).lock
    until(lambda: is_locked(lock) and "pid" in read_note(lock))
    return int(read_note(lock)["pid"])


def kill(manager: Manager, run: str) -> None:
    """kill -9, unless it ended by itself just now, and wait until the kernel has let go of its lock."""
    lock = RunFolder(manager.root, run).lock
    until(lambda: not is_locked(lock) or "pid" in read_note(lock))
    if is_locked(lock):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(read_note(lock)["pid"]), signal.SIGKILL)
    until(lambda: not is_locked(lock))


def log(manager: Manager, run: str) -> str:
    """What the worker printed."""
    path = RunFolder(manager.root, run).log
    return path.read_text(errors="replace")[-3000:] if path.exists() else ""


def texts(manager: Manager, run: str) -> list[str]:
    """The events of a run."""
    return [text for _, text in manager.store.events(run)]


def control_of(manager: Manager, run: str) -> ControlThread:
    """What steers the training of a run in this process, which takes no lock."""
    path = RunFolder(manager.root, run).lock
    return ControlThread(manager.store, run, Lock(path, os.open(path, os.O_RDWR | os.O_CREAT)))


def end_all(root: Path) -> None:
    """Nothing outlives a test."""
    for folder in (root / "runs").glob("*"):
        lock, end = folder / "worker.lock", time.monotonic() + 20
        while lock.exists() and is_locked(lock) and time.monotonic() < end:
            process = read_note(lock).get("pid")
            if isinstance(process, int):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.02)


def curve(manager: Manager, run: str) -> dict[int, float]:
    """The loss of every step, as it was stored."""
    return {point.step: point.value for point in manager.store.points(run, "train/loss")}


def set_config(manager: Manager, run: str, **fields: Any) -> None:
    """Change a stored configuration behind the manager's back."""
    data = json.loads(manager.store.get(run).config) | fields
    manager.store.update(run, config=json.dumps(data))


def execute(database: str, *statements: str) -> None:
    """SQL behind the store's back."""
    engine = sql.create_engine(database, poolclass=sql.pool.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def make_database(server: str, test: str) -> str:
    """An empty database of a PostgreSQL server, named after a test: the end of its name has the parameters."""
    address = sql.make_url(server)
    engine = sql.create_engine(address, isolation_level="AUTOCOMMIT", poolclass=sql.pool.NullPool)
    name = "test_" + "".join(ch for ch in test if ch.isalnum()).lower()[-50:]
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    return address.set(database=name).render_as_string(hide_password=False)


def make_old(database: str) -> None:
    """What the version before Alembic (schema 1) left behind."""
    execute(database, "DROP TABLE alembic_version", "UPDATE schema_version SET version = 1")
    execute(database, *(f"DROP TABLE {name}" for name in ("people", "audit", "entries", "turns", "networks")))
    execute(database, "DROP INDEX runs_listed")
    new = {"runs": ("home", "host", "place", "owner", "shared"), "experiments": ("owner", "shared")}
    execute(database, *(f"ALTER TABLE {table} DROP COLUMN {name}" for table, names in new.items() for name in names))


def fill(place: Path) -> None:
    """Take all the room there is."""
    with (place / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass
    with pytest.raises(OSError, match="No space"), (place / "probe").open("wb", buffering=0) as file:
        file.write(bytes(4096))
    with contextlib.suppress(OSError):
        os.unlink(place / "probe")
