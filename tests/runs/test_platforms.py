"""Where there is no POSIX (Windows): networks are designed, compared and inspected; training says what it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]

WINDOWS = """
import os, sys, types
import numpy, pandas, plotly, pydantic, sqlalchemy.dialects.sqlite, streamlit, streamlit.testing.v1, torch, torchvision
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None  # importing it fails
for name in ("fork", "sysconf", "pread", "pwrite", "setsid", "nice", "killpg", "pidfd_open", "O_CLOEXEC"):
    if hasattr(os, name):
        delattr(os, name)

held = set()
class Locks(types.ModuleType):
    LK_NBLCK, LK_UNLCK = 2, 0
    def locking(self, descriptor, mode, count):
        assert count == 1
        key = os.fstat(descriptor).st_ino
        if mode == self.LK_UNLCK:
            held.discard(key)
        elif key in held:
            raise OSError("Permission denied")
sys.modules["msvcrt"] = Locks("msvcrt")
"""

PAGES = """
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("app.py", default_timeout=120)
for page in ("design", "compare", "inspect", "receptive_field", "catalogue"):
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, (page, app.exception)
    assert not app.error, (page, app.error)
for page in ("train", "ablate"):
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, (page, app.exception)
    assert not app.error, (page, app.error)
    (note,) = app.info
    assert note.value.startswith("Training needs Linux, macOS, or Windows' Subsystem for Linux"), note.value
    assert not app.button or all(each.key != "start" for each in app.button)
assert "explorer.training.worker" not in sys.modules
"""

COMMANDS = """
import contextlib, io
from explorer.cli import main
for words in (["list"], ["analyze", "dilated-cnn"], ["diff", "dilated-cnn", "googlenet"], ["runs", "list"], ["models"]):
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(words) == 0, words
for words in (["train", "dilated-cnn"], ["ablate", "inception-net-32"], ["lesson", "long-range"]):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        assert main(words) == 2, words
    assert said.getvalue() == "explorer: training needs Linux, macOS, or Windows' Subsystem for Linux (WSL)\\n", words
"""


def test_without_posix(tmp_path: Path) -> None:
    """Commands and pages in one process, since what they import takes seconds."""
    command = [sys.executable, "-c", WINDOWS + COMMANDS + PAGES + 'print("fine")']
    environment = {**os.environ, "EXPLORER_HOME": str(tmp_path)}
    run = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert (run.returncode, run.stdout.splitlines()[-1:]) == (0, ["fine"]), run.stderr[-3000:]
