"""Where the product keeps its own files: the run store, checkpoints, data sets."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_FOLDER = "inception-explorer"


def absolute(path: str | Path) -> Path:
    """A path as people write it, '~' and all, as an absolute one. A '~name' that nobody has stays as it is."""
    return Path(os.path.abspath(os.path.expanduser(path)))


def home() -> Path:
    """The data directory: ``EXPLORER_HOME``, by default a folder of ours in the platform's user-data folder.

    Absolute; read from the environment at each call; not created here. The defaults are those that the XDG base
    directory specification, macOS and Windows name for data that belongs to a user and a program.
    """
    chosen = os.environ.get("EXPLORER_HOME", "").strip()
    if chosen:
        return absolute(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / _FOLDER
