"""Imports of a zip or folder of class folders: listed, decoded on all cores, stored once."""

from __future__ import annotations

import os
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..home import absolute
from ..text import format_bytes, quote
from . import _folders, _images, _store
from ._arrays import ImageArrays, split_arrays
from ._errors import CancelledError, DatasetError, ImageError
from ._labels import ClassLayout, assign_classes
from ._members import Member, MemberError
from ._sources import Source, source_state
from ._store import ImportedDataset

Progress = Callable[[int, int], None]
"""Called with the amount done and the total, in images or bytes."""
Cancel = Callable[[], bool]
"""Called often; when it returns True, the operation raises CancelledError and leaves nothing behind."""

MAX_ARRAY_BYTES = 4 * 2**30
_KEEP_SIDE = 256
"""Images that all have the same size up to this many pixels a side are stored unchanged."""
_DEFAULT_SIZE = (64, 64)
_PROBED = 64
_CHUNK = 128
_TEST_SHARE, _SEED = 0.2, 2015
_DIGEST = 8


def import_images(
    path: str | Path,
    *,
    name: str | None = None,
    source: str | None = None,
    size: tuple[int, int] | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> ImportedDataset:
    """Import a zip or folder of class folders, with or without ``train`` and ``test`` folders around them.

    Small images of one size are stored unchanged. Others are scaled so that the shorter side fits, and centre-cropped.
    Without a test set, a fifth of every class is held out as one, always the same. A source that has not changed since
    its last import is not read again.

    Args:
        path: of the zip or folder.
        name: title shown to people; default: the file's name. The identifier is generated.
        source: origin shown on the card; default: the path.
        size: (height, width) in pixels, 8 to 1,024 a side; default: 64×64.
        progress: is called with the images done and their number.
        cancel: is called often; True stops the import.

    Returns:
        The facts of the stored set; ``load`` takes its name.

    Raises:
        DatasetError: the source cannot be used; nothing is left behind.
        CancelledError: ``cancel`` returned True; nothing is left behind.
    """
    path = absolute(path)
    if size is not None and not all(8 <= side <= 1024 for side in size):
        raise DatasetError(f"size (={size[0]}×{size[1]}) must be from 8 to 1,024 pixels a side")
    state = source_state(path)
    for known in _store.find_imported(path, state):
        # Verified: a user who was told that the stored copy is damaged imports again, and must get a new copy.
        if known.scaled_to in (None, size or _DEFAULT_SIZE) and _store.is_intact(known):
            return known
    try:
        with Source(path) as opened:
            return _Import(opened, state, name or path.stem, source or str(path), size, progress, cancel).run()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from None


def import_upload(
    data: bytes | memoryview,
    filename: str,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> ImportedDataset:
    """Import a zip file that came through a browser; see ``import_images``.

    Args:
        data: Its bytes. They lie on the disk only for as long as that takes.
        filename: What the file is called on the machine from which it came; nothing is opened under this name.
        progress: Called with pictures done and pictures to do.
        cancel: Ends the import once it returns True.

    Returns:
        The data set; its source is the file's own name.

    Raises:
        DatasetError: It cannot be used, or the disk is full.
        CancelledError: ``cancel`` said so.
    """
    with _folders.staging_folder() as folder:
        path = folder / "upload.zip"
        path.write_bytes(data)
        return import_images(path, name=Path(filename).stem, source=filename, progress=progress, cancel=cancel)


class _Import:
    def __init__(
        self,
        source: Source,
        state: str,
        title: str,
        origin: str,
        size: tuple[int, int] | None,
        progress: Progress | None,
        cancel: Cancel | None,
    ) -> None:
        self.source = source
        self.state = state
        self.title = _title(title)
        self.origin = origin
        self.wanted = size
        self.progress = progress
        self.cancel = cancel
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.skipped: list[tuple[str, str]] = list(source.skipped)
        self.formats: Counter[str] = Counter()
        self.changes: Counter[str] = Counter()
        self.resized = 0

    def run(self) -> ImportedDataset:
        todo = assign_classes(self.source.members, quote(self.source.path.name))
        self.skipped += todo.skipped
        pairs = [*todo.train, *todo.test]
        height, width, common = self._size([member for member, _ in pairs])
        needed = len(pairs) * 3 * height * width
        if needed > MAX_ARRAY_BYTES:
            raise DatasetError(
                f"{len(pairs):,} images of {height}×{width} need {format_bytes(needed)}; at most "
                f"{format_bytes(MAX_ARRAY_BYTES)} are allowed: choose a smaller size"
            )
        _folders.check_disk_space(needed)
        images = np.empty((len(pairs), 3, height, width), dtype=np.uint8)
        good = self._decode([member for member, _ in pairs], images)
        labels = np.array([label for _, label in pairs], dtype=np.int64)
        content = self._content(todo, images, labels, good)
        return self._save(content, None if common else (height, width))

    def _size(self, members: Sequence[Member]) -> tuple[int, int, bool]:
        """(height, width, whether the images have it already), estimated from some of them, evenly spread."""
        sizes = set()
        for member in members[:: max(1, len(members) // _PROBED)]:
            self._check_cancel()
            try:
                sizes.add(_images.read_size(self.source.read(member)))
            except (MemberError, ImageError):
                continue
        if not sizes:
            raise DatasetError(f"{quote(self.source.path.name)} holds no readable images in class folders")
        if len(sizes) == 1 and max(size := sizes.pop()) <= _KEEP_SIDE:
            return *size, True
        return *(self.wanted or _DEFAULT_SIZE), False

    def _decode(self, members: Sequence[Member], images: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Fill the array, row by row. Returns False for images that could not be used; their reasons are recorded."""
        good = np.zeros(len(members), dtype=bool)
        starts = range(0, len(members), _CHUNK)
        workers = min(8, os.cpu_count() or 1)
        done = 0
        with ThreadPoolExecutor(workers, thread_name_prefix="import") as pool:
            waiting: set[Future[int]] = {pool.submit(self._chunk, members, images, good, start) for start in starts}
            try:
                while waiting:
                    finished, waiting = wait(waiting, timeout=0.1, return_when=FIRST_EXCEPTION)
                    done += sum(future.result() for future in finished)
                    if self.progress:
                        self.progress(done, len(members))
                    self._check_cancel()
            finally:
                self.stop.set()  # on an error: chunks that have not begun end at once
        return good

    def _chunk(self, members: Sequence[Member], images: NDArray[np.uint8], good: NDArray[np.bool_], start: int) -> int:
        height, width = images.shape[2:]
        rows = range(start, min(start + _CHUNK, len(members)))
        formats: Counter[str] = Counter()
        changes: Counter[str] = Counter()
        skipped: list[tuple[str, str]] = []
        resized = 0
        for row in rows:
            if self.stop.is_set():
                return 0
            try:
                decoded = _images.decode(self.source.read(members[row]), at_least=max(height, width))
            except (MemberError, ImageError) as error:
                skipped.append((members[row].name, str(error)))
                continue
            pixels = decoded.pixels
            if pixels.shape[:2] != (height, width):
                pixels = _images.scale_and_crop(pixels, height, width)
                resized += 1
            images[row] = pixels.transpose(2, 0, 1)
            good[row] = True
            formats[decoded.format] += 1
            changes.update(decoded.notes)
        with self.lock:
            self.formats += formats
            self.changes += changes
            self.skipped += skipped
            self.resized += resized
        return len(rows)

    def _content(
        self, todo: ClassLayout, images: NDArray[np.uint8], labels: NDArray[np.int64], good: NDArray[np.bool_]
    ) -> ImageArrays:
        border = int(good[: len(todo.train)].sum())
        if not good.all():
            images, labels = images[good], labels[good]
        if _is_grey(images):
            images = np.ascontiguousarray(images[:, :1])
        lost = [name for label, name in enumerate(todo.classes) if not (labels[:border] == label).any()]
        if lost:
            raise DatasetError(f"the class {quote(lost[0])} has no readable training images")
        notes = (*todo.notes, *self._notes(images.shape))
        if not todo.test:
            few = [name for label, name in enumerate(todo.classes) if (labels == label).sum() < 2]
            if few:
                raise DatasetError(f"the class {quote(few[0])} has one image; without a test folder it needs two")
            notes += ("It came without a test set: a fifth of every class was set aside, the same at every import.",)
            return split_arrays("import", todo.classes, images, labels, share=_TEST_SHARE, seed=_SEED, notes=notes)
        if border == len(images):
            raise DatasetError("there are no readable test images")
        return ImageArrays(
            name="import",
            classes=todo.classes,
            train_images=images[:border],
            train_labels=labels[:border],
            test_images=images[border:],
            test_labels=labels[border:],
            notes=notes,
        )

    def _notes(self, shape: tuple[int, ...]) -> list[str]:
        notes = []
        if self.formats["JPEG"]:
            notes.append("Decoded from JPEG, which is lossy: pixels differ from the originals.")
        if self.resized:
            notes.append(f"{self.resized:,} images were scaled and cut to {shape[2]}×{shape[3]} pixels.")
        if shape[1] == 1:
            notes.append("All images are grey: kept as one channel.")
        notes += [f"{count:,} images: {change}." for change, count in sorted(self.changes.items())]
        if self.skipped:
            notes.append(f"{len(self.skipped):,} files were left out.")
        if self.source.junk_count:
            notes.append(f"{self.source.junk_count:,} files of operating systems were passed over.")
        return notes

    def _save(self, content: ImageArrays, scaled_to: tuple[int, int] | None) -> ImportedDataset:
        fingerprint = content.fingerprint
        name = f"{_folders.slug(self.title, 40 - _DIGEST - 1)}-{fingerprint[:_DIGEST]}"
        source = (self.origin, self.state)
        try:
            before = _store.read_facts(name).sources
        except DatasetError:
            before = ()
        _, channels, height, width = content.train_images.shape
        facts = ImportedDataset(
            name=name,
            title=self.title,
            classes=content.classes,
            shape=(channels, height, width),
            counts=(len(content.train_labels), len(content.test_labels)),
            fingerprint=fingerprint,
            scaled_to=scaled_to,
            notes=content.notes,
            skipped=tuple(sorted(self.skipped)[: _store.MAX_SKIPPED]),
            skipped_count=len(self.skipped),
            sources=(source, *(old for old in before if old != source))[:8],
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


def _title(text: str) -> str:
    kept = "".join(letter for letter in unicodedata.normalize("NFC", text) if unicodedata.category(letter)[0] != "C")
    return " ".join(kept.split())[:64] or "images"


def _is_grey(images: NDArray[np.uint8]) -> bool:
    return all(
        bool((part[:, 0] == part[:, 1]).all() and (part[:, 0] == part[:, 2]).all())
        for part in (images[start : start + 1024] for start in range(0, len(images), 1024))
    )
