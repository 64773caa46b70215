"""What can still be read of a damaged SQLite file, row by row.

SQLite finds rows through the pages above them, so one damaged page hides all that lies below it. Here every page is
read by itself: one that is whole gives all its rows, whatever lies around it. A row counts where its columns have the
types of one of the store's tables; noise has not. Pages that the file lists as free hold rows that were deleted: they
are left out.

Source: "Database File Format", sqlite.org/fileformat2.html, sections 1.3 to 1.6 and 2.1.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sql

from ._tables import AUDIT, DOCUMENTS, ENTRIES, EVENTS, EXPERIMENTS, METRICS, PEOPLE, RUNS, TRIALS

_MAGIC = b"SQLite format 3\x00"
_TABLE_LEAF, _INDEX_LEAF, _INDEX_INNER = 0x0D, 0x0A, 0x02
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)
_ROWID_TABLES = (RUNS, DOCUMENTS, EVENTS, EXPERIMENTS, TRIALS, PEOPLE, AUDIT, ENTRIES)
"""Those of the tables whose rows lie in pages of tables; those without a row id lie in pages of indices."""
_LONGEST_BYTES = 1 << 28
_OLD_COLUMNS = {RUNS.name: (20, 22, 23), EXPERIMENTS.name: (4,)}
"""Columns of a table's rows that were written before further ones were added at its end."""
_COLUMNS = {
    table.name: [(each.key, each.type.python_type, getattr(each.type, "length", None)) for each in table.columns]
    for table in (*_ROWID_TABLES, METRICS)
}
"""Key, type and longest text of each column."""


def read_rows(path: Path, tables: Collection[sql.Table]) -> Iterator[tuple[sql.Table, dict[str, Any]]]:
    """Read the rows of some of the store's tables from a file, whatever state it is in.

    Args:
        path: Of an SQLite file, or of what is left of one.
        tables: What to read.

    Yields:
        A table, and one of its rows by the keys of its columns, in the order of the pages. After a page that was
        damaged in part the last row before the damage may have another ``seconds`` than it had.
    """
    with path.open("rb") as file:
        pages = _Pages(file)
        for number in pages.numbers():
            yield from pages.rows(number, tables)


class _Damaged(ValueError):
    """Something is not what the format allows."""


class _Pages:
    """The pages of a file, each read by itself."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        header = file.read(100)
        size, reserved = 4096, 0  # as SQLite makes them; what a damaged header says is not believed
        if header.startswith(_MAGIC):
            declared = int.from_bytes(header[16:18], "big")
            declared = 65536 if declared == 1 else declared
            if 512 <= declared <= 65536 and declared & (declared - 1) == 0 and header[20] < 64:
                size, reserved = declared, header[20]
        self._size, self._usable = size, size - reserved
        file.seek(0, 2)
        self._count = -(-file.tell() // size)
        self._free = self._free_pages(header) if header.startswith(_MAGIC) else set()

    def numbers(self) -> Iterator[int]:
        """The numbers of the pages in use, from 1."""
        return (number for number in range(1, self._count + 1) if number not in self._free)

    def rows(self, number: int, tables: Collection[sql.Table]) -> Iterator[tuple[sql.Table, dict[str, Any]]]:
        """The rows of some tables in a page."""
        page = self._read(number)
        start = 100 if number == 1 else 0
        kind = page[start] if len(page) > start else 0
        if kind not in (_TABLE_LEAF, _INDEX_LEAF, _INDEX_INNER) or len(page) < start + 12:
            return
        candidates = _ROWID_TABLES if kind == _TABLE_LEAF else (METRICS,)
        if not set(candidates) & set(tables):
            return
        count, first = int.from_bytes(page[start + 3 : start + 5], "big"), start + (12 if kind == _INDEX_INNER else 8)
        for place in range(first, min(first + 2 * count, len(page) - 1), 2):
            try:
                row_id, values = self._cell(page, int.from_bytes(page[place : place + 2], "big"), kind)
            except (_Damaged, IndexError, struct.error, UnicodeDecodeError):
                continue
            for table in candidates:
                row = _row_of(table, row_id, values)
                if row is not None:
                    if table in tables:
                        yield table, row
                    break

    def _read(self, number: int) -> bytes:
        self._file.seek((number - 1) * self._size)
        return self._file.read(self._size)

    def _cell(self, page: bytes, at: int, kind: int) -> tuple[int, list[Any]]:
        """(row id, values) of the record at a place of a page."""
        if kind == _INDEX_INNER:
            at += 4
        size, at = _varint(page, at)
        row_id = 0
        if kind == _TABLE_LEAF:
            row_id, at = _varint(page, at)
        if not 1 <= size <= _LONGEST_BYTES:
            raise _Damaged
        usable = self._usable
        most = usable - 35 if kind == _TABLE_LEAF else (usable - 12) * 64 // 255 - 23
        local = size
        if size > most:
            least = (usable - 12) * 32 // 255 - 23
            local = least + (size - least) % (usable - 4)
            local = local if local <= most else least
        payload = page[at : at + local]
        if local < size:
            payload += self._overflow(page[at + local : at + local + 4], size - local)
        if len(payload) != size or at + local > usable:
            raise _Damaged
        return row_id, _values(payload)

    def _overflow(self, pointer: bytes, size: int) -> bytes:
        """The rest of a record, from a chain of pages."""
        parts: list[bytes] = []
        each = self._usable - 4
        for _ in range(-(-size // each)):
            number = int.from_bytes(pointer, "big")
            if not 1 <= number <= self._count or number in self._free:
                raise _Damaged
            page = self._read(number)
            pointer = page[:4]
            parts.append(page[4 : self._usable])
        return b"".join(parts)[:size]

    def _free_pages(self, header: bytes) -> set[int]:
        found: set[int] = set()
        trunk = int.from_bytes(header[32:36], "big")
        while 1 <= trunk <= self._count and trunk not in found:
            found.add(trunk)
            page = self._read(trunk)
            count = min(int.from_bytes(page[4:8], "big"), self._usable // 4 - 2)
            found.update(struct.unpack(f">{count}I", page[8 : 8 + 4 * count]) if len(page) >= 8 + 4 * count else ())
            trunk = int.from_bytes(page[:4], "big")
        return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """(a number of 1 to 9 bytes, the place behind it)."""
    value = 0
    for _ in range(8):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    return value << 8 | data[at], at + 1


def _values(payload: bytes) -> list[Any]:
    """The columns of a record."""
    end, at = _varint(payload, 0)
    if not 1 <= end <= len(payload) or end > 1000:
        raise _Damaged
    kinds = []
    while at < end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    found: list[Any] = []
    for kind in kinds:
        size = 0 if kind in (0, 8, 9) else 8 if kind == 7 else (kind - 12) // 2 if kind >= 12 else _INTEGER_BYTES[kind]
        part = payload[at : at + size]
        if len(part) != size:
            raise _Damaged
        at += size
        if kind == 0:
            found.append(None)
        elif kind == 7:
            found.append(struct.unpack(">d", part)[0])
        elif kind in (8, 9):
            found.append(kind - 8)
        elif kind >= 12:
            found.append(part.decode() if kind % 2 else part)
        else:
            found.append(int.from_bytes(part, "big", signed=True))
    if at != len(payload):
        raise _Damaged
    return found


def _row_of(table: sql.Table, row_id: int, values: list[Any]) -> dict[str, Any] | None:
    """A record as a row of a table, None where it is none."""
    columns = _COLUMNS[table.name]
    if len(values) != len(columns) and len(values) not in _OLD_COLUMNS.get(table.name, ()):
        return None
    if table in (EVENTS, AUDIT) and values[0] is None:
        values = [row_id, *values[1:]]  # the row id is its key
    row = {}
    for (key, kind, length), value in zip(columns, values, strict=False):
        if not _fits(kind, length, value):
            return None
        row[key] = value
    return row


def _fits(kind: type, length: int | None, value: Any) -> bool:
    if kind is str:
        return isinstance(value, str) and (length is None or (len(value) <= length and value.isprintable()))
    if kind is int:
        return isinstance(value, int)
    if kind is bool:
        return value in (0, 1)
    # Whole numbers are kept as such; and a number that is noise has most likely a size that none here has.
    return isinstance(value, int | float) and math.isfinite(value) and (value == 0 or 1e-60 < abs(value) < 1e60)
