"""Imported sets on the disk: a folder with one file of arrays and one of facts, verified when opened."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import math
import os
import struct
import unicodedata
import zipfile
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .. import ownership
from ..person import act_as, acting
from ..text import quote
from . import _folders, _index
from ._arrays import NAMES, ImageArrays
from ._card import DatasetCard
from ._errors import DatasetError
from ._index import Index
from ._layout import count_reasons

logger = logging.getLogger(__name__)

Scaling = Literal["cut", "squash"]
"""Cut: proportions are kept, and what stands out is cut off evenly. Squash: the whole image is kept."""

ARRAYS, FACTS, OWNERS = "images.npz", "set.json", "owners"
VERSION = 1
MAX_SKIPPED = 1_000
"""Rows stored of the table of skipped files; the rest is counted."""
Moments = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of each channel, of pixels from 0 to 1."""
_FACTS_BYTES = 4 * 2**20


@dataclass(frozen=True, kw_only=True)
class ImportedDataset:
    """The facts of an imported set, for its card and for loading it. The field names are the keys of ``set.json``."""

    name: str
    """The generated identifier."""
    title: str
    """From the file's or folder's name."""
    classes: tuple[str, ...]
    """Names, in the order of the labels."""
    shape: tuple[int, int, int]
    """(channels, height, width) of every image."""
    counts: tuple[int, int]
    """Images for training, for testing."""
    fingerprint: str
    """SHA-256 of the content; see ``ImageArrays.fingerprint``."""
    scaled_to: tuple[int, int] | None
    """(height, width) if images were scaled on import; None if all had one size, which was kept."""
    scaled_by: Scaling | None
    """How images of other proportions were brought to that size; None if none was scaled."""
    notes: tuple[str, ...]
    """What a person must know to judge a result, one sentence each."""
    warnings: tuple[str, ...]
    """What a person should look at before training."""
    left_out: tuple[tuple[str, int], ...]
    """(reason, files) of everything that is not in the set."""
    skipped: tuple[tuple[str, str], ...]
    """(path, reason), at most MAX_SKIPPED."""
    skipped_count: int
    """Files that the import left out."""
    sources: tuple[tuple[str, str], ...]
    """(absolute path, state) of what it was imported from, newest first; the state changes when the file does."""
    stream_reason: str = ""
    """Why its images are read from the first of the sources again and again; '' if they are stored here."""

    @property
    def streamed(self) -> bool:
        """Whether only an index of its images is stored, and they stay where they are."""
        return bool(self.stream_reason)


def folder(name: str) -> Path:
    """Where a set lies."""
    return _folders.imported_folder(name)


def owners_of(name: str) -> Path:
    """Where it is written whose a set is."""
    return folder(name) / OWNERS


def names() -> list[str]:
    """Identifiers of all imported sets that they may see for whom the program acts."""
    root = _folders.writable_folder()
    if not root.is_dir():
        return []
    found = (e for e in root.iterdir() if _folders.is_identifier(e.name) and (e / FACTS).is_file())
    return sorted(e.name for e in found if ownership.may_look(e / OWNERS))


def save(content: ImageArrays, known: ImportedDataset, staged: Path) -> None:
    """Write both files into the staging folder, then rename it to its final place: all or nothing is seen."""
    with (staged / ARRAYS).open("wb") as file:
        content.write(file)
    _folders.sync(staged / ARRAYS)
    _publish(known, staged)


def save_index(index: Index, moments: Moments, known: ImportedDataset, staged: Path) -> None:
    """The same for a streamed set; its mean and deviation beside it."""
    _index.write(index, staged)
    save_moments(staged, index.shape, moments)
    _publish(known, staged)


def _publish(known: ImportedDataset, staged: Path) -> None:
    _write(staged / FACTS, known)
    _folders.sync(staged)
    final = folder(known.name)
    # The identifier comes from the content. If the same images are there, from here or from an import that was
    # quicker, only the facts are new, and who reads that set meanwhile is not disturbed. A damaged copy makes room.
    with act_as(None):  # it may be somebody else's, who does not show it
        owned, intact = final.is_dir(), not known.streamed and is_intact(known)  # an index may lead elsewhere now
    if intact:
        if ownership.owns_alone(final / OWNERS):
            (staged / FACTS).replace(final / FACTS)
        ownership.claim(final / OWNERS, new=False)
        return
    before = ownership.list_owners(final / OWNERS) if owned else {}
    ownership.claim(staged / OWNERS, new=True, before=before.items())
    for attempt in range(3):
        with contextlib.suppress(FileNotFoundError):
            final.rename(staged.with_name(f"replaced-{attempt}"))
        try:
            staged.rename(final)
        except OSError as error:
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
                continue  # another process put its copy there in between: look again
            raise
        _folders.sync(final.parent)
        return
    raise DatasetError(f"{final} is being written by another import; try again")


def is_intact(known: ImportedDataset) -> bool:
    """Whether the stored copy of a set can be read and is what was written."""
    try:
        content = open_index(known.name) if known.streamed else load(known.name)
        return read_facts(known.name).fingerprint == known.fingerprint == content.fingerprint
    except DatasetError:
        return False


def read_facts(name: str) -> ImportedDataset:
    """What is known about an imported set. Raises DatasetError if there is none or its facts are unreadable."""
    path = folder(name) / FACTS
    try:
        if not ownership.may_look(path.parent / OWNERS):
            raise FileNotFoundError
        with path.open("rb") as file:
            data: dict[str, Any] = json.loads(file.read(_FACTS_BYTES))
        if data.pop("version") != VERSION or data["name"] != name:
            raise ValueError("another version or name")
        for key in ("classes", "shape", "counts", "notes"):
            data[key] = tuple(data[key])
        for key in ("skipped", "sources"):
            data[key] = tuple((str(a), str(b)) for a, b in data[key])
        data["scaled_to"] = tuple(data["scaled_to"]) if data["scaled_to"] else None
        # What versions before 0.3 did not write; they always cut.
        data.setdefault("scaled_by", "cut" if data["scaled_to"] else None)
        data["warnings"] = tuple(map(str, data.get("warnings", ())))
        counted = data.get("left_out") or count_reasons(data["skipped"]).items()
        data["left_out"] = tuple((str(reason), int(count)) for reason, count in counted)
        if not data["sources"]:
            raise ValueError("no source")
        return ImportedDataset(**data)
    except FileNotFoundError:
        raise DatasetError(f"there is no imported data set {name}") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DatasetError(f"{path} is damaged ({error}); import the data set {name} again") from None


def load(name: str) -> ImageArrays:
    """An imported set. Raises DatasetError if a file is missing or is not what was written."""
    known = read_facts(name)
    path = folder(name) / ARRAYS
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            parts = {key: arrays[key] for key in NAMES}
        squashed = known.scaled_by == "squash"
        content = ImageArrays(name=name, classes=known.classes, notes=known.notes, squashed=squashed, **parts)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise DatasetError(f"{path} is damaged or missing ({error}); import {known.title} again") from None
    if content.fingerprint != known.fingerprint:
        raise DatasetError(
            f"{path} is damaged: the SHA-256 of its content is {content.fingerprint}, it was written as "
            f"{known.fingerprint}; import {known.title} again"
        )
    return content


def open_index(name: str) -> Index:
    """The index of a streamed set, whose folder is there. Raises DatasetError."""
    index, known = read_index(name), read_facts(name)
    if not index.root.is_dir():
        raise DatasetError(
            f"{index.root}, the folder of the images of {known.title}, is not there; bring it back, or import the "
            "folder from its new place"
        )
    return index


def copy_of(name: str) -> Path:
    """Where the images of a streamed set lie on a machine that does not have their own folder."""
    return folder(name) / "images"


def _root_of(known: ImportedDataset) -> Path:
    """The folder in which the images of a streamed set are read here."""
    return copied if (copied := copy_of(known.name)).is_dir() else Path(known.sources[0][0])


def read_index(name: str, root: Path | None = None) -> Index:
    """The index of a streamed set, whose images are read in ``root``. Raises DatasetError if it is not as written."""
    known = read_facts(name)
    place, root = folder(name), root or _root_of(known)
    try:
        index = _index.read(place, root, known.classes, known.shape, known.counts, known.scaled_by == "squash")
    except (OSError, EOFError, ValueError) as error:
        raise DatasetError(f"{place} is damaged or incomplete ({error}); import {known.title} again") from None
    if index.fingerprint != known.fingerprint:
        raise DatasetError(f"{place} is damaged: its index is not what was written; import {known.title} again")
    return index


def read_moments(place: Path, shape: tuple[int, int, int]) -> Moments | None:
    """Mean and deviation that ``save_moments`` wrote; None if there are none, or they are unreadable."""
    try:
        found = json.loads(_moments_path(place, shape).read_text(encoding="ascii"))
        mean, deviation = (tuple(float(value) for value in found[key]) for key in ("mean", "std"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        logger.warning("the mean and deviation of %s are measured again: %s", place.name, error)
        return None
    return (mean, deviation) if len(mean) == len(deviation) == shape[0] else None


def save_moments(place: Path, shape: tuple[int, int, int], moments: Moments) -> None:
    """Keep mean and deviation of the training images of a streamed set, adapted to a shape, beside its index."""
    path = _moments_path(place, shape)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps({"mean": moments[0], "std": moments[1]}), encoding="ascii")
    _folders.sync(part)
    part.replace(path)


def _moments_path(place: Path, shape: tuple[int, int, int]) -> Path:
    return place / f"moments-{'x'.join(map(str, shape))}.json"


def find_imported(path: Path, state: str) -> list[ImportedDataset]:
    """The sets that were imported from exactly this state of a file or folder."""
    found = []
    for name in names():
        try:
            known = read_facts(name)
        except DatasetError as error:
            logger.warning("an imported set is ignored: %s", error)
            continue
        if (str(path), state) in known.sources:
            found.append(known)
    return found


def remove(name: str) -> None:
    """Delete an imported set; what it was imported from stays. Raises DatasetError if there is none."""
    facts_path = folder(name) / FACTS
    if not facts_path.is_file() or not ownership.may_look(owners_of(name)):
        raise DatasetError(f"there is no imported data set {name}")
    try:
        if not ownership.let_go(owners_of(name)):
            return
    except ValueError as error:
        raise DatasetError(f"{name} cannot be removed: {error}") from None
    with _folders.staging_folder() as staged:
        folder(name).rename(staged / name)  # gone at once; deleting file by file could be interrupted


def rename(name: str, title: str) -> ImportedDataset:
    """Give an imported set another title; its identifier, which runs remember, stays. Raises DatasetError."""
    if not clean_title(title):
        raise DatasetError(f"the name {quote(title)} has no letter that can be shown")
    known = replace(read_facts(name), title=clean_title(title))
    if not ownership.owns_alone(owners_of(name)):
        raise DatasetError(f"{name} cannot be renamed: {ownership.describe_refusal(owners_of(name))}")
    with _folders.staging_folder() as staged:
        _write(staged / FACTS, known)
        (staged / FACTS).replace(folder(name) / FACTS)
    return known


def clean_title(text: str) -> str:
    """A title without what cannot be shown, at most 64 characters; '' if nothing is left."""
    kept = "".join(letter for letter in unicodedata.normalize("NFC", text) if unicodedata.category(letter)[0] != "C")
    return " ".join(kept.split())[:64]


def count_classes(name: str) -> tuple[list[int], list[int]]:
    """Images of each class, for training and for testing; pixels are not read. Raises DatasetError."""
    known = read_facts(name)
    if known.streamed:
        labels, border = read_index(name).labels, known.counts[0]
        parts = [np.bincount(part, minlength=len(known.classes)) for part in (labels[:border], labels[border:])]
        return parts[0].tolist(), parts[1].tolist()
    path = folder(name) / ARRAYS
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            counts = [np.bincount(arrays[f"{part}_labels"], minlength=len(known.classes)) for part in ("train", "test")]
    except (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(f"{path} is damaged or missing ({error}); import {known.title} again") from None
    return counts[0].tolist(), counts[1].tolist()


def map_training_images(name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The training images of a set as a map of its file, of which only what is used is read, and their labels.

    Raises DatasetError if the file cannot be read; what was changed in it is not noticed.
    """
    known = read_facts(name)
    path = folder(name) / ARRAYS
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            labels = arrays["train_labels"]
            with zipfile.ZipFile(path) as archive, archive.open("train_images.npy") as member:
                np.lib.format.read_magic(member)
                shape, _, kind = np.lib.format.read_array_header_1_0(member)
                header_bytes, entry = member.tell(), archive.getinfo("train_images.npy")
            file.seek(entry.header_offset + 26)
            name_bytes, extra_bytes = struct.unpack("<HH", file.read(4))
        if entry.compress_type != zipfile.ZIP_STORED or kind != np.uint8 or shape != (len(labels), *known.shape):
            raise ValueError("not the arrays that were written")
        offset = entry.header_offset + 30 + name_bytes + extra_bytes + header_bytes
        return np.memmap(path, dtype=np.uint8, mode="r", offset=offset, shape=shape), labels
    except (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile, zlib.error, struct.error) as error:
        raise DatasetError(f"{path} is damaged or missing ({error}); import {known.title} again") from None


def _write(path: Path, known: ImportedDataset) -> None:
    text = json.dumps({"version": VERSION, **asdict(known)}, ensure_ascii=True, indent=1)
    path.write_text(text, encoding="ascii")
    _folders.sync(path)


def get_card(name: str) -> DatasetCard:
    """The card of an imported set. Raises DatasetError if there is none or its facts are unreadable."""
    imported = read_facts(name)
    count = sum(imported.counts)
    place, source = folder(imported.name), _shown(imported.sources[0][0])
    summary = f"Imported: {count:,} images in {len(imported.classes):,} classes."
    size_bytes, available = count * (math.prod(imported.shape) + 8), (place / ARRAYS).is_file()
    if imported.streamed:
        summary = (
            f"Streamed: {count:,} images in {len(imported.classes):,} classes, which stay in {source} "
            f"and are read from there while a network trains ({imported.stream_reason})."
        )
        paths = [place / f"{each}.npy" for each in _index.FILES]
        available = all(path.is_file() for path in paths) and _root_of(imported).is_dir()
        size_bytes = sum(path.stat().st_size for path in paths) if available else 0
    return DatasetCard(
        name=imported.name,
        title=imported.title,
        summary=summary,
        train_count=imported.counts[0],
        test_count=imported.counts[1],
        classes=imported.classes,
        shape=imported.shape,
        source=source,
        licence="yours to know",
        size_bytes=size_bytes,
        available=available,
        path=place,
        streamed=imported.streamed,
        notes=imported.notes,
        warnings=imported.warnings,
        skipped=imported.skipped,
        left_out=imported.left_out,
    )


def _shown(source: str) -> str:
    """Where a set comes from, for people; folders of a server are its administrators' to know."""
    person = acting()
    return source if person is None or person.admin else Path(source).name
