"""What a preview and an import decide alike: classes and splits, the size that is stored, what is held out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..memory import total_memory_bytes
from ..text import format_bytes, quote
from . import _images
from ._arrays import MIN_CLASSES
from ._checks import Size
from ._errors import DatasetError, ImageError
from ._layout import Layout, count_reasons, find_layout
from ._members import ARCHIVE_ENDINGS, MemberError, has_image_ending
from ._random import split_stratified
from ._sources import Source

MAX_ARRAY_BYTES = 4 * 2**30
_MEMORY_SHARE = 4
"""Part of the machine's memory that a set may take: training needs it twice, and room for a network."""
ASKED = "that was asked for"
DEFAULT_SIZE: Size = (64, 64)
SMALLEST_SIDE_PX, LARGEST_SIDE_PX = 8, 1024
_KEEP_SIDE_PX = 256
"""Images that all have the same size up to this many pixels a side are stored unchanged."""
_TEST_SHARE, _SEED = 0.2, 2015


def check_size(size: Size | None) -> None:
    """Raise DatasetError unless images may be stored at this size."""
    if size is not None and not all(SMALLEST_SIDE_PX <= side <= LARGEST_SIDE_PX for side in size):
        raise DatasetError(
            f"size (={size[0]}×{size[1]}) must be from {SMALLEST_SIDE_PX} to {LARGEST_SIDE_PX:,} pixels a side"
        )


def parse_size(text: str) -> Size:
    """Read a size that was typed.

    Args:
        text: Such as '224x300', height first, or '224' for a square.

    Returns:
        (height, width) in pixels.

    Raises:
        DatasetError: It is no such text, or below 8 or above 1,024 pixels a side.
    """
    match = re.fullmatch(r"\s*([0-9]{1,6})(?:\s*[x×]\s*([0-9]{1,6}))?\s*", text, re.IGNORECASE)
    if match is None:
        raise DatasetError(f"size {quote(text)} must be HEIGHTxWIDTH, such as 224x224")
    size = int(match[1]), int(match[2] or match[1])
    check_size(size)
    return size


def source_title(filename: str) -> str:
    """A file's or folder's name without its endings: 'cats.tar.gz' → 'cats'."""
    ending = next((ending for ending in ARCHIVE_ENDINGS if filename.lower().endswith(ending)), "")
    return filename[: len(filename) - len(ending)] or filename


def read_layout(source: Source) -> Layout:
    """The splits and classes of an open source. Raises DatasetError."""
    sizes = {name: member.size for name, member in source.members.items()}
    problems = [*source.problems]
    if any(map(has_image_ending, sizes)):  # else images may have no endings at all
        for name in [name for name in sizes if "." not in name.rpartition("/")[2]]:
            if not _is_image(source, name):
                problems.append((name, "not an image (no ending)"))
                del sizes[name]
    return find_layout(
        sizes.items(), source=quote(source.name), folders=source.folders, problems=problems, read_text=source.read_text
    )


def _is_image(source: Source, name: str) -> bool:
    try:
        _images.read_size(source.read(name))
    except (MemberError, ImageError):
        return False
    return True


def stored_size(sizes: set[Size], wanted: Size | None, *, keep_small: bool) -> tuple[Size, bool]:
    """The size at which images are stored, and whether all of them have it already."""
    common = next(iter(sizes)) if len(sizes) == 1 else None
    if common and max(common) <= _KEEP_SIDE_PX and (keep_small or wanted in (None, common)):
        return common, True
    size = wanted or DEFAULT_SIZE
    return size, common == size


@dataclass(frozen=True, kw_only=True, eq=False)
class Usable:
    """The images of a layout that can be read, of classes that can be trained."""

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    """Of every image of the layout, by ``classes``; meaningless for those that are not in ``train`` or ``test``."""
    train: NDArray[np.int64]
    """Rows: images of the layout, its training images first."""
    test: NDArray[np.int64]
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def select_usable(
    source: Source, layout: Layout, good: NDArray[np.bool_], failed: Sequence[tuple[str, str]] = ()
) -> Usable:
    """Leave out classes without a readable training image, and hold a test set out where there is none.

    Args:
        source: For messages.
        layout: What the source holds.
        good: For each image, training first, whether it can be read.
        failed: (path, reason) of those that cannot, for messages.

    Returns:
        Rows, classes and labels.

    Raises:
        DatasetError: Fewer than two classes are left, or no test image can be read.
    """
    pairs = [*layout.train, *layout.test]
    labels = np.array([label for _, label in pairs], dtype=np.int64)
    border = len(layout.train)
    if not good[:border].any():
        raise DatasetError(describe_unreadable(source, failed))
    counts = np.bincount(labels[:border][good[:border]], minlength=len(layout.classes))
    lost = [name for name, count in zip(layout.classes, counts, strict=True) if not count]
    if len(lost) > len(layout.classes) - MIN_CLASSES:
        raise DatasetError(f"the class {quote(lost[0])} has no readable training images{_count(failed)}")
    rows = np.flatnonzero(good & (counts > 0)[labels])
    train, test = rows[rows < border], rows[rows >= border]
    if layout.test and not len(test):
        raise DatasetError(f"there are no readable test images{_count(failed)}")
    notes, warnings = list(layout.notes), list(layout.warnings)
    if lost:
        warnings.append(f"Without a readable training image, and so left out: {', '.join(map(quote, lost))}.")
    labels = (np.cumsum(counts > 0) - 1)[labels]
    if not layout.test:
        train, test = (rows[part] for part in split_stratified(labels[rows], _TEST_SHARE, _SEED))
        notes.append("It came without a test set: a fifth of every class was set aside, the same at every import.")
        if not len(test):
            raise DatasetError("no class has a second image: without a test folder, one of each is set aside for it")
        single = [name for name, count in zip(layout.classes, counts, strict=True) if count == 1]
        if single:
            warnings.append(f"With one image, and so without test images: {', '.join(map(quote, single))}.")
    return Usable(
        classes=tuple(name for name in layout.classes if name not in lost), labels=labels, train=train, test=test,
        left_out=tuple((name, f"its class {layout.classes[label]} has no training images")
                       for (name, label), fine in zip(pairs, good, strict=True) if fine and not counts[label]),
        notes=tuple(notes), warnings=tuple(warnings),
    )  # fmt: skip


def describe_unreadable(source: Source, failed: Sequence[tuple[str, str]]) -> str:
    """A sentence that no image of a source can be read, and why."""
    return f"{quote(source.name)} holds no readable images in class folders{_count(failed)}"


def _count(failed: Sequence[tuple[str, str]]) -> str:
    counts = list(count_reasons(failed).items())[:3]
    return "; " + ", ".join(f"{count:,}: {reason}" for reason, count in counts) if counts else ""


def reason_to_stream(count: int, size: Size, *, folder: bool, asked: bool) -> str:
    """Why images are read from their files again and again, and not kept in memory; '' if they are kept.

    Args:
        count: Of the images.
        size: (height, width) at which they are stored.
        folder: Whether they lie in a folder: the members of an archive cannot be read in any order.
        asked: Whether it was asked for.

    Raises:
        DatasetError: They are too many for memory, and cannot be streamed.
    """
    if asked and not folder:
        raise DatasetError("an archive cannot be streamed: unpack it, and give the folder")
    if asked:
        return ASKED
    needed = count * 3 * size[0] * size[1]
    what = f"{count:,} images of {size[0]}×{size[1]} need {format_bytes(needed)}"
    if not folder and needed > MAX_ARRAY_BYTES:
        raise DatasetError(
            f"{what}; at most {format_bytes(MAX_ARRAY_BYTES)} are kept in memory: choose a smaller size, or unpack it "
            "and give the folder, which is streamed"
        )
    most = min(MAX_ARRAY_BYTES, total_memory_bytes() // _MEMORY_SHARE)
    return f"{what}, and at most {format_bytes(most)} are kept in memory here" if folder and needed > most else ""


def digest(data: bytes) -> bytes:
    """By which equal files are found."""
    return hashlib.blake2b(data, digest_size=16).digest()
