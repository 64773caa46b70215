"""A look at a folder or archive of images before anything of it is stored."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..home import absolute
from . import _folders, _images
from ._checks import Size, warn_of_content, warn_of_sizes
from ._decoding import Cancel, Progress
from ._errors import CancelledError, DatasetError, ImageError
from ._layout import Layout, count_reasons
from ._members import MemberError
from ._plan import check_size, digest, read_layout, reason_to_stream, select_usable, source_title, stored_size
from ._samples import TILE_PX, Sample, decode_samples
from ._sources import Source

_BATCH = 64
_DECODED = 128
"""Images that are decoded as a whole, evenly spread over the source; of the others only the headers are read."""
_READ = 200_000
"""Files; of a million some minutes would go by before anything could be seen."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Preview:
    """What an import would make of a source, as far as the names, headers and bytes of its files tell."""

    title: str
    """From the file's or folder's name."""
    classes: tuple[str, ...]
    """Names, in the order of the labels."""
    train_counts: tuple[int, ...]
    """Images of each class."""
    test_counts: tuple[int, ...]
    """The same of the images for testing; 0 of each where the source has none."""
    sizes: tuple[tuple[Size, int], ...]
    """((height, width), images), the commonest first."""
    folders: tuple[tuple[str, str, int], ...]
    """(folder, what it was taken for, images)."""
    left_out: tuple[tuple[str, int], ...]
    """(reason, files), the commonest first."""
    skipped: tuple[tuple[str, str], ...]
    """(path, reason) of every file that is left out."""
    notes: tuple[str, ...]
    """What a person must know to judge a result, one sentence each."""
    warnings: tuple[str, ...]
    """What does not depend on the size that is stored; see ``warn_of_size``."""
    samples: tuple[Sample, ...]
    """A few of the images."""
    is_folder: bool = False
    """Whether it can be streamed: its files can be read again and again where they lie."""

    @property
    def count(self) -> int:
        """Images that can be used."""
        return sum(self.train_counts) + sum(self.test_counts)

    @property
    def smallest(self) -> Size:
        """The largest (height, width) at which no image is enlarged."""
        return min(height for (height, _), _ in self.sizes), min(width for (_, width), _ in self.sizes)

    @property
    def largest(self) -> Size:
        """(height, width) that no image exceeds."""
        return max(height for (height, _), _ in self.sizes), max(width for (_, width), _ in self.sizes)

    @property
    def kept_size(self) -> Size | None:
        """(height, width) of all images, if it is so small that they are stored as they are unless told otherwise."""
        size, kept = stored_size({size for size, _ in self.sizes}, None, keep_small=True)
        return size if kept else None

    def check_size(self, wanted: Size | None, *, stream: bool = False) -> str:
        """Why the images would be streamed at a (height, width), and not stored; '' if they would be stored.

        ``stream`` asks for it. Raises DatasetError if neither is possible.
        """
        check_size(wanted)
        return reason_to_stream(self.count, self.size_stored(wanted), folder=self.is_folder, asked=stream)

    def size_stored(self, wanted: Size | None) -> Size:
        """(height, width) at which an import for this wish stores the images."""
        return stored_size({size for size, _ in self.sizes}, wanted, keep_small=wanted is None)[0]

    def bytes_stored(self, wanted: Size | None) -> int:
        """Bytes that the images then take, in memory and on the disk; a third of it if all of them are grey."""
        height, width = self.size_stored(wanted)
        return self.count * (3 * height * width + 8)

    def warn_of_size(self, wanted: Size | None) -> list[str]:
        """Sentences on images that are too small, or too small for the size that would be stored."""
        stored, kept = stored_size({size for size, _ in self.sizes}, wanted, keep_small=wanted is None)
        return warn_of_sizes((size for size, count in self.sizes for _ in range(count)), None if kept else stored)

    def to_data(self, wanted: Size | None = None, *, stream: bool = False) -> dict[str, Any]:
        """Everything but the samples, for JSON; ``wanted`` is the (height, width) to store, None for the usual one."""
        stored = self.size_stored(wanted)
        try:
            reason, problem = self.check_size(wanted, stream=stream), None
        except DatasetError as error:
            reason, problem = "", str(error)
        return {
            "title": self.title,
            "classes": {
                name: {"train": train, "test": test}
                for name, train, test in zip(self.classes, self.train_counts, self.test_counts, strict=True)
            },
            "splits": {"train": sum(self.train_counts), "test": sum(self.test_counts)},
            "images": self.count,
            "sizes": {
                "smallest": list(self.smallest),
                "largest": list(self.largest),
                "different": len(self.sizes),
                "commonest": [{"size": list(size), "images": count} for size, count in self.sizes[:10]],
            },
            "stored": {"size": list(stored), "bytes": self.bytes_stored(wanted)},
            "streamed": bool(reason),
            "stream_reason": reason,
            "problem": problem,
            "folders": [{"folder": where, "taken_for": use, "images": count} for where, use, count in self.folders],
            "left_out": dict(self.left_out),
            "warnings": [*self.warnings, *self.warn_of_size(wanted)],
            "notes": list(self.notes),
        }


def preview(
    path: str | Path, *, name: str | None = None, progress: Progress | None = None, cancel: Cancel | None = None
) -> Preview:
    """Look at a folder, zip or tar of images before anything of it is stored.

    Recognised are class folders, with or without splits such as train, val and test around them, also nested; images
    with a list of their labels, such as a CSV file; and file names that begin with their class. Every file is read
    (of more than 200,000 files as many, evenly spread); as many as 128 images, evenly spread, are decoded to their end,
    the others as far as their headers: one of these that is damaged further on is found and left out by the import,
    which decodes all. A note says how many were decoded.

    Args:
        path: Of the folder or archive.
        name: What it is called in messages; default: its own name.
        progress: Is called with the images done and their number.
        cancel: Is called often; True stops it.

    Returns:
        What an import would make of it.

    Raises:
        DatasetError: An import would be refused; the message says why, and what was left out.
        CancelledError: ``cancel`` returned True.
    """
    path = absolute(path)
    try:
        with Source(path, name) as source:
            layout = read_layout(source)
            return _look(source, layout, source_title(name or path.name), progress, cancel)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from None


def preview_upload(
    data: bytes | memoryview, filename: str, *, progress: Progress | None = None, cancel: Cancel | None = None
) -> Preview:
    """Look at an archive that came through a browser; see ``preview``.

    Args:
        data: Its bytes. They lie on the disk only for as long as that takes.
        filename: What the file is called on the machine from which it came; nothing is opened under this name.
        progress: As for ``preview``.
        cancel: As for ``preview``.

    Returns:
        What an import would make of it.

    Raises:
        DatasetError: It would be refused, or the disk is full.
        CancelledError: ``cancel`` said so.
    """
    with _folders.staging_folder() as folder:
        path = folder / "upload"
        path.write_bytes(data)
        return preview(path, name=Path(filename).name, progress=progress, cancel=cancel)


def _look(source: Source, layout: Layout, title: str, progress: Progress | None, cancel: Cancel | None) -> Preview:
    pairs = [*layout.train, *layout.test]
    seen = _read_images(source, [name for name, _ in pairs], progress, cancel)
    failed = [(name, found) for (name, _), found in zip(pairs, seen, strict=True) if isinstance(found, str)]
    good = np.array([not isinstance(found, str) for found in seen], dtype=bool)
    usable = select_usable(source, layout, good, failed)
    left_out = tuple(sorted([*layout.left_out, *usable.left_out, *failed]))
    sizes: Counter[Size] = Counter()
    content: list[list[tuple[int, bytes]]] = [[], []]
    for rows, into in zip((usable.train, usable.test), content, strict=True):
        for row in rows:
            found = seen[row]
            if found is not None and not isinstance(found, str):
                sizes[found[0]] += 1
                into.append((int(usable.labels[row]), found[1]))
    count = len(usable.classes)
    return Preview(
        title=title,
        classes=usable.classes,
        train_counts=tuple(np.bincount(usable.labels[usable.train], minlength=count).tolist()),
        test_counts=tuple(np.bincount(usable.labels[usable.test], minlength=count).tolist()),
        sizes=tuple(sizes.most_common()),
        folders=layout.folders,
        left_out=tuple(count_reasons(left_out).items()),
        skipped=left_out,
        notes=(*usable.notes, *_describe_check(len(pairs))),
        warnings=(*usable.warnings, *warn_of_content(usable.classes, *content)),
        samples=decode_samples(
            source, usable.classes, ((pairs[row][0], int(usable.labels[row])) for row in usable.train)
        ),
        is_folder=source.is_folder,
    )


def _describe_check(count: int) -> list[str]:
    read = len(range(0, count, _step(count, _READ)))
    decoded = len(range(0, read, _step(read, _DECODED)))
    if decoded == count:
        return ["Every image was decoded to its end: an import leaves out no other files."]
    said = [
        f"{decoded:,} of {read:,} images were decoded to their end, the others as far as their headers: an import "
        "decodes all, and leaves out those that are damaged further on."
    ]
    if read < count:
        said.append(
            f"Of the {count:,} files {read:,}, evenly spread, were looked at: sizes, damaged files and duplicates are "
            "those of these. The import looks at all."
        )
    return said


def _step(count: int, most: int) -> int:
    return max(1, -(-count // most))


def _read_images(
    source: Source, names: Sequence[str], progress: Progress | None, cancel: Cancel | None
) -> list[tuple[Size, bytes] | str | None]:
    """Size and digest of each image, or why it cannot be used; None for those that were not looked at."""
    stop = threading.Event()
    rows = range(0, len(names), _step(len(names), _READ))
    decoded = frozenset(rows[:: _step(len(rows), _DECODED)])

    def look(row: int) -> tuple[Size, bytes] | str:
        if stop.is_set():
            return ""
        try:
            data = source.read(names[row])
            size = _images.decode(data, at_least=TILE_PX).size if row in decoded else _images.read_size(data)
            return size, digest(data)
        except (MemberError, ImageError) as error:
            return str(error)

    found: list[tuple[Size, bytes] | str | None] = [None] * len(names)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="preview") as pool:
        try:
            for start in range(0, len(rows), _BATCH):
                if cancel and cancel():
                    raise CancelledError("the preview was cancelled")
                part = rows[start : start + _BATCH]
                for row, seen in zip(part, pool.map(look, part), strict=True):
                    found[row] = seen
                if progress:
                    progress(start + len(part), len(rows))
        finally:
            stop.set()
    return found
