"""Files of runs in an object store, for machines that share no folder: copied there, and back, file by file.

A machine that trains a run pulls the run's folder before it begins and pushes what changes while it trains; a server
pulls what it shows. Nothing is ever read half written: an object appears as a whole, a local file by a rename.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Collection, Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ._files import TEMPORARY, atomic_write
from ._home import ELSEWHERE

_SMALL_BYTES = 65_536
"""Files up to this size are always pulled: two changes within a second, the clock of object stores, look like one."""
_CHUNK_BYTES = 1 << 22
_LAST = ("worker.lock", "set.json")
"""Copied after everything else: who finds a note there that a run has ended, or the facts of a data set, finds all."""


class StorageError(OSError):
    """The object store cannot be used or reached; the message says why."""


class _Stamp(NamedTuple):
    """By what a change is noticed."""

    size_bytes: int
    changed_ns: int


class Storage:
    """Folders in an object store. One instance remembers what it has copied, so that only what changes is copied."""

    def __init__(self, url: str) -> None:
        """Open an object store.

        Args:
            url: As pyarrow names it, such as ``s3://bucket/folder?region=eu-central-1`` or ``gs://bucket/folder``;
                ``file:///folder`` is a folder. Keys and end point come from the environment (``AWS_ACCESS_KEY_ID`` …,
                ``AWS_ENDPOINT_URL``).

        Raises:
            StorageError: The URL names none.
        """
        from pyarrow import ArrowException, fs

        self.url = url
        self._errors = (OSError, ArrowException)
        try:
            self._store, base = fs.FileSystem.from_uri(url)
        except (OSError, ValueError, ArrowException) as error:
            raise StorageError(f"EXPLORER_STORAGE={url.partition('?')[0]} names no object store: {error}") from None
        self._base = base.rstrip("/")
        # A plain folder shows files while they are written: there they get their names at the end.
        self._renames = isinstance(self._store, fs.LocalFileSystem)
        self._selector = fs.FileSelector
        self._file, self._folder = fs.FileType.File, fs.FileType.Directory
        self._pushed: dict[str, _Stamp] = {}
        self._pulled: dict[str, _Stamp] = {}

    def push(self, folder: Path, name: str, *, fixed: bool = False) -> int:
        """Copy what has changed in a folder to the store, and remove there what is gone.

        Args:
            folder: On this machine.
            name: Of the folder in the store, such as ``runs/20260131-142501-0fa3c2``.
            fixed: Whether its files never change, so that one which is there in its size need not be copied.

        Returns:
            How many files were copied.

        Raises:
            StorageError: The store cannot be reached.
        """
        here = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
        copied = 0
        try:
            there = self._list(name) if fixed else {}
            for part in sorted(here, key=lambda part: (part in _LAST, part)):
                try:
                    facts = here[part].stat()
                    stamp = _Stamp(facts.st_size, facts.st_mtime_ns)
                    if fixed and part in there and there[part].size_bytes == stamp.size_bytes:
                        continue
                    if not fixed and self._pushed.get(f"{name}/{part}") == stamp and part not in _LAST:
                        continue
                    self._write(here[part], f"{name}/{part}")
                except FileNotFoundError:  # replaced meanwhile: the next time
                    continue
                self._pushed[f"{name}/{part}"] = stamp
                copied += 1
            for part in self._list(name):
                if part not in here and not (folder / f"{part}{ELSEWHERE}").exists():
                    self._store.delete_file(self._path(f"{name}/{part}"))
                    self._pushed.pop(f"{name}/{part}", None)
        except self._errors as error:
            raise StorageError(f"{name} could not be written to {self._shown}: {error}") from None
        return copied

    def pull(
        self, name: str, folder: Path, *, keep: Collection[str] = (), later: Callable[[str], bool] = lambda _: False
    ) -> bool:
        """Make a folder what the store has under a name: copy what has changed, remove what is not there.

        Args:
            name: Of the folder in the store.
            folder: On this machine; made where it is missing. It stays as it is where the store has nothing.
            keep: Files that are left alone where they are here.
            later: Says of a path below ``folder`` whether a note is enough that the file is there: see ``_elsewhere``.

        Returns:
            Whether the store has anything under this name.

        Raises:
            StorageError: The store cannot be reached, or a file cannot be written here.
        """
        try:
            there = self._list(name)
            if not there:
                return False
            for part in sorted(there, key=lambda part: (part in _LAST, part)):
                path, stamp = folder / part, there[part]
                if part in keep and path.exists():
                    continue
                if later(part):
                    _note(path, f"{name}/{part}", stamp)
                    continue
                known = self._pulled.get(str(path)) == stamp and path.exists()
                if known and stamp.size_bytes > _SMALL_BYTES:
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    self._read(f"{name}/{part}", path)
                except FileNotFoundError:  # removed since it was listed
                    continue
                self._pulled[str(path)] = stamp
            for path in _files(folder):
                if path.relative_to(folder).as_posix() not in {*there, *keep}:
                    path.unlink(missing_ok=True)
            for path in folder.rglob(f"*{ELSEWHERE}"):
                if path.relative_to(folder).as_posix().removesuffix(ELSEWHERE) not in there:
                    path.unlink(missing_ok=True)
        except self._errors as error:
            raise StorageError(f"{name} could not be read from {self._shown}: {error}") from None
        return True

    def fetch(self, name: str, path: Path) -> bool:
        """Bring one file, which then has the time of change that it has in the store.

        Args:
            name: Of the file in the store.
            path: Where it is to be; its folder exists.

        Returns:
            Whether the store has it.

        Raises:
            StorageError: The store cannot be reached, or the file cannot be written here.
        """
        try:
            facts = self._store.get_file_info([self._path(name)])[0]
            if facts.type != self._file:
                return False
            self._read(name, path, facts.mtime_ns)
        except FileNotFoundError:
            return False
        except self._errors as error:
            raise StorageError(f"{name} could not be read from {self._shown}: {error}") from None
        return True

    def put(self, path: Path, name: str) -> None:
        """Copy one file to the store. Raises StorageError where that cannot be."""
        try:
            self._write(path, name)
        except self._errors as error:
            raise StorageError(f"{name} could not be written to {self._shown}: {error}") from None

    def list_files(self, name: str) -> dict[str, int]:
        """The names of the files that the store has below a name, and their sizes in bytes. Raises StorageError."""
        try:
            return {f"{name}/{part}": stamp.size_bytes for part, stamp in self._list(name).items()}
        except self._errors as error:
            raise StorageError(f"{self._shown} cannot be read: {error}") from None

    def list_folders(self, name: str) -> list[str]:
        """The names of the folders in a folder of the store. Raises StorageError."""
        selector = self._selector(self._path(name), allow_not_found=True)
        try:
            return [info.base_name for info in self._store.get_file_info(selector) if info.type == self._folder]
        except self._errors as error:
            raise StorageError(f"{self._shown} cannot be read: {error}") from None

    def has(self, name: str) -> bool:
        """Whether the store has anything under a name. Raises StorageError."""
        try:
            return bool(self._list(name))
        except self._errors as error:
            raise StorageError(f"{self._shown} cannot be read: {error}") from None

    def remove(self, name: str) -> None:
        """Remove what the store has under a name. Raises StorageError."""
        try:
            if self._list(name):
                self._store.delete_dir(self._path(name))
        except self._errors as error:
            raise StorageError(f"{name} could not be removed from {self._shown}: {error}") from None

    @property
    def _shown(self) -> str:
        """The store without what follows its address, which may hold a key."""
        return self.url.partition("?")[0]

    def _path(self, name: str) -> str:
        parts = PurePosixPath(name).parts
        if not parts or any(part in ("..", ".", "/") for part in parts):
            raise StorageError(f"{name!r} is no name in an object store")
        return "/".join([self._base, *parts])

    def _list(self, name: str) -> dict[str, _Stamp]:
        """What there is, by its path below ``name``."""
        base = self._path(name)
        found = self._store.get_file_info(self._selector(base, recursive=True, allow_not_found=True))
        return {
            info.path[len(base) + 1 :]: _Stamp(info.size, info.mtime_ns or 0)
            for info in found
            if info.type == self._file and not info.path.endswith(TEMPORARY)
        }

    def _write(self, path: Path, name: str) -> None:
        target = self._path(name)
        if self._renames:
            self._store.create_dir(target.rpartition("/")[0], recursive=True)
        written = f"{target}.{os.getpid()}{TEMPORARY}" if self._renames else target
        with path.open("rb") as source, self._store.open_output_stream(written) as sink:
            shutil.copyfileobj(source, sink, _CHUNK_BYTES)
        if self._renames:
            self._store.move(written, target)

    def _read(self, name: str, path: Path, changed_ns: int | None = None) -> None:
        """A file from the store; one that is here already with the same content is left alone."""
        with self._store.open_input_stream(self._path(name)) as source:
            first = source.read(_SMALL_BYTES + 1)
            if changed_ns is None and len(first) <= _SMALL_BYTES and path.is_file() and path.read_bytes() == first:
                return
            part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}{TEMPORARY}")
            try:
                with part.open("wb") as sink:
                    sink.write(first)
                    shutil.copyfileobj(source, sink, _CHUNK_BYTES)
                if changed_ns is not None:
                    os.utime(part, ns=(changed_ns, changed_ns))
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)


def _note(path: Path, name: str, stamp: _Stamp) -> None:
    """Note that a file is in the store, unless it is here as it is there."""
    with contextlib.suppress(FileNotFoundError):
        facts = path.stat()
        if (facts.st_size, facts.st_mtime_ns) == stamp:
            return
    note = path.with_name(path.name + ELSEWHERE)
    data = json.dumps({"name": name, "bytes": stamp.size_bytes, "changed_ns": stamp.changed_ns}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not note.is_file() or note.read_bytes() != data:
        atomic_write(note, data)
    path.unlink(missing_ok=True)


def _files(folder: Path) -> Iterable[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith((TEMPORARY, ELSEWHERE))]
