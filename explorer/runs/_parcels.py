"""Images of data sets that are read from a folder, sent to an object store for machines that do not have the folder."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from ..text import format_share
from ._storage import Storage

_AT_ONCE = 4
_log = logging.getLogger(__name__)


class Packs(Protocol):
    """The images of a data set in some hundred to a file, as ``explorer.datasets`` knows them."""

    def __len__(self) -> int:
        """How many packs there are."""

    def write(self, number: int, path: Path) -> None:
        """Write a pack. Raises ValueError where that cannot be."""


OpenPacks = Callable[[str], Packs | None]
"""Gives the packs of a data set by its name; None where it needs none."""


def set_name(home: str, dataset: str) -> str:
    """What the folder of a data set is called in the object store.

    Args:
        home: The data directory whose runs need it: each has its own there, and removes none that others need.
        dataset: The name of the data set.

    Returns:
        The name.
    """
    return f"sets/{home}/{dataset}"


def pack_name(home: str, dataset: str, number: int) -> str:
    """What a pack of images is called in the object store.

    Args:
        home: The data directory whose runs need it.
        dataset: The name of their data set.
        number: Of the pack, from 0.

    Returns:
        The name, which ends such as ``pets-1234/images/000000.tar``.
    """
    return f"{set_name(home, dataset)}/images/{number:06}.tar"


class Parcels:
    """Sends the images of data sets that are not in a store, from threads: there may be many."""

    def __init__(self, storage: Storage, home: str, open_packs: OpenPacks, folder: Path) -> None:
        """Send to a store. Packs lie in ``folder``, that of the data sets, for as long as that takes."""
        self._storage, self._home, self._open_packs, self._folder = storage, home, open_packs, folder
        self._numbers: dict[str, int] = {}
        """Of packs of each data set."""
        self._sending: dict[str, threading.Thread] = {}
        self._progress: dict[str, tuple[int, int]] = {}
        self._problems: dict[str, str] = {}
        self._closing = threading.Event()

    def send(self, dataset: str) -> str:
        """Have the images of a data set in the store, or on their way.

        Args:
            dataset: Its name.

        Returns:
            What is still to be waited for, for people; '' where all is there.

        Raises:
            ValueError: An image cannot be sent: it is gone, or has changed.
            StorageError: The store cannot be reached.
        """
        if problem := self._problems.pop(dataset, ""):
            raise ValueError(problem)
        thread = self._sending.get(dataset)
        if thread is None or not thread.is_alive():
            missing = self._find_missing(dataset)  # looked up each time: another program may have removed them
            packs = self._open_packs(dataset) if missing else None
            if packs is None:
                return ""
            self._progress[dataset] = len(packs) - len(missing), len(packs)
            thread = threading.Thread(target=self._send, args=(dataset, packs, missing), name="parcels", daemon=True)
            self._sending[dataset] = thread
            thread.start()
            thread.join(1.0)  # few are there in a moment
        done, number = self._progress[dataset]
        if done == number:
            return ""
        share = f", {format_share(done / number)} of them so far" if number else ""
        return f"waits until the images of {dataset} are in the object store{share}"

    def close(self) -> None:
        """Send no more; what is there need not be sent again."""
        self._closing.set()

    def _find_missing(self, dataset: str) -> list[int]:
        """The packs of a data set that are not in the store; [] for one that has none."""
        if dataset not in self._numbers:
            packs = self._open_packs(dataset)
            self._numbers[dataset] = 0 if packs is None else len(packs)
        number = self._numbers[dataset]
        there = self._storage.list_files(f"{set_name(self._home, dataset)}/images") if number else {}
        return [each for each in range(number) if pack_name(self._home, dataset, each) not in there]

    def _send(self, dataset: str, packs: Packs, missing: Sequence[int]) -> None:
        done, number = self._progress[dataset]
        try:
            with (
                tempfile.TemporaryDirectory(prefix=".staging-", dir=self._folder) as folder,
                ThreadPoolExecutor(_AT_ONCE) as pool,
            ):

                def send(pack: int) -> bool:
                    path = Path(folder, f"{pack}.tar")
                    if self._closing.is_set():
                        return False
                    packs.write(pack, path)
                    self._storage.put(path, pack_name(self._home, dataset, pack))
                    path.unlink()
                    return True

                for sent in pool.map(send, missing):
                    if not sent:
                        return
                    done += 1
                    self._progress[dataset] = done, number
        except OSError as error:  # it is begun again when it is asked for again
            _log.warning("%s", error)
        except ValueError as error:
            self._problems[dataset] = str(error)
