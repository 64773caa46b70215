"""Event files as TensorBoard reads them: scalars and texts, nothing else.

Written out here because the libraries weigh too much for two kinds of record: ``tensorboard`` brings seven packages,
``tensorboardX`` loads torch into the process that asks. Each record is framed as TFRecord (length, CRC, data, CRC) and
holds a protocol buffer ``Event`` (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), bits reversed: RFC 3720, appendix B.4
_LARGEST = (2 - 2**-23) * 2.0**127  # of float32
_STRING = 7  # tensorflow/core/framework/types.proto, DT_STRING


def _crc_table() -> Iterator[int]:
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        yield value


_CRC = tuple(_crc_table())


def begin(wall_time: float) -> bytes:
    """The first record of every event file."""
    return _record(_double(1, wall_time) + _bytes(3, b"brain.Event:2"))


def scalar(tag: str, step: int, value: float, wall_time: float) -> bytes:
    """A point of a curve, at ``wall_time`` seconds since 1970; kept as float32, the largest of them at most."""
    content = _bytes(1, tag.encode()) + _float(2, max(-_LARGEST, min(value, _LARGEST)))
    return _summary(content, step, wall_time)


def text(tag: str, content: str, wall_time: float) -> bytes:
    """A text, shown as Markdown."""
    tensor = _number(1, _STRING) + _bytes(2, _bytes(2, _number(1, 1))) + _bytes(8, content.encode())
    plugin = _bytes(1, _bytes(1, b"text"))
    return _summary(_bytes(1, tag.encode()) + _bytes(8, tensor) + _bytes(9, plugin), 0, wall_time)


def _summary(value: bytes, step: int, wall_time: float) -> bytes:
    return _record(_double(1, wall_time) + _number(2, step) + _bytes(5, _bytes(1, value)))


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", _masked_crc(length)) + data + struct.pack("<I", _masked_crc(data))


def _masked_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


# Fields of a protocol buffer, by number: protobuf.dev/programming-guides/encoding.


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
