"""Processes of this program's own: workers, probes and measurements."""

from __future__ import annotations

import gc
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM_ROOT = Path(__file__).parents[1]
"""The folder from which Python finds this program."""
_COLLECT_AFTER_OBJECTS = 100 * 700  # Python's own are 700, from 3.13 on 2,000


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


@contextmanager
def collect_seldom() -> Iterator[None]:
    """Look for garbage much less often while a program begins; what is there then is not looked at again.

    What is imported stays. Torch is a third of a million objects: walking over them again and again while they come,
    and once more at the end of the process, takes a third of the time of a short program.
    """
    before = gc.get_threshold()
    gc.set_threshold(_COLLECT_AFTER_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.freeze()
