"""The speed probe: started once, told once where it fails, and measured again when asked."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from explorer.training import Speed, _probe, measure_speed_again, probe_speed, speed_probe_failure

DEVICE = "cuda:7"
SPEED = {"device": DEVICE, "macs": 10, "bytes": 20, "seconds": 0.5, "what": "a trial"}
Python = Callable[[str], None]


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Python:
    """What the process of the probe does, in place of loading torch: a line of shell."""
    home, command = tmp_path / "home", tmp_path / "python"
    monkeypatch.setenv("EXPLORER_HOME", str(home))
    monkeypatch.setattr(_probe, "_running", {})
    monkeypatch.setattr(_probe, "_failures", {})
    monkeypatch.setattr(sys, "executable", str(command))

    def write(line: str) -> None:
        command.write_text(f"#!/bin/sh\necho started >> {tmp_path}/starts\n{line}\n")
        command.chmod(0o755)

    return write


def starts(tmp_path: Path) -> int:
    return (tmp_path / "starts").read_text().count("started")


def until_ended() -> None:
    for child in _probe._running.values():
        child.wait(30)


def test_it_is_started_once_and_its_result_stays(tmp_path: Path, python: Python) -> None:
    python(f"sleep 0.2; echo '{json.dumps(SPEED)}' > $4")  # $4: after -m, the module and the device
    assert probe_speed(DEVICE) is None
    assert probe_speed(DEVICE) is None
    until_ended()
    assert probe_speed(DEVICE) == Speed(**SPEED)  # type: ignore[arg-type]
    assert speed_probe_failure(DEVICE) is None
    assert starts(tmp_path) == 1


def test_a_failure_is_told_once_and_not_tried_for_ever(
    tmp_path: Path, python: Python, caplog: pytest.LogCaptureFixture
) -> None:
    python("echo 'Traceback (most recent call last):'; echo 'RuntimeError: no such GPU' >&2; exit 1")
    with caplog.at_level(logging.WARNING):
        assert probe_speed(DEVICE) is None
        until_ended()
        for _ in range(3):
            assert probe_speed(DEVICE) is None
            reason = "the speed of cuda:7 could not be measured (RuntimeError: no such GPU)"
            assert speed_probe_failure(DEVICE) == reason
    assert caplog.text.count("could not be measured") == 1
    assert "speed-cuda-7.log" in caplog.text
    assert starts(tmp_path) == 1
    assert speed_probe_failure("cpu") is None


def test_it_can_be_measured_again(tmp_path: Path, python: Python) -> None:
    python("exit 1")
    probe_speed(DEVICE)
    until_ended()
    assert speed_probe_failure(DEVICE) is not None
    for seconds in (0.5, 0.25):
        python(f"echo '{json.dumps({**SPEED, 'seconds': seconds})}' > $4")
        measure_speed_again(DEVICE)
        until_ended()
        found = probe_speed(DEVICE)
        assert found is not None
        assert found.seconds == seconds
    assert starts(tmp_path) == 3


def test_a_garbled_result_is_measured_again(tmp_path: Path, python: Python, caplog: pytest.LogCaptureFixture) -> None:
    python("sleep 0.1")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "speed-cuda-7.json").write_text("{")
    assert probe_speed(DEVICE) is None
    assert "speed-cuda-7.json is unreadable" in caplog.text
    until_ended()
    assert starts(tmp_path) == 1
