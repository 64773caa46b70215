"""A server that nobody has visited yet: it opens the browser, and has loaded what the first visitor needs."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from explorer.training import open_manager
from pages.ui import start
from tests.benchmarks.test_many_runs import seed_runs
from tests.browser.helpers import free_port, serving
from tests.runs.parts import create


def _wait(found: Callable[[], bool], seconds: float = 100.0) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_server_is_ready_before_anybody_comes_and_opens_the_browser(tmp_path: Path) -> None:
    home = tmp_path / "home"
    seed_runs(home, 1)
    manager = open_manager(home)
    waiting = create(manager)
    opened, port = tmp_path / "opened", free_port()
    browser = tmp_path / "bin" / "xdg-open"
    browser.parent.mkdir()
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o755)
    path = f"{browser.parent}:{Path(str(shutil.which('sh'))).parent}"
    with serving(home, "--server.headless=false", port=port, environment={"PATH": path}) as server:
        _wait(opened.exists)
        assert opened.read_text().strip() == f"http://127.0.0.1:{port}"
        maps = Path(f"/proc/{server.process.pid}/maps")
        _wait(lambda: "/torch/" in maps.read_text())  # that comes last, and where there are runs alone
        assert "/pandas/" in maps.read_text()
        _wait(lambda: manager.store.get(waiting.id).status == "running")  # it waited for a server, not for a visitor
        manager.stop(waiting.id)
        _wait(lambda: manager.store.get(waiting.id).status == "stopped")
        assert "Traceback" not in server.log
    manager.close()


def test_runs_that_cannot_be_read_are_no_error_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a page that needs them is told."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs.sqlite").mkdir()
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path))
    start.get_ready()
