"""What the garbage collector takes of a program's start: side by side, with and without `collect_seldom`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAIRS = 5
PROGRAMS = {
    "a command with torch": "sys.argv = ['explorer', 'summary', 'inception-net-32']; "
    "runpy.run_module('explorer', run_name='__main__')",
    "what a run loads": "from explorer.training import worker; worker._load_torch()",
}


def measure(program: str, *, plain: bool) -> float:
    """CPU seconds of a process that runs the program; ``plain`` is with Python's own collections."""
    replaced = "from contextlib import nullcontext; process.collect_seldom = nullcontext; " if plain else ""
    before = os.times()
    subprocess.run(
        [sys.executable, "-c", f"import runpy, sys; from explorer import process; {replaced}{program}"],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


@pytest.mark.benchmark
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_begins_sooner(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [(measure(PROGRAMS[name], plain=False), measure(PROGRAMS[name], plain=True)) for _ in range(PAIRS)]
    ratio = statistics.median(seldom / often for seldom, often in pairs)
    seldom, often = (statistics.median(each) for each in zip(*pairs, strict=True))
    with capsys.disabled():
        print(f"\n{name}: {seldom:.2f} CPU seconds, {often:.2f} with Python's own collections: {ratio:.2f}")
    assert ratio < 0.95
