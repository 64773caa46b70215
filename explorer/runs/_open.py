"""Opening the run store of a data directory, whatever state its file is in."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from pathlib import Path

from ._files import Lock
from ._home import read_home_id, run_folders
from ._records import StoreError
from ._repair import describe_experiments, relist, salvage, write_histories
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
        lock = Lock.acquire(root / "store.lock", wait=True, note=False)  # two openers do not both set the file aside
    except OSError as error:
        raise StoreError(
            f"cannot write in the data directory {str(root)!r}: {error.strerror or error}; "
            f"set EXPLORER_HOME to a folder that can be written"
        ) from None
    assert lock is not None
    with lock:
        store = connect_store(root, url, keep_connection=True)
        messages: list[str] = []
        if url is None:
            _check_writable(root / _FILE)
        try:
            store.prepare()
        except StoreError as error:
            if url is not None or not error.damaged:
                raise
            store.close()  # Windows does not rename what is open
            aside = _quarantine(root / _FILE)
            store.prepare()
            saved = salvage(store, root, aside, read_home_id(root))
            reason = " ".join(str(error).split())
            messages.append(f"the run store was damaged ({reason}); it was quarantined as {aside.name}: {saved}")
        again = relist(store, root, read_home_id(root))
        if again:
            messages.append(
                f"{len(again)} runs were not in the run store and are listed again from their folders"
                if len(again) > 1
                else f"run {again[0]} was not in the run store and is listed again from its folder"
            )
        nobodys = set(store.statuses(home=""))
        here = nobodys if url is None else nobodys & set(run_folders(root))
        store.adopt(here, read_home_id(root), socket.gethostname())
        if url is None:
            with contextlib.suppress(OSError):  # a full disk is no reason not to open the store
                describe_experiments(store, root)
                try:
                    write_histories(store, root)
                except StoreError as error:  # a large store is checked, and salvaged, when it is opened next
                    if not error.damaged:
                        raise
                    _log.warning("the course of older runs was not written beside them: %s", error)
    for message in messages:
        _log.warning("%s", message)
    return store, messages


def connect_store(root: Path, url: str | None = None, *, keep_connection: bool = False) -> Store:
    """Connect to the store without checking or repairing it: for a worker, whose manager has just done so.

    Args:
        root: The data directory.
        url: Another database than the SQLite file in it.
        keep_connection: Whether one connection may serve many questions, see ``Store``.

    Returns:
        The store.

    Raises:
        StoreError: ``url`` does not name a database, or its driver is not installed.
    """
    if url:
        return Store(url, keep_connection=keep_connection)
    return Store.at(root / _FILE, keep_connection=keep_connection)


def _check_writable(path: Path) -> None:
    for each in (path, path.parent):
        if each.exists() and not os.access(each, os.W_OK):
            raise StoreError(
                f"the run store {str(path)!r} is read-only: allow writing {str(each)!r}, or set EXPLORER_HOME"
            )


def _quarantine(path: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{stamp}-{os.getpid()}")
    os.replace(path, aside)
    journal = path.with_name(f"{path.name}-journal")
    if journal.exists():
        os.replace(journal, aside.with_name(f"{aside.name}-journal"))
    return aside
