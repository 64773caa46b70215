"""Archives and folders of images that lie in the folders of EXPLORER_DATA: offered by themselves, imported on request.

Looking for them opens no file and lists a bounded number of folders, so a page may ask at every rerun.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from . import _folders, _images, _official, _store
from ._arrays import ImageArrays
from ._card import DatasetCard
from ._errors import DatasetError, ImageError
from ._import import import_images
from ._members import ARCHIVE_ENDINGS, IMAGE_ENDINGS, LABEL_ENDINGS, MemberError, is_junk
from ._plan import read_layout, select_usable, source_title, stored_size
from ._sources import Source

_MOST_LISTED = 400
"""Folders and files of a folder that are looked at."""
_DEPTH = 6
_PROBED = 16
_OFFICIAL = {spec.folder.split("/")[0] for spec in _official.OFFICIAL.values()} | {
    spec.archive for spec in _official.OFFICIAL.values() if spec.archive
}


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A source of images that was found and not imported yet."""

    name: str
    """For ``load``, ``preview`` and the command line."""
    title: str
    """Its path within the folder that is searched."""
    path: Path
    """The archive or folder, absolute."""


def list_offers(taken: frozenset[str] = frozenset()) -> list[Offer]:
    """What lies in the folders of EXPLORER_DATA; without what is imported already.

    Args:
        taken: Names that other data sets have.

    Returns:
        The offers, by folder and name; nothing is opened.
    """
    imported = _imported_states()
    offers: list[Offer] = []
    used = set(taken)
    for root in _folders.data_folders()[:-1]:
        for path in _find_sources(root):
            if imported.get(str(path)) in ("", _quick_state(path)):
                continue
            base = _folders.slug(source_title(path.name), 36)
            name = next(name for name in (base, *(f"{base}-{n}" for n in range(2, 1000))) if name not in used)
            used.add(name)
            offers.append(Offer(name=name, title=str(path.relative_to(root)) if path != root else root.name, path=path))
    return offers


def get_card(offer: Offer) -> DatasetCard:
    """The card of an offer: its layout, from the names of its files. Raises DatasetError if it is no data set."""
    return _card(offer, _quick_state(offer.path))


def load(offer: Offer) -> ImageArrays:
    """Import an offer and load it. Raises DatasetError."""
    return _store.load(import_images(offer.path).name)


@lru_cache(maxsize=32)
def _card(offer: Offer, _: str) -> DatasetCard:
    try:
        with Source(offer.path) as source:
            layout = read_layout(source)
            names = [name for name, _ in layout.train]
            sizes = set()
            for name in names[:: max(1, len(names) // _PROBED)]:
                try:
                    sizes.add(_images.read_size(source.read(name)))
                except (MemberError, ImageError):
                    continue
            usable = select_usable(source, layout, np.ones(len(layout.train) + len(layout.test), dtype=bool))
    except OSError as error:
        raise DatasetError(f"{offer.path} cannot be read: {error.strerror or error}") from None
    height, width = stored_size(sizes or {(0, 0)}, None, keep_small=True)[0]
    train, test = len(usable.train), len(usable.test)
    return DatasetCard(
        name=offer.name,
        title=offer.title,
        summary=f"Found on this machine: {train + test:,} images in {len(usable.classes):,} classes.",
        train_count=train,
        test_count=test,
        classes=usable.classes,
        shape=(3, height, width),
        source=str(offer.path),
        licence="yours to know",
        size_bytes=(train + test) * (3 * height * width + 8),
        available=False,
        path=offer.path,
        manual_download=f"It lies in {offer.path} and has to be imported: look at it, and choose the size to store.",
        notes=usable.notes,
        warnings=usable.warnings,
    )


def _imported_states() -> dict[str, str]:
    """Path to state of everything that was imported; '' for folders, whose state would have to be listed."""
    found: dict[str, str] = {}
    for name in _store.names():
        try:
            sources = _store.read_facts(name).sources
        except DatasetError:
            continue
        for path, state in sources:
            found.setdefault(path, state if " " in state else "")
    return found


def _quick_state(path: Path) -> str:
    """As ``source_state`` of a file; of a folder its own time alone."""
    try:
        state = path.stat()
    except OSError:
        return "gone"
    return f"{state.st_size} {state.st_mtime_ns}"


def _find_sources(root: Path) -> list[Path]:
    """Archives and data sets in a folder and in the folders in it; or the folder itself, if it has class folders."""
    found: list[Path] = []
    classes = 0
    for path in _list_folder(root):
        if path.name in _OFFICIAL:
            continue
        if path.name.lower().endswith(ARCHIVE_ENDINGS):
            found.append(path)
        elif path.is_dir():
            depth, listed, archives = _look(path, _quick_state(path))
            if depth is not None and (depth > 0 or listed):
                found.append(path)
            elif depth == 0:
                classes += 1
            found += archives
    return [root] if classes > 1 else found


@lru_cache(maxsize=1024)
def _look(folder: Path, _: str) -> tuple[int | None, bool, tuple[Path, ...]]:
    """Folders around the first image, None if there is none; whether a list of labels lies there; archives."""
    entries = _list_folder(folder)
    archives = tuple(
        path for path in entries if path.name.lower().endswith(ARCHIVE_ENDINGS) and path.name not in _OFFICIAL
    )
    listed = any(path.name.lower().endswith(LABEL_ENDINGS) for path in entries)
    return _image_depth(folder, _DEPTH), listed, archives


def _image_depth(folder: Path, depth: int) -> int | None:
    entries = _list_folder(folder)
    if any(path.suffix.lower().lstrip(".") in IMAGE_ENDINGS for path in entries if path.suffix):
        return 0
    for path in [path for path in entries if not path.suffix or path.is_dir()][:4] if depth else ():
        if path.is_dir() and (below := _image_depth(path, depth - 1)) is not None:
            return below + 1
    return None


def _list_folder(folder: Path) -> list[Path]:
    """Some of what is in a folder, without links; [] if it cannot be listed."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not is_junk(entry.name) and not entry.is_symlink():
                    found.append(Path(entry.path))
                if len(found) >= _MOST_LISTED:
                    break
    except OSError:
        return []
    return sorted(found)
