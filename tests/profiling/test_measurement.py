"""Times taken in a process of its own: what comes out, that it can be ended at any moment, and why it ended early."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import closing
from typing import Any

import pytest

from explorer import catalog
from explorer.analysis import analyze
from explorer.profiling import measurement
from explorer.profiling.measurement import measure_in_subprocess
from explorer.profiling.timing import Setting, count_traffic_bytes, refuse_too_large

SMALL, OTHER = catalog.get("near-sighted-cnn"), catalog.get("residual-mnist")


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Those that are started."""
    started: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **fields: Any) -> None:
            super().__init__(*arguments, **fields)
            started.append(self)

    monkeypatch.setattr(measurement.subprocess, "Popen", Noted)
    return started


def test_times_ceilings_and_where(processes: list[subprocess.Popen[bytes]]) -> None:
    jobs = [(SMALL, Setting(batch=2)), (OTHER, Setting(precision="bf16"))]
    steps = list(measure_in_subprocess(jobs, [("cpu", "fp32")], repeats=4, warm_up=1))
    found = dict(step.latency for step in steps if step.latency)
    assert list(found) == [0, 1]
    assert [len(found[index].seconds) for index in found] == [4, 4]
    assert found[0].name == SMALL.name
    assert found[0].macs == 2 * analyze(SMALL).macs
    assert found[0].traffic_bytes == count_traffic_bytes(analyze(SMALL), Setting(batch=2))
    assert found[1].setting == Setting(precision="bf16")
    (roof,) = [step.ceilings for step in steps if step.ceilings]
    assert roof.flops > 1e8
    (about,) = [step.environment for step in steps if step.environment]
    assert about["device"] == "cpu"
    assert about["torch"]
    assert (steps[0].done, steps[-1].done, steps[-1].total) == (0, 3, 3)
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    (process,) = processes
    assert process.returncode is not None


def test_closing_ends_the_process_at_once(processes: list[subprocess.Popen[bytes]]) -> None:
    begun = time.monotonic()
    with closing(measure_in_subprocess([(catalog.get("googlenet"), Setting(batch=64))] * 20)) as steps:
        for _ in range(3):
            next(steps)
        (process,) = processes
        assert process.poll() is None
    assert time.monotonic() - begun < 10
    assert process.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(ValueError, match=r"ended before its time: \w+Error: "):
        list(measure_in_subprocess([], [("cuda:99", "fp32")]))


def test_what_cannot_fit_is_refused_before() -> None:
    analysis, setting = analyze(SMALL), Setting(batch=64)
    needed = 64 * analysis.inference_bytes + 4 * analysis.params
    assert refuse_too_large(analysis, setting, needed) is None
    refused = refuse_too_large(analysis, setting, needed - 1)
    assert refused is not None
    assert refused.seconds == ()
    assert "smaller batch" in refused.trouble
