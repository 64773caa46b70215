"""Runs: the store in which they are written down, and the manager that starts, pauses and stops their workers.

Knows nothing of torch and nothing of how training works: a worker is any process that holds its run's lock.
"""

from ._devices import Device, devices, free_memory, machine_memory, occupied, places
from ._experiments import ExperimentRow, Trial
from ._export import FORMATS, Format, export_files, export_to, export_zip
from ._files import Lock, held, read_note, sweep, sync_folder, write_whole
from ._history import Curve, History
from ._home import RUN_ID, RunFolder, checked_id, checkpoints, new_id
from ._manager import Manager, Owned, wait_until_ended
from ._open import open_store, store_of
from ._samples import PREDICTIONS, SAMPLES, Prediction, Samples
from ._store import ENDED, RESUMABLE, Document, Point, Run, Status, Store, StoreError, Wish

__all__ = [
    "ENDED",
    "FORMATS",
    "PREDICTIONS",
    "RESUMABLE",
    "RUN_ID",
    "SAMPLES",
    "Curve",
    "Device",
    "Document",
    "ExperimentRow",
    "Format",
    "History",
    "Lock",
    "Manager",
    "Owned",
    "Point",
    "Prediction",
    "Run",
    "RunFolder",
    "Samples",
    "Status",
    "Store",
    "StoreError",
    "Trial",
    "Wish",
    "checked_id",
    "checkpoints",
    "devices",
    "export_files",
    "export_to",
    "export_zip",
    "free_memory",
    "held",
    "machine_memory",
    "new_id",
    "occupied",
    "open_store",
    "places",
    "read_note",
    "store_of",
    "sweep",
    "sync_folder",
    "wait_until_ended",
    "write_whole",
]
