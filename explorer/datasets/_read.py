"""The well-known sets from a folder: found, checked against their official MD5s, read."""

from __future__ import annotations

import gzip
import hashlib
import logging
import tarfile
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import _cifar, _folders, _idx
from ._arrays import ImageArrays
from ._card import DatasetCard
from ._errors import DatasetError
from ._official import OfficialDataset, OfficialFile

logger = logging.getLogger(__name__)

_verified: dict[tuple[str, int, int, str], str] = {}
"""(path, modification time in ns, size, member) → MD5 of the content, for files that were checked in this process."""
_lock = threading.Lock()


def find_copies(spec: OfficialDataset) -> list[Path]:
    """Folders and archives with a complete copy, by file names only; contents are checked when they are loaded."""
    found = []
    for root in _folders.data_folders():
        folder = root / spec.folder
        if all(_stored_path(folder, file, spec) for file in spec.files):
            found.append(folder)
        if spec.archive and (root / spec.archive).is_file():
            found.append(root / spec.archive)
    return found


def load(spec: OfficialDataset) -> ImageArrays:
    """The first intact copy. Raises DatasetError: that there is none and how to get it, or what is wrong with it."""
    found = find_copies(spec)
    if not found:
        raise DatasetError(f"{spec.title} is not on this computer. {manual_instructions(spec)}")
    problem: DatasetError | None = None
    for place in found:
        try:
            return _load(spec, place)
        except DatasetError as error:
            logger.warning("a copy of %s cannot be used: %s", spec.title, error)
            problem = problem or error  # the next copy may be intact
        except OSError as error:
            problem = problem or DatasetError(f"{place} cannot be read: {error.strerror or error}")
    assert problem is not None
    raise problem


def manual_instructions(spec: OfficialDataset) -> str:
    """How to get a set by hand, in one sentence: which files to put where, with their checksums."""
    if spec.archive:
        where = f"{_folders.writable_folder()}, or into a folder of EXPLORER_DATA"
        return f"Put {spec.archive} (MD5 {spec.archive_md5}) into {where}."
    files = ", ".join(f"{file.name}.gz (MD5 {file.packed_md5})" for file in spec.files)
    where = f"{_folders.writable_folder() / spec.folder}, or into {spec.folder} in a folder of EXPLORER_DATA"
    return f"Put {files} into {where}."


def _load(spec: OfficialDataset, place: Path) -> ImageArrays:
    get: Callable[[OfficialFile], bytes]
    if place.is_file():
        members = _members(spec, place)
        get = lambda file: members.pop(file.name)  # noqa: E731  (frees each batch when it has been read)
    else:
        get = lambda file: _file(spec, place, file)  # noqa: E731
    train_images, train_labels = _split(spec, spec.train, place, get)
    test_images, test_labels = _split(spec, spec.test, place, get)
    return ImageArrays(
        name=spec.name,
        classes=spec.classes,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
    )


def _split(
    spec: OfficialDataset, files: tuple[OfficialFile, ...], place: Path, get: Callable[[OfficialFile], bytes]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    if spec.kind == "idx":
        pixels, labels = files
        images = _idx.read(get(pixels), 3, str(place / pixels.name))
        return images[:, None].copy(), _idx.read(get(labels), 1, str(place / labels.name)).astype(np.int64)
    batches = [_cifar.read(get(file), spec.labels_key, str(place / file.name)) for file in files]
    return np.concatenate([batch[0] for batch in batches]), np.concatenate([batch[1] for batch in batches])


def _stored_path(folder: Path, file: OfficialFile, spec: OfficialDataset) -> Path | None:
    """The stored file: extracted, or for the idx sets packed; None if there is neither."""
    plain, packed = folder / file.name, folder / f"{file.name}.gz"
    if plain.is_file():
        return plain
    return packed if spec.kind == "idx" and packed.is_file() else None


def _file(spec: OfficialDataset, folder: Path, file: OfficialFile) -> bytes:
    """The verified content of one file."""
    path = _stored_path(folder, file, spec)
    if path is None:
        raise DatasetError(f"{folder / file.name} has vanished; its MD5 is {file.md5}")
    if path.suffix == ".gz":
        content = unpack_gzip(path, file)
    else:
        with path.open("rb") as handle:
            content = handle.read(file.size_bytes + 1)
    _check(path, file, content)
    return content


def unpack_gzip(path: Path, file: OfficialFile) -> bytes:
    """The content of a ``.gz`` file, with bounded memory. Raises DatasetError with both checksums if it is damaged."""
    try:
        with gzip.open(path) as handle:
            return handle.read(file.size_bytes + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        got = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        raise DatasetError(
            f"{path} is damaged and cannot be unpacked: its MD5 is {got}, the official one is {file.packed_md5}; "
            "replace it"
        ) from None


def _members(spec: OfficialDataset, archive: Path) -> dict[str, bytes]:
    """The verified batches inside a tar archive, by name. Nothing is extracted to the disk."""
    wanted = {f"{spec.folder}/{file.name}": file for file in spec.files}
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                file = wanted.get(member.name)
                stream = tar.extractfile(member) if file and member.isreg() and member.size <= file.size_bytes else None
                if file and stream:
                    found[file.name] = stream.read(file.size_bytes + 1)
                if len(found) == len(wanted):
                    break
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error):
        found = {}
    for file in spec.files:
        if file.name not in found:
            with archive.open("rb") as handle:
                got = hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
            raise DatasetError(
                f"{archive} is damaged or incomplete: its MD5 is {got}, the official one is {spec.archive_md5}; "
                "replace it"
            )
        _check(archive, file, found[file.name], member=file.name)
    return found


def _check(path: Path, file: OfficialFile, content: bytes, member: str = "") -> None:
    """Compare the MD5, once for each state of a file in this process."""
    state = path.stat()
    key = (str(path), state.st_mtime_ns, state.st_size, member)
    with _lock:
        known = _verified.get(key)
    # Even a file that was checked can be cut between then and now: its length costs nothing to compare.
    if known == file.md5 and (member or path.suffix == ".gz" or len(content) == state.st_size):
        return
    got = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if got != file.md5:
        where = f"{member} in {path}" if member else str(path)
        raise DatasetError(
            f"{where} is damaged: the MD5 of its content is {got}, the official one is {file.md5}; replace it"
        )
    with _lock:
        _verified[key] = file.md5


def get_card(spec: OfficialDataset) -> DatasetCard:
    """The card of a well-known set, as its copies on this machine are now."""
    places = find_copies(spec)
    return DatasetCard(
        name=spec.name,
        title=spec.title,
        summary=spec.summary,
        train_count=spec.counts[0],
        test_count=spec.counts[1],
        classes=spec.classes,
        shape=spec.shape,
        source=spec.source,
        licence=spec.licence,
        size_bytes=spec.extracted_bytes,
        available=bool(places),
        path=places[0] if places else None,
        manual_download=manual_instructions(spec),
        download_bytes=spec.download_bytes,
    )
