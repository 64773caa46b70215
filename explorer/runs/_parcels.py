"""Images of data sets that are read from a folder, sent to an object store for machines that do not have the folder."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Callable
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


def pack_name(dataset: str, number: int) -> str:
    """What a pack of images is called in the object store.

    Args:
        dataset: The name of their data set.
        number: Of the pack, from 0.

    Returns:
        The name, such as ``images/pets-1234/000000.tar``.
    """
    return f"images/{dataset}/{number:06}.tar"


class Parcels:
    """Sends the images of data sets, each once, from threads: there may be many."""

    def __init__(self, storage: Storage, open_packs: OpenPacks, folder: Path) -> None:
        """Send to a store. Packs lie in ``folder``, that of the data sets, for as long as that takes."""
        self._storage, self._open_packs, self._folder = storage, open_packs, folder
        self._sent: set[str] = set()
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
        """
        if dataset in self._sent:
            return ""
        if problem := self._problems.pop(dataset, ""):
            raise ValueError(problem)
        thread = self._sending.get(dataset)
        if thread is None or not thread.is_alive():
            packs = self._open_packs(dataset)
            if packs is None:
                self._sent.add(dataset)
                return ""
            thread = threading.Thread(target=self._send, args=(dataset, packs), name="parcels", daemon=True)
            self._sending[dataset] = thread
            thread.start()
            thread.join(1.0)  # few are there in a moment
            if dataset in self._sent:
                return ""
        done, number = self._progress.get(dataset, (0, 0))
        share = f", {format_share(done / number)} of them so far" if number else ""
        return f"waits until the images of {dataset} are in the object store{share}"

    def close(self) -> None:
        """Send no more; what is there need not be sent again."""
        self._closing.set()

    def _send(self, dataset: str, packs: Packs) -> None:
        try:
            there = self._storage.list_files(f"images/{dataset}")
            missing = [number for number in range(len(packs)) if pack_name(dataset, number) not in there]
            done = len(packs) - len(missing)
            self._progress[dataset] = done, len(packs)
            with (
                tempfile.TemporaryDirectory(prefix=".staging-", dir=self._folder) as folder,
                ThreadPoolExecutor(_AT_ONCE) as pool,
            ):

                def send(number: int) -> bool:
                    path = Path(folder, f"{number}.tar")
                    if self._closing.is_set():
                        return False
                    packs.write(number, path)
                    self._storage.put(path, pack_name(dataset, number))
                    path.unlink()
                    return True

                for sent in pool.map(send, missing):
                    if not sent:
                        return
                    done += 1
                    self._progress[dataset] = done, len(packs)
            self._sent.add(dataset)
        except OSError as error:  # it is begun again when it is asked for again
            _log.warning("%s", error)
        except ValueError as error:
            self._problems[dataset] = str(error)
