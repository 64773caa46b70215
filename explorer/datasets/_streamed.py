"""The images of a streamed set, as a tensor of them would be: decoded when they are asked for."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from . import _store
from ._decoding import Cancel, Progress, moments_of
from ._errors import CancelledError, DatasetError
from ._index import Index
from ._preprocessing import Preprocessing

_CHUNK = 128


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamedImages:
    """uint8 (N, C, H, W). An index of rows gives a tensor on the CPU; ``select`` gives fewer of them, unread.

    Reading raises DatasetError where a file is gone, or has changed since it was registered.
    """

    index: Index
    rows: NDArray[np.int64]
    """Of the index, (N,)."""
    how: Preprocessing
    """How they are scaled and cut."""

    device = torch.device("cpu")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, C, H, W)."""
        return len(self.rows), *self.how.shape

    def __len__(self) -> int:
        return len(self.rows)

    def numel(self) -> int:
        """Bytes of all of them."""
        return math.prod(self.shape)

    def __getitem__(self, wanted: slice | Sequence[int] | torch.Tensor | int) -> torch.Tensor:
        """Decode some of them, on all cores."""
        if isinstance(wanted, int):
            return self[[wanted]][0]
        rows = self.rows[wanted.numpy() if isinstance(wanted, torch.Tensor) else wanted]
        if len(rows) == 1:
            return self.decode(rows)
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="stream") as pool:
            read = list(pool.map(self.index.read, rows.tolist()))
        return self._prepare(read)

    def decode(self, rows: Sequence[int] | NDArray[np.int64]) -> torch.Tensor:
        """Decode rows of the index, one after another: for a process that is one of several."""
        return self._prepare([self.index.read(int(row)) for row in rows])

    def select(self, wanted: NDArray[np.int64] | torch.Tensor) -> StreamedImages:
        """Some of them, unread."""
        return replace(self, rows=self.rows[wanted.numpy() if isinstance(wanted, torch.Tensor) else wanted])

    def prepared(self, how: Preprocessing) -> StreamedImages:
        """The same, scaled and cut in another way when they are read."""
        if not self.how.keeps(self.index.shape):
            raise DatasetError("streamed images are adapted once; load the data set again")
        return replace(self, how=how)

    def known_moments(self) -> _store.Moments | None:
        """Mean and deviation of the training images, if they were measured at this shape."""
        if self.index.folder is None or not self.how.squash:
            return None
        return _store.read_moments(self.index.folder, self.how.shape)

    def measure_moments(self, progress: Progress | None = None, cancel: Cancel | None = None) -> _store.Moments:
        """Read all of them once for their mean and deviation, which are kept. Raises CancelledError."""
        totals = np.zeros((2, self.how.shape[0]), dtype=np.int64)
        for start in range(0, len(self), _CHUNK):
            if cancel and cancel():
                raise CancelledError("the measurement was cancelled")
            values = self[start : start + _CHUNK].numpy().astype(np.int32)
            totals[0] += values.sum((0, 2, 3), dtype=np.int64)
            totals[1] += (values * values).sum((0, 2, 3), dtype=np.int64)
            if progress:
                progress(min(start + _CHUNK, len(self)), len(self))
        found = moments_of(totals.tolist(), self.numel() // self.how.shape[0])
        if self.index.folder is not None and self.how.squash and len(self) == self.index.train_count:
            _store.save_moments(self.index.folder, self.how.shape, found)
        return found

    def _prepare(self, read: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        stored = np.stack(read) if len(read) else np.empty((0, *self.index.shape), dtype=np.uint8)
        return self.how.adapt(torch.from_numpy(np.ascontiguousarray(stored)))


def open_splits(index: Index) -> tuple[StreamedImages, StreamedImages]:
    """The images for training, and those for testing, as they would be stored."""
    rows = np.arange(len(index), dtype=np.int64)
    parts = rows[: index.train_count], rows[index.train_count :]
    how = Preprocessing(shape=index.shape, squash=True)
    train, test = (StreamedImages(index=index, rows=part, how=how) for part in parts)
    return train, test
