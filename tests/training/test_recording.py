"""Speeds are those of the device, not of how fast Python hands out work to it."""

from __future__ import annotations

import time

import pytest
import torch

from explorer.training import recording
from explorer.training.recording import Recorder
from explorer.training.state import State

from .parts import CPU, MemorySink, config, network

STEP_SECONDS, IMAGES = 0.02, 10


def test_on_mps_the_clock_is_read_when_the_device_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Played by a stand-in: a device that needs its time for a step, and shows it to whoever waits for it."""
    busy_until, waits = 0.0, 0

    def synchronize() -> None:
        nonlocal waits
        waits += 1
        time.sleep(max(0.0, busy_until - time.monotonic()))

    monkeypatch.setattr(torch.mps, "synchronize", synchronize)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 1)
    monkeypatch.setattr(recording, "FLUSH_SECONDS", 1000.0)
    state, sink = State(network(), config(), CPU), MemorySink()
    log = Recorder(torch.device("mps"), sink)
    number = torch.zeros(())
    for step in range(1, 6):
        log.begin_step()
        log.data_ready()
        busy_until = max(busy_until, time.monotonic()) + STEP_SECONDS
        log.end_step(state, step, number, number, IMAGES, 0.1)
    log.flush(state)
    rates = sink.values["images_per_second"].values()
    assert len(rates) == 2  # the first step's, and those after it
    assert all(rate <= IMAGES / STEP_SECONDS for rate in rates)
    assert waits == 2 * 3  # one step of each interval: the others go on without waiting
