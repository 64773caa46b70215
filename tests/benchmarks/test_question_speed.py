"""What a question to the run store takes over a connection that is kept, and over one of its own: side by side."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest

from explorer.runs import Store, connect_store, open_store
from tests.runs.clusters import start_postgres

QUESTIONS, PAIRS = 50, 9
MOST = {"SQLite": 0.7, "PostgreSQL": 0.3}


def measure(store: Store) -> float:
    """Milliseconds a question, among those of a page."""
    begin = time.perf_counter()
    for _ in range(QUESTIONS):
        store.statuses()
    return 1e3 * (time.perf_counter() - begin) / QUESTIONS


def compare(name: str, root: Path, url: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    kept, _ = open_store(root, url)
    each = connect_store(root, url)
    pairs = [(measure(kept), measure(each)) for _ in range(PAIRS)]
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    ours, theirs = (statistics.median(values) for values in zip(*pairs, strict=True))
    with capsys.disabled():
        print(f"\n{name}: {ours:.2f} ms a question, {theirs:.2f} with a connection for each: {ratio:.2f}")
    assert ratio < MOST[name]


@pytest.mark.benchmark
def test_questions_of_a_moment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compare("SQLite", tmp_path / "home", None, capsys)
    with start_postgres() as server:
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        compare("PostgreSQL", tmp_path / "other", url, capsys)
