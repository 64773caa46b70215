"""What each person may use of a server that many share, what they use, and the sentence where it is enough."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..person import list_admins
from ..text import format_bytes, quote
from ._home import RunFolder
from ._queue_limit import check_person
from ._records import ACTIVE
from ._store import Store

DAY_SECONDS = 24 * 3600.0
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kKMGT]?)B?")
_FACTORS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_KEPT_SECONDS = 5.0
_measured: dict[tuple[Path, str], tuple[float, tuple[int, int, int]]] = {}
"""Bytes on the disk by data directory and person, and when they were measured: a page asks with every rerun."""
_promised: Counter[tuple[Path, str]] = Counter()
"""Bytes that are being stored, by data directory and person: they are not all on the disk yet."""
_promising = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """What each person may use; None: as much as there is."""

    disk_bytes: int | None = None
    """Of their runs, data sets and kept models together."""
    queue: int | None = None
    """Runs that wait or work at a time."""
    upload_bytes: int | None = None
    """Uploaded within a day."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What somebody uses."""

    run_bytes: int
    """Of the folders of their runs."""
    dataset_bytes: int
    """Of the data sets that they brought; what several brought counts for each."""
    model_bytes: int
    """Of the imported models that they keep."""
    queue: int
    """Their runs that wait or work."""
    upload_bytes: int
    """What they uploaded within the last day."""

    @property
    def disk_bytes(self) -> int:
        """All that lies on the disk."""
        return self.run_bytes + self.dataset_bytes + self.model_bytes


def read_quotas() -> Quotas:
    """Read ``EXPLORER_QUOTA_DISK``, ``EXPLORER_QUOTA_QUEUE`` and ``EXPLORER_QUOTA_UPLOADS``.

    Returns:
        The quotas; None for each that is not set.

    Raises:
        ValueError: One of them is no number, or no size such as 10GB.
    """
    disk, uploads = (_read_size(f"EXPLORER_QUOTA_{name}") for name in ("DISK", "UPLOADS"))
    queue = os.environ.get("EXPLORER_QUOTA_QUEUE", "").strip()
    if queue and not queue.isdecimal():
        raise ValueError(f"EXPLORER_QUOTA_QUEUE is {quote(queue)}; it takes a number of runs, such as 4")
    return Quotas(disk_bytes=disk, queue=int(queue) if queue else None, upload_bytes=uploads)


def _read_size(name: str) -> int | None:
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"{name} is {quote(text)}; it takes a size, such as 500MB or 10GB")
    return int(float(found[1]) * _FACTORS[found[2]])


def measure_usage(store: Store, root: Path, person: str) -> Usage:
    """Measure what somebody uses.

    Args:
        store: Everybody's.
        root: The data directory.
        person: Their id.

    Returns:
        What they use; sizes on the disk may be some seconds old.
    """
    known = _measured.get((root, person))
    if known is None or time.monotonic() - known[0] > _KEPT_SECONDS:
        runs = sum(_measure(RunFolder(root, run).path) for run in store.owned_by(person))
        sets = sum(_measure(place.parent.parent) for place in (root / "data").glob(f"*/owners/{person}"))
        models = 0
        for place in (root / "imported").glob(f"*.owners/{person}"):
            with suppress(OSError):
                models += place.parent.with_suffix(".safetensors").stat().st_size
        known = time.monotonic(), (runs, sets, models)
        _measured[root, person] = known
    runs, sets, models = known[1]
    return Usage(
        run_bytes=runs, dataset_bytes=sets, model_bytes=models, queue=len(store.owned_by(person, ACTIVE)),
        upload_bytes=store.people.uploaded(person, time.time() - DAY_SECONDS),
    )  # fmt: skip


def _measure(folder: Path) -> int:
    """Bytes of a folder's files; what is removed meanwhile counts nothing."""
    total = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    total += _measure(Path(entry.path))
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def find_quotas(store: Store, person: str) -> Quotas:
    """What somebody may use: administrators, and nobody, as much as there is."""
    quotas = read_quotas()
    if not person or quotas == Quotas() or store.people.is_admin(person, list_admins()):
        return Quotas()
    return quotas


def check_quotas(store: Store, root: Path, person: str, *, runs: int = 0, more_bytes: int = 0) -> None:
    """Refuse what would exceed the quotas of somebody; administrators have none.

    Args:
        store: Everybody's.
        root: The data directory.
        person: Whose it would be; '' for nobody's.
        runs: How many more are to be queued: told before work is done for them, and decided by ``QueueLimit``.
        more_bytes: That are to be stored.

    Raises:
        ValueError: It is too much; the sentence has what is used, what is allowed and a way out.
    """
    quotas = find_quotas(store, person)
    if quotas == Quotas():
        return
    used = measure_usage(store, root, person)
    if runs and quotas.queue is not None:
        check_person(used.queue, runs, quotas.queue)
    promised = _promised[root, person]
    stored = used.disk_bytes + promised + more_bytes
    if quotas.disk_bytes is not None and (more_bytes or runs) and stored >= quotas.disk_bytes:
        under_way = f", {format_bytes(promised)} are being stored" if promised else ""
        more = f", and this takes {format_bytes(more_bytes)}" if more_bytes else ""
        raise ValueError(
            f"your runs ({format_bytes(used.run_bytes)}), data sets ({format_bytes(used.dataset_bytes)}) and models "
            f"({format_bytes(used.model_bytes)}) take {format_bytes(used.disk_bytes)} of the "
            f"{format_bytes(quotas.disk_bytes)} that each person may{under_way}{more}: delete some, "
            f"or ask an administrator for more"
        )


@contextmanager
def reserve_disk(store: Store, root: Path, person: str, size: int) -> Iterator[None]:
    """Store something: its bytes count from now on, so that of two imports at once the second is told of the first.

    They count within this server; two servers of one data directory know of each other what is on the disk.

    Args:
        store: Everybody's.
        root: The data directory.
        person: Whose it will be.
        size: Its bytes.

    Yields:
        Nothing; it is to be stored meanwhile.

    Raises:
        ValueError: It is too much, as ``check_quotas`` says it.
    """
    key = root, person
    with _promising:
        check_quotas(store, root, person, more_bytes=size)
        _promised[key] += size
    try:
        yield
    finally:
        with _promising:
            _promised[key] -= size
            _measured.pop(key, None)  # what was stored is to be seen by the next


def enter_upload(store: Store, person: str, what: str, size: int) -> None:
    """Write that somebody has uploaded a file, which counts for a day.

    Args:
        store: Everybody's.
        person: Their id.
        what: The file.
        size: Its bytes.

    Raises:
        ValueError: It is too much; it was not written.
    """
    allowed = find_quotas(store, person).upload_bytes

    def check(before: int) -> None:
        if allowed is not None and before + size > allowed:
            raise ValueError(
                f"you have uploaded {format_bytes(before)} within a day, and {format_bytes(size)} more would be above "
                f"the {format_bytes(allowed)} that each person may: go on tomorrow, or ask an administrator for more"
            )

    store.people.log_upload(person, what, size, check, time.time() - DAY_SECONDS)
