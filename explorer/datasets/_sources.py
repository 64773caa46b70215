"""Sources of an import: members of a zip or files of a folder, listed first, then read one by one.

A source is refused as a whole (DatasetError) for what only a broken or hostile one has: names that lead out of it,
overlapping entries, sizes and counts beyond the limits. Files that may be there by mistake are skipped and listed:
links, encrypted members, nested archives, folders too deep, single files too large. Nothing is extracted to the disk.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from ..text import format_bytes
from . import _limits as limits
from ._errors import DatasetError
from ._members import Listed, Member, MemberError, is_junk, skip_reason
from ._zip import Zip


class Source:
    """An open source: ``members`` in a fixed order, ``skipped`` with reasons. Use it in ``with``.

    ``read`` may be called from several threads. It counts the bytes that it returns and stops at MAX_TOTAL_BYTES.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.members: list[Member] = []
        self.skipped: list[tuple[str, str]] = []
        self.junk_count = 0
        """Files that operating systems leave behind."""
        self._total = 0
        self._lock = threading.Lock()
        folder = path.is_dir()
        if not folder and path.exists() and not path.is_file():
            raise DatasetError(f"{path} is neither a folder nor a zip file")  # a pipe would be waited for without end
        self._zip = None if folder else Zip(path)
        try:
            self._sort(self._zip.list_members() if self._zip else _list_files(path))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the zip file."""
        if self._zip:
            self._zip.close()

    def read(self, member: Member) -> bytes:
        """The content of a member. Raises MemberError if it cannot be used, DatasetError if the total is too much."""
        if self._zip:
            return self._zip.read(member, self._count)
        assert isinstance(member.where, Path)
        data = _read_file(member.where)
        self._count(len(data))
        return data

    def _count(self, length: int) -> None:
        with self._lock:
            self._total += length
            if self._total > limits.MAX_TOTAL_BYTES:
                allowed = format_bytes(limits.MAX_TOTAL_BYTES)
                raise DatasetError(f"{self.path.name} unpacks to more than {allowed}, which is the limit")

    def _sort(self, listed: Iterator[Listed]) -> None:
        for name, found in listed:
            if found is None:
                self.junk_count += 1
            elif isinstance(found, str):
                self.skipped.append((name, found))
            elif len(self.members) >= limits.MAX_ENTRIES:
                raise DatasetError(
                    f"{self.path.name} holds more than {limits.MAX_ENTRIES:,} files, which is the limit"
                )
            else:
                self.members.append(found)
        self.members.sort(key=lambda member: member.parts)


def source_state(path: Path) -> str:
    """Changes whenever the file or anything in the folder does: sizes and times, not content."""
    try:
        if not path.is_dir():
            state = path.stat()
            return f"{state.st_size} {state.st_mtime_ns}"
        digest = hashlib.sha256()
        with Source(path) as source:
            for member in source.members:
                where = path.joinpath(*member.parts).stat()
                line = f"{member.name}\n{where.st_size} {where.st_mtime_ns}\n"
                digest.update(line.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from None


def _list_files(folder: Path) -> Iterator[Listed]:
    """Every file of a folder."""
    for entry, parts in _walk(folder, (), [0]):
        name = "/".join(parts)
        if is_junk(parts[-1]):
            yield name, None
        elif entry.is_symlink():
            yield name, "a link"
        elif entry.is_dir():
            yield name, f"deeper than {limits.MAX_DEPTH} folders"
        elif not entry.is_file(follow_symlinks=False):
            yield name, "not a regular file"
        else:
            length = entry.stat(follow_symlinks=False).st_size
            yield name, skip_reason(parts, length) or Member(parts=parts, where=Path(entry.path), packed=length)


def _walk(folder: Path, above: tuple[str, ...], count: list[int]) -> Iterator[tuple[os.DirEntry[str], tuple[str, ...]]]:
    """Everything below a folder, links not followed, down to MAX_DEPTH folders; deeper ones are given, not entered."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DatasetError(f"{folder} cannot be read: {error.strerror or error}") from None
    for entry in entries:
        count[0] += 1
        if count[0] > limits.MAX_ENTRIES:
            raise DatasetError(f"the folder holds more than {limits.MAX_ENTRIES:,} files, which is the limit")
        parts = (*above, entry.name)
        if entry.is_dir(follow_symlinks=False) and len(parts) <= limits.MAX_DEPTH and not is_junk(entry.name):
            yield from _walk(Path(entry.path), parts, count)
        else:
            yield entry, parts


def _read_file(path: Path) -> bytes:
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
