"""Sources of an import: members of a zip or tar, or files of a folder, listed first, then read one by one.

A source is refused as a whole (DatasetError) for what only a broken or hostile one has: names that lead out of it,
overlapping entries, sizes and counts beyond the limits. Files that may be there by mistake are skipped and listed:
links, encrypted members, folders too deep, single files too large. No member is extracted to the disk.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from ..memory import total_memory_bytes
from ..text import format_bytes
from . import _limits as limits
from ._errors import DatasetError
from ._members import LABEL_ENDINGS, UNREAD_LABELS, Listed, Member, MemberError, has_image_ending, is_junk
from ._tar import Tar, find_packing
from ._zip import Zip

_OTHER_ARCHIVES = {
    b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "rar", b"\x28\xb5\x2f\xfd": "zst", b"\x1f\x9d": "Z",
    b"\x04\x22\x4d\x18": "lz4",
}  # fmt: skip
_TABLES = {
    b"PAR1": "a Parquet file", b"\x89HDF": "an HDF5 file", b"\x93NUMPY": "an array of NumPy",
    b"MATLAB": "a MATLAB file", b"SQLite": "a database", b"%PDF": "a PDF",
}  # fmt: skip
"""Both by their first bytes."""


class Source:
    """An open source. Use it in ``with``.

    ``read`` may be called from several threads. Of an archive it counts the bytes that it returns, and stops at
    MAX_TOTAL_BYTES.

    Args:
        path: Of a folder, a zip, or a tar, plain or packed by gzip, bzip2 or xz; its content tells which of them.
        name: What it is called in messages; default: its own name.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        self.path = path
        self.name = name or path.name
        self.members: dict[str, Member] = {}
        """By path inside the source, in a fixed order."""
        self.folders: list[str] = []
        self.problems: list[tuple[str, str]] = []
        """(path, reason) of what cannot be read."""
        self.junk_count = 0
        """Files that operating systems leave behind."""
        self._total = 0
        self._lock = threading.Lock()
        folder = path.is_dir()
        if not folder and path.exists() and not path.is_file():
            raise DatasetError(f"{path} is neither a folder nor a zip file")  # a pipe would be waited for without end
        self._archive = None if folder else _open_archive(path, self.name)
        try:
            self._sort(self._archive.list_members() if self._archive else _list_files(path, (), _Count()))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the archive."""
        if self._archive:
            self._archive.close()

    @property
    def is_folder(self) -> bool:
        """Whether its files can be read one by one, again and again."""
        return self._archive is None

    def read(self, name: str) -> bytes:
        """The content of a member. Raises MemberError if it cannot be used, DatasetError if the total is too much."""
        member = self.members[name]
        if self._archive:
            return self._archive.read(member, self._count)
        return read_file(self.path.joinpath(*member.parts))

    def read_text(self, name: str) -> str:
        """The content of a text file, whatever its encoding; '' if it cannot be read."""
        try:
            data = self.read(name)
        except MemberError:
            return ""
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16", "replace")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return data.decode("cp1252", "replace")

    def _count(self, length: int) -> None:
        with self._lock:
            self._total += length
            if self._total > limits.MAX_TOTAL_BYTES:
                allowed = format_bytes(limits.MAX_TOTAL_BYTES)
                raise DatasetError(f"{self.name} unpacks to more than {allowed}, {limits.UNPACK}")

    def _sort(self, listed: Iterator[Listed]) -> None:
        members: list[Member] = []
        for name, found in listed:
            if found is None and name.endswith("/"):
                self.folders.append(name.rstrip("/"))
            elif found is None:
                self.junk_count += 1
            elif isinstance(found, str):
                self.problems.append((name, found))
            elif self._archive and len(members) >= limits.MAX_ENTRIES:
                raise DatasetError(
                    f"{self.name} holds more than {limits.MAX_ENTRIES:,} files, {limits.UNPACK}"
                )
            else:
                members.append(found)
        self.members = {member.name: member for member in sorted(members, key=lambda member: member.parts)}


def _open_archive(path: Path, name: str) -> Zip | Tar:
    with path.open("rb") as file:
        head = file.read(512)
    for magic, kind in _OTHER_ARCHIVES.items():
        if head.startswith(magic):
            raise DatasetError(f"{name} is a {kind} archive, which is not read here: unpack it and give the folder, or "
                               "pack it as zip")  # fmt: skip
    if head.startswith(b"PK"):
        return Zip(path, name)
    if find_packing(head) or head[257:262] == b"ustar":
        return Tar(path, name)
    table = next((kind for magic, kind in _TABLES.items() if head.startswith(magic)), "")
    if table or has_image_ending(name) or name.lower().endswith((*LABEL_ENDINGS, *UNREAD_LABELS)):
        raise DatasetError(
            f"{name} is {table or 'a single file'}, not an archive of images: give a folder with a folder of images "
            "for each class, or a zip or tar of it"
        )
    return Zip(path, name)


def source_state(path: Path) -> str:
    """Changes whenever the file or anything in the folder does: sizes and times, not content."""
    try:
        if not path.is_dir():
            state = path.stat()
            return f"{state.st_size} {state.st_mtime_ns}"
        digest = hashlib.sha256()
        with Source(path) as source:
            for member in source.members.values():
                where = path.joinpath(*member.parts).stat()
                line = f"{member.name}\n{where.st_size} {where.st_mtime_ns}\n"
                digest.update(line.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from None


class _Count:
    """Counts the entries of a folder, up to what the memory of half the machine can hold."""

    def __init__(self) -> None:
        self._count = 0
        self._most = min(limits.MAX_FOLDER_ENTRIES, total_memory_bytes() // (2 * limits.FILE_BYTES))

    def add(self) -> None:
        self._count += 1
        if self._count > self._most:
            raise DatasetError(f"the folder holds more than {self._most:,} files, which is the limit on this machine")


def _list_files(folder: Path, above: tuple[str, ...], count: _Count) -> Iterator[Listed]:
    """Everything below a folder; links are not followed, and folders beyond MAX_DEPTH not entered."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DatasetError(f"{folder} cannot be read: {error.strerror or error}") from None
    for entry in entries:
        count.add()
        parts = (*above, entry.name)
        name = "/".join(parts)
        if is_junk(entry.name):
            yield name, None
        elif entry.is_symlink():
            yield name, "a link"
        elif entry.is_dir():
            if len(parts) > limits.MAX_DEPTH:
                yield name, f"deeper than {limits.MAX_DEPTH} folders"
            else:
                yield f"{name}/", None
                yield from _list_files(Path(entry.path), parts, count)
        elif not entry.is_file(follow_symlinks=False):
            yield name, "not a regular file"
        else:
            length = entry.stat(follow_symlinks=False).st_size
            yield name, Member(parts=parts, packed=length, size=length)


def read_file(path: Path) -> bytes:
    """The content of a file of a folder. Raises MemberError if it cannot be used."""
    try:
        # O_NOFOLLOW and O_NONBLOCK: what was a file when it was listed may be a link or a pipe by now.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise MemberError("not a regular file")
            data = file.read(limits.MAX_MEMBER_BYTES + 1)
    except OSError as error:
        raise MemberError(f"cannot be read: {error.strerror or error}") from None
    if len(data) > limits.MAX_MEMBER_BYTES:
        raise MemberError(f"larger than {format_bytes(limits.MAX_MEMBER_BYTES)}")
    return data
