"""Imports of folders and archives of images: listed, sorted into classes, decoded on all cores, stored once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import ownership
from ..home import absolute
from ..text import compact_shape
from . import _folders, _images, _index, _store
from ._arrays import ImageArrays
from ._checks import Size, warn_of_content, warn_of_sizes
from ._decoding import Cancel, Decoding, Progress
from ._errors import CancelledError, DatasetError, ImageError
from ._index import Index
from ._layout import count_reasons
from ._members import MemberError
from ._plan import (
    ASKED,
    DEFAULT_SIZE,
    Usable,
    check_size,
    describe_unreadable,
    read_layout,
    reason_to_stream,
    select_usable,
    source_title,
    stored_size,
)
from ._sources import Source, source_state
from ._store import ImportedDataset, Scaling

_PROBED = 64
_DIGEST = 8
_INDEX_BYTES = 300
"""Of an image in an index, with a long path."""


def import_images(
    path: str | Path,
    *,
    name: str | None = None,
    source: str | None = None,
    size: Size | None = None,
    scaling: Scaling = "cut",
    keep_small: bool = True,
    stream: bool = False,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> ImportedDataset:
    """Import a folder, zip or tar of images, laid out in any of the ways that ``preview`` knows.

    Small images of one size are stored unchanged; others are scaled to one size. Without a test set, a fifth of every
    class is held out as one, always the same. A source that has not changed since its last import is not read again.

    A folder whose images do not fit in memory at that size is streamed: only an index is stored, and its files are
    read where they lie, each time that they are needed.

    Args:
        path: of the folder or archive.
        name: title shown to people; default: the file's name. The identifier is generated.
        source: origin shown on the card; default: the path.
        size: (height, width) in pixels, 8 to 1,024 a side; default: 64×64.
        scaling: how images of other proportions are brought to that size.
        keep_small: whether images that all have one size of at most 256 pixels a side are left as they are, whatever
            ``size`` says.
        stream: whether a folder is streamed even if its images fit in memory.
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
        if _serves(known, size, scaling, keep_small, stream) and _store.is_intact(known):
            ownership.claim(_store.owners_of(known.name), new=False)
            named = name and name != known.title and ownership.owns_alone(_store.owners_of(known.name))
            return _store.rename(known.name, str(name)) if named else known
    try:
        with Source(path, source and Path(source).name) as opened:
            todo = _Import(opened, size, scaling, keep_small, stream, progress, cancel)
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


def _serves(known: ImportedDataset, size: Size | None, scaling: Scaling, keep_small: bool, stream: bool) -> bool:
    """Whether an earlier import is what is asked for now."""
    if not known.streamed if stream else known.stream_reason == ASKED:
        return False
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
        stream: bool,
        progress: Progress | None,
        cancel: Cancel | None,
    ) -> None:
        self.source = source
        self.wanted = size
        self.scaling: Scaling = scaling
        self.keep_small = keep_small
        self.stream = stream
        self.progress = progress
        self.cancel = cancel

    def run(self, title: str, origin: tuple[str, str]) -> ImportedDataset:
        layout = read_layout(self.source)
        pairs = [*layout.train, *layout.test]
        names = [name for name, _ in pairs]
        size, common = stored_size(self._probe(names), self.wanted, keep_small=self.keep_small)
        reason = reason_to_stream(len(pairs), size, folder=self.source.is_folder, asked=self.stream)
        _folders.check_disk_space(len(pairs) * (_INDEX_BYTES if reason else 3 * size[0] * size[1]))
        images = None if reason else np.empty((len(pairs), 3, *size), dtype=np.uint8)
        decoding = Decoding(self.source, names, size, squash=self.scaling == "squash", images=images)
        decoding.run(self.progress, self.cancel)
        found = select_usable(self.source, layout, decoding.good, decoding.failed)
        rows = np.concatenate([found.train, found.test])
        channels = 1 if bool(decoding.grey[rows].all()) else 3
        scaled_to = None if common else size
        left_out = sorted([*layout.left_out, *found.left_out, *decoding.failed])
        facts = ImportedDataset(
            name="import",
            title=_store.clean_title(title) or "images",
            classes=found.classes,
            shape=(channels, *size),
            counts=(len(found.train), len(found.test)),
            fingerprint="",
            scaled_to=scaled_to,
            scaled_by=self.scaling if scaled_to else None,
            notes=(*found.notes, *self._notes(decoding, channels, size, left_out, reason)),
            warnings=(*found.warnings, *_warnings(found, decoding, scaled_to)),
            left_out=tuple(count_reasons(left_out).items()),
            skipped=tuple(left_out[: _store.MAX_SKIPPED]),
            skipped_count=len(left_out),
            sources=(origin,),
            stream_reason=reason,
        )
        if images is None:
            return self._save_index(facts, decoding, names, found)
        content = ImageArrays(
            name="import",
            classes=found.classes,
            train_images=_select(images, found.train, channels),
            train_labels=found.labels[found.train],
            test_images=_select(images, found.test, channels),
            test_labels=found.labels[found.test],
            notes=facts.notes,
        )
        facts = _named(facts, content.fingerprint)
        return self._store(facts, lambda staged: _store.save(content, facts, staged))

    def _save_index(
        self, facts: ImportedDataset, decoding: Decoding, names: Sequence[str], found: Usable
    ) -> ImportedDataset:
        rows = np.concatenate([found.train, found.test])
        paths, ends = _index.pack_paths([names[row] for row in rows])
        index = Index(
            root=self.source.path, classes=facts.classes, shape=facts.shape, squash=facts.scaled_by == "squash",
            train_count=len(found.train), paths=paths, ends=ends, labels=found.labels[rows],
            digests=decoding.digests[rows],
        )  # fmt: skip
        moments = decoding.moments(found.train, facts.shape[0])
        facts = _named(facts, index.fingerprint)
        return self._store(facts, lambda staged: _store.save_index(index, moments, facts, staged))

    def _store(self, facts: ImportedDataset, save: Callable[[Path], None]) -> ImportedDataset:
        with _folders.staging_folder() as folder:
            staged = folder / facts.name
            staged.mkdir()
            self._check_cancel()
            save(staged)
        return facts

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

    def _notes(
        self, decoding: Decoding, channels: int, size: Size, left_out: Sequence[object], reason: str
    ) -> list[str]:
        notes = []
        if reason:
            notes.append(
                f"Streamed, since {reason}: the files stay in {self.source.path} and are read from there whenever they "
                "are needed. Nothing was copied; a file that changes is noticed."
            )
        if decoding.formats["JPEG"]:
            notes.append("Decoded from JPEG, which is lossy: pixels differ from the originals.")
        if decoding.resized:
            how = "squashed" if self.scaling == "squash" else "scaled and cut"
            usual = "" if self.wanted else ", the usual size where none is chosen"
            when = "are" if reason else "were"
            notes.append(f"{decoding.resized:,} images {when} {how} to {compact_shape(size)} pixels{usual}.")
        if channels == 1:
            notes.append("All images are grey: kept as one channel.")
        notes += [f"{count:,} images: {change}." for change, count in sorted(decoding.changes.items())]
        if left_out:
            notes.append(f"{len(left_out):,} files were left out.")
        if self.source.junk_count:
            notes.append(f"{self.source.junk_count:,} files of operating systems were passed over.")
        return notes

    def _check_cancel(self) -> None:
        if self.cancel and self.cancel():
            raise CancelledError("the import was cancelled")


def _named(facts: ImportedDataset, fingerprint: str) -> ImportedDataset:
    """The facts with the identifier that comes from the content, and where the same content came from before."""
    name = f"{_folders.slug(facts.title, 40 - _DIGEST - 1)}-{fingerprint[:_DIGEST]}"
    try:
        before = _store.read_facts(name).sources
    except DatasetError:
        before = ()
    (origin,) = facts.sources
    sources = (origin, *(old for old in before if old != origin))[:8]
    return replace(facts, name=name, fingerprint=fingerprint, sources=sources)


def _warnings(found: Usable, decoding: Decoding, scaled_to: Size | None) -> Iterable[str]:
    """What a person should look at before training, but for what the names of the files tell."""
    train, test = (
        [(int(found.labels[row]), decoding.digests[row].tobytes()) for row in part]
        for part in (found.train, found.test)
    )
    yield from warn_of_content(found.classes, train, test)
    rows = np.concatenate([found.train, found.test])
    yield from warn_of_sizes(((int(a), int(b)) for a, b in decoding.sizes[rows]), scaled_to)


def _select(images: NDArray[np.uint8], rows: NDArray[np.int64], channels: int) -> NDArray[np.uint8]:
    """Rows of the images; a view where they lie one after another, because a copy may be gigabytes."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows) and channels == images.shape[1]:
        return images[rows[0] : rows[-1] + 1]
    return np.ascontiguousarray(images[rows, :channels])
