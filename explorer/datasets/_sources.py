"""Where pictures for an import come from: members of a zip or files of a folder, listed first, read one by one.

What only a broken or hostile source has refuses it as a whole (DatasetError): names that lead out of it, entries that
overlap, sizes and counts beyond the limits. What a careless hand may have packed is left out and listed: links,
encrypted members, archives in the archive, folders too deep, a single file too large. Nothing is ever extracted to the
disk.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ._errors import DatasetError, quoted
from ._folders import size

MAX_ENTRIES = 200_000
MAX_TOTAL_BYTES = 2_000_000_000
MAX_MEMBER_BYTES = 40_000_000
MAX_RATIO = 200
MAX_DEPTH = 4
MAX_DIRECTORY_BYTES = 64 * 2**20
"""Of a zip's table of contents, which is read into memory before anything can be counted."""

_JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini"})  # and everything hidden: .DS_Store, ._name, .git
"""Left behind by operating systems."""
_PICTURES = frozenset({"", "jpg", "jpeg", "jpe", "png", "gif", "bmp", "webp", "tif", "tiff"})
"""File name endings that may be pictures; whether they are is seen when they are decoded."""
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")
_DRIVE = re.compile(r"[A-Za-z]:")
_LOCAL = struct.Struct("<4s22xHH")
_SHORT_PACKED = 64
"""Ratios of tiny members mean nothing."""


class MemberError(Exception):
    """One member cannot be used; the message is the reason, for the table of what was left out."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One file that may be a picture."""

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


class Source:
    """An open source: ``members`` in a fixed order, ``skipped`` with reasons, ``junk`` counted. Use it in ``with``.

    ``read`` may be called from several threads. It counts what it gives out and stops at MAX_TOTAL_BYTES.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.members: list[Member] = []
        self.skipped: list[tuple[str, str]] = []
        self.junk = 0
        """Files that operating systems leave behind."""
        self._total = 0
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()
        try:
            if path.is_dir():
                self._list_folder()
            elif path.is_file():
                self._list_zip()
            else:  # a pipe would be waited for without end
                raise DatasetError(f"{path} is neither a folder nor a zip file")
        except BaseException:
            self.close()
            raise
        self.members.sort(key=lambda member: member.parts)

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the zip file."""
        if self._file:
            self._file.close()

    def read(self, member: Member) -> bytes:
        """The content of a member. Raises MemberError if it cannot be used, DatasetError if the total is too much."""
        if isinstance(member.where, Path):
            data = _read_file(member.where)
            self._count(len(data))
            return data
        packed = self._at(member.where, member.packed)
        if len(packed) < member.packed:
            raise MemberError("incomplete")
        data = _inflate(packed) if member.method == zipfile.ZIP_DEFLATED else packed
        self._count(len(data))  # before anything can be found wrong with it: work done in vain counts as well
        if len(data) > MAX_MEMBER_BYTES:
            raise MemberError(f"larger than {size(MAX_MEMBER_BYTES)}")
        if len(data) > MAX_RATIO * max(member.packed, _SHORT_PACKED):
            raise MemberError(f"unpacks to more than {MAX_RATIO} times its size")
        if zlib.crc32(data) != member.crc:
            raise MemberError("damaged: its checksum is wrong")
        return data

    def _count(self, length: int) -> None:
        with self._lock:
            self._total += length
            if self._total > MAX_TOTAL_BYTES:
                raise DatasetError(f"{self.path.name} unpacks to more than {size(MAX_TOTAL_BYTES)}, which is the limit")

    def _add(self, name: str, member: Member | None, reason: str = "") -> None:
        if reason or member is None:
            self.skipped.append((name, reason))
        elif len(self.members) >= MAX_ENTRIES:
            raise DatasetError(f"{self.path.name} holds more than {MAX_ENTRIES:,} files, which is the limit")
        else:
            self.members.append(member)

    # A folder ---------------------------------------------------------------------------------------------------------

    def _list_folder(self) -> None:
        for entry, parts in _walk(self.path, (), [0]):
            name = "/".join(parts)
            if _is_junk(parts[-1]):
                self.junk += 1
            elif entry.is_symlink():
                self._add(name, None, "a link")
            elif entry.is_dir():
                self._add(name, None, f"deeper than {MAX_DEPTH} folders")
            elif not entry.is_file(follow_symlinks=False):
                self._add(name, None, "not a regular file")
            else:
                length = entry.stat(follow_symlinks=False).st_size
                member = Member(parts=parts, where=Path(entry.path), packed=length)
                self._add(name, member, _unwanted(parts, length))

    # A zip ------------------------------------------------------------------------------------------------------------

    def _list_zip(self) -> None:
        self._file = self.path.open("rb")
        entries, start = _directory(self._file, self.path.name)
        ends = self._data_ranges(entries, start)
        seen: set[tuple[str, ...]] = set()
        for entry, begin in zip(entries, ends, strict=True):
            if entry.is_dir():
                continue
            parts = _parts(entry.orig_filename, self.path.name)
            name = "/".join(parts)
            if not parts or any(_is_junk(part) for part in parts):
                self.junk += 1
                continue
            member = Member(
                parts=parts, where=begin, packed=entry.compress_size, method=entry.compress_type, crc=entry.CRC
            )
            reason = _unwanted(parts, entry.file_size) or _unsuitable(entry)
            if not reason and parts in seen:
                reason = "its name occurs twice"
            seen.add(parts)
            self._add(name, member, reason)

    def _data_ranges(self, entries: list[zipfile.ZipInfo], end: int) -> list[int]:
        """Where each entry's data begins. Refuses entries that share bytes: so does a small zip become a large one."""
        begins = [0] * len(entries)
        order = sorted(range(len(entries)), key=lambda index: entries[index].header_offset)
        free = 0
        for index in order:
            entry = entries[index]
            head = self._at(entry.header_offset, _LOCAL.size) if entry.header_offset >= free else b""
            if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
                raise DatasetError(f"{self.path.name} is damaged or made to harm: its entries overlap or are not there")
            _, name_length, extra_length = _LOCAL.unpack(head)
            begins[index] = entry.header_offset + _LOCAL.size + name_length + extra_length
            free = begins[index] + entry.compress_size
        if free > end:
            raise DatasetError(f"{self.path.name} is damaged or made to harm: an entry overlaps the table of contents")
        return begins

    def _at(self, offset: int, length: int) -> bytes:
        assert self._file is not None
        with self._lock:
            self._file.seek(offset)
            return self._file.read(length)


def state_of(path: Path) -> str:
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


def _walk(folder: Path, above: tuple[str, ...], count: list[int]) -> Iterator[tuple[os.DirEntry[str], tuple[str, ...]]]:
    """Everything below a folder, links not followed, down to MAX_DEPTH folders; deeper ones are given, not entered."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DatasetError(f"{folder} cannot be read: {error.strerror or error}") from None
    for entry in entries:
        count[0] += 1
        if count[0] > MAX_ENTRIES:
            raise DatasetError(f"the folder holds more than {MAX_ENTRIES:,} files, which is the limit")
        parts = (*above, entry.name)
        if entry.is_dir(follow_symlinks=False) and len(parts) <= MAX_DEPTH and not _is_junk(entry.name):
            yield from _walk(Path(entry.path), parts, count)
        else:
            yield entry, parts


def _directory(file: BinaryIO, name: str) -> tuple[list[zipfile.ZipInfo], int]:
    """A zip's table of contents and where it begins, after a look at how large it says it is."""
    length = file.seek(0, os.SEEK_END)
    tail_length = min(length, 22 + 65_535 + 20)
    file.seek(length - tail_length)
    tail = file.read(tail_length)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < 22:
        raise DatasetError(f"{name} is not a zip file, or it is incomplete")
    count, listed = struct.unpack_from("<HI", tail, at + 10)
    locator = tail[at - 20 : at] if at >= 20 else b""
    if locator[:4] == b"PK\6\7":  # zip64: the true numbers stand in a record of their own
        file.seek(min(struct.unpack_from("<Q", locator, 8)[0], length))
        record = file.read(56)
        if len(record) == 56 and record[:4] == b"PK\6\6":
            count, listed = struct.unpack_from("<QQ", record, 32)
    if count > MAX_ENTRIES or listed > MAX_DIRECTORY_BYTES:
        raise DatasetError(f"{name} says that it holds {count:,} entries; at most {MAX_ENTRIES:,} are allowed")
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, ArithmeticError, struct.error, EOFError) as error:
        raise DatasetError(f"{name} is not a readable zip file ({error})") from None
    entries = archive.infolist()  # the file stays open: it is ours, and nothing is read through the archive
    if len(entries) > MAX_ENTRIES:
        raise DatasetError(f"{name} holds {len(entries):,} entries; at most {MAX_ENTRIES:,} are allowed")
    return entries, archive.start_dir


def _parts(name: str, archive: str) -> tuple[str, ...]:
    """A member's path, taken apart. Refuses the whole archive for a name that leads out of it."""
    path = name.replace("\\", "/")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if path.startswith("/") or _DRIVE.match(path) or ".." in parts or "\0" in path:
        raise DatasetError(f"{archive} is refused: the name {quoted(name)} leads out of the archive")
    return parts


def _unwanted(parts: tuple[str, ...], length: int) -> str:
    if len(parts) - 1 > MAX_DEPTH:
        return f"deeper than {MAX_DEPTH} folders"
    if parts[-1].lower().endswith(_ARCHIVES):
        return "an archive inside"
    if _ending(parts[-1]) not in _PICTURES:
        return "not a picture, by its name"
    return f"larger than {size(MAX_MEMBER_BYTES)}" if length > MAX_MEMBER_BYTES else ""


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name.lower() in _JUNK


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def _unsuitable(entry: zipfile.ZipInfo) -> str:
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "a link" if stat.S_ISLNK(mode) else "not a regular file"
    if entry.flag_bits & 0x2041:  # encrypted, strongly encrypted, names hidden
        return "encrypted"
    if entry.compress_size > MAX_MEMBER_BYTES:
        return f"larger than {size(MAX_MEMBER_BYTES)}"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "compressed by a method other than deflate"
    if entry.file_size > MAX_RATIO * max(entry.compress_size, _SHORT_PACKED):
        return f"unpacks to more than {MAX_RATIO} times its size"
    return ""


def _read_file(path: Path) -> bytes:
    try:
        # O_NOFOLLOW and O_NONBLOCK: what was a file when it was listed may be a link or a pipe by now.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise MemberError("not a regular file")
            data = file.read(MAX_MEMBER_BYTES + 1)
    except OSError as error:
        raise MemberError(f"cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_MEMBER_BYTES:
        raise MemberError(f"larger than {size(MAX_MEMBER_BYTES)}")
    return data


def _inflate(packed: bytes) -> bytes:
    """Unpacked by at most one byte more than is allowed: what the zip says about its size is not believed."""
    limit = min(MAX_MEMBER_BYTES, MAX_RATIO * max(len(packed), _SHORT_PACKED)) + 1
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(packed, limit)
    except zlib.error:
        raise MemberError("damaged: it cannot be unpacked") from None
    if not inflater.eof and len(data) < limit:
        raise MemberError("incomplete")
    return data
