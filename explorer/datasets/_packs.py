"""The images of a streamed set on their way to a machine that does not have their folder: some hundred to a file.

Which images a pack has follows from the index; there, they lie in the set's own folder, under the names that they have
in theirs, and every one is what was registered.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import tarfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

from . import _store
from ._errors import DatasetError
from ._index import Index
from ._plan import digest

PACK_IMAGES = 256
_TRIED = 8
_ENDING = ".writing"


class Packs:
    """The packs of a streamed set, numbered from 0; ``len`` tells how many there are."""

    def __init__(self, name: str, index: Index) -> None:
        self._name, self._index = name, index
        self._copy = replace(index, root=_store.copy_of(name))

    def __len__(self) -> int:
        return math.ceil(len(self._index) / PACK_IMAGES)

    def write(self, number: int, path: Path) -> None:
        """Write a pack from the images in their folder. Raises DatasetError where one is not what was registered."""
        with tarfile.open(path, "w") as pack:
            for row in self._rows(number):
                data = self._index.read_bytes(row)
                member = tarfile.TarInfo(str(row))
                member.size = len(data)
                pack.addfile(member, io.BytesIO(data))

    def unpack(self, number: int, path: Path) -> None:
        """Put the images of a pack into the set's own folder. Raises DatasetError where one is not what it should be.

        One that is cut short is taken up again: an image is there as a whole, or not at all.
        """
        rows = self._rows(number)
        try:
            with tarfile.open(path, "r:") as pack:
                for member in pack:
                    row, file = int(member.name), pack.extractfile(member)
                    data = b"" if file is None else file.read()
                    if row not in rows or digest(data) != self._index.digests[row].tobytes():
                        raise ValueError("other images than were registered")
                    self._put(row, data)
        except (tarfile.TarError, ValueError) as error:
            raise DatasetError(f"pack {number} of the images of {self._name} is damaged: {error}") from None

    def find_missing(self) -> list[int]:
        """The packs of which something is not in the set's own folder yet."""
        return [number for number in range(len(self)) if not all(map(self._is_copied, self._rows(number)))]

    def are_in_their_folder(self) -> bool:
        """Whether the folder of the images is here as it was registered: a few are read."""
        with contextlib.suppress(DatasetError):
            for row in range(0, len(self._index), max(1, len(self._index) // _TRIED)):
                self._index.read_bytes(row)
            return True
        return False

    def _rows(self, number: int) -> range:
        return range(number * PACK_IMAGES, min(len(self._index), (number + 1) * PACK_IMAGES))

    def _is_copied(self, row: int) -> bool:
        return self._copy.path(row).exists()

    def _put(self, row: int, data: bytes) -> None:
        path = self._copy.path(row)
        if ".." in PurePosixPath(path).parts or not path.is_relative_to(self._copy.root):
            raise ValueError(f"an image is called {path.name!r}")
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{row}.{os.getpid()}{_ENDING}")
        try:
            part.write_bytes(data)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def open_packs(name: str) -> Packs | None:
    """Open the images of a data set for their way to another machine.

    Args:
        name: Of the data set.

    Returns:
        Its packs; None for a set that is not streamed, or none of ours.

    Raises:
        DatasetError: Its index is damaged.
    """
    try:
        known = _store.read_facts(name)
    except DatasetError:
        return None
    return Packs(name, _store.read_index(name, Path(known.sources[0][0]))) if known.streamed else None
