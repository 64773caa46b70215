"""Where the workers of runs run: one interface, behind which are the processes of this machine or a cluster."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from ._records import Run, Status

Settle = Callable[[Run, Status, str], None]
"""Gives a run another state and the reason for it, unless somebody has changed it since it was read."""


class Place(Protocol):
    """Starts the workers of a data directory's runs, and knows which of them live."""

    name: str
    """What the store says of the runs whose workers are here; '' for processes of this machine."""

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

    def start(self, queued: Sequence[Run], running: Sequence[Run], settle: Settle) -> None:
        """Start what can start.

        Args:
            queued: The runs that wait, oldest first.
            running: Those that are being trained here.
            settle: For those that can never start.
        """

    def signal(self, run: Run, number: signal.Signals) -> bool:
        """Signal the worker of a run if it lives; whether it did."""

    def close(self) -> None:
        """Give up what was opened. Workers go on."""
