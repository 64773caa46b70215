"""A data directory for every test of a page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import app_test, local_script_runner

from explorer.runs import Manager, _supervisor
from explorer.training import open_manager
from pages.ui import manager as page
from tests.runs.parts import end_all
from tests.speed import write_speed


@pytest.fixture(scope="session", autouse=True)
def runs_share_what_a_server_keeps() -> Iterator[None]:
    """An AppTest looks for components in all installed packages, its runs compile the script, and poll for its end."""
    poll = local_script_runner.require_widgets_deltas

    def wait(runner: local_script_runner.LocalScriptRunner, timeout: float) -> None:
        assert runner._script_thread is not None
        runner._script_thread.join(timeout)
        poll(runner, timeout)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        scripts = cache(local_script_runner.ScriptCache)
        patch.setattr(local_script_runner, "ScriptCache", scripts)
        patch.setattr(app_test, "ScriptCache", scripts)
        patch.setattr(local_script_runner, "require_widgets_deltas", wait)
        yield


@pytest.fixture(scope="session", autouse=True)
def speed_is_known(explorer_home: None) -> None:
    """Nothing is measured beside the tests."""
    write_speed(Path(os.environ["EXPLORER_HOME"]))


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store without runs; to copy it takes half of what it takes to make it."""
    folder = tmp_path_factory.mktemp("empty")
    open_manager(folder)
    return folder / "runs.sqlite"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, light_workers: None, empty_store: Path) -> Iterator[Path]:
    """A data directory of its own, whose speed is known."""
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(empty_store, folder)
    monkeypatch.setenv("EXPLORER_HOME", str(folder))
    write_speed(folder)
    opened: list[Manager] = []

    def open_and_note(*where: object) -> Manager:
        opened.append(open_manager(*where))
        return opened[-1]

    monkeypatch.setattr(page, "open_manager", open_and_note)
    # Few tests have runs to look after, and a look takes more than to wait for the next.
    monkeypatch.setattr(_supervisor, "_TICK_SECONDS", 0.2)
    yield folder
    for each in opened:
        each.close()
    end_all(folder)


@pytest.fixture
def manager(home: Path) -> Manager:
    """The store as another program sees it; it starts nothing."""
    return open_manager(home)
