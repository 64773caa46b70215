"""Data sets: a catalogue, verified downloads and imports, and whole sets as tensors.

``names()`` and ``get_card(name)`` need no torch, so a page shows what there is before torch is loaded. ``load`` gives a
``Dataset`` and imports torch. ``explorer.datasets.transforms`` (torch) adapts batches to a network's input and augments
them. Nothing here reaches for a network except ``fetch``, and that only when it is called.

>>> get_card("digits").train_count, get_card("digits").shape
(4000, (1, 28, 28))
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .. import ownership
from ..text import quote
from . import _catalogue, _index, _official, _store
from ._arrays import ImageArrays
from ._card import DatasetCard
from ._catalogue import (
    DEFAULT,
    find_available,
    find_name,
    find_source,
    get_card,
    list_offers,
    names,
    open_paths,
    register,
)
from ._decoding import Cancel, Progress
from ._errors import CancelledError, DatasetError, ImageError
from ._folders import data_folders
from ._images import MAX_IMAGE_BYTES, SHOWN_FORMATS, DecodedImage, decode
from ._import import import_images, import_upload
from ._ink import MNIST_FORM, bring_ink_to_mnist
from ._layout import Layout, find_layout
from ._long_range import generate_long_range
from ._members import HEIC_ENDINGS, IMAGE_ENDINGS
from ._offers import Offer
from ._packs import Packs, open_packs
from ._plan import parse_size
from ._preprocessing import IMAGENET_MEAN, IMAGENET_STD, Box, Placement, Preprocessing
from ._preview import Preview, preview, preview_upload
from ._samples import Sample, draw_sheet, sample_images
from ._store import ImportedDataset, Scaling
from ._strokes import MAX_STROKES_LETTERS, Stroke, draw_strokes, format_strokes, parse_strokes

if TYPE_CHECKING:
    from ._dataset import Dataset

__all__ = [
    "DEFAULT",
    "HEIC_ENDINGS",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "IMAGE_ENDINGS",
    "MAX_IMAGE_BYTES",
    "MAX_STROKES_LETTERS",
    "MNIST_FORM",
    "SHOWN_FORMATS",
    "Box",
    "Cancel",
    "CancelledError",
    "DatasetCard",
    "DatasetError",
    "DecodedImage",
    "ImageArrays",
    "ImageError",
    "ImportedDataset",
    "Layout",
    "Offer",
    "Packs",
    "Placement",
    "Preprocessing",
    "Preview",
    "Progress",
    "Sample",
    "Scaling",
    "Stroke",
    "bring_ink_to_mnist",
    "count_classes",
    "data_folders",
    "decode",
    "draw_sheet",
    "draw_strokes",
    "fetch",
    "find_available",
    "find_layout",
    "find_name",
    "find_owners",
    "find_source",
    "format_strokes",
    "generate_long_range",
    "get_card",
    "get_import",
    "import_images",
    "import_upload",
    "list_imports",
    "list_offers",
    "load",
    "measure_reading",
    "names",
    "open_packs",
    "open_paths",
    "parse_size",
    "parse_strokes",
    "preview",
    "preview_upload",
    "register",
    "remove",
    "rename",
    "sample_images",
    "save",
    "share",
    "to_dataset",
]


def load(
    name_or_path: str | Path = DEFAULT,
    input_shape: tuple[int, int, int] | None = None,
    *,
    size: tuple[int, int] | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Load a data set. Imports torch.

    Args:
        name_or_path: a name of ``names()`` or ``list_offers()``, or the path of a folder or archive of images; what
            is no data set yet is imported the first time. Well-known sets are searched in the folders of EXPLORER_DATA
            and in the data folder; nothing is downloaded.
        input_shape: (channels, height, width) to which the images are adapted once. None: as stored.
        size: (height, width) to which an import scales images from the originals; default: that of ``input_shape``.
        progress: is called by an import with the images done and their number.

    Returns:
        The data set, on the CPU. The images of a streamed one are read from their files when they are asked for.

    Raises:
        DatasetError: there is no such data set, or it is not on this machine or damaged.
    """
    path = find_source(name_or_path)
    if path is not None:
        size = size or (input_shape[1:] if input_shape else None)
        dataset = _open(import_images(path, size=size, progress=progress).name)
    elif isinstance(name_or_path, str) and _catalogue.is_known(name_or_path):
        dataset = _open(name_or_path)
    else:
        text = str(name_or_path)
        is_path = isinstance(name_or_path, Path) or os.sep in text or "/" in text or text.endswith(".zip")
        raise DatasetError(f"{quote(text)} does not exist" if is_path else _catalogue.describe_unknown(text))
    return dataset.adapted(input_shape) if input_shape else dataset


def _open(name: str) -> Dataset:
    if not _catalogue.get_card(name).streamed:
        return to_dataset(_catalogue.load_arrays(name))
    from ._dataset import Dataset

    return Dataset.from_index(name, _store.open_index(name), get_import(name).notes)


def to_dataset(content: ImageArrays) -> Dataset:
    """Turn arrays into a data set of tensors. Imports torch.

    Args:
        content: The arrays, such as those of ``generate_long_range``.

    Returns:
        The data set, on the CPU.
    """
    from ._dataset import Dataset

    return Dataset.from_arrays(content)


def save(name: str, path: Path) -> ImageArrays:
    """Write the images and labels of a data set as an .npz file: train_images, train_labels, test_images, test_labels.

    Args:
        name: Of the data set.
        path: Of the file; one that is there is replaced.

    Returns:
        What was written: images uint8 (N, C, H, W), labels int64 (N,).

    Raises:
        DatasetError: There is no such set, it is damaged, or its images stay in their own files; or the disk is full.
    """
    if get_card(name).streamed:
        raise DatasetError(f"{name} is streamed: its images are files already; `datasets show` names their folder")
    content = _catalogue.load_arrays(name)
    beside = path.with_name(f"{path.name}.part")
    try:
        with beside.open("wb") as file:
            content.write(file)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise DatasetError(f"cannot write {quote(str(path))}: {error.strerror or error}") from None
    return content


def fetch(name: str, *, progress: Progress | None = None, cancel: Cancel | None = None) -> Path:
    """Download a well-known set into the data folder, verified. Called only on a user's request.

    Args:
        name: of a well-known set.
        progress: is called with the bytes received and the bytes in all.
        cancel: is called with every block; True stops the download.

    Returns:
        The folder of its files.

    Raises:
        DatasetError: it cannot be downloaded; the message says how to get it by hand.
        CancelledError: ``cancel`` returned True; nothing is left behind.
    """
    from . import _fetch

    if name not in _official.OFFICIAL:
        raise DatasetError(f"{quote(name)} cannot be downloaded; known: {', '.join(_official.OFFICIAL)}")
    return _fetch.fetch(_official.OFFICIAL[name], progress=progress, cancel=cancel)


def remove(name: str) -> None:
    """Delete an imported set; its source file or folder stays, also that of a streamed one, which is its images.

    Of several people who brought the same images each lets it go for themselves; the last one deletes it.

    Args:
        name: Name of the imported set.

    Raises:
        DatasetError: There is no such imported set.
    """
    _store.remove(name)


def rename(name: str, title: str) -> ImportedDataset:
    """Give an imported set another title.

    Args:
        name: Its identifier, which stays: runs remember it.
        title: What people shall see, at most 64 characters.

    Returns:
        Its facts.

    Raises:
        DatasetError: There is no such set, or nothing of the title can be shown.
    """
    return _store.rename(name, title)


def find_owners(name: str) -> dict[str, bool]:
    """Find who owns an imported set.

    Args:
        name: Its identifier.

    Returns:
        Whether others may look, by the owners' ids; '' stands for what was made without sign-in.

    Raises:
        DatasetError: There is no such imported set that they may see for whom the program acts.
    """
    _store.read_facts(name)
    return ownership.list_owners(_store.owners_of(name))


def share(name: str, shared: bool) -> None:
    """Let others look at an imported set and train on it, or no longer.

    Args:
        name: Its identifier.
        shared: Whether others may.

    Raises:
        DatasetError: There is no such imported set, or it is not theirs for whom the program acts.
    """
    _store.read_facts(name)
    try:
        ownership.share(_store.owners_of(name), shared)
    except ValueError as error:
        raise DatasetError(f"{name} cannot be shared: {error}") from None


def get_import(name: str) -> ImportedDataset:
    """Read the facts of an imported set.

    Args:
        name: Its identifier.

    Returns:
        Its facts.

    Raises:
        DatasetError: There is no such imported set, or its facts are damaged.
    """
    return _store.read_facts(name)


def measure_reading(name: str) -> float:
    """Measure how long reading an image of a streamed set takes; tried once in each process, for half a second.

    Args:
        name: Its identifier.

    Returns:
        Seconds that one processor takes to read and decode an image.

    Raises:
        DatasetError: There is no such set, or its folder is gone, or an image that is tried cannot be read.
    """
    return _measure_reading(name, get_import(name).sources)


@lru_cache(maxsize=32)
def _measure_reading(name: str, _: object) -> float:
    return _index.measure_reading(_store.open_index(name))


def list_imports() -> list[str]:
    """List the imported sets.

    Returns:
        Their identifiers, sorted.
    """
    return _store.names()


def count_classes(name: str) -> tuple[list[int], list[int]]:
    """Count the images of each class of an imported set, without reading the images.

    Args:
        name: Its identifier.

    Returns:
        The numbers for training, and those for testing, in the order of the classes.

    Raises:
        DatasetError: There is no such set, or its file is damaged.
    """
    return _store.count_classes(name)
