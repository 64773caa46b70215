"""Decoding all images of a source on all cores, as an import does it."""

from __future__ import annotations

import itertools
import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

import numpy as np
from numpy.typing import NDArray

from . import _images
from ._checks import Size
from ._errors import CancelledError, ImageError
from ._index import DIGEST_BYTES
from ._members import MemberError
from ._plan import digest
from ._sources import Source

Progress = Callable[[int, int], None]
"""Called with the amount done and the total, in images or bytes."""
Cancel = Callable[[], bool]
"""Called often; when it returns True, the operation raises CancelledError and leaves nothing behind."""

_CHUNK = 128


class Decoding:
    """What is found out about each image, row by row, while it is decoded.

    Args:
        source: Where the images are read.
        names: Of the images.
        size: (height, width) to which they are brought.
        squash: Whether images of other proportions are squashed to it; else they are cut.
        images: uint8 (N, 3, *size), filled; None: pixels are not kept.
    """

    def __init__(
        self, source: Source, names: Sequence[str], size: Size, *, squash: bool, images: NDArray[np.uint8] | None
    ) -> None:
        self._source, self._names, self._size, self._squash = source, names, size, squash
        self.images = images
        count = len(names)
        self.good = np.zeros(count, dtype=bool)
        """(N,): False for images that cannot be used."""
        self.grey = np.zeros(count, dtype=bool)
        """(N,): whether red, green and blue are equal."""
        self.digests = np.zeros((count, DIGEST_BYTES), dtype=np.uint8)
        """Of the files."""
        self.sizes = np.zeros((count, 2), dtype=np.int32)
        """(height, width) of the images as they come."""
        self.sums = np.zeros((count, 2, 3), dtype=np.int64)
        """Of the pixels, and of their squares, channel by channel."""
        self.failed: list[tuple[str, str]] = []
        """(name, reason)."""
        self.formats: Counter[str] = Counter()
        self.changes: Counter[str] = Counter()
        self.resized = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def run(self, progress: Progress | None, cancel: Cancel | None) -> None:
        """Decode all. Raises CancelledError if ``cancel`` says so."""
        done = 0
        workers = min(8, os.cpu_count() or 1)
        with ThreadPoolExecutor(workers, thread_name_prefix="import") as pool:
            tasks = (pool.submit(self._chunk, start) for start in range(0, len(self._names), _CHUNK))
            waiting: set[Future[int]] = set(itertools.islice(tasks, 4 * workers))
            try:
                while waiting:
                    finished, waiting = wait(waiting, timeout=0.1, return_when=FIRST_EXCEPTION)
                    done += sum(future.result() for future in finished)
                    waiting.update(itertools.islice(tasks, len(finished)))
                    if progress:
                        progress(done, len(self._names))
                    if cancel and cancel():
                        raise CancelledError("the import was cancelled")
            finally:
                self._stop.set()  # on an error: chunks that have not begun end at once

    def moments(self, rows: NDArray[np.int64], channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and deviation of each channel over some images, as ``Dataset`` computes them: from exact sums."""
        totals = self.sums[rows].sum(0)[:, :channels].tolist()
        return moments_of(totals, len(rows) * self._size[0] * self._size[1])

    def _chunk(self, start: int) -> int:
        height, width = self._size
        rows = range(start, min(start + _CHUNK, len(self._names)))
        formats: Counter[str] = Counter()
        changes: Counter[str] = Counter()
        failed: list[tuple[str, str]] = []
        resized = 0
        for row in rows:
            if self._stop.is_set():
                return 0
            try:
                data = self._source.read(self._names[row])
                pixels, decoded = _images.decode_to(data, height, width, squash=self._squash)
            except (MemberError, ImageError) as error:
                failed.append((self._names[row], str(error)))
                continue
            if self.images is not None:
                self.images[row] = pixels.transpose(2, 0, 1)
            else:
                values = pixels.reshape(-1, 3).astype(np.int64)
                self.sums[row] = values.sum(0), (values * values).sum(0)
            self.good[row] = True
            self.grey[row] = (pixels[..., :1] == pixels[..., 1:]).all()
            self.digests[row] = np.frombuffer(digest(data), dtype=np.uint8)
            self.sizes[row] = decoded.pixels.shape[:2]
            resized += decoded.pixels.shape[:2] != (height, width)
            formats[decoded.format] += 1
            changes.update(decoded.notes)
        with self._lock:
            self.formats += formats
            self.changes += changes
            self.failed += failed
            self.resized += resized
        return len(rows)


def moments_of(totals: Sequence[Sequence[int]], pixels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation, of values from 0 to 1, from (sums, sums of squares) of bytes over so many pixels."""
    means, squares = ([total / pixels for total in each] for each in totals)
    spreads = [max(0.0, square - mean**2) ** 0.5 for square, mean in zip(squares, means, strict=True)]
    return tuple(mean / 255 for mean in means), tuple(spread / 255 for spread in spreads)
