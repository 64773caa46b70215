"""A machine whose speed has been measured, so that no page starts a process that trains for some seconds."""

import json
from pathlib import Path


def write_speed(home: Path, device: str = "cpu") -> None:
    """Write down the speed of a device in a data directory."""
    home.mkdir(parents=True, exist_ok=True)
    speed = {"device": device, "macs": 22_465_024, "bytes": 627_712, "seconds": 0.0005, "what": "a trial"}
    (home / f"speed-{device.replace(':', '-')}.json").write_text(json.dumps(speed))
