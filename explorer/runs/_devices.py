"""The devices of this machine and their memory, without loading torch into this process."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..memory import total_memory_bytes

PAGE_PATIENCE_SECONDS = 10.0
"""For how long somebody who wants to see the devices waits for a driver that was never asked before."""
_ASK_SECONDS = 120.0
_RETRY_SECONDS = 60.0
_GPU_FILES = ("nvidia[0-9]*", "dxg", "kfd", "nvhost*", "nvmap")
"""In /dev: NVIDIA, Windows' GPUs inside WSL, AMD (ROCm), and NVIDIA's Jetson."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device on which a run can be trained."""

    name: str
    """cpu, mps or cuda:N."""
    title: str
    """Shown to people."""
    memory_bytes: int
    """All that it has."""


_ASK = """
import json, torch
found = [("cuda:%d" % i, torch.cuda.get_device_name(i), torch.cuda.get_device_properties(i).total_memory)
         for i in range(torch.cuda.device_count())]
if torch.backends.mps.is_available():
    found.append(("mps", "Apple GPU", torch.mps.recommended_max_memory()))
print(json.dumps(found))
"""


class DeviceProbe:
    """Asks for the devices once, in a thread, and remembers the answer; a question that failed is asked again later."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._answer: tuple[Device, ...] | None = None
        self._thread: threading.Thread | None = None
        self._not_before = 0.0

    def ask(self, patience_seconds: float) -> tuple[Device, ...] | None:
        """The devices, the best first and the CPU last; None if no answer has come within the patience."""
        if not _may_have_gpu():
            return (_cpu(),)
        with self._guard:
            if self._answer is None and self._thread is None and time.monotonic() >= self._not_before:
                self._thread = threading.Thread(target=self._question, name="devices", daemon=True)
                self._thread.start()
            thread = self._thread
        if thread is not None:
            thread.join(patience_seconds)
        return self._answer

    def _question(self) -> None:
        found = _ask_torch()
        with self._guard:
            self._thread = None
            if found is None:
                self._not_before = time.monotonic() + _RETRY_SECONDS
            else:
                self._answer = (*found, _cpu())


_PROBE = DeviceProbe()


def devices(patience_seconds: float = PAGE_PATIENCE_SECONDS) -> tuple[Device, ...]:
    """List all devices, the best first; the CPU is always the last.

    Args:
        patience_seconds: How long to wait for the first answer. Later calls find it remembered.

    Returns:
        The CPU alone as long as the drivers have not answered.
    """
    return _PROBE.ask(patience_seconds) or (_cpu(),)


def ask_devices() -> tuple[Device, ...] | None:
    """All devices, after as long as that takes; None if the question failed, which says nothing of the devices."""
    return _PROBE.ask(_ASK_SECONDS + 10.0)


def _may_have_gpu() -> bool:
    return sys.platform in ("darwin", "win32") or any(any(Path("/dev").glob(name)) for name in _GPU_FILES)


def find_gpu_bytes() -> int:
    """Ask how much memory the smallest GPU of this machine has, whatever this process may use; 0 where none tells."""
    hidden = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
    found = _ask_torch({name: value for name, value in os.environ.items() if name not in hidden})
    return min((device.memory_bytes for device in found or ()), default=0)


def _ask_torch(environment: Mapping[str, str] | None = None) -> list[Device] | None:
    # A process of its own: drivers keep memory in whoever asks them, and torch takes seconds to load.
    command = [sys.executable, "-c", _ASK]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=_ASK_SECONDS, check=True, env=environment
        )
        found = json.loads(asked.stdout)
        return [Device(name=name, title=title, memory_bytes=memory) for name, title, memory in found]
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        said = (getattr(error, "stderr", "") or "").strip().rpartition("\n")[2]
        _log.warning("the GPUs of this machine could not be asked for (%s %s); asking again later", error, said)
        return None


def _cpu() -> Device:
    return Device(name="cpu", title="CPU", memory_bytes=total_memory_bytes())


def devices_used(first: str, processes: int) -> tuple[str, ...]:
    """Find the devices that a run occupies.

    Args:
        first: The device of its first process.
        processes: How many it has. Each takes a GPU, from ``first`` on; any other device is shared.

    Returns:
        Names of the devices.
    """
    kind, _, index = first.partition(":")
    return tuple(f"cuda:{int(index) + each}" for each in range(processes)) if kind == "cuda" else (first,)


def device_choices(wanted: str, processes: int, known: Iterable[str]) -> list[tuple[str, ...]]:
    """List the sets of devices on which a run could be trained.

    Args:
        wanted: The name of a device; or 'auto', which means a GPU where there is one.
        processes: How many processes the run has.
        known: The names of all devices of this machine.

    Returns:
        At least one choice, each as ``devices_used`` gives it.

    Raises:
        ValueError: There is none.
    """
    names = list(known)
    fast = [name for name in names if name.startswith("cuda") or (name == "mps" and processes == 1)]
    firsts = (fast or ["cpu"]) if wanted == "auto" else [wanted]
    found = [used for first in firsts if set(used := devices_used(first, processes)) <= set(names)]
    if not found and processes > 1 and (wanted == "auto" or wanted in names):
        raise ValueError(f"processes (={processes}) needs as many GPUs; this machine has {', '.join(names)}")
    if not found:
        raise ValueError(f"this machine has no device {wanted}; it has {', '.join(names)}")
    return found
