"""The index of a streamed set: where its images lie and what they show. The images stay in their folder."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _folders
from ._errors import DatasetError
from ._images import decode_to
from ._members import MemberError
from ._plan import digest
from ._sources import read_file

FILES = ("paths", "ends", "labels", "digests")
DIGEST_BYTES = 16
_TRIED, _TRIAL_SECONDS = 64, 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Index:
    """The images of a folder, those for training first; some 80 bytes each, mapped from a file and not loaded."""

    root: Path
    """The folder."""
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    """(channels, height, width) that an image has once it is decoded."""
    squash: bool
    """Whether an image of other proportions is squashed to that size; else it is cut."""
    train_count: int
    paths: NDArray[np.uint8]
    """All paths below the root, one behind the other."""
    ends: NDArray[np.int64]
    """(N,): where each of them ends."""
    labels: NDArray[np.int64]
    """(N,)."""
    digests: NDArray[np.uint8]
    """(N, 16): BLAKE2 of the files as they were when they were registered."""
    folder: Path | None = None
    """Of the files from which the arrays are mapped."""

    def __len__(self) -> int:
        return len(self.labels)

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process, which maps the files anew instead of getting a copy of them."""
        counts = (self.train_count, len(self) - self.train_count)
        return read, (self.folder, self.root, self.classes, self.shape, counts, self.squash)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the classes, the form, the labels and the content of the files; paths do not enter."""
        facts = [self.classes, self.shape, self.squash, self.train_count]
        found = hashlib.sha256(b"explorer streamed set 1\n" + json.dumps(facts, ensure_ascii=True).encode() + b"\n")
        found.update(np.ascontiguousarray(self.labels.astype("<i8", copy=False)).view(np.uint8).data)
        found.update(np.ascontiguousarray(self.digests).data)
        return found.hexdigest()

    def path(self, row: int) -> Path:
        """The file of an image."""
        start = int(self.ends[row - 1]) if row else 0
        text = self.paths[start : int(self.ends[row])].tobytes().decode("utf-8", "surrogateescape")
        return self.root / text

    def read_bytes(self, row: int) -> bytes:
        """The file of an image. Raises DatasetError where it is gone, damaged, or another one than was registered."""
        path = self.path(row)
        try:
            data = read_file(path)
        except MemberError as error:
            raise DatasetError(f"{path} {error}; put it back, or import the folder again") from None
        if digest(data) != self.digests[row].tobytes():
            raise DatasetError(
                f"{path} has changed since the data set was imported; bring the old file back, or import the folder "
                "again"
            )
        return data

    def read(self, row: int) -> NDArray[np.uint8]:
        """An image as it would be stored, (C, H, W). Raises DatasetError as ``read_bytes``."""
        data = self.read_bytes(row)
        _, height, width = self.shape
        pixels, _ = decode_to(data, height, width, squash=self.squash)  # it could be decoded when it was registered
        return pixels.transpose(2, 0, 1)[: self.shape[0]]


def measure_reading(index: Index) -> float:
    """Seconds that one processor takes to read and decode an image: tried on a few, for half a second at most.

    Raises DatasetError where one of them cannot be read.
    """
    count, started = 0, time.perf_counter()
    for row in range(0, len(index), max(1, len(index) // _TRIED)):
        index.read(row)
        count += 1
        if time.perf_counter() - started > _TRIAL_SECONDS:
            break
    return (time.perf_counter() - started) / count


def pack_paths(names: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Paths one behind the other, and where each ends."""
    encoded = [name.encode("utf-8", "surrogateescape") for name in names]
    ends = np.cumsum([len(each) for each in encoded], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), ends


def write(index: Index, folder: Path) -> None:
    """Write the arrays of an index into a folder."""
    for name in FILES:
        path = folder / f"{name}.npy"
        np.save(path, getattr(index, name), allow_pickle=False)
        _folders.sync(path)


def read(
    folder: Path,
    root: Path,
    classes: tuple[str, ...],
    shape: tuple[int, int, int],
    counts: tuple[int, int],
    squash: bool,
) -> Index:
    """An index, mapped from its files. Raises OSError or ValueError where they are not what was written."""
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in FILES}
    count = sum(counts)
    kinds = {"paths": np.uint8, "ends": np.int64, "labels": np.int64, "digests": np.uint8}
    shapes = {"ends": (count,), "labels": (count,), "digests": (count, DIGEST_BYTES)}
    if any(arrays[name].dtype != kind for name, kind in kinds.items()) or any(
        arrays[name].shape != wanted for name, wanted in shapes.items()
    ):
        raise ValueError("not the index that was written")
    return Index(
        root=root, classes=classes, shape=shape, squash=squash, train_count=counts[0], folder=folder, **arrays
    )
