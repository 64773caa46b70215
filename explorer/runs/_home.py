"""Where things lie on disk, and the names of runs."""

from __future__ import annotations

import os
import re
import secrets
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from ..text import quote
from ._files import atomic_write


@dataclass(frozen=True, eq=False, slots=True)
class SavedFiles:
    """The files of weights in a folder by their names, each kind from the newest step on; the same object as long as
    the folder does not change."""

    checkpoints: tuple[Path, ...] = ()
    """As ``list_checkpoints`` gives them."""
    best: tuple[Path, ...] = ()
    """As ``list_best`` gives them."""
    kept: tuple[Path, ...] = ()
    """As ``list_kept`` gives them."""


_CHECKPOINT = re.compile(r"step-([0-9]{10})\.pt")
_KEPT = re.compile(r"kept-([0-9]{10})\.pt")
_BEST = re.compile(r"best-(validation|test)-([0-9]{10})\.pt")
RUN_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")
"""The form of a run's id."""
ELSEWHERE = ".elsewhere"
"""Ending of a note that stands for a file which is in an object store, until somebody reads it: see ``_elsewhere``."""
_NOTHING = SavedFiles()
_SETTLED_NS = 2_000_000_000
_LISTED: dict[str, tuple[int, SavedFiles]] = {}
"""Folders of checkpoints: when each was changed last, and what was in it then. There may be thousands of runs."""


def new_run_id() -> str:
    """Make the id of a new run.

    Returns:
        The local time and six random hexadecimal digits, such as ``20260131-142501-0fa3c2``.
    """
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"


def validate_run_id(text: str) -> str:
    """Check that a text has the form of a run's id; nothing else ever becomes part of a path.

    Args:
        text: Any text.

    Returns:
        The text.

    Raises:
        ValueError: It does not have that form. Whether there is such a run is not checked.
    """
    if not RUN_ID.fullmatch(text):
        raise ValueError(f"{quote(text)} is no run; `python -m explorer runs list` shows them")
    return text


def list_checkpoints(folder: Path) -> list[Path]:
    """List the files that are named like checkpoints, ``step-0000001234.pt``; none is read.

    Args:
        folder: ``RunFolder.checkpoints``; it need not exist.

    Returns:
        Paths, the newest step first.
    """
    return list(_list(os.fspath(folder)).checkpoints)


def run_folders(root: Path) -> list[str]:
    """The ids of the runs that have a folder in a data directory."""
    folder = root / "runs"
    return sorted(name for name in os.listdir(folder) if RUN_ID.fullmatch(name)) if folder.is_dir() else []


def list_best(folder: Path) -> list[Path]:
    """List the files that are named like the weights of a run's best epoch, ``best-validation-0000001234.pt``.

    Args:
        folder: ``RunFolder.checkpoints``; it need not exist.

    Returns:
        Paths, the newest step first: there is one, or two for a moment while a better one is written.
    """
    return list(_list(os.fspath(folder)).best)


def list_kept(folder: Path) -> list[Path]:
    """List the files that are named like weights that a run keeps for good, ``kept-0000001234.pt``.

    Args:
        folder: ``RunFolder.checkpoints``; it need not exist.

    Returns:
        Paths, the newest step first.
    """
    return list(_list(os.fspath(folder)).kept)


def list_saved(root: Path, run: str) -> SavedFiles:
    """List all files of weights of a run at once, for those who ask about thousands of runs; none is read.

    Args:
        root: The data directory.
        run: The run's id; it need not have a folder.

    Returns:
        The files.
    """
    return _list(f"{root}/runs/{run}/checkpoints")


def _list(folder: str) -> SavedFiles:
    """The files with such names; a folder that has not changed is not read again."""
    try:
        changed_ns = os.stat(folder).st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return _NOTHING
    known = _LISTED.get(folder)
    if known is None or known[0] != changed_ns:
        names = sorted({name.removesuffix(ELSEWHERE) for name in os.listdir(folder)}, reverse=True)
        checkpoints, kept, best = (
            [Path(folder, name) for name in names if form.fullmatch(name)] for form in (_CHECKPOINT, _KEPT, _BEST)
        )
        best.sort(key=checkpoint_step, reverse=True)
        known = changed_ns, SavedFiles(checkpoints=tuple(checkpoints), best=tuple(best), kept=tuple(kept))
        # Two changes within one tick of the file system's clock look like one, so the last must lie some time back.
        if time.time_ns() - changed_ns > _SETTLED_NS:
            _LISTED[folder] = known
    return known[1]


def checkpoint_step(path: Path) -> int:
    """Read off the name of a checkpoint's file after how many updates it was written.

    Args:
        path: As ``list_checkpoints``, ``list_best`` or ``list_kept`` gives it.

    Returns:
        The number of updates.
    """
    return int(path.stem.rpartition("-")[2])


def read_home_id(root: Path) -> str:
    """Read the id of a data directory, which tells apart those that share a database.

    The first call makes it; only one process at a time may do that.

    Args:
        root: The data directory.

    Returns:
        32 hexadecimal digits, kept in the file ``home-id``.

    Raises:
        OSError: The file cannot be read, or could not be written.
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
    """A run's files: ``run.json``, ``history.jsonl``, ``worker.lock``, ``log.txt``, the folder ``checkpoints``."""

    def __init__(self, root: Path, run: str) -> None:
        self.path = Path(root, "runs", validate_run_id(run))

    # Made when they are asked for: there may be thousands of folders.

    @property
    def description(self) -> Path:
        """What it is, as the store has it."""
        return self.path / "run.json"

    @property
    def history(self) -> Path:
        """Its course."""
        return self.path / "history.jsonl"

    @property
    def lock(self) -> Path:
        """Held by its worker."""
        return self.path / "worker.lock"

    @property
    def log(self) -> Path:
        """What its processes print."""
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """The folder of its checkpoints."""
        return self.path / "checkpoints"


def read_log(root: Path, run: str, *, most_bytes: int = 100_000) -> str:
    """Read the end of what a run's processes have printed: warnings, tracebacks, what its libraries say.

    Args:
        root: The data directory.
        run: The run's id.
        most_bytes: How much of the end.

    Returns:
        Whole lines; '' where nothing was printed, or nothing of it is here. What is no text is replaced.

    Raises:
        ValueError: ``run`` is no run's id.
    """
    try:
        with RunFolder(root, run).log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most_bytes))
            data = file.read()
    except OSError:
        return ""
    if size > most_bytes:
        data = data.partition(b"\n")[2]
    return data.decode("utf-8", errors="replace")
