"""Small files in the formats that the data comes in, made on the spot."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explorer.datasets import _official
from explorer.datasets._official import OfficialDataset, OfficialFile


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def pixels(seed: int, *shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def encoded(array: NDArray[np.uint8] | Image.Image, form: str = "PNG", **options: object) -> bytes:
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def png(seed: int, height: int = 8, width: int = 8) -> bytes:
    return encoded(pixels(seed, height, width, 3))


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return path


def classes(count: int = 2, each: int = 6, prefix: str = "") -> dict[str, bytes]:
    """Members of an archive: ``count`` class folders of ``each`` different pictures."""
    return {f"{prefix}class{c}/{n}.png": png(100 * c + n) for c in range(count) for n in range(each)}


def idx(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def _file(name: str, data: bytes) -> tuple[OfficialFile, bytes]:
    packed = gzip.compress(data, mtime=0)
    return OfficialFile(name=name, md5=md5(data), size_bytes=len(data), packed_md5=md5(packed)), data


def small_idx(train: int = 40, test: int = 20) -> tuple[OfficialDataset, dict[str, bytes]]:
    """A set in MNIST's format and layout, and its files."""
    parts = []
    for name, count, seed in (("train", train, 1), ("t10k", test, 2)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        parts.append(_file(f"{name}-images-idx3-ubyte", idx(pixels(seed, count, 6, 6))))
        parts.append(_file(f"{name}-labels-idx1-ubyte", idx(labels)))
    files = [file for file, _ in parts]
    spec = _official.MNIST.__class__(
        **{
            **{f: getattr(_official.MNIST, f) for f in _official.MNIST.__dataclass_fields__},
            "train": tuple(files[:2]),
            "test": tuple(files[2:]),
            "shape": (1, 6, 6),
            "counts": (train, test),
            "download_bytes": sum(len(gzip.compress(data, mtime=0)) for _, data in parts),
        }
    )
    return spec, {file.name: data for file, data in parts}


def batch(count: int, seed: int, key: str = "labels") -> bytes:
    """A CIFAR batch as Python 2 wrote it: protocol 2, keys of bytes."""
    data = {
        b"data": pixels(seed, count, 3072),
        key.encode(): [int(n) for n in np.arange(count) % 10],
        b"batch_label": b"batch",
        b"filenames": [b"a.png"] * count,
    }
    return pickle.dumps(data, protocol=2)


def small_cifar() -> tuple[OfficialDataset, dict[str, bytes]]:
    """A set in CIFAR-10's format and layout, and its files."""
    parts = [_file(f"data_batch_{n}", batch(10, n)) for n in (1, 2)] + [_file("test_batch", batch(10, 3))]
    files = [file for file, _ in parts]
    packed = tar({f"cifar-10-batches-py/{file.name}": data for file, data in parts})
    spec = _official.CIFAR_10.__class__(
        **{
            **{f: getattr(_official.CIFAR_10, f) for f in _official.CIFAR_10.__dataclass_fields__},
            "train": tuple(files[:2]),
            "test": tuple(files[2:]),
            "counts": (20, 10),
            "archive_md5": md5(packed),
            "download_bytes": len(packed),
        }
    )
    return spec, {file.name: data for file, data in parts} | {spec.archive: packed}


def tar(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
