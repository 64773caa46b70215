"""A run on a machine that shares no folder with its server: what is sent when, and who has what; without Ray."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from explorer.runs import Manager, Run, RunFolder
from explorer.runs._ray import Need, RayPlace
from explorer.training._workers import COMMAND

from .forking import REPOSITORY
from .parts import create, until

_NODE = """
import json, sys, threading
from explorer.runs import _copies
from explorer.runs._ray_supervisor import Supervisor
_copies._SEND_SECONDS = float(sys.argv[2])
Supervisor(json.loads(sys.argv[1]))
threading.Event().wait()
"""


@pytest.fixture
def server(root: Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    """A manager that hands no run to anybody, with an object store."""
    monkeypatch.setenv("EXPLORER_STORAGE", f"file://{root.with_name('store')}")
    return Manager(root, f"sqlite:///{root.with_name('shared.sqlite')}")


def begin(server: Manager, run: Run, node: Path, send_seconds: float = 2.0) -> subprocess.Popen[bytes]:
    """Do what Ray does on a machine with a data directory of its own."""
    place = RayPlace("auto", server.root, server.url, server.store, server.home_id, lambda: COMMAND)
    assert place._mirror is not None
    place._mirror.hand_over(run)
    order = json.dumps(place._order(run, Need(cpus=1, gpus=0)))
    command = [sys.executable, "-c", _NODE, order, str(send_seconds)]
    return subprocess.Popen(command, cwd=REPOSITORY, env={"EXPLORER_HOME": str(node), "PATH": ""})


def test_all_is_sent_before_a_run_says_that_it_has_ended(server: Manager, tmp_path: Path) -> None:
    """Whoever resumes it at this very moment goes on from its last step; between, nothing is sent here."""
    run = create(server)
    machine = begin(server, run, tmp_path / "node", send_seconds=1000)
    until(lambda: server.store.get(run.id).step > 10)
    server.pause(run.id)
    end = time.monotonic() + 60
    while (found := server.store.get(run.id)).status == "running" and time.monotonic() < end:
        time.sleep(0.002)
    store = tmp_path / "store" / "runs" / run.id
    assert (store / "checkpoints" / f"step-{found.step:010}.pt").is_file()
    note = json.loads((store / "worker.lock").read_text())
    assert (found.status, note["status"], note["attempt"]) == ("paused", "paused", 1)
    assert machine.wait(30) == 0
    assert RunFolder(tmp_path / "node" / "cluster" / server.home_id, run.id).log.is_file()
