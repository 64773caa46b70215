"""Processes of this program's own: workers, probes and measurements."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROGRAM_ROOT = Path(__file__).parents[1]
"""The folder from which Python finds this program."""


def start_process(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a process that finds this program whatever the current folder is.

    It leads a session: neither a closed terminal nor the server's end reaches it, and together with all that it starts
    it can be ended as one group.

    Args:
        command: The program and its arguments.
        options: What ``subprocess.Popen`` takes: streams, environment, files that are passed on.

    Returns:
        The process.

    Raises:
        OSError: It cannot be started.
    """
    return subprocess.Popen(command, cwd=PROGRAM_ROOT, start_new_session=True, **options)
