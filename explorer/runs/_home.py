"""Where things lie on disk, and the names of runs."""

from __future__ import annotations

import re
import secrets
import time
import uuid
from pathlib import Path

from ..text import quote
from ._files import atomic_write

_CHECKPOINT = re.compile(r"step-([0-9]{10})\.pt")
RUN_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")


def new_run_id() -> str:
    """A new run's name: when it was made, and six hexadecimal digits at random."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"


def validate_run_id(text: str) -> str:
    """The text if it can be a run's name. Raises ValueError otherwise; nothing else ever becomes part of a path."""
    if not RUN_ID.fullmatch(text):
        raise ValueError(f"{quote(text)} is no run; `python -m explorer runs list` shows them")
    return text


def list_checkpoints(folder: Path) -> list[Path]:
    """Files named like checkpoints, ``step-0000001234.pt``, newest first; nothing is read."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if _CHECKPOINT.fullmatch(path.name)), reverse=True)


def read_home_id(root: Path) -> str:
    """Which of the data directories that may share a database this is; made at the first call.

    Call it first where only one process does so at a time.
    """
    path = root / "home-id"
    try:
        found = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        found = ""
    if not re.fullmatch("[0-9a-f]{32}", found):
        found = uuid.uuid4().hex
        atomic_write(path, found.encode())
    return found


class RunFolder:
    """The files of one run: ``run.json``, ``worker.lock``, ``log.txt`` and the folder ``checkpoints``."""

    def __init__(self, root: Path, run: str) -> None:
        self.path = root / "runs" / validate_run_id(run)
        self.description = self.path / "run.json"
        self.lock = self.path / "worker.lock"
        self.log = self.path / "log.txt"
        self.checkpoints = self.path / "checkpoints"
