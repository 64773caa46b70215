"""What is said of a data set before it is opened, and what each origin of data sets provides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ._arrays import ImageArrays


@dataclass(frozen=True, kw_only=True)
class DatasetCard:
    """What a person should know about a data set before choosing it."""

    name: str
    """Key for ``load``, addresses and the command line."""
    title: str
    """Its name for people."""
    summary: str
    """One sentence."""
    train_count: int
    """Images for training."""
    test_count: int
    """Images for testing."""
    classes: tuple[str, ...]
    """Names, in the order of the labels."""
    shape: tuple[int, int, int]
    """(channels, height, width) of every image."""
    source: str
    """Where it comes from: paper, package or file."""
    licence: str
    """Under which the images may be used."""
    size_bytes: int
    """On disk, extracted; in memory for what is generated on demand."""
    available: bool
    """Whether ``load`` will find it now; whether its files are intact is checked when they are read."""
    path: Path | None
    """Folder or file in which it was found; None if it is not there, or needs none."""
    manual_download: str = ""
    """How to get it without a network, in one sentence with files, folder and checksums; '' where nothing is needed."""
    download_bytes: int = 0
    """What ``fetch`` would transfer; 0 if it cannot be fetched."""
    notes: tuple[str, ...] = ()
    """What a person must know to interpret a result."""
    warnings: tuple[str, ...] = ()
    """What a person should look at before training."""
    skipped: tuple[tuple[str, str], ...] = ()
    """(path, reason) of files that an import left out; at most 1,000."""
    streamed: bool = False
    """Whether the images stay in their files and are read from there again and again; ``size_bytes`` is of the index
    then."""
    left_out: tuple[tuple[str, int], ...] = ()
    """(reason, files) of all that an import left out."""


@dataclass(frozen=True, kw_only=True)
class DatasetSource:
    """The data sets of one origin: a single one, or a family such as ``long-range-N``."""

    list_names: Callable[[], Iterable[str]]
    """Names that are offered, in the order in which they are shown."""
    knows: Callable[[str], bool]
    """Whether a text names one of its sets, listed or not."""
    get_card: Callable[[str], DatasetCard]
    """The card of a name that it knows, as things are now. May raise DatasetError."""
    load_arrays: Callable[[str], ImageArrays]
    """The images of a name that it knows. May raise DatasetError."""
