"""Files that survive a crash at any instruction, and locks that say who is alive."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import _locking

TEMPORARY = ".writing"
"""Ending of a file that is not complete yet."""
_NOTE_BYTES = 4096


def atomic_write(path: Path, data: bytes | memoryview) -> None:
    """Replace a file by new content, or leave it as it was.

    Temporary file in the same folder → fsync → rename → fsync of the folder. A crash leaves at most the temporary file,
    which ``sweep`` removes; an error such as a full disk removes it at once and is raised.

    Args:
        path: The file; its folder exists.
        data: All of its new content.

    Raises:
        OSError: It could not be written. The old file is still there, the temporary one is not.
    """
    # A name of its own for each writer: of two who replace a file at once the later one wins, and nobody fails. (As
    # tempfile.mkstemp does it, but with the permissions that people expect of a file.)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _locking.FLAGS, 0o644)
    try:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder durable (fsync of the folder; nothing to do on Windows).

    Args:
        folder: The folder.

    Raises:
        OSError: The folder cannot be opened or synchronised.
    """
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY | _locking.FLAGS)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove the temporary files that a crash left in a folder. Only the process that writes there may call it.

    Args:
        folder: The folder; files in folders below it stay.

    Raises:
        OSError: A file cannot be removed.
    """
    for path in folder.glob(f"*{TEMPORARY}"):
        path.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder with everything in it; what is gone already is fine."""
    shutil.rmtree(folder, ignore_errors=True)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder with some files: all of them, or none.

    Args:
        folder: It is not there yet.
        files: What is in each, by name.

    Raises:
        ValueError: It could not be written.
    """
    try:
        folder.mkdir(parents=True)
        for name, data in files.items():
            atomic_write(folder / name, data)
    except OSError as error:
        remove_folder(folder)
        raise ValueError(
            f"cannot write {str(folder)!r}: {error.strerror or error}; make room, or set EXPLORER_HOME to a folder on "
            f"another disk"
        ) from None


def empty_folder(folder: Path) -> None:
    """Remove everything in a folder and keep the folder."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            remove_folder(path)
        else:
            path.unlink(missing_ok=True)


class Lock:
    """A file lock that the kernel frees when its last holder ends, and a short note beside it.

    It belongs to the open file, not to a process: a parent takes it, hands the descriptor to a child and closes its own
    copy, and it is held at every moment. The note sits in blocks that were written when the lock was
    made, so it can be changed even on a full disk.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def acquire(cls, path: Path, *, wait: bool = False, note: bool = True) -> Lock | None:
        """Take a lock.

        Args:
            path: The lock's file, made where it is missing.
            wait: Wait for as long as somebody else holds it.
            note: Make room for a note; without, it can be taken on a full disk too.

        Returns:
            The lock, or None if somebody else holds it.

        Raises:
            OSError: The file cannot be made.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _locking.FLAGS, 0o644)
        try:
            for patience in (0.01, 0.02, 0.0):  # an onlooker (``is_locked``) has it for an instant
                if _locking.lock(descriptor, wait=wait):
                    break
                if not patience:
                    os.close(descriptor)
                    return None
                time.sleep(patience)
            if note and os.fstat(descriptor).st_size < _NOTE_BYTES:
                _write_at_start(descriptor, b" " * _NOTE_BYTES)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(path, descriptor)

    def write_note(self, **facts: Any) -> None:
        """Replace the note by some facts (plain data). Where they exceed 4 KB, ``reason`` is cut at its end."""
        text = json.dumps(facts).encode()
        if len(text) > _NOTE_BYTES:
            room = max(0, len(str(facts.get("reason", ""))) - (len(text) - _NOTE_BYTES) - 1)
            text = json.dumps({**facts, "reason": str(facts.get("reason", ""))[:room]}).encode()[:_NOTE_BYTES]
        _write_at_start(self.descriptor, text.ljust(_NOTE_BYTES))

    def is_in_place(self) -> bool:
        """Whether the file that is locked is still the one at its path; False once its folder was deleted or moved."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), os.stat(self.path))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # a network drive that is away for a moment
            return True

    def release(self) -> None:
        """Give it back (or, where a child holds a copy, give up ours)."""
        os.close(self.descriptor)

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def is_locked(path: Path) -> bool:
    """Check whether a living process holds the lock of a file.

    Args:
        path: The lock's file; it need not exist.

    Returns:
        True where somebody holds it.

    Raises:
        OSError: The file is there and cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | _locking.FLAGS)
    except FileNotFoundError:
        return False
    try:
        return not _locking.is_free(descriptor)
    finally:
        os.close(descriptor)


def _write_at_start(descriptor: int, data: bytes) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, data)


def read_note(path: Path) -> dict[str, Any]:
    """Read the note at a lock, whoever holds it.

    Args:
        path: The lock's file.

    Returns:
        The facts of the last ``Lock.write_note``; {} if there are none, or they are unreadable.
    """
    try:
        note = json.loads(path.read_bytes()[:_NOTE_BYTES])
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}
