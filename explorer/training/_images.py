"""On a machine without the folder of a data set: its images, brought from the object store before the training."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from .. import datasets
from ..home import home
from ..runs import Lock, Storage, pack_name, set_name
from ..text import format_bytes

_SPARE_BYTES = 100_000_000
_LOOK_SECONDS = 0.5


def bring_images(
    name: str, home_id: str, log_event: Callable[[str], None], cancel: Callable[[], bool] | None = None
) -> None:
    """Bring the images of a streamed data set, unless their folder is here; of several who need them one does it.

    Args:
        name: Of the data set.
        home_id: Of the data directory whose run needs them.
        log_event: Takes a sentence for people.
        cancel: Is called often; True ends it. What has come so far need not be brought again.

    Raises:
        ValueError: There is no room for them, or they are damaged.
        StorageError: The object store cannot be reached.
        CancelledError: ``cancel`` said so.
    """
    url = os.environ.get("EXPLORER_STORAGE", "").strip()
    packs = datasets.open_packs(name) if url else None
    if packs is None or packs.are_in_their_folder():
        return
    path = home() / "data" / f".images-{name}.lock"
    while (lock := Lock.acquire(path, note=False)) is None:
        _check(cancel)
        time.sleep(_LOOK_SECONDS)
    with lock:
        storage, missing = Storage(url), packs.find_missing()
        sizes = storage.list_files(f"{set_name(home_id, name)}/images") if missing else {}
        if not sizes:
            return
        needed = sum(sizes.get(pack_name(home_id, name, number), 0) for number in missing)
        free = shutil.disk_usage(path.parent).free
        if needed + _SPARE_BYTES > free:
            raise ValueError(
                f"the images of {name} take {format_bytes(needed)} and {home()} has {format_bytes(free)} free; make "
                f"room there, or have their folder under the same path on each machine"
            )
        log_event(f"brings the images of {name} from the object store ({format_bytes(needed)})")
        with tempfile.TemporaryDirectory(prefix=".staging-", dir=path.parent) as folder:
            for number in missing:
                _check(cancel)
                pack = Path(folder, "pack.tar")
                if storage.fetch(pack_name(home_id, name, number), pack):
                    packs.unpack(number, pack)


def _check(cancel: Callable[[], bool] | None) -> None:
    if cancel is not None and cancel():
        raise datasets.CancelledError("the images were not brought to the end")
