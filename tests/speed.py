"""A machine whose speed has been measured, so that no page starts a process that trains for some seconds."""

import json
from pathlib import Path


def write_speed(home: Path) -> None:
    """Write down the speed of the CPU in a data directory."""
    home.mkdir(parents=True, exist_ok=True)
    speed = {"device": "cpu", "macs": 22_465_024, "bytes": 627_712, "seconds": 0.0005, "what": "a trial"}
    (home / "speed-cpu.json").write_text(json.dumps(speed))
