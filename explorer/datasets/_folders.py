"""Where data may lie, names that are safe in a path, and files that are either whole or not there."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import time
import unicodedata
import uuid
from collections.abc import Iterator
from pathlib import Path

from ..home import absolute, home
from ..text import format_bytes, quote
from ._errors import DatasetError

IDENTIFIER = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""Names of data sets: ours, never a stranger's text."""

_STAGING = ".staging-"
_STALE_SECONDS = 24 * 3600
_SPARE_BYTES = 64 * 2**20
"""Left free on the disk: the run store and checkpoints live there too."""


def writable_folder() -> Path:
    """The data folder that the product writes to; it need not exist."""
    return home() / "data"


def data_folders() -> list[Path]:
    """Every folder in which to look for data: those of ``EXPLORER_DATA``, which are never written, then ours."""
    listed = os.environ.get("EXPLORER_DATA", "").split(os.pathsep)
    return [*(absolute(entry) for entry in listed if entry.strip()), writable_folder()]


def is_identifier(name: str) -> bool:
    """Whether a name may become a folder's name."""
    return IDENTIFIER.fullmatch(name) is not None


def imported_folder(identifier: str) -> Path:
    """The folder of an imported set. Raises DatasetError unless it lies directly inside our data folder."""
    if not is_identifier(identifier):
        raise DatasetError(
            f"{quote(identifier)} is not the name of a data set: small letters, digits and hyphens only"
        )
    folder = writable_folder() / identifier
    if folder.resolve().parent != writable_folder().resolve():  # a link that leads elsewhere
        raise DatasetError(f"the data set {identifier} lies outside the data folder")
    return folder


def slug(text: str, limit: int) -> str:
    """Some letters of a stranger's name, made safe: the readable part of an identifier.

    >>> slug("../My Cats & Dogs.zip", 20)
    'my-cats-dogs-zip'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:limit].strip("-") or "images"


@contextlib.contextmanager
def staging_folder() -> Iterator[Path]:
    """A fresh folder beside the data sets, on the same file system, removed at the end whatever happens.

    What is finished is renamed out of it. Folders that a killed process left behind a day ago go as well. A full disk
    inside the block becomes a DatasetError.
    """
    root = writable_folder()
    folder = root / f"{_STAGING}{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True)
        _remove_stale(root)
        yield folder
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DatasetError(f"the disk is full; nothing was kept in {root}") from error
        if error.errno in (errno.EACCES, errno.EROFS):
            raise DatasetError(f"{root} cannot be written ({error.strerror}); EXPLORER_HOME names another") from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_stale(root: Path) -> None:
    for entry in root.glob(f"{_STAGING}*"):
        with contextlib.suppress(OSError):  # another process was quicker
            if time.time() - entry.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(entry, ignore_errors=True)


def check_disk_space(needed: int) -> None:
    """Raise DatasetError with both numbers unless the disk of the data folder has room for ``needed`` bytes."""
    folder = writable_folder()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE_BYTES:
        raise DatasetError(
            f"the disk of {writable_folder()} has {format_bytes(free)} free; "
            f"{format_bytes(needed + _SPARE_BYTES)} are needed"
        )


def sync(path: Path) -> None:
    """Have a file's or folder's content on the disk, so that a rename never publishes an empty file."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open a folder
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

