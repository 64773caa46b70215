"""How a run's worker is started: ``explorer.runs`` starts the command it is given and knows nothing of training."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from ..datasets import open_packs
from ..runs import Manager

COMMAND: tuple[str, ...] = (sys.executable, "-m", "explorer.training")
"""Starts a worker when the run's id is put behind it."""


def find_platform_problem() -> str | None:
    """Find why no worker can run on this platform.

    Returns:
        One sentence for people; None where a worker can run.
    """
    if hasattr(os, "fork") and importlib.util.find_spec("fcntl") and importlib.util.find_spec("resource"):
        return None
    return "training needs Linux, macOS, or Windows' Subsystem for Linux (WSL)"


def worker_command() -> tuple[str, ...]:
    """Find the command that trains a run once its id is appended; it is the value of ``Manager(worker_command=...)``.

    Returns:
        The program and its arguments.
    """
    return COMMAND


def open_manager(root: Path | None = None, url: str | None = None, *, per_device: int = 1) -> Manager:
    """Open the manager of a data directory, able to start workers that train.

    Args:
        root: The data directory; by default the one that ``EXPLORER_HOME`` names.
        url: Another database than the SQLite file of that directory; by default ``EXPLORER_DATABASE_URL``.
        per_device: How many runs may share a device.

    Returns:
        A manager that does not supervise yet.

    Raises:
        StoreError: The store cannot be read or written.
    """
    return Manager(root, url, worker_command=worker_command, per_device=per_device, open_packs=open_packs)
