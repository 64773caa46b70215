"""Imports of folders and archives of images: listed, sorted into classes, decoded on all cores, stored once."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..home import absolute
from ..text import compact_shape
from . import _folders, _images, _store
from ._arrays import ImageArrays
from ._checks import Size, warn_of_content, warn_of_sizes
from ._errors import CancelledError, DatasetError, ImageError
from ._layout import count_reasons
from ._members import MemberError
from ._plan import (
    DEFAULT_SIZE,
    check_memory,
    check_size,
    describe_unreadable,
    digest,
    read_layout,
    select_usable,
    source_title,
    stored_size,
)
from ._sources import Source, source_state
from ._store import ImportedDataset, Scaling

Progress = Callable[[int, int], None]
"""Called with the amount done and the total, in images or bytes."""
Cancel = Callable[[], bool]
"""Called often; when it returns True, the operation raises CancelledError and leaves nothing behind."""

_PROBED = 64
_CHUNK = 128
_DIGEST = 8


def import_images(
    path: str | Path,
    *,
    name: str | None = None,
    source: str | None = None,
    size: Size | None = None,
    scaling: Scaling = "cut",
    keep_small: bool = True,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> ImportedDataset:
    """Import a folder, zip or tar of images, laid out in any of the ways that ``preview`` knows.

    Small images of one size are stored unchanged; others are scaled to one size. Without a test set, a fifth of every
    class is held out as one, always the same. A source that has not changed since its last import is not read again.

    Args:
        path: of the folder or archive.
        name: title shown to people; default: the file's name. The identifier is generated.
        source: origin shown on the card; default: the path.
        size: (height, width) in pixels, 8 to 1,024 a side; default: 64×64.
        scaling: how images of other proportions are brought to that size.
        keep_small: whether images that all have one size of at most 256 pixels a side are left as they are, whatever
            ``size`` says.
        progress: is called with the images done and their number.
        cancel: is called often; True stops the import.

    Returns:
        The facts of the stored set; ``load`` takes its name.

    Raises:
        DatasetError: the source cannot be used; nothing is left behind.
        CancelledError: ``cancel`` returned True; nothing is left behind.
    """
    path = absolute(path)
    check_size(size)
    state = source_state(path)
    for known in _store.find_imported(path, state):
        # Verified: a user who was told that the stored copy is damaged imports again, and must get a new copy.
        if _serves(known, size, scaling, keep_small) and _store.is_intact(known):
            return _store.rename(known.name, name) if name and name != known.title else known
    try:
        with Source(path, source and Path(source).name) as opened:
            todo = _Import(opened, size, scaling, keep_small, progress, cancel)
            return todo.run(name or source_title(path.name), (source or str(path), state))
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from None


def import_upload(
    data: bytes | memoryview,
    filename: str,
    *,
    name: str | None = None,
    size: Size | None = None,
    scaling: Scaling = "cut",
    keep_small: bool = True,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> ImportedDataset:
    """Import an archive that came through a browser; see ``import_images``.

    Args:
        data: Its bytes. They lie on the disk only for as long as that takes.
        filename: What the file is called on the machine from which it came; nothing is opened under this name.
        name: Title shown to people; default: that name without its ending.
        size: As for ``import_images``.
        scaling: As for ``import_images``.
        keep_small: As for ``import_images``.
        progress: Called with pictures done and pictures to do.
        cancel: Ends the import once it returns True.

    Returns:
        The data set; its source is the file's own name.

    Raises:
        DatasetError: It cannot be used, or the disk is full.
        CancelledError: ``cancel`` said so.
    """
    with _folders.staging_folder() as folder:
        path = folder / "upload"
        path.write_bytes(data)
        return import_images(
            path, name=name or source_title(filename), source=filename, size=size, scaling=scaling,
            keep_small=keep_small, progress=progress, cancel=cancel,
        )  # fmt: skip


def _serves(known: ImportedDataset, size: Size | None, scaling: Scaling, keep_small: bool) -> bool:
    """Whether an earlier import is what is asked for now."""
    if known.scaled_to is None:
        return keep_small or size in (None, known.shape[1:])
    return known.scaled_to == (size or DEFAULT_SIZE) and known.scaled_by == scaling


class _Import:
    def __init__(
        self,
        source: Source,
        size: Size | None,
        scaling: Scaling,
        keep_small: bool,
        progress: Progress | None,
        cancel: Cancel | None,
    ) -> None:
        self.source = source
        self.wanted = size
        self.scaling: Scaling = scaling
        self.keep_small = keep_small
        self.progress = progress
        self.cancel = cancel
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.failed: list[tuple[str, str]] = []
        self.formats: Counter[str] = Counter()
        self.changes: Counter[str] = Counter()
        self.resized = 0

    def run(self, title: str, origin: tuple[str, str]) -> ImportedDataset:
        layout = read_layout(self.source)
        pairs = [*layout.train, *layout.test]
        names = [name for name, _ in pairs]
        size, common = stored_size(self._probe(names), self.wanted, keep_small=self.keep_small)
        check_memory(len(pairs), size)
        _folders.check_disk_space(len(pairs) * 3 * size[0] * size[1])
        images = np.empty((len(pairs), 3, *size), dtype=np.uint8)
        digests: list[bytes] = [b""] * len(pairs)
        sizes: list[Size] = [(0, 0)] * len(pairs)
        good = self._decode(names, images, digests, sizes)
        found = select_usable(self.source, layout, good, self.failed)
        rows = np.concatenate([found.train, found.test])
        channels = 1 if _is_grey(images, rows) else 3
        content = ImageArrays(
            name="import",
            classes=found.classes,
            train_images=_select(images, found.train, channels),
            train_labels=found.labels[found.train],
            test_images=_select(images, found.test, channels),
            test_labels=found.labels[found.test],
            notes=(*found.notes, *self._notes(channels, size)),
        )
        train, test = (
            [(int(found.labels[row]), digests[row]) for row in part] for part in (found.train, found.test)
        )
        scaled_to = None if common else size
        warnings = (
            *found.warnings,
            *warn_of_content(found.classes, train, test),
            *warn_of_sizes((sizes[row] for row in rows), scaled_to),
        )
        left_out = sorted([*layout.left_out, *found.left_out, *self.failed])
        return self._save(content, title, origin, scaled_to, left_out, warnings)

    def _probe(self, names: Sequence[str]) -> set[Size]:
        """The sizes of some of the images, evenly spread."""
        sizes = set()
        failed = []
        for name in names[:: max(1, len(names) // _PROBED)]:
            self._check_cancel()
            try:
                sizes.add(_images.read_size(self.source.read(name)))
            except (MemberError, ImageError) as error:
                failed.append((name, str(error)))
        if not sizes:
            raise DatasetError(describe_unreadable(self.source, failed))
        return sizes

    def _decode(
        self, names: Sequence[str], images: NDArray[np.uint8], digests: list[bytes], sizes: list[Size]
    ) -> NDArray[np.bool_]:
        """Fill the arrays, row by row. Returns False for images that could not be used; their reasons are recorded."""
        good = np.zeros(len(names), dtype=bool)
        starts = range(0, len(names), _CHUNK)
        workers = min(8, os.cpu_count() or 1)
        done = 0
        with ThreadPoolExecutor(workers, thread_name_prefix="import") as pool:
            waiting: set[Future[int]] = {
                pool.submit(self._chunk, names, images, digests, sizes, good, start) for start in starts
            }
            try:
                while waiting:
                    finished, waiting = wait(waiting, timeout=0.1, return_when=FIRST_EXCEPTION)
                    done += sum(future.result() for future in finished)
                    if self.progress:
                        self.progress(done, len(names))
                    self._check_cancel()
            finally:
                self.stop.set()  # on an error: chunks that have not begun end at once
        return good

    def _chunk(
        self,
        names: Sequence[str],
        images: NDArray[np.uint8],
        digests: list[bytes],
        sizes: list[Size],
        good: NDArray[np.bool_],
        start: int,
    ) -> int:
        height, width = images.shape[2:]
        rows = range(start, min(start + _CHUNK, len(names)))
        formats: Counter[str] = Counter()
        changes: Counter[str] = Counter()
        failed: list[tuple[str, str]] = []
        resized = 0
        for row in rows:
            if self.stop.is_set():
                return 0
            try:
                data = self.source.read(names[row])
                decoded = _images.decode(data, at_least=max(height, width))
            except (MemberError, ImageError) as error:
                failed.append((names[row], str(error)))
                continue
            pixels = decoded.pixels
            if pixels.shape[:2] != (height, width):
                pixels = _images.scale_to(pixels, height, width, squash=self.scaling == "squash")
                resized += 1
            images[row] = pixels.transpose(2, 0, 1)
            good[row] = True
            digests[row] = digest(data)
            sizes[row] = decoded.pixels.shape[0], decoded.pixels.shape[1]
            formats[decoded.format] += 1
            changes.update(decoded.notes)
        with self.lock:
            self.formats += formats
            self.changes += changes
            self.failed += failed
            self.resized += resized
        return len(rows)

    def _notes(self, channels: int, size: Size) -> list[str]:
        notes = []
        if self.formats["JPEG"]:
            notes.append("Decoded from JPEG, which is lossy: pixels differ from the originals.")
        if self.resized:
            how = "squashed" if self.scaling == "squash" else "scaled and cut"
            usual = "" if self.wanted else ", the usual size where none is chosen"
            notes.append(f"{self.resized:,} images were {how} to {compact_shape(size)} pixels{usual}.")
        if channels == 1:
            notes.append("All images are grey: kept as one channel.")
        notes += [f"{count:,} images: {change}." for change, count in sorted(self.changes.items())]
        return notes

    def _save(
        self,
        content: ImageArrays,
        title: str,
        origin: tuple[str, str],
        scaled_to: Size | None,
        left_out: list[tuple[str, str]],
        warnings: tuple[str, ...],
    ) -> ImportedDataset:
        fingerprint = content.fingerprint
        notes = [*content.notes]
        if left_out:
            notes.append(f"{len(left_out):,} files were left out.")
        if self.source.junk_count:
            notes.append(f"{self.source.junk_count:,} files of operating systems were passed over.")
        title = _store.clean_title(title) or "images"
        name = f"{_folders.slug(title, 40 - _DIGEST - 1)}-{fingerprint[:_DIGEST]}"
        try:
            before = _store.read_facts(name).sources
        except DatasetError:
            before = ()
        _, channels, height, width = content.train_images.shape
        facts = ImportedDataset(
            name=name,
            title=title,
            classes=content.classes,
            shape=(channels, height, width),
            counts=(len(content.train_labels), len(content.test_labels)),
            fingerprint=fingerprint,
            scaled_to=scaled_to,
            scaled_by=self.scaling if scaled_to else None,
            notes=tuple(notes),
            warnings=warnings,
            left_out=tuple(count_reasons(left_out).items()),
            skipped=tuple(left_out[: _store.MAX_SKIPPED]),
            skipped_count=len(left_out),
            sources=(origin, *(old for old in before if old != origin))[:8],
        )
        with _folders.staging_folder() as folder:
            staged = folder / name
            staged.mkdir()
            self._check_cancel()
            _store.save(content, facts, staged)
        return facts

    def _check_cancel(self) -> None:
        if self.cancel and self.cancel():
            self.stop.set()
            raise CancelledError("the import was cancelled")


def _select(images: NDArray[np.uint8], rows: NDArray[np.int64], channels: int) -> NDArray[np.uint8]:
    """Rows of the images; a view where they lie one after another, because a copy may be gigabytes."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows) and channels == images.shape[1]:
        return images[rows[0] : rows[-1] + 1]
    return np.ascontiguousarray(images[rows, :channels])


def _is_grey(images: NDArray[np.uint8], rows: NDArray[np.int64]) -> bool:
    return all(
        bool((part[:, 0] == part[:, 1]).all() and (part[:, 0] == part[:, 2]).all())
        for part in (images[rows[start : start + 1024]] for start in range(0, len(rows), 1024))
    )
