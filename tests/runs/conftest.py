"""A data directory of its own for every test, and no worker left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from explorer.runs import Manager

from .parts import end_all

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One after another also where tests run side by side: they start processes and look at the clock."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("runs"))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "home"
    monkeypatch.setenv("EXPLORER_HOME", str(folder))
    yield folder
    end_all(folder)


@pytest.fixture
def manager(root: Path) -> Iterator[Manager]:
    made = Manager(root)
    yield made
    made.close()
