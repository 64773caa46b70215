"""The batches of CIFAR-10 and CIFAR-100: old pickles, read by an unpickler that creates arrays and nothing else."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..text import quote
from ._errors import DatasetError


def _latin1(text: str, encoding: str) -> bytes:
    """The encoding in which Python 3 writes bytes into the old pickle protocols; no other is accepted."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for the encoding {quote(encoding)}")
    return text.encode("latin1")


# The only names that the pickle of an array needs, in NumPy 1 and 2. None of them runs code or opens a file.
_RECONSTRUCT: Any = np.zeros(0).__reduce__()[0]
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _latin1,
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = _ALLOWED.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"it asks for {quote(f'{module}.{name}')}, which no batch needs")
        return found

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError(f"it asks for the outside object {quote(pid)}")


def read(data: bytes, labels_key: str, where: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, 3, 32, 32) and labels (N,) of one batch.

    ``labels_key`` is 'labels' or 'fine_labels'; ``where`` names the file in messages. Raises DatasetError for anything
    that is not such a batch, and for a pickle that wants more than arrays, lists, numbers and text.
    """
    try:
        batch = _ArraysOnly(io.BytesIO(data), encoding="bytes").load()
    except Exception as error:  # noqa: BLE001  (a hostile pickle may raise anything at all)
        raise DatasetError(f"{where} is not a CIFAR batch: {str(error) or type(error).__name__}") from None
    images, labels = _member(batch, "data"), _member(batch, labels_key)
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != 3072:
        raise DatasetError(f"{where} is not a CIFAR batch: 'data' is not an array of 3,072 bytes an image")
    if not isinstance(labels, list) or len(labels) != len(images) or not all(type(label) is int for label in labels):
        raise DatasetError(f"{where} is not a CIFAR batch: '{labels_key}' is not one number an image")
    return np.ascontiguousarray(images).reshape(-1, 3, 32, 32), np.array(labels, dtype=np.int64)


def _member(batch: object, key: str) -> object:
    """A value of the dictionary, whose keys are text or, from Python 2, bytes."""
    if not isinstance(batch, dict):
        return None
    return batch.get(key, batch.get(key.encode()))
