"""The memory of this machine: how much there is, and how much of it is free."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path


def total_memory_bytes() -> int:
    """Measure the memory that this machine, or the container that we run in, may use.

    Returns:
        Bytes.
    """
    if sys.platform == "win32":
        return _windows_memory()[0]
    total = _meminfo("MemTotal") or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(total, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):  # no such limit
        return total


def free_memory_bytes() -> int:
    """Measure the memory that can be had now without swapping.

    Returns:
        Bytes, at most ``total_memory_bytes``.
    """
    if sys.platform == "win32":
        return _windows_memory()[1]
    return min(_meminfo("MemAvailable") or total_memory_bytes(), total_memory_bytes())


def _meminfo(name: str) -> int:
    """A number of bytes out of Linux's /proc/meminfo, 0 if there is none."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return 0


def _windows_memory() -> tuple[int, int]:
    """(all, free) bytes, as GlobalMemoryStatusEx tells them."""

    class Status(ctypes.Structure):
        _fields_ = (
            [("length", ctypes.c_uint32), ("load", ctypes.c_uint32)]
            + [(name, ctypes.c_uint64) for name in ("total", "free", "page", "page_free", "virtual", "virtual_free")]
            + [("extended_free", ctypes.c_uint64)]
        )

    status = Status(length=ctypes.sizeof(Status))
    ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined,unused-ignore]
    return status.total, status.free
