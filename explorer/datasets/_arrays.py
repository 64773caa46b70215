"""The common form of all data sets: four arrays and the class names, without torch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ._errors import DatasetError
from ._random import split_stratified

MIN_CLASSES, MAX_CLASSES = 2, 1000
NAMES = ("train_images", "train_labels", "test_images", "test_labels")
"""Of the arrays in a file."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageArrays:
    """A data set as NumPy arrays. Raises DatasetError if the parts do not fit together."""

    name: str
    """Key of the data set."""
    classes: tuple[str, ...]
    """Names, in the order of the labels."""
    train_images: NDArray[np.uint8]
    """(N, C, H, W), C-contiguous."""
    train_labels: NDArray[np.int64]
    """(N,), each below the number of classes."""
    test_images: NDArray[np.uint8]
    """(N, C, H, W), C-contiguous."""
    test_labels: NDArray[np.int64]
    """(N,), each below the number of classes."""
    notes: tuple[str, ...] = ()
    """What a person must know to judge a result, one sentence each."""
    squashed: bool = False
    """Whether an import brought images of other proportions to their size by squashing them, instead of a cut."""

    def __post_init__(self) -> None:
        if not MIN_CLASSES <= len(self.classes) <= MAX_CLASSES:
            raise DatasetError(
                f"{self.name} has {len(self.classes):,} classes; from {MIN_CLASSES} to {MAX_CLASSES:,} are allowed"
            )
        for images, labels in ((self.train_images, self.train_labels), (self.test_images, self.test_labels)):
            if images.dtype != np.uint8 or images.ndim != 4 or not images.flags.c_contiguous:
                raise DatasetError(f"{self.name}: the images are not a contiguous (N, C, H, W) array of uint8")
            if labels.dtype != np.int64 or labels.shape != images.shape[:1]:
                raise DatasetError(f"{self.name}: {len(images):,} images, but labels of shape {labels.shape}")
            if not len(labels) or int(labels.min()) < 0 or int(labels.max()) >= len(self.classes):
                raise DatasetError(f"{self.name}: a split is empty, or a label names no class")
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise DatasetError(f"{self.name}: training and test images differ in shape")

    def write(self, file: IO[bytes]) -> None:
        """Write the four arrays as an .npz file, under their names."""
        np.savez(file, **{name: getattr(self, name) for name in NAMES})

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over class names, shapes, pixels and labels, as 64 hexadecimal digits.

        Name, notes and the way the content was stored do not enter: MNIST from ``.gz`` files equals MNIST from raw
        ones.
        """
        shapes = [list(self.train_images.shape), list(self.test_images.shape)]
        head = json.dumps({"classes": self.classes, "shapes": shapes}, ensure_ascii=True, separators=(",", ":"))
        digest = hashlib.sha256(b"explorer data set 1\n" + head.encode() + b"\n")
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            digest.update(np.ascontiguousarray(little).view(np.uint8).reshape(-1).data)
        return digest.hexdigest()


def split_arrays(
    name: str,
    classes: tuple[str, ...],
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    share: float,
    seed: int,
    notes: tuple[str, ...] = (),
) -> ImageArrays:
    """Content of images that come without a split: ``share`` of every class becomes the test set, fixed by the seed."""
    train, test = split_stratified(labels, share, seed)
    return ImageArrays(
        name=name,
        classes=classes,
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
        notes=notes,
    )
