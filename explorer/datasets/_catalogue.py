"""Every data set that can be chosen: its card, without torch and without opening a file of the data."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Callable
from pathlib import Path

from ..home import absolute
from ..text import quote
from . import _digits, _drawn_digits, _long_range, _offers, _official, _read, _store
from ._arrays import ImageArrays
from ._card import DatasetCard, DatasetSource
from ._errors import DatasetError
from ._folders import is_identifier
from ._offers import Offer

_paths_are_open = True
DEFAULT = _digits.NAME
"""Real images that need neither a network nor a file."""


def _distance(name: str) -> int:
    distance = _long_range.parse_distance(name)
    assert distance is not None  # only for names that the source knows
    return distance


SOURCES: dict[str, DatasetSource] = {
    "digits": DatasetSource(
        list_names=lambda: [DEFAULT],
        knows=lambda name: name == DEFAULT,
        get_card=lambda _: _digits.get_card(),
        load_arrays=lambda _: _digits.load(),
    ),
    "drawn-digits": DatasetSource(
        list_names=lambda: [_drawn_digits.NAME],
        knows=lambda name: name == _drawn_digits.NAME,
        get_card=lambda _: _drawn_digits.get_card(),
        load_arrays=lambda _: _drawn_digits.load(),
    ),
    "long-range": DatasetSource(
        list_names=lambda: [f"{_long_range.NAME}-{distance}" for distance in _long_range.LISTED_DISTANCES],
        knows=lambda name: _long_range.PATTERN.fullmatch(name) is not None,
        get_card=lambda name: _long_range.get_card(_distance(name)),
        load_arrays=lambda name: _long_range.generate_long_range(_distance(name)),
    ),
    "official": DatasetSource(
        list_names=lambda: _official.OFFICIAL,
        knows=lambda name: name in _official.OFFICIAL,
        get_card=lambda name: _read.get_card(_official.OFFICIAL[name]),
        load_arrays=lambda name: _read.load(_official.OFFICIAL[name]),
    ),
    "imported": DatasetSource(
        list_names=_store.names,
        knows=lambda name: is_identifier(name) and name in _store.names(),
        get_card=_store.get_card,
        load_arrays=_store.load,
    ),
    "offers": DatasetSource(
        list_names=lambda: (),  # to know what they hold, they have to be listed: ``list_offers`` names them
        knows=lambda name: _find_offer(name) is not None,
        get_card=lambda name: _offers.get_card(_offer(name)),
        load_arrays=lambda name: _offers.load(_offer(name)),
    ),
}
"""All data sets by their origin, in the order in which they are offered. A new one is one more row, or ``register``."""


def list_offers() -> list[Offer]:
    """List the archives and folders of images in the folders of EXPLORER_DATA that were not imported yet.

    Returns:
        Their names, by which ``get_card``, ``load`` and ``preview`` know them, titles and paths; nothing is opened.
    """
    return _offers.list_offers(frozenset(names()))


def open_paths(*, to_all: bool) -> None:
    """Say whether a text may be the path of a file or folder of this machine; a server closes them to its visitors.

    Args:
        to_all: Whether it may; True until something else is said, once a process.
    """
    global _paths_are_open  # noqa: PLW0603
    _paths_are_open = to_all


def find_source(name_or_path: str | Path) -> Path | None:
    """Find the file or folder that can be imported under a name or path.

    Args:
        name_or_path: The name of an offer, or a path.

    Returns:
        Its absolute path; None if there is none, or the text names a data set that is no offer.
    """
    if isinstance(name_or_path, str):
        offer = _find_offer(name_or_path)
        if offer or is_known(name_or_path):
            return offer.path if offer else None
        if not _paths_are_open:  # whoever reaches the server from elsewhere shall not read its files by naming them
            return None
    path = absolute(name_or_path)
    return path if str(name_or_path) and os.path.exists(path) else None  # False for a text that no path can be


def _find_offer(name: str) -> Offer | None:
    return next((offer for offer in list_offers() if offer.name == name), None) if is_identifier(name) else None


def _offer(name: str) -> Offer:
    offer = _find_offer(name)
    if offer is None:  # taken away in between
        raise DatasetError(f"there is no data set {quote(name)} any longer")
    return offer


def register(card: DatasetCard, load_arrays: Callable[[], ImageArrays]) -> None:
    """Add a data set: it is then listed, described, loaded and trained on by its name as any other.

    A run trains in a process of its own. So a set for runs is registered where ``explorer.datasets`` is imported,
    best as a row of ``SOURCES``; one that is registered later exists in the calling process alone.

    Args:
        card: what is said of it; ``card.name`` is small letters, digits and hyphens.
        load_arrays: gives the images, uint8 (N, C, H, W), and the labels, int64 (N,). Called at each ``load``; it may
            raise DatasetError.

    Raises:
        ValueError: the name is taken, or is none.
    """
    if not is_identifier(card.name):
        raise ValueError(f"{quote(card.name)} cannot name a data set: small letters, digits and hyphens only")
    if is_known(card.name):
        raise ValueError(f"there is a data set {card.name} already")
    SOURCES[card.name] = DatasetSource(
        list_names=lambda: [card.name],
        knows=lambda name: name == card.name,
        get_card=lambda _: card,
        load_arrays=lambda _: load_arrays(),
    )


def names() -> list[str]:
    """List the names of all data sets, available or not.

    Returns:
        The embedded, the generated, the well-known, the imported and the registered ones, in the order in which they
        are offered.
    """
    return [name for source in SOURCES.values() for name in source.list_names()]


def get_card(name: str) -> DatasetCard:
    """Find what is known of a data set, as things are now; no file of images is opened.

    Args:
        name: One of ``names()``, an offer's, or a generated set's that is not listed, such as 'long-range-7'.

    Returns:
        The card.

    Raises:
        DatasetError: The name is unknown (the message has the nearest ones), or the facts of an import are damaged.
    """
    return _source(name).get_card(name)


def find_available(name: str) -> str:
    """Find the data set of a name, or one with the same content where that is not on this machine.

    Args:
        name: Name of a data set.

    Returns:
        ``name`` where it is available, or where nothing else is; else the name of a data set with the same classes and
        as many images: an imported copy, or else an offer, which has to be imported.

    Raises:
        DatasetError: The name is unknown, or the facts of an import are damaged.
    """
    wanted = get_card(name)
    if wanted.available:
        return name
    offered = [offer.name for offer in list_offers()]
    for other in [*names(), *offered]:
        with contextlib.suppress(DatasetError):  # damaged, or no data set after all
            card = get_card(other)
            alike = sorted(card.classes) == sorted(wanted.classes)
            counts = (card.train_count, card.test_count) == (wanted.train_count, wanted.test_count)
            if (card.available or other in offered) and alike and counts:
                return other
    return name


def find_name(text: str) -> str:
    """Find the data set that a person means: by its name, or by the title of an imported one.

    Args:
        text: What was typed.

    Returns:
        The name; the text as it is where no data set is called that, and where it is the path of a folder or archive.

    Raises:
        DatasetError: Several imported sets have that title.
    """
    if is_known(text) or find_source(text) is not None:
        return text
    titled = []
    for name in _store.names():
        with contextlib.suppress(DatasetError):  # damaged
            if get_card(name).title == text:
                titled.append(name)
    if len(titled) > 1:
        raise DatasetError(f"several data sets are called {quote(text)}: {', '.join(titled)}")
    return titled[0] if titled else text


def is_known(name: str) -> bool:
    """Whether a text names a data set (and is not, for example, a path)."""
    return any(source.knows(name) for source in SOURCES.values())


def load_arrays(name: str) -> ImageArrays:
    """The images of a data set. Raises DatasetError."""
    return _source(name).load_arrays(name)


def _source(name: str) -> DatasetSource:
    for source in SOURCES.values():
        if source.knows(name):
            return source
    raise DatasetError(describe_unknown(name))


def describe_unknown(name: str) -> str:
    """The error message for a name that no data set has."""
    known = [*names(), *(offer.name for offer in list_offers())]
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(known)}"
    return f"there is no data set {quote(name)}; {hint}"
