"""One file of an imported source, and what its name says of it."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass

from ..text import format_bytes
from . import _limits as limits

IMAGE_ENDINGS = (
    "jpg", "jpeg", "jpe", "jfif", "pjpeg", "pjp", "mpo", "png", "apng", "gif", "bmp", "dib", "webp", "tif", "tiff",
    "avif", "ppm", "pgm", "pbm", "pnm", "jp2", "j2k", "qoi",
)  # fmt: skip
"""File name endings of images that are read, small letters, without the dot; content decides in the end."""
HEIC_ENDINGS = ("heic", "heif", "hif")
"""File name endings of HEIC photos, which are not read."""
HEIC_ADVICE = "a HEIC photo, which cannot be read: save it as JPEG"
LABEL_ENDINGS = (".csv", ".tsv", ".txt")
"""Of text files that may list labels."""
_JUNK = frozenset({
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information",
    "lost+found", "__pycache__",
})  # fmt: skip
"""Left behind by operating systems; so is everything hidden: .DS_Store, ._name, .git."""
ARCHIVE_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
"""Of archives that are read."""
_ARCHIVES = (*ARCHIVE_ENDINGS, ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".tzst", ".lz4", ".z")
UNREAD_LABELS = (".mat", ".json", ".xml", ".xlsx", ".xls", ".parquet", ".pkl", ".npy", ".npz", ".yaml", ".yml")
"""Of files that may hold labels and are not read."""
ARCHIVE_INSIDE = "an archive inside, which is not opened"


class MemberError(Exception):
    """One member cannot be used; the message is the reason, for the table of skipped files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One file of a source."""

    parts: tuple[str, ...]
    """Folders, then the file name, as the source spells them."""
    where: int = 0
    """Offset of the packed data in the archive."""
    packed: int
    """Bytes as stored."""
    size: int
    """Bytes unpacked, as the source states them."""
    method: int = zipfile.ZIP_STORED
    crc: int | None = None

    @property
    def name(self) -> str:
        """The path inside the source."""
        return "/".join(self.parts)


Listed = tuple[str, Member | str | None]
"""The path inside the source (that of a folder ends with a slash), and the member, or the reason why it cannot be
used, or None for files of operating systems and for folders."""


def is_junk(name: str) -> bool:
    """Whether an operating system left a file or folder of this name behind."""
    return name.startswith(".") or name.lower() in _JUNK


def skip_reason(parts: tuple[str, ...], size_bytes: int) -> str:
    """The reason why a file of this path and size is no image; '' if it may be one."""
    if len(parts) - 1 > limits.MAX_DEPTH:
        return f"deeper than {limits.MAX_DEPTH} folders"
    if parts[-1].lower().endswith(_ARCHIVES):
        return ARCHIVE_INSIDE
    ending = _ending(parts[-1])
    if ending in HEIC_ENDINGS:
        return HEIC_ADVICE
    if ending and ending not in IMAGE_ENDINGS:
        return f"not an image (.{ending})"
    return f"larger than {format_bytes(limits.MAX_MEMBER_BYTES)}" if size_bytes > limits.MAX_MEMBER_BYTES else ""


def has_image_ending(name: str) -> bool:
    """Whether a file's name says that it is an image."""
    return _ending(name.rpartition("/")[2]) in IMAGE_ENDINGS


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()[:12] if "." in name else ""
