"""The speed probe of a device: started once, in a process of its own, and remembered in a file."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

from ..home import home
from ..process import start_process
from ._forecast import Speed

logger = logging.getLogger(__name__)

_running: dict[Path, subprocess.Popen[bytes]] = {}
_failures: dict[Path, str] = {}
"""By result file; a probe that failed is not started again by itself."""


def probe_speed(device: str, *, measure: bool = True) -> Speed | None:
    """Find how fast a device trained a known network for two seconds.

    Where that was never measured, it is started now, in the background: torch takes seconds to load.

    Args:
        device: Its name, such as cpu or cuda:0.
        measure: False: only what was measured before counts, and nothing is started.

    Returns:
        The speed, or None as long as it is not known; ``speed_probe_failure`` says whether it will be.

    Raises:
        OSError: The probe's files cannot be written in the data directory.
    """
    path = _result_of(device)
    try:
        return Speed(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError) as error:
        logger.warning("the speed probe of %s is measured again, since %s is unreadable: %s", device, path.name, error)
    if measure and speed_probe_failure(device) is None and path not in _running:
        _start(path, device)
    return None


def speed_probe_failure(device: str) -> str | None:
    """Find why the speed of a device could not be measured.

    Args:
        device: Its name, such as cpu or cuda:0.

    Returns:
        One sentence; None where it could be measured, is being measured, or was never asked for.
    """
    path = _result_of(device)
    child = _running.get(path)
    if child is not None and child.poll() is not None:
        del _running[path]
        if child.returncode:
            _failures[path] = f"the speed of {device} could not be measured ({_last_line(path)})"
            logger.warning("%s; %s has the details", _failures[path], _log_of(path))
    return _failures.get(path)


def measure_speed_again(device: str) -> None:
    """Forget how fast a device is, perhaps measured while it was busy, and start measuring it.

    Args:
        device: Its name, such as cpu or cuda:0.

    Raises:
        OSError: The probe's files cannot be written in the data directory.
    """
    path = _result_of(device)
    _failures.pop(path, None)
    path.unlink(missing_ok=True)
    child = _running.get(path)
    if child is None or child.poll() is not None:
        _start(path, device)


def _start(path: Path, device: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _log_of(path).open("wb") as log:
        _running[path] = start_process(
            [sys.executable, "-m", "explorer.training.speed_probe", device, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _result_of(device: str) -> Path:
    return home() / f"speed-{device.replace(':', '-')}.json"


def _log_of(path: Path) -> Path:
    return path.with_suffix(".log")


def _last_line(path: Path) -> str:
    try:
        lines = _log_of(path).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        return str(error)
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "it was ended from outside")
