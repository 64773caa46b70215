"""Opening the run store of a data directory, whatever state its file is in."""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from pathlib import Path
from typing import Any

from ._files import Lock, is_locked, read_note
from ._home import RUN_ID, RunFolder, read_home_id
from ._records import ENDED, Run, StoreError
from ._store import Store

_log = logging.getLogger(__name__)
_FILE = "runs.sqlite"


def open_store(root: Path, url: str | None = None) -> tuple[Store, list[str]]:
    """Open the store of a data directory, or another database, and repair what can be repaired.

    A damaged file is kept under another name, never deleted; runs that the store does not know are listed again
    from their folders.

    Args:
        root: The data directory; made where it is missing.
        url: Another database than the SQLite file in it.

    Returns:
        (the store, a sentence for each thing that was repaired).

    Raises:
        StoreError: The data directory or the database cannot be read or written.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        (root / "runs").mkdir(exist_ok=True)
        lock = Lock.acquire(root / "store.lock", wait=True)  # two openers do not both set the file aside
    except OSError as error:
        raise StoreError(
            f"cannot write in the data directory {str(root)!r}: {error.strerror or error}; "
            f"set EXPLORER_HOME to a folder that can be written"
        ) from None
    assert lock is not None
    with lock:
        store = connect_store(root, url)
        messages: list[str] = []
        if url is None:
            _check_writable(root / _FILE)
        try:
            store.prepare()
        except StoreError as error:
            if url is not None or not error.damaged:
                raise
            messages.append(_quarantine(root / _FILE, error))
            store.prepare()
        home = read_home_id(root)
        known = store.statuses()
        found = sorted(folder.name for folder in (root / "runs").iterdir() if RUN_ID.fullmatch(folder.name))
        again = [name for name in found if name not in known and _relist(store, root, name, home)]
        store.adopt(known if url is None else found, home, socket.gethostname())
        messages += [f"run {name} was not in the store and is listed again from its folder" for name in again]
    for message in messages:
        _log.warning("%s", message)
    return store, messages


def connect_store(root: Path, url: str | None = None) -> Store:
    """Connect to the store without checking or repairing it: for a worker, whose manager has just done so.

    Args:
        root: The data directory.
        url: Another database than the SQLite file in it.

    Returns:
        The store.

    Raises:
        StoreError: ``url`` does not name a database, or its driver is not installed.
    """
    return Store(url) if url else Store.at(root / _FILE)


def describe(run: Run) -> dict[str, Any]:
    """What a run's folder says of it, so that it can be listed without the store."""
    names = ("id", "name", "created", "architecture", "config", "memory", "notes", "tags")
    return {name: getattr(run, name) for name in names}


def _check_writable(path: Path) -> None:
    for each in (path, path.parent):
        if each.exists() and not os.access(each, os.W_OK):
            raise StoreError(
                f"the run store {str(path)!r} is read-only: allow writing {str(each)!r}, or set EXPLORER_HOME"
            )


def _quarantine(path: Path, error: StoreError) -> str:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{stamp}-{os.getpid()}")
    os.replace(path, aside)
    journal = path.with_name(f"{path.name}-journal")
    if journal.exists():
        os.replace(journal, aside.with_name(f"{aside.name}-journal"))
    return f"the run store was damaged ({error}); it was quarantined as {aside.name} and a new one begun"


def _relist(store: Store, root: Path, name: str, home: str) -> bool:
    folder = RunFolder(root, name)
    try:
        known = json.loads(folder.description.read_text(encoding="utf-8"))
        fields = {key: known[key] for key in ("id", "name", "created", "architecture", "config", "memory", "notes")}
        tags = tuple(map(str, known["tags"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False  # no description, no run: half made or half deleted
    if fields["id"] != name:
        return False
    note = read_note(folder.lock)
    status = "running" if is_locked(folder.lock) else note.get("status")
    if status not in (*ENDED, "running"):
        status = "interrupted"
    attempt, device = int(note.get("attempt", 0)), str(note.get("device", ""))
    reason = "" if status == "running" else str(note.get("reason", "")) or "listed again from its folder"
    host = str(note.get("host", ""))
    store.add(**fields, tags=tags, status=status, attempt=attempt, device=device, reason=reason, home=home, host=host)
    return True
