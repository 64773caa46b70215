"""Weights that a machine of a cluster has left in the object store: brought here when somebody reads them.

A note stands for such a file, under its name with an ending of its own; lists of checkpoints have it like any other.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from ._home import ELSEWHERE
from ._storage import Storage, StorageError

_guard = threading.Lock()


def find_bytes_elsewhere(path: Path) -> int:
    """Find how much is to be fetched before a file can be read.

    Args:
        path: As ``list_checkpoints``, ``list_best`` or ``list_kept`` gives it.

    Returns:
        Its size in bytes; 0 where it is here, or nowhere.
    """
    return 0 if path.exists() else int(_read_note(path).get("bytes", 0))


def bring(path: Path) -> None:
    """Fetch a file from the object store where it is still there alone. It is here as a whole, or not at all.

    Args:
        path: As for ``find_bytes_elsewhere``. One that is nowhere, or no longer, is left to whoever opens it.

    Raises:
        StorageError: The object store is not named, or cannot be reached.
    """
    if path.exists() or not _read_note(path):
        return
    with _guard:  # of several who want it one fetches it
        name = _read_note(path).get("name")
        if path.exists() or name is None:
            return
        url = os.environ.get("EXPLORER_STORAGE", "").strip()
        if not url:
            raise StorageError(f"{path.name} is in an object store; set EXPLORER_STORAGE to the one that had it")
        if not Storage(url).fetch(name, path):
            forget_elsewhere(path)


def forget_elsewhere(path: Path) -> None:
    """Remove the note that stands for a file, if there is one.

    Args:
        path: As for ``find_bytes_elsewhere``.
    """
    path.with_name(path.name + ELSEWHERE).unlink(missing_ok=True)


def _read_note(path: Path) -> dict[str, Any]:
    try:
        note = json.loads(path.with_name(path.name + ELSEWHERE).read_bytes())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}
