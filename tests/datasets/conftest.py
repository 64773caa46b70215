"""Every test of the data has a data folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("EXPLORER_HOME", str(folder))
    monkeypatch.delenv("EXPLORER_DATA", raising=False)
    return folder
