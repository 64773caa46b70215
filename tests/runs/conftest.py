"""A data directory of its own for every test, and no worker left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from explorer.runs import Manager
from explorer.training import open_manager

from .parts import end_all


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "home"
    monkeypatch.setenv("EXPLORER_HOME", str(folder))
    yield folder
    end_all(folder)


@pytest.fixture
def manager(root: Path) -> Iterator[Manager]:
    made = open_manager(root)
    yield made
    made.close()
