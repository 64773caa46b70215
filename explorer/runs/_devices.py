"""The devices of this machine and their memory, without loading torch into this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Device:
    """Something that a run can be trained on."""

    name: str
    """cpu, mps or cuda:N."""
    title: str
    memory_bytes: int
    """Bytes that it has in all."""


_ASK = """
import json, torch
found = [("cuda:%d" % i, torch.cuda.get_device_name(i), torch.cuda.get_device_properties(i).total_memory)
         for i in range(torch.cuda.device_count())]
if torch.backends.mps.is_available():
    found.append(("mps", "Apple GPU", torch.mps.recommended_max_memory()))
print(json.dumps(found))
"""


@cache
def devices() -> tuple[Device, ...]:
    """All devices, the best first; the CPU is always the last."""
    found: list[Device] = []
    if sys.platform == "darwin" or any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists():
        # A process of its own: drivers keep memory in whoever asks them, and torch takes seconds to load.
        try:
            asked = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, timeout=120, check=True)
            found = [
                Device(name=name, title=title, memory_bytes=memory) for name, title, memory in json.loads(asked.stdout)
            ]
        except (OSError, subprocess.SubprocessError, ValueError):
            found = []
    return (*found, Device(name="cpu", title="CPU", memory_bytes=total_memory_bytes()))


def devices_used(first: str, processes: int) -> tuple[str, ...]:
    """The devices of a run: GPUs from the first on, one for each process, which share any other device."""
    kind, _, index = first.partition(":")
    return tuple(f"cuda:{int(index) + each}" for each in range(processes)) if kind == "cuda" else (first,)


def device_choices(wanted: str, processes: int, known: Iterable[str]) -> list[tuple[str, ...]]:
    """The devices that a run may occupy, each choice as ``devices_used`` gives it; ``wanted`` is one of them, or auto.

    'auto' means a GPU where there is one. Raises ValueError where there is no choice.
    """
    names = list(known)
    fast = [name for name in names if name.startswith("cuda") or (name == "mps" and processes == 1)]
    firsts = (fast or ["cpu"]) if wanted == "auto" else [wanted]
    found = [place for first in firsts if set(place := devices_used(first, processes)) <= set(names)]
    if not found and processes > 1 and (wanted == "auto" or wanted in names):
        raise ValueError(f"processes (={processes}) needs as many GPUs; this machine has {', '.join(names)}")
    if not found:
        raise ValueError(f"this machine has no device {wanted}; it has {', '.join(names)}")
    return found


def total_memory_bytes() -> int:
    """Bytes of memory that this machine, or the container that we run in, may use."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(total, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):  # no such limit
        return total


def free_memory_bytes() -> int:
    """Bytes that can be had now without swapping, at most ``total_memory_bytes``."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return total_memory_bytes()
    return min(free, total_memory_bytes())
