"""The memory of a process that trains on the CPU."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt."""
_GIGABYTE = 1 << 30


def keep_freed_memory() -> bool:
    """Let the allocator keep what a step frees, for the next one; False where it is not glibc's.

    By itself it returns large blocks to the system and every step has them mapped and zeroed again: some thousand page
    faults a step, a few dozen with this.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _GIGABYTE)) & bool(mallopt(_TRIM_THRESHOLD, 2 * _GIGABYTE - 1))
