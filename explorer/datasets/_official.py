"""The well-known sets: the names and checksums of their files. Facts only; nothing is opened here.

Sizes and MD5s are those of the *extracted* content, which is what training reads. The MD5s of CIFAR's batches and of
the packed files are those of torchvision 0.29; a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ._classes import CIFAR10, CIFAR100, DIGITS, FASHION


@dataclass(frozen=True, kw_only=True)
class OfficialFile:
    """One file of a set, extracted, and where it came packed."""

    name: str
    md5: str
    """Of the extracted content."""
    size_bytes: int
    """Bytes, extracted; for CIFAR an upper bound, because pickles differ by a few hundred bytes."""
    packed_md5: str = ""
    """Of ``name + '.gz'``, for the idx sets."""


@dataclass(frozen=True, kw_only=True)
class OfficialDataset:
    """One well-known set."""

    name: str
    title: str
    folder: str
    """Below a data folder, in torchvision's layout."""
    train: tuple[OfficialFile, ...]
    """idx: images, labels. CIFAR: the batches in order."""
    test: tuple[OfficialFile, ...]
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    """(channels, height, width)."""
    counts: tuple[int, int]
    """Images for training, for testing."""
    kind: Literal["idx", "cifar"]
    torchvision: str
    """The class in ``torchvision.datasets`` whose list of addresses is used."""
    archive: str = ""
    """CIFAR: the tar archive that may lie in the data folder instead of the extracted ``folder``."""
    archive_md5: str = ""
    labels_key: str = ""
    """CIFAR: the entry of a batch that holds the labels."""
    download_bytes: int
    summary: str
    source: str
    licence: str

    @property
    def files(self) -> tuple[OfficialFile, ...]:
        """Every file, training first."""
        return self.train + self.test

    @property
    def extracted_bytes(self) -> int:
        """Size on disk."""
        return sum(file.size_bytes for file in self.files)


def _idx(part: str, kind: str, md5: str, packed_md5: str) -> OfficialFile:
    count = 60_000 if part == "train" else 10_000
    images = kind == "images"
    size = 16 + count * 784 if images else 8 + count
    name = f"{part}-{kind}-idx{3 if images else 1}-ubyte"
    return OfficialFile(name=name, md5=md5, size_bytes=size, packed_md5=packed_md5)


def _batch(name: str, md5: str, images: int) -> OfficialFile:
    return OfficialFile(name=name, md5=md5, size_bytes=images * 3_110 + 20_000)  # pixels, labels, file names


MNIST = OfficialDataset(
    name="mnist",
    title="MNIST",
    summary="70,000 handwritten digits.",
    folder="MNIST/raw",
    train=(
        _idx("train", "images", "6bbc9ace898e44ae57da46a324031adb", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        _idx("train", "labels", "a25bea736e30d166cdddb491f175f624", "d53e105ee54ea40749a09fcbcd1e9432"),
    ),
    test=(
        _idx("t10k", "images", "2646ac647ad5339dbf082846283269ea", "9fb629c4189551a2d022fa330f9573f3"),
        _idx("t10k", "labels", "27ae3e4e09519cfbb04c329615203637", "ec29112dd5afa0611ce80d1b7f02629c"),
    ),
    classes=DIGITS,
    shape=(1, 28, 28),
    counts=(60_000, 10_000),
    kind="idx",
    torchvision="MNIST",
    download_bytes=11_594_722,
    source='LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document recognition", 1998',
    licence="CC BY-SA 3.0 (as Keras states); Yann LeCun and Corinna Cortes",
)

FASHION_MNIST = OfficialDataset(
    name="fashion-mnist",
    title="Fashion-MNIST",
    summary="70,000 articles of clothing in MNIST's format: as small, and harder.",
    folder="FashionMNIST/raw",
    train=(
        _idx("train", "images", "f4a8712d7a061bf5bd6d2ca38dc4d50a", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        _idx("train", "labels", "9018921c3c673c538a1fc5bad174d6f9", "25c81989df183df01b3e8a0aad5dffbe"),
    ),
    test=(
        _idx("t10k", "images", "8181f5470baa50b63fa0f6fddb340f0a", "bef4ecab320f06d8554ea6380940ec79"),
        _idx("t10k", "labels", "15d484375f8d13e6eb1aabb0c3f46965", "bb300cfdad3c16e7a12a480ee83cd310"),
    ),
    classes=FASHION,
    shape=(1, 28, 28),
    counts=(60_000, 10_000),
    kind="idx",
    torchvision="FashionMNIST",
    download_bytes=30_878_645,
    source='Xiao, Rasul & Vollgraf, "Fashion-MNIST: a Novel Image Dataset", arXiv 1708.07747',
    licence="MIT; Zalando SE",
)

CIFAR_10 = OfficialDataset(
    name="cifar-10",
    title="CIFAR-10",
    summary="60,000 colour photographs of ten kinds of things, 32 pixels wide.",
    folder="cifar-10-batches-py",
    archive="cifar-10-python.tar.gz",
    archive_md5="c58f30108f718f92721af3b95e74349a",
    train=(
        _batch("data_batch_1", "c99cafc152244af753f735de768cd75f", 10_000),
        _batch("data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec", 10_000),
        _batch("data_batch_3", "54ebc095f3ab1f0389bbae665268c751", 10_000),
        _batch("data_batch_4", "634d18415352ddfa80567beed471001a", 10_000),
        _batch("data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb", 10_000),
    ),
    test=(_batch("test_batch", "40351d587109b95175f43aff81a1287e", 10_000),),
    labels_key="labels",
    classes=CIFAR10,
    shape=(3, 32, 32),
    counts=(50_000, 10_000),
    kind="cifar",
    torchvision="CIFAR10",
    download_bytes=170_498_071,
    source='Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009',
    licence="none stated; the authors ask to be cited",
)

CIFAR_100 = OfficialDataset(
    name="cifar-100",
    title="CIFAR-100",
    summary="60,000 colour photographs of a hundred kinds of things, 32 pixels wide.",
    folder="cifar-100-python",
    archive="cifar-100-python.tar.gz",
    archive_md5="eb9058c3a382ffc7106e4002c42a8d85",
    train=(_batch("train", "16019d7e3df5f24257cddd939b257f8d", 50_000),),
    test=(_batch("test", "f0ef6b0ae62326f3e7ffdfab6717acfc", 10_000),),
    labels_key="fine_labels",
    classes=CIFAR100,
    shape=(3, 32, 32),
    counts=(50_000, 10_000),
    kind="cifar",
    torchvision="CIFAR100",
    download_bytes=169_001_437,
    source='Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009',
    licence="none stated; the authors ask to be cited",
)

OFFICIAL: dict[str, OfficialDataset] = {spec.name: spec for spec in (MNIST, FASHION_MNIST, CIFAR_10, CIFAR_100)}
