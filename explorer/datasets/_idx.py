"""The idx format of MNIST: a big-endian header, then plain bytes (described on the MNIST home page)."""

from __future__ import annotations

import math
import struct

import numpy as np
from numpy.typing import NDArray

from ._errors import DatasetError

_UNSIGNED_BYTE = 0x08


def read(data: bytes, dimensions: int, where: str) -> NDArray[np.uint8]:
    """The array in an idx file of unsigned bytes, a read-only view on ``data``.

    ``where`` names the file in messages. Raises DatasetError unless the header is that of ``dimensions`` dimensions and
    the file is exactly as long as the header says.
    """
    head = 4 + 4 * dimensions
    if len(data) < head or data[:2] != b"\0\0":
        raise DatasetError(f"{where} is not an idx file")
    kind, count = data[2], data[3]
    if kind != _UNSIGNED_BYTE or count != dimensions:
        raise DatasetError(f"{where} holds type 0x{kind:02x} in {count} dimensions, not bytes in {dimensions}")
    shape = struct.unpack(f">{dimensions}I", data[4:head])
    expected = head + math.prod(shape)
    if len(data) != expected:
        raise DatasetError(f"{where} has {len(data):,} bytes; its header promises {expected:,}")
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)
