"""A server's copies of runs that are trained on machines with which it shares no folder."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from ._files import Lock, read_note
from ._home import RunFolder
from ._parcels import OpenPacks, Parcels, set_name
from ._records import ENDED, Run
from ._storage import Storage, StorageError
from ._store import Store

_REST_SECONDS = 2.0
_LATE_SECONDS = 120.0
"""A run that has ended for so long without its last files will not send them any more: its machine is gone."""
_DATASET = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_log = logging.getLogger(__name__)


def run_name(run: str) -> str:
    """What a run's folder is called in the object store."""
    return f"runs/{run}"


def find_dataset(root: Path, run: Run) -> tuple[Path, str] | None:
    """The folder of a run's data set on a machine, and what it is called in the object store; None for one that is no
    folder's name."""
    name = run.setting("dataset")
    if not isinstance(name, str) or not _DATASET.fullmatch(name):
        return None
    return root / "data" / name, f"{set_name(run.home, name)}/data"


class Mirror:
    """Hands the files of runs over to an object store, and keeps copies of what their workers leave there."""

    def __init__(
        self, url: str, root: Path, store: Store, home: str, place: str, open_packs: OpenPacks | None = None
    ) -> None:
        """Keep the copies of a data directory's runs. Raises StorageError where the URL names no object store."""
        self.storage = Storage(url)
        self._parcels = Parcels(self.storage, home, open_packs or (lambda _: None), root / "data")
        self._root, self._store, self._home, self._place = root, store, home, place
        self._ended: dict[str, float] = {}
        """When runs that have ended were first seen so, on the clock of this machine."""
        self._complete: set[tuple[str, int]] = set()
        """Runs with the number of their attempt, of which nothing more comes."""
        self._followed: set[tuple[str, int]] = set()
        """Runs likewise of which something was copied here."""
        self._guard = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def hand_over(self, run: Run) -> str:
        """Have a run's folder and its data set where the machine that trains it finds them.

        Returns what is still to be waited for, '' where all is there. Raises StorageError, and ValueError where its
        images cannot be sent.
        """
        data = find_dataset(self._root, run)
        if data is not None and data[0].is_dir():
            lock = self._lock(data[0].name)
            if lock is None:  # by who removes it, and has not seen this run
                return f"waits until what there was of {data[0].name} is removed from the object store"
            with lock:
                if waits := self._parcels.send(data[0].name):
                    return waits
                self.storage.push(*data, fixed=True)
        if run.place != self._place or not self.storage.has(run_name(run.id)):
            self.storage.push(RunFolder(self._root, run.id).path, run_name(run.id))
        return ""

    def fetch(self, run: str) -> bool:
        """Copy what there is of a run now, its weights only when somebody reads them; whether there is anything.

        Raises StorageError.
        """
        with self._guard:
            folder = RunFolder(self._root, run)
            # What it is called, and whose it is, is written here alone.
            keep = {folder.description.name}
            return self.storage.pull(run_name(run), folder.path, keep=keep, later=lambda part: part.endswith(".pt"))

    def forget(self, run: str) -> None:
        """Remove what the object store has of a run, and the data sets that no other one of ours needs."""
        try:
            self.storage.remove(run_name(run))
            names = set(filter(_DATASET.fullmatch, self.storage.list_folders(set_name(self._home, ""))))
            for name in names - self._find_needed(run) if names else ():
                lock = self._lock(name)
                if lock is None:  # it is being handed over
                    continue
                with lock:
                    if name not in self._find_needed(run):
                        self.storage.remove(set_name(self._home, name))
        except StorageError as error:
            _log.warning("%s", error)

    def _lock(self, dataset: str) -> Lock | None:
        """The right to say that a data set is in the object store, or to remove it: a run is in the database before it
        is handed over, so whoever comes second knows of the other."""
        folder = self._root / "data"
        folder.mkdir(exist_ok=True)
        return Lock.acquire(folder / f".sending-{dataset}.lock", note=False)

    def _find_needed(self, gone: str) -> set[object]:
        """The data sets of our runs but one."""
        return {run.setting("dataset") for run in self._store.runs(home=self._home) if run.id != gone}

    def follow(self) -> None:
        """Go on copying from a thread, until ``close`` or the end of the process."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._copy_forever, name="mirror", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the threads."""
        self._parcels.close()
        self._closing.set()

    def _copy_forever(self) -> None:
        while not self._closing.wait(_REST_SECONDS):
            try:
                for run in self._due(self._store.runs("running", *ENDED, home=self._home)):
                    self.fetch(run.id)
                    if self._closing.is_set():
                        return
            except (StorageError, ValueError) as error:
                _log.warning("copies of runs wait: %s", error)

    def _due(self, runs: Iterable[Run]) -> list[Run]:
        """The runs of which something may have come since."""
        found = []
        for run in runs:
            if run.place != self._place or not run.attempt or (run.id, run.attempt) in self._complete:
                continue
            if run.status in ENDED:
                waited = time.monotonic() - self._ended.setdefault(f"{run.id}-{run.attempt}", time.monotonic())
                note = read_note(RunFolder(self._root, run.id).lock)
                last = note.get("attempt") == run.attempt and "status" in note
                if last or waited > _LATE_SECONDS:
                    self._complete.add((run.id, run.attempt))
                    if last and (run.id, run.attempt) not in self._followed:
                        continue
            # Once more after its last note: that is sent before the process ends, and it may still print something.
            self._followed.add((run.id, run.attempt))
            found.append(run)
        return found
