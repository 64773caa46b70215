"""A data directory for every test of a page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner

from explorer.runs import Manager
from explorer.training import open_manager
from pages.ui.manager import manager as page_manager
from tests.runs.parts import end_all
from tests.speed import write_speed


@pytest.fixture(scope="session", autouse=True)
def packages_are_searched_once() -> Iterator[None]:
    """Each new AppTest looks through all installed packages for components; a server does so once, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session", autouse=True)
def speed_is_known(explorer_home: None) -> None:
    """Nothing is measured beside the tests."""
    write_speed(Path(os.environ["EXPLORER_HOME"]))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, light_workers: None) -> Iterator[Path]:
    """A data directory of its own, whose speed is known."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("EXPLORER_HOME", str(folder))
    write_speed(folder)
    yield folder
    page_manager().close()
    end_all(folder)


@pytest.fixture
def manager(home: Path) -> Manager:
    """The store as another program sees it; it starts nothing."""
    return open_manager(home)
