"""Where the workers of runs run: one interface, behind which are the processes of this machine or a cluster."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from ._devices import Device
from ._fair import Job, Need, Queue, Turns
from ._records import Run, Status
from ._turns import Waiting

Settle = Callable[[Run, Status, str], None]
"""Gives a run another state and the reason for it, unless somebody has changed it since it was read."""

MOST_SHARING = 4
"""Runs that may share one GPU, where each of them agrees to that."""
SHARED_MEMORY = 0.8
"""Share of a GPU's memory that such runs together are expected to need at most."""


def share_of_gpu(run: Run, memory_bytes: int) -> float:
    """Find how much of a GPU a run takes.

    Args:
        run: One that has agreed to share it, or not.
        memory_bytes: All that the GPU has.

    Returns:
        1 for all of it, unless one process shares it; then a quarter, or more where what the run is expected to need is
        more of the memory that may be shared; in sixteenths.
    """
    if not run.setting("share_gpu") or run.memory <= 0 or (run.setting("processes") or 1) > 1:
        return 1.0
    return min(1.0, max(1 / MOST_SHARING, math.ceil(16 * run.memory / (SHARED_MEMORY * memory_bytes)) / 16))


class Book(NamedTuple):
    """What the fair order rests on beside the runs themselves."""

    turns: Turns
    """Which turns were given so far."""
    waiting: Mapping[str, Waiting]
    """By run, what it belongs to and since when it waits."""

    def enter(self, run: Run, need: Need) -> Job:
        """What the order knows of a run that needs something."""
        found = self.waiting.get(run.id, Waiting(run.id, 0))
        return Job(run=run.id, owner=run.owner, part=found.part, need=need, since=found.since)


class Target(NamedTuple):
    """Where a run would be trained, were its turn now."""

    device: Device
    """Of its first process."""
    where: str
    """What a message calls the device whose memory is too small."""
    processes: int = 1
    """How many of its processes share the memory of that device."""
    waits_for: str = ""
    """What it would wait for beside its turn; '' where everything is there."""


class Place(Protocol):
    """Starts the workers of a data directory's runs, and knows which of them live."""

    name: str
    """What the store says of the runs whose workers are here; '' for processes of this machine."""

    def devices(self, patience_seconds: float) -> tuple[Device, ...]:
        """List the devices that a run can name here, the best first, after at most so long."""

    def find_target(self, wanted: str, processes: int, threads: int) -> Target:
        """Find where a run would be trained.

        Args:
            wanted: The name of a device, or 'auto'.
            processes: How many it has.
            threads: Of each process.

        Returns:
            The best there is.

        Raises:
            ValueError: It cannot be trained here; the message says on what it can.
        """

    def prepare(self, active: Collection[Status]) -> None:
        """Find out what deciding needs. It may take its time: the manager is not locked meanwhile.

        Args:
            active: Which of the states ``ACTIVE`` runs of the data directory have.
        """

    def clean_up(self) -> None:
        """Forget workers that have ended."""

    def is_alive(self, run: Run) -> bool:
        """Check a run that is 'running' here; True as long as it is not known that its worker is dead."""

    def find_end(self, run: Run) -> tuple[Status, str]:
        """Find the state, and the reason for it, of a run whose worker is dead."""

    def find_others(self) -> list[Run]:
        """Find the runs of other data directories that wait or are trained at the same place, oldest first."""

    def line_up(self, queued: Sequence[Run], running: Sequence[Run], book: Book) -> Queue | None:
        """Find who waits for what here, and what is free.

        Args:
            queued: The runs that wait, oldest first; also those of ``find_others``.
            running: Those that are being trained here; likewise.
            book: What the order rests on.

        Returns:
            The queue, without those that cannot start here as things are; None where nobody knows what is free.
        """

    def start(self, queue: Queue, queued: Sequence[Run], settle: Settle) -> None:
        """Start whom there is room for.

        Args:
            queue: As ``line_up`` gave it.
            queued: Those of the runs that wait which are ours to start, oldest first.
            settle: For those that can never start.
        """

    def signal(self, run: Run, number: signal.Signals) -> bool:
        """Signal the worker of a run if it lives; whether it did."""

    def forget(self, run: str) -> None:
        """Remove what is kept elsewhere of a run that is deleted."""

    def close(self) -> None:
        """Give up what was opened. Workers go on."""
