"""Runs: the store in which they are written down, and the manager that starts, pauses and stops their workers.

Knows nothing of torch and nothing of how training works: a worker is any process that holds its run's lock.
"""

from ._files import Lock, held, read_note, sweep, sync_folder, write_whole
from ._home import RunFolder, checked_id, new_id
from ._store import ENDED, RESUMABLE, Point, Run, Status, Store, StoreError, Wish

__all__ = [
    "ENDED",
    "RESUMABLE",
    "Lock",
    "Point",
    "Run",
    "RunFolder",
    "Status",
    "Store",
    "StoreError",
    "Wish",
    "checked_id",
    "held",
    "new_id",
    "read_note",
    "sweep",
    "sync_folder",
    "write_whole",
]
