"""Data sets: a catalogue, verified downloads and imports, and whole sets as tensors.

``names()`` and ``get_card(name)`` need no torch, so a page shows what there is before torch is loaded. ``load`` gives a
``Dataset`` and imports torch. ``explorer.datasets.transforms`` (torch) adapts batches to a network's input and augments
them. Nothing here reaches for a network except ``fetch``, and that only when it is called.

>>> get_card("digits").train_count, get_card("digits").shape
(4000, (1, 28, 28))
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..home import absolute
from ..text import quote
from . import _catalogue, _official, _store
from ._arrays import ImageArrays
from ._card import DatasetCard
from ._catalogue import DEFAULT, find_available, get_card, names, register
from ._errors import CancelledError, DatasetError, ImageError
from ._folders import data_folders
from ._images import MAX_IMAGE_BYTES, DecodedImage, decode
from ._import import Cancel, Progress, import_images, import_upload
from ._long_range import generate_long_range
from ._store import ImportedDataset

if TYPE_CHECKING:
    from ._dataset import Dataset

__all__ = [
    "DEFAULT",
    "MAX_IMAGE_BYTES",
    "Cancel",
    "CancelledError",
    "DatasetCard",
    "DatasetError",
    "DecodedImage",
    "ImageArrays",
    "ImageError",
    "ImportedDataset",
    "Progress",
    "data_folders",
    "decode",
    "fetch",
    "find_available",
    "generate_long_range",
    "get_card",
    "import_images",
    "import_upload",
    "load",
    "names",
    "register",
    "remove",
    "to_dataset",
]


def load(name_or_path: str | Path = DEFAULT, input_shape: tuple[int, int, int] | None = None) -> Dataset:
    """Load a data set. Imports torch.

    Args:
        name_or_path: a name of ``names()``, or the path of a zip or folder of class folders, which is imported the
            first time. Well-known sets are searched in the folders of EXPLORER_DATA and in the data folder; nothing is
            downloaded.
        input_shape: (channels, height, width) to which the images are adapted once; an import scales its images to it
            directly from the originals. None: as stored.

    Returns:
        The data set, on the CPU.

    Raises:
        DatasetError: there is no such data set, or it is not on this machine or damaged.
    """
    if isinstance(name_or_path, str) and _catalogue.is_known(name_or_path):
        content = _catalogue.load_arrays(name_or_path)
    else:
        text = str(name_or_path)
        path = absolute(text)
        if not text or not os.path.exists(path):  # False, not an error, for a text that no path can be
            is_path = isinstance(name_or_path, Path) or os.sep in text or "/" in text or path.suffix == ".zip"
            raise DatasetError(f"{quote(text)} does not exist" if is_path else _catalogue.describe_unknown(text))
        content = _store.load(import_images(path, size=input_shape[1:] if input_shape else None).name)
    dataset = to_dataset(content)
    return dataset.adapted(input_shape) if input_shape else dataset


def to_dataset(content: ImageArrays) -> Dataset:
    """Turn arrays, such as those of ``generate_long_range``, into a data set of tensors. Imports torch."""
    from ._dataset import Dataset

    return Dataset.from_arrays(content)


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
    """Delete an imported set; its source file or folder stays. Raises DatasetError if there is none."""
    _store.remove(name)
