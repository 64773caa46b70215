"""An untrusted zip: its table of contents and members, with every statement checked and nothing extracted to the disk.

Python's zipfile refuses overlapping entries only from 3.11.8 and 3.12.2 on; 3.11.7 is supported, so it is checked here.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ..text import format_bytes, quote
from . import _limits as limits
from ._errors import DatasetError
from ._members import Listed, Member, MemberError, is_junk

_DRIVE = re.compile(r"[A-Za-z]:")
_LOCAL = struct.Struct("<4s22xHH")
_SHORT_PACKED = 64
"""The ratios of smaller members are not meaningful."""


class Zip:
    """An open zip. ``read`` may be called from several threads."""

    def __init__(self, path: Path, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._file = path.open("rb")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def list_members(self) -> Iterator[Listed]:
        """Every file. Raises DatasetError for what only a broken or hostile zip has."""
        entries, start = _read_directory(self._file, self._name)
        begins = self._data_offsets(entries, start)
        seen: set[tuple[str, ...]] = set()
        for entry, begin in zip(entries, begins, strict=True):
            parts = split_path(entry.orig_filename, self._name)
            name = "/".join(parts)
            if entry.is_dir():
                if parts and not any(is_junk(part) for part in parts):
                    yield f"{name}/", None
                continue
            if not parts or any(is_junk(part) for part in parts):
                yield name, None
                continue
            reason = _member_problem(entry)
            if not reason and parts in seen:
                reason = "its name occurs twice"
            seen.add(parts)
            yield name, reason or Member(
                parts=parts, where=begin, packed=entry.compress_size, size=entry.file_size, method=entry.compress_type,
                crc=entry.CRC,
            )  # fmt: skip

    def read(self, member: Member, count: Callable[[int], None]) -> bytes:
        """The content of a member. ``count`` is called with its length. Raises MemberError if it cannot be used."""
        packed = self._at(member.where, member.packed)
        if len(packed) < member.packed:
            raise MemberError("incomplete")
        data = _inflate(packed) if member.method == zipfile.ZIP_DEFLATED else packed
        count(len(data))  # before the checks: unpacking of members that are then refused counts, too
        if len(data) > limits.MAX_MEMBER_BYTES:
            raise MemberError(f"larger than {format_bytes(limits.MAX_MEMBER_BYTES)}")
        if len(data) > limits.MAX_RATIO * max(member.packed, _SHORT_PACKED):
            raise MemberError(f"unpacks to more than {limits.MAX_RATIO} times its size")
        if zlib.crc32(data) != member.crc:
            raise MemberError("damaged: its checksum is wrong")
        return data

    def _data_offsets(self, entries: list[zipfile.ZipInfo], end: int) -> list[int]:
        """Offset of each entry's data. Refuses overlapping entries, by which a small zip unpacks to a huge size."""
        begins = [0] * len(entries)
        order = sorted(range(len(entries)), key=lambda index: entries[index].header_offset)
        free = 0
        for index in order:
            entry = entries[index]
            head = self._at(entry.header_offset, _LOCAL.size) if entry.header_offset >= free else b""
            if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
                raise DatasetError(f"{self._name} is damaged or made to harm: its entries overlap or are not there")
            _, name_length, extra_length = _LOCAL.unpack(head)
            begins[index] = entry.header_offset + _LOCAL.size + name_length + extra_length
            free = begins[index] + entry.compress_size
        if free > end:
            raise DatasetError(f"{self._name} is damaged or made to harm: an entry overlaps the table of contents")
        return begins

    def _at(self, offset: int, length: int) -> bytes:
        with self._lock:
            self._file.seek(offset)
            return self._file.read(length)


def _read_directory(file: BinaryIO, name: str) -> tuple[list[zipfile.ZipInfo], int]:
    """A zip's table of contents and its offset, after a check of the size that it states."""
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
    if count > limits.MAX_ENTRIES or listed > limits.MAX_DIRECTORY_BYTES:
        raise DatasetError(
            f"{name} says that it holds {count:,} entries; {limits.MAX_ENTRIES:,} are {limits.UNPACK}"
        )
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, ArithmeticError, struct.error, EOFError) as error:
        raise DatasetError(f"{name} is not a readable zip file ({error})") from None
    entries = archive.infolist()  # the file stays open: it is ours, and nothing is read through the archive
    if len(entries) > limits.MAX_ENTRIES:
        raise DatasetError(f"{name} holds {len(entries):,} entries; {limits.MAX_ENTRIES:,} are {limits.UNPACK}")
    return entries, archive.start_dir


def split_path(name: str, archive: str) -> tuple[str, ...]:
    """The parts of a member's path. Refuses the whole archive for a name that leads out of it."""
    path = name.replace("\\", "/")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if path.startswith("/") or _DRIVE.match(path) or ".." in parts or "\0" in path:
        raise DatasetError(f"{archive} is refused: the name {quote(name)} leads out of the archive")
    return parts


def _member_problem(entry: zipfile.ZipInfo) -> str:
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "a link" if stat.S_ISLNK(mode) else "not a regular file"
    if entry.flag_bits & 0x2041:  # encrypted, strongly encrypted, names hidden
        return "encrypted"
    if entry.compress_size > limits.MAX_MEMBER_BYTES:
        return f"larger than {format_bytes(limits.MAX_MEMBER_BYTES)}"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "compressed by a method other than deflate"
    if entry.file_size > limits.MAX_RATIO * max(entry.compress_size, _SHORT_PACKED):
        return f"unpacks to more than {limits.MAX_RATIO} times its size"
    return ""


def _inflate(packed: bytes) -> bytes:
    """Unpack at most one byte more than is allowed: the size that the zip states is not trusted."""
    limit = min(limits.MAX_MEMBER_BYTES, limits.MAX_RATIO * max(len(packed), _SHORT_PACKED)) + 1
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(packed, limit)
    except zlib.error:
        raise MemberError("damaged: it cannot be unpacked") from None
    if not inflater.eof and len(data) < limit:
        raise MemberError("incomplete")
    return data
