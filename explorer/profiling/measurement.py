"""Times taken in a process of its own: nobody else waits for it, nothing else is in the times, and it can be ended at
any moment, even while something is being compiled. Torch is loaded there and not here."""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ..analysis import analyze
from ..architecture import Architecture, to_json
from ..process import start_process
from .timing import Ceilings, Latency, Precision, Setting, unmeasured

logger = logging.getLogger(__name__)

_TICK = 0.2
"""Seconds after which somebody who waits hears that there is nothing new."""


@dataclass(frozen=True, kw_only=True)
class MeasurementStep:
    """How far a measurement is, and what has just been found."""

    done: int
    """How many of ``total`` are measured."""
    total: int
    """Networks times settings, and one for each roof."""
    what: str
    """What is being measured now."""
    latency: tuple[int, Latency] | None = None
    """Which of the jobs, from 0, and its times."""
    ceilings: Ceilings | None = None
    """A roof that was just measured."""
    environment: dict[str, Any] | None = None
    """Device, versions, threads; see ``environment.describe_environment``."""


def measure_in_subprocess(
    jobs: Sequence[tuple[Architecture, Setting]],
    roofs: Sequence[tuple[str, Precision]] = (),
    *,
    repeats: int = 20,
    warm_up: int = 3,
) -> Generator[MeasurementStep, None, None]:
    """Measure networks in settings, and the ceilings of devices, in a process of its own.

    Close the iterator to end the process; what was found before is valid.

    Args:
        jobs: Networks, each with the setting in which it runs.
        roofs: (device, precision) whose ceilings are measured.
        repeats: Timed passes of each job.
        warm_up: Passes before them that are not timed.

    Yields:
        Several times a second how far it is. A setting that cannot run gives a ``Latency`` with its ``trouble``.

    Raises:
        ArchitectureError: The layers of a network do not fit together.
        ValueError: The process ended before its time.
    """
    known = [(analyze(architecture), setting) for architecture, setting in jobs]
    whole, done, what = len(jobs) + len(roofs), 0, "loading PyTorch"
    yield MeasurementStep(done=0, total=whole, what=what)
    task = {
        "jobs": [
            {"architecture": to_json(architecture, indent=None), "setting": setting.__dict__}
            for architecture, setting in jobs
        ],
        "roofs": [list(roof) for roof in roofs],
        "repeats": repeats,
        "warm_up": warm_up,
    }
    for line in _lines(task):
        found: dict[str, Any] = {}
        if line is not None:
            what, done = line.get("what", what), line.get("done", done)
            if "latency" in line:
                index, seconds, trouble = line["latency"]
                analysis, setting = known[index]
                latency = replace(unmeasured(analysis, setting, trouble), seconds=tuple(seconds))
                found = {"latency": (index, latency)}
            elif "ceilings" in line:
                found = {"ceilings": Ceilings(**line["ceilings"])}
            elif "environment" in line:
                found = {"environment": line["environment"]}
        yield MeasurementStep(done=done, total=whole, what=what, **found)


def _lines(task: dict[str, Any]) -> Iterator[dict[str, Any] | None]:
    """What the process says, line by line; None now and then while it says nothing."""
    # Files instead of pipes at both ends that nobody here waits at.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as asked, tempfile.TemporaryFile() as complaints:
        json.dump(task, asked)
        asked.seek(0)
        process = start_process(
            [sys.executable, "-m", "explorer.profiling"],
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=complaints,
        )
        said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(process, said), daemon=True).start()
        try:
            while True:
                try:
                    line = said.get(timeout=_TICK)
                except queue.Empty:
                    yield None
                    continue
                if line is None:
                    break
                yield json.loads(line)
            if process.wait() != 0:
                complaints.seek(0)
                text = complaints.read().decode("utf-8", "replace")
                logger.warning("a measurement ended with exit status %d: %s", process.returncode, text)
                raise ValueError(_why(process.returncode, text))
        finally:
            _end(process)


def _listen(process: subprocess.Popen[bytes], said: queue.SimpleQueue[bytes | None]) -> None:
    assert process.stdout is not None
    with process.stdout, suppress(ValueError):  # closed while it is read
        for line in process.stdout:
            said.put(line)
    said.put(None)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is not None:
        return  # its number may be another's by now
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _why(status: int, complaints: str) -> str:
    last = next((line.strip() for line in reversed(complaints.splitlines()) if line.strip()), f"exit status {status}")
    if status == -9:  # SIGKILL, which nobody here has sent
        last = "it was killed, most likely because memory ran out; take a smaller batch"
    return f"the measurement ended before its time: {last[:300]}"
