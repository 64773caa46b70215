"""Progress bars: on a terminal with the time left, elsewhere not a byte; what is counted is what is done."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from explorer.cli._progress import show_progress
from tests.datasets.makers import classes, zipped
from tests.sizes import THOROUGH

REPOSITORY = Path(__file__).parents[1]


def read_to_the_end(terminal: int) -> str:
    """What was written into a terminal whose other side is closed; it comes in pieces."""
    pieces = []
    with contextlib.suppress(OSError):  # EIO: that was all
        while piece := os.read(terminal, 100_000):
            pieces.append(piece)
    os.close(terminal)
    return b"".join(pieces).decode()


def test_nothing_is_written_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with show_progress("images") as tell:
        tell(1, 2)
        tell(2, 2, "said")
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("unit", "calls", "shown"),
    [
        ("images", [(0, 1000), (500, 1000), (1000, 1000)], "1000/1000"),
        ("bytes", [(0, 5_000_000), (5_000_000, 5_000_000)], "5.00M/5.00M"),
        ("steps", [(40, 100, "loss 0.3"), (100, 100, "loss 0.2")], "loss 0.2: 100%"),
    ],
)
def test_a_terminal_shows_what_is_done(
    monkeypatch: pytest.MonkeyPatch, unit: str, calls: list[tuple[int, int]], shown: str
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with show_progress(unit) as tell:  # type: ignore[arg-type]
            for call in calls:
                tell(*call)
    written = read_to_the_end(ours)
    assert shown in written
    assert "<" in written  # time taken < time left


def test_nothing_done_shows_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with show_progress("images"):
            pass
    assert read_to_the_end(ours) == ""


@pytest.mark.parametrize(
    ("words", "bars"),
    [
        (["datasets", "import", "a.zip", "--size", "8"], ["60/60 ["]),
        pytest.param(
            ["evaluate", "mnist-inception", "--dataset", "a.zip"], ["Importing a.zip: 100%", "60/60 [", "10/10 ["],
            marks=THOROUGH,
        ),
    ],
    ids=["import", "evaluate"],
)
def test_an_import_shows_it_on_a_real_terminal(tmp_path: Path, words: list[str], bars: list[str]) -> None:
    pictures = {name.removeprefix("class"): data for name, data in classes(10, 6).items()}
    zipped(tmp_path / "a.zip", pictures)
    ours, theirs = pty.openpty()
    home = {"EXPLORER_HOME": str(tmp_path / "home"), "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-m", "explorer", *words], cwd=tmp_path, env={**os.environ, **home}, stdout=subprocess.PIPE,
        stderr=theirs, timeout=120, check=False,
    )  # fmt: skip
    os.close(theirs)
    written = read_to_the_end(ours)
    assert done.returncode == 0, written
    assert all(bar in written for bar in bars), written
