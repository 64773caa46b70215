"""What the run store holds, as values: runs with their states, points of curves, documents; and its error."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

Status = Literal["queued", "running", "paused", "stopped", "interrupted", "failed", "finished", "lost"]
"""The states of a run; ``lost``: its folder is gone, and its checkpoints with it."""
RequestedAction = Literal["run", "pause", "stop"]
"""What people have asked a run to do."""
ACTIVE: tuple[Status, ...] = ("queued", "running")
"""States of a run that waits for a device or is being trained."""
ENDED: tuple[Status, ...] = ("paused", "stopped", "interrupted", "failed", "finished", "lost")
"""States of a run that is not trained now and waits for nothing."""
RESUMABLE: tuple[Status, ...] = ("paused", "stopped", "interrupted", "failed")
"""States from which a run can be queued again."""
EARLY_STOP = "stopped early"
"""How the reason begins for which a finished run has not trained all its epochs."""
CARRIED = "carried"
"""Name of the document, at step 0, that tells what a run took of the weights that it starts from, one row a tensor."""
NODE_GONE = "the machine that trained it left the cluster; it goes on elsewhere"
"""Why a run is queued again."""
WORKER_GONE = "its worker died without a report; it goes on from its newest checkpoint"
"""Why a run of a cluster is queued again whose machine is still there."""
FOLDER_GONE = "its folder is gone, and its checkpoints with it"
"""Why a run is lost."""


class StoreError(ValueError):
    """The store cannot be used; the message says which, why and what to do."""

    def __init__(self, message: str, *, code: int = 0, duplicate: bool = False, away: bool = False) -> None:
        super().__init__(message)
        self.code = code
        """SQLite's primary result code (sqlite3.SQLITE_FULL, SQLITE_CORRUPT ...), 0 for other databases."""
        self.duplicate = duplicate
        """Whether what was to be added is there already."""
        self.away = away
        """Whether the database did not answer, as it may do later; what was asked of it may have been done."""

    @property
    def disk_full(self) -> bool:
        """Whether there was no room to write; a file-size limit shows itself as an input/output error."""
        return self.code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)

    @property
    def damaged(self) -> bool:
        """Whether the file is not, or no longer, a database."""
        return self.code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@lru_cache(maxsize=10_000)
def _read_settings(config: str) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(config)
    return settings


class Superseded(Exception):
    """A later attempt of the same run is at work: this one has nothing to write any more."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One row of ``runs``, as it was when it was read."""

    id: str
    """Its identifier."""
    name: str
    """Its title."""
    created: float
    """Seconds since 1970."""
    architecture: str
    """The network, JSON."""
    config: str
    """The training configuration, JSON."""
    device: str
    """Name of the device of its first process; '' before its first start."""
    status: Status
    """Its state."""
    reason: str
    """Why it is in this state; '' where there is nothing to say."""
    requested_action: RequestedAction
    """What it was asked to do last."""
    requested_at: float
    """When, in seconds on the monotonic clock of ``host``."""
    attempt: int
    """How many times it was started."""
    epoch: int
    """Complete epochs."""
    step: int
    """Updates done."""
    steps: int
    """Updates in all."""
    seconds: float
    """Time of training over all attempts."""
    heartbeat: float
    """When its worker was last heard of, in seconds on the monotonic clock of ``host``."""
    memory: int
    """Bytes that it is expected to need."""
    notes: str
    """Remarks of the person who started it."""
    tags: tuple[str, ...]
    """Words by which it is found."""
    home: str = ""
    """The id of the data directory that it belongs to."""
    host: str = ""
    """The name of the machine on which it was made or started last."""
    place: str = ""
    """Who starts and watches its worker: '' a manager on its host, 'ray' a Ray cluster."""
    owner: str = ""
    """The id of the person whose it is; '' where it was made without sign-in."""
    shared: bool = False
    """Whether others may look."""

    @property
    def active(self) -> bool:
        """Whether it is queued or running."""
        return self.status in ACTIVE

    def setting(self, name: str) -> Any:
        """Read a value of its training configuration; None if it has none of this name."""
        return _read_settings(self.config).get(name)

    def to_data(self) -> dict[str, Any]:
        """Convert to plain data for JSON."""
        data = {**self.__dict__, "tags": list(self.tags), "wish": self.requested_action}
        del data["requested_action"], data["requested_at"], data["heartbeat"]
        return {**data, "architecture": json.loads(self.architecture), "config": json.loads(self.config)}


@dataclass(frozen=True, kw_only=True)
class Point:
    """One value of one series: after ``step`` updates, and ``seconds`` of training."""

    series: str
    """Name of the series."""
    step: int
    """Updates done until then."""
    value: float
    """The number, in the unit that the series has."""
    seconds: float
    """Training time until then, over all attempts."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """Plain data under a name and a step: a confusion matrix, an environment record."""

    name: str
    """What it holds, such as 'environment'."""
    step: int
    """Updates done until then."""
    data: Any
    """Convert to plain data for JSON."""
