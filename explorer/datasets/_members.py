"""One file of an imported source, and whether its name can be that of an image."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

from ..text import format_bytes
from . import _limits as limits

_JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini"})  # and everything hidden: .DS_Store, ._name, .git
"""Left behind by operating systems."""
_PICTURES = frozenset({"", "jpg", "jpeg", "jpe", "png", "gif", "bmp", "webp", "tif", "tiff"})
"""File name endings of images; whether a file is one is checked when it is decoded."""
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")


class MemberError(Exception):
    """One member cannot be used; the message is the reason, for the table of skipped files."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One file that may be an image."""

    parts: tuple[str, ...]
    """Folders, then the file name, as the source spells them."""
    where: int | Path
    """Offset of the packed data in the zip, or the file."""
    packed: int
    """Bytes as stored."""
    method: int = zipfile.ZIP_STORED
    crc: int | None = None

    @property
    def name(self) -> str:
        """The path inside the source."""
        return "/".join(self.parts)


Listed = tuple[str, Member | str | None]
"""The path inside the source, and the member, or the reason to skip it, or None for files of operating systems."""


def is_junk(name: str) -> bool:
    """Whether an operating system left a file or folder of this name behind."""
    return name.startswith(".") or name.lower() in _JUNK


def skip_reason(parts: tuple[str, ...], length: int) -> str:
    """The reason to skip a file of this path and length in bytes; '' if there is none."""
    if len(parts) - 1 > limits.MAX_DEPTH:
        return f"deeper than {limits.MAX_DEPTH} folders"
    if parts[-1].lower().endswith(_ARCHIVES):
        return "an archive inside"
    if _ending(parts[-1]) not in _PICTURES:
        return "not an image, by its name"
    return f"larger than {format_bytes(limits.MAX_MEMBER_BYTES)}" if length > limits.MAX_MEMBER_BYTES else ""


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""
