"""An untrusted tar, plain or packed: its members are listed and read in place, and none is extracted to the disk."""

from __future__ import annotations

import bz2
import contextlib
import errno
import gzip
import lzma
import os
import tarfile
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from ..text import format_bytes
from . import _folders
from . import _limits as limits
from ._errors import DatasetError
from ._members import Listed, Member, MemberError, is_junk
from ._zip import split_path

_BLOCK = 2**20
_XZ_MEMORY_BYTES = 256 * 2**20
"""What unpacking xz may take; its strongest usual setting takes 65 MB, and a forged one names 4 GB."""
_LEAST_PACKED = 65_536
"""The ratio of what is smaller is not meaningful."""


class Tar:
    """An open tar. ``read`` may be called from several threads.

    One that is packed is unpacked once, as a whole, into a file without a name, which is gone when it is closed.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._file: BinaryIO = path.open("rb")
        unpack = find_packing(self._file.read(8))
        if unpack:
            packed = self._file
            try:
                self._file = self._unpack(packed, unpack)
            finally:
                packed.close()
        self._length = self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def list_members(self) -> Iterator[Listed]:
        """Every file. Raises DatasetError for what is no tar, or made to harm."""
        self._file.seek(0)
        count = 0
        seen: set[tuple[str, ...]] = set()
        try:
            with tarfile.open(fileobj=cast(BinaryIO, _SmallReads(self._file, self._name)), mode="r:") as archive:
                for entry in archive:
                    count += 1
                    if count > limits.MAX_ENTRIES:
                        raise DatasetError(
                            f"{self._name} holds more than {limits.MAX_ENTRIES:,} entries, {limits.UNPACK}"
                        )
                    yield from self._list(entry, seen)
        except (tarfile.TarError, EOFError, ValueError, ArithmeticError, OSError) as error:
            if isinstance(error, DatasetError):
                raise
            raise DatasetError(f"{self._name} is not a readable tar file ({error})") from None

    def read(self, member: Member, count: Callable[[int], None]) -> bytes:
        """The content of a member. ``count`` is called with its length. Raises MemberError if it cannot be used."""
        if member.size > limits.MAX_MEMBER_BYTES:
            raise MemberError(f"larger than {format_bytes(limits.MAX_MEMBER_BYTES)}")
        with self._lock:
            self._file.seek(member.where)
            data = self._file.read(member.size)
        count(len(data))
        if len(data) < member.size:
            raise MemberError("incomplete")
        return data

    def _list(self, entry: tarfile.TarInfo, seen: set[tuple[str, ...]]) -> Iterator[Listed]:
        parts = split_path(entry.name, self._name)
        name = "/".join(parts)
        if not parts:
            return
        if any(is_junk(part) for part in parts):
            if not entry.isdir():
                yield name, None
            return
        if entry.isdir():
            yield f"{name}/", None
        elif entry.issym() or entry.islnk():
            yield name, "a link"
        elif not entry.isreg() or entry.issparse():
            yield name, "not a regular file"
        elif parts in seen:
            yield name, "its name occurs twice"
        elif entry.offset_data + entry.size > self._length:
            yield name, "incomplete"
        else:
            seen.add(parts)
            yield name, Member(parts=parts, where=entry.offset_data, packed=entry.size, size=entry.size)

    def _unpack(self, packed: BinaryIO, unpack: Unpacking) -> BinaryIO:
        most = min(
            limits.MAX_TOTAL_BYTES + 1024 * limits.MAX_ENTRIES,
            limits.MAX_RATIO * max(packed.seek(0, os.SEEK_END), _LEAST_PACKED),
        )
        packed.seek(0)
        folder = _folders.writable_folder()
        with contextlib.ExitStack() as undo:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                file = undo.enter_context(tempfile.TemporaryFile(dir=folder))
                for block in unpack(packed):
                    if file.tell() + len(block) > most:
                        raise DatasetError(
                            f"{self._name} unpacks to more than {format_bytes(most)}, which is the limit"
                        )
                    file.write(block)
                file.flush()
            except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
                if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise DatasetError(f"the disk of {folder} is full; nothing was stored") from None
                raise DatasetError(f"{self._name} is damaged: it cannot be unpacked ({error})") from None
            undo.pop_all()
        return cast(BinaryIO, file)


Unpacking = Callable[[BinaryIO], Iterator[bytes]]
"""Gives the content of a packed file in blocks."""


def find_packing(head: bytes) -> Unpacking | None:
    """What unpacks a file that begins with these bytes; None if it is not packed, or in no way that is read."""
    return next((unpack for magic, unpack in _PACKINGS.items() if head.startswith(magic)), None)


def _gzip_blocks(packed: BinaryIO) -> Iterator[bytes]:
    return iter(partial(gzip.open(packed, "rb").read, _BLOCK), b"")


def _bzip2_blocks(packed: BinaryIO) -> Iterator[bytes]:
    return iter(partial(bz2.open(packed, "rb").read, _BLOCK), b"")


def _xz_blocks(packed: BinaryIO) -> Iterator[bytes]:
    """By hand, since LZMAFile has no limit for memory."""
    data = packed.read(_BLOCK)
    while data:  # one stream after another
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)
        while not decoder.eof:
            if decoder.needs_input and not (data := data or packed.read(_BLOCK)):
                raise EOFError("its end is missing")
            block, data = decoder.decompress(data, _BLOCK), b""
            if block:
                yield block
        data = decoder.unused_data.lstrip(b"\0") or packed.read(_BLOCK)


_PACKINGS: dict[bytes, Unpacking] = {
    b"\x1f\x8b": _gzip_blocks, b"BZh": _bzip2_blocks, b"\xfd7zXZ": _xz_blocks,
}  # fmt: skip
"""By their first bytes."""


class _SmallReads:
    """A file from which tarfile reads headers alone: one that claims to be huge is refused before it is read."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= limits.MAX_TAR_HEADER_BYTES:
            raise DatasetError(f"{self._name} is damaged or made to harm: a header of it is too large")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
