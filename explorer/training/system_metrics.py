"""Metrics of the machine while a run trains: memory, and how busy a GPU is."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import torch

from ..runs import series

_mps_peak = [0]
"""Bytes; MPS keeps no record of its own."""


def read(device: torch.device) -> dict[str, float]:
    """The metrics that there are, by series: ``memory`` in bytes, ``gpu_utilisation`` as a share, 0 to 1."""
    memory, utilisation = memory_bytes(device), gpu_utilisation(device)
    found = {} if memory is None else {series.MEMORY: float(memory)}
    return found if isinstance(utilisation, str) else {**found, series.GPU_UTILISATION: utilisation}


def memory_bytes(device: torch.device) -> int | None:
    """Bytes that the process holds: of the device's memory on a GPU, else of the machine's; None if unknown."""
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    if device.type == "mps":
        held = torch.mps.driver_allocated_memory()
        _mps_peak[0] = max(_mps_peak[0], held)
        return held
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_memory_bytes(device: torch.device) -> int:
    """Most bytes that ``memory_bytes`` would have given so far; on MPS the most that it has given."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    if device.type == "mps":
        memory_bytes(device)
        return _mps_peak[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def gpu_utilisation(device: torch.device) -> float | str:
    """Share of the last moment in which an NVIDIA GPU computed anything, or the reason why it is not known."""
    if device.type != "cuda":
        return "there is no NVIDIA GPU"
    try:
        return torch.cuda.utilization(device) / 100
    except Exception as error:  # noqa: BLE001  (NVML's errors are a family of their own; no gauge is worth a run)
        return str(error) or type(error).__name__
