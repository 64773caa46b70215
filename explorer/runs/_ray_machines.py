"""What the machines of a Ray cluster have, and what a run asks of them."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..text import format_bytes
from ._devices import Device
from ._fair import Claim
from ._place import Target, share_of_gpu
from ._ray_connection import ClusterError, Gateway
from ._records import Run

_FRESH_SECONDS = 5.0
"""For so long what was heard of the machines is not asked for again."""
_GPU_BYTES = 8_000_000_000
"""No more is counted on where runs share a GPU, until its machine has told how much memory it has."""
_log = logging.getLogger(__name__)


class Machine(NamedTuple):
    """What Ray may hand out of a machine, all of it together."""

    cpus: float
    gpus: float = 0.0
    memory_bytes: int = 0
    """0 where Ray counts none."""
    gpu_bytes: int = 0
    """Of its smallest GPU; 0 where that is not known yet."""


class Need(NamedTuple):
    """What each process of a run asks of a machine, and how many there are."""

    cpus: int
    gpus: float
    """Less than 1 of one that it shares."""
    processes: int = 1
    """On one machine or on several."""
    memory_bytes: int = 0
    """Where it computes on CPUs; 0 where nobody has estimated it."""

    def count_places(self, machine: Machine) -> int:
        """How many processes the machine has room for, were it idle."""
        asked = ((self.cpus, machine.cpus), (self.gpus, machine.gpus))
        counted = machine.memory_bytes and self.memory_bytes
        rooms = [there // need for need, there in (*asked, (counted, machine.memory_bytes)) if need]
        return int(min(rooms))

    def fits(self, machines: Sequence[Machine]) -> bool:
        """Whether all processes have room at once, were all machines idle."""
        return sum(map(self.count_places, machines)) >= self.processes

    def find_claims(self, machines: Sequence[Machine]) -> tuple[Claim, ...]:
        """What a process takes of each machine that has room for one; nothing where not all of them find room."""
        return tuple(
            tuple((name, amount) for name, amount in self._amounts(index, machine) if amount)
            for index, machine in enumerate(machines)
            if self.count_places(machine)
        ) if self.fits(machines) else ()  # fmt: skip

    def _amounts(self, index: int, machine: Machine) -> list[tuple[str, float]]:
        # Of the memory a part: bytes and CPUs would not compare.
        part = math.ceil(16 * self.memory_bytes / machine.memory_bytes) / 16 if machine.memory_bytes else 0.0
        return [(f"CPU {index}", float(self.cpus)), (f"GPU {index}", self.gpus), (f"memory {index}", part)]

    def describe_lack(self, machines: Sequence[Machine]) -> str:
        """Say what a run with this need waits for that the machines don't have, together or each; '' where they do."""
        if self.fits(machines):
            return ""
        parts = [f"{self.cpus} CPU{'' if self.cpus == 1 else 's'}"]
        if self.gpus:
            parts.append(f"{'a' if self.gpus == 1 else 'a part of a'} GPU")
        if self.memory_bytes and any(machine.memory_bytes for machine in machines):
            parts.append(f"{format_bytes(self.memory_bytes)} of memory")
        each = " and ".join(parts)
        if self.processes == 1:
            return f"waits for a machine with {each}; the cluster has none"
        return f"waits for machines with {each} for each of {self.processes} processes; the cluster has too few"


def list_free(machines: Sequence[Machine]) -> dict[str, float]:
    """All that there is of what ``Need.find_claims`` claims, by its name."""
    return {
        name: amount
        for index, machine in enumerate(machines)
        for name, amount in (
            (f"CPU {index}", machine.cpus), (f"GPU {index}", machine.gpus),
            (f"memory {index}", 1.0 if machine.memory_bytes else 0.0),
        )
    }  # fmt: skip


def wants_gpu(wanted: str, machines: Sequence[Machine]) -> bool:
    """Whether a run with this ``device`` is trained on a GPU. Raises ValueError where a cluster has no such device."""
    if wanted != "auto" and wanted != "cpu" and not wanted.startswith("cuda"):
        raise ValueError(f"a cluster has no device {wanted}; choose auto, cpu or cuda:0")
    return wanted.startswith("cuda") or (wanted == "auto" and any(machine.gpus for machine in machines))


def find_need(run: Run, machines: Sequence[Machine]) -> Need:
    """Find what a run asks for: for each process a GPU where it may use one, and a CPU for each thread.

    Args:
        run: The run.
        machines: Of the cluster.

    Returns:
        Its need.

    Raises:
        ValueError: It wants a device that no cluster has.
    """
    processes, gpus = run.setting("processes") or 1, 0.0
    on_gpu = wants_gpu(run.setting("device") or "auto", machines)
    if on_gpu:
        known = [machine.gpu_bytes or _GPU_BYTES for machine in machines if machine.gpus]
        gpus = share_of_gpu(run, min(known, default=_GPU_BYTES))
    memory = 0 if on_gpu else run.memory // processes
    return Need(cpus=run.setting("threads") or 1, gpus=gpus, processes=processes, memory_bytes=memory)


def list_devices(machines: Sequence[Machine]) -> tuple[Device, ...]:
    """List what a run can name on a cluster, the best first: one name stands for every GPU, wherever it is.

    Args:
        machines: Of the cluster.

    Returns:
        A GPU, also where none is there now, and CPUs, each with the memory on which a process of a run may count: that
        of the smallest GPU, since Ray takes any, and of the machine that has most; 0 where nobody knows that.
    """
    of_gpus = (machine.gpu_bytes for machine in machines if machine.gpus)
    of_machines = (machine.memory_bytes for machine in machines)
    return (
        Device(name="cuda:0", title="a GPU of the cluster", memory_bytes=min(of_gpus, default=0)),
        Device(name="cpu", title="CPUs of the cluster", memory_bytes=max(of_machines, default=0)),
    )


def find_target(wanted: str, processes: int, threads: int, machines: Sequence[Machine]) -> Target:
    """Find where a run would be trained; as ``Place.find_target``."""
    on_gpu = wants_gpu(wanted, machines)
    gpu, cpu = list_devices(machines)
    need = Need(cpus=threads, gpus=float(on_gpu), processes=processes)
    lack = need.describe_lack(machines) if machines else "waits until the cluster can be reached"
    where = "the cluster's smallest GPU" if on_gpu else "the cluster's largest machine"
    return Target(gpu if on_gpu else cpu, where, waits_for=lack)


class Machines:
    """The machines of a cluster, as they were when they were last heard of."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.known: list[Machine] = []
        """Empty as long as nothing was heard."""
        self._heard = -math.inf
        self._first_asked: float | None = None
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def hear(self, machines: Sequence[dict[str, Any]]) -> None:
        """Take note of what the gateway has told."""
        self.known, self._heard = [Machine(**machine) for machine in machines], time.monotonic()

    def find(self, patience_seconds: float) -> list[Machine]:
        """Find what is known, and have the cluster asked anew where that is old.

        Args:
            patience_seconds: For how long somebody waits who asks first; a cluster that cannot be reached delays
                nobody twice.

        Returns:
            The machines; [] as long as the cluster has not answered.
        """
        now = time.monotonic()
        with self._guard:
            if now - self._heard > _FRESH_SECONDS and self._thread is None:
                self._thread = threading.Thread(target=self._ask, name="cluster", daemon=True)
                self._thread.start()
            self._first_asked = now if self._first_asked is None else self._first_asked
            thread, wait = self._thread, self._first_asked + patience_seconds - now
        if thread is not None and not self.known and wait > 0:
            thread.join(wait)
        return self.known

    def _ask(self) -> None:
        try:
            self.hear(self._gateway.ask("list machines")["machines"])
        except ClusterError as error:
            _log.warning("%s", error)
        finally:
            self._thread = None
