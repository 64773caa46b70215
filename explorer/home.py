"""Where the product keeps its own files: the run store, checkpoints, data sets."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_FOLDER = "inception-explorer"


def absolute(path: str | Path) -> Path:
    """Make a path as people write it absolute, '~' included.

    Args:
        path: The path; it need not exist.

    Returns:
        The absolute path. A '~name' that no user has stays as it is; links are not followed.
    """
    return Path(os.path.abspath(os.path.expanduser(path)))


def home() -> Path:
    """Find the data directory: ``EXPLORER_HOME``, by default a folder of ours in the platform's user-data folder.

    The defaults are those that the XDG base directory specification, macOS and Windows name for data that belongs to a
    user and a program. The environment is read at each call.

    Returns:
        The absolute path; nothing is created here.

    Raises:
        RuntimeError: Neither ``EXPLORER_HOME`` nor a home folder of the user is known.
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
