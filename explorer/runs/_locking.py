"""Locks on open files that the system frees when their last holder dies: flock, or Windows' own where there is none."""

from __future__ import annotations

import os
import time

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]
    import msvcrt

FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0) | getattr(os, "O_BINARY", 0)
"""For ``os.open``: not inherited by children unless they are handed it, and bytes as they are."""
_WINDOWS_BYTE = 1 << 30
"""The byte that stands for the file, beyond its end: on Windows nobody else can read what is locked."""
_WAIT_SECONDS = 0.05


def lock(descriptor: int, *, wait: bool) -> bool:
    """Lock a file for its holder alone; whether it is locked now. Waits for as long as it takes if ``wait``."""
    if fcntl is not None:
        return _flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    while not _lock_byte(descriptor):
        if not wait:
            return False
        time.sleep(_WAIT_SECONDS)
    return True


def is_free(descriptor: int) -> bool:
    """Whether nobody holds the lock; looking holds it for an instant where Windows is asked."""
    if fcntl is not None:
        # A shared lock: two onlookers at once do not take each other for a worker.
        return _flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    if not _lock_byte(descriptor):
        return False
    os.lseek(descriptor, _WINDOWS_BYTE, os.SEEK_SET)
    msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    return True


def _flock(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        return False
    return True


def _lock_byte(descriptor: int) -> bool:
    os.lseek(descriptor, _WINDOWS_BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        return False
    return True
