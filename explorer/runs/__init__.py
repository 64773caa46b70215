"""Runs: the store in which they are written down, and the manager that starts, pauses and stops their workers.

Knows nothing of torch and nothing of how training works: a worker is any process that holds its run's lock.
"""

from ..memory import free_memory_bytes, total_memory_bytes
from . import series
from ._chance import CLASS_COUNTS, ChanceLevel, find_chance
from ._class_metrics import ClassMetrics, average_recall, find_class_metrics, measure_classes
from ._devices import Device, device_choices, devices, devices_used
from ._elsewhere import bring, find_bytes_elsewhere, forget_elsewhere
from ._entries import EntryRow
from ._experiments import ExperimentRow, Trial
from ._export import FORMATS, Format, export_files, export_to, export_zip
from ._files import Lock, atomic_write, is_locked, read_note, sweep, sync_folder
from ._history import Curve, History
from ._history_file import HistoryFile
from ._home import (
    RUN_ID,
    RunFolder,
    SavedFiles,
    checkpoint_step,
    list_best,
    list_checkpoints,
    list_kept,
    list_saved,
    new_run_id,
    read_home_id,
    read_log,
    validate_run_id,
)
from ._local import find_local_target
from ._manager import Manager, wait_until_ended
from ._networks import NetworkRow, Networks
from ._open import connect_store, open_store
from ._parcels import pack_name, set_name
from ._patience import PATIENCE_SECONDS, PatientStore
from ._people import AuditLine, PersonRow
from ._personal import PersonalStore
from ._place import Target
from ._quotas import Quotas, Usage, read_quotas
from ._records import (
    ACTIVE,
    CARRIED,
    EARLY_STOP,
    ENDED,
    FOLDER_GONE,
    NODE_GONE,
    RESUMABLE,
    WORKER_GONE,
    Document,
    Point,
    RequestedAction,
    Run,
    Status,
    StoreError,
    Superseded,
)
from ._samples import PREDICTIONS, SAMPLES, Prediction, Samples
from ._storage import Storage, StorageError
from ._store import Store
from ._supervisor import AlreadyManaged

__all__ = [
    "ACTIVE",
    "CARRIED",
    "CLASS_COUNTS",
    "EARLY_STOP",
    "ENDED",
    "FOLDER_GONE",
    "FORMATS",
    "NODE_GONE",
    "PATIENCE_SECONDS",
    "PREDICTIONS",
    "RESUMABLE",
    "RUN_ID",
    "SAMPLES",
    "WORKER_GONE",
    "AlreadyManaged",
    "AuditLine",
    "ChanceLevel",
    "ClassMetrics",
    "Curve",
    "Device",
    "Document",
    "EntryRow",
    "ExperimentRow",
    "Format",
    "History",
    "HistoryFile",
    "Lock",
    "Manager",
    "NetworkRow",
    "Networks",
    "PatientStore",
    "PersonRow",
    "PersonalStore",
    "Point",
    "Prediction",
    "Quotas",
    "RequestedAction",
    "Run",
    "RunFolder",
    "Samples",
    "SavedFiles",
    "Status",
    "Storage",
    "StorageError",
    "Store",
    "StoreError",
    "Superseded",
    "Target",
    "Trial",
    "Usage",
    "atomic_write",
    "average_recall",
    "bring",
    "checkpoint_step",
    "connect_store",
    "device_choices",
    "devices",
    "devices_used",
    "export_files",
    "export_to",
    "export_zip",
    "find_bytes_elsewhere",
    "find_chance",
    "find_class_metrics",
    "find_local_target",
    "forget_elsewhere",
    "free_memory_bytes",
    "is_locked",
    "list_best",
    "list_checkpoints",
    "list_kept",
    "list_saved",
    "measure_classes",
    "new_run_id",
    "open_store",
    "pack_name",
    "read_home_id",
    "read_log",
    "read_note",
    "read_quotas",
    "series",
    "set_name",
    "sweep",
    "sync_folder",
    "total_memory_bytes",
    "validate_run_id",
    "wait_until_ended",
]
