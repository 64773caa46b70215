"""Downloads of the well-known sets, on a user's request: from torchvision's list of URLs, verified, then renamed.

torchvision's own downloader has no timeout, no progress and no cancellation, and checks only whether the extracted
files exist. So only its URLs are used.
"""

from __future__ import annotations

import hashlib
import logging
import tarfile
import zlib
from pathlib import Path

from . import _folders, _read
from ._decoding import Cancel, Progress
from ._errors import CancelledError, DatasetError
from ._official import OfficialDataset, OfficialFile
from .download import FAILURES, TIMEOUT_SECONDS, WrongContentError, download, failure_reason

logger = logging.getLogger(__name__)

_SLACK = 4096
"""Bytes by which a download may exceed its known size."""


def download_urls(spec: OfficialDataset) -> dict[str, list[str]]:
    """For each file to download, its URLs in order of preference, from the constants of ``torchvision.datasets``."""
    import torchvision.datasets

    listed = getattr(torchvision.datasets, spec.torchvision)
    if spec.archive:
        return {spec.archive: [listed.url]}
    return {f"{file.name}.gz": [f"{mirror}{file.name}.gz" for mirror in listed.mirrors] for file in spec.files}


def fetch(
    spec: OfficialDataset,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> Path:
    """Download a well-known set into the data folder; see ``datasets.fetch``.

    Intact files are not downloaded again. ``progress`` counts packed bytes. While a server sends nothing, ``cancel`` is
    called only after ``timeout`` seconds. Each file is unpacked in a staging folder, compared with its MD5, flushed to
    the disk, and only then renamed to its place.
    """
    target = _folders.writable_folder() / spec.folder
    missing = [file for file in spec.files if not _is_intact(target / file.name, file)]
    if not missing:
        return target
    _folders.check_disk_space(spec.download_bytes + spec.extracted_bytes)
    transfer = _Transfer(spec, progress, cancel, timeout)
    with _folders.staging_folder() as staged:
        for name, urls in download_urls(spec).items():
            wanted = [file for file in missing if spec.archive or f"{file.name}.gz" == name]
            if wanted:
                transfer.get(urls, staged / "download", wanted, staged)
        target.mkdir(parents=True, exist_ok=True)
        for file in missing:
            _folders.sync(staged / file.name)
            (staged / file.name).replace(target / file.name)
        _folders.sync(target)
    return target


class _Transfer:
    def __init__(self, spec: OfficialDataset, progress: Progress | None, cancel: Cancel | None, timeout: float) -> None:
        self.spec = spec
        self.progress = progress
        self.cancel = cancel
        self.timeout = timeout
        self.done = 0

    def get(self, urls: list[str], packed: Path, wanted: list[OfficialFile], folder: Path) -> None:
        """Try one URL after another until one gives the right content."""
        reasons = []
        for url in urls:
            before = self.done
            try:
                limit = self.spec.download_bytes + _SLACK
                download(url, packed, limit=limit, report=self._report, timeout=self.timeout)
                (_untar if self.spec.archive else _gunzip)(self.spec, packed, wanted, folder)
                return
            except FAILURES as error:
                self.done = before
                logger.warning("%s failed: %s", url, failure_reason(error))
                reasons.append(f"{url}: {failure_reason(error)}")
            finally:
                packed.unlink(missing_ok=True)
        raise DatasetError(
            f"{self.spec.title} could not be downloaded ({'; '.join(reasons)}). {_read.manual_instructions(self.spec)}"
        )

    def _report(self, count: int) -> None:
        if self.cancel and self.cancel():
            raise CancelledError("the download was cancelled")
        self.done += count
        if self.progress:
            self.progress(self.done, max(self.done, self.spec.download_bytes))


def _gunzip(_: OfficialDataset, packed: Path, wanted: list[OfficialFile], folder: Path) -> None:
    (file,) = wanted
    try:
        content = _read.unpack_gzip(packed, file)
    except DatasetError:
        got = hashlib.md5(packed.read_bytes(), usedforsecurity=False).hexdigest()
        raise WrongContentError(f"damaged: its MD5 is {got}, not {file.packed_md5}") from None
    _write_verified(content, file, folder)


def _untar(spec: OfficialDataset, packed: Path, wanted: list[OfficialFile], folder: Path) -> None:
    """Unpack the wanted members, by their exact names, one at a time; all other members are ignored."""
    todo = {f"{spec.folder}/{file.name}": file for file in wanted}
    try:
        with tarfile.open(packed, "r:gz") as tar:
            for member in tar:
                file = todo.get(member.name)
                stream = tar.extractfile(member) if file and member.isreg() and member.size <= file.size_bytes else None
                if file and stream:
                    _write_verified(stream.read(file.size_bytes + 1), file, folder)
                    del todo[member.name]
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise WrongContentError(f"damaged: it cannot be unpacked ({error})") from None
    except OSError as error:
        if error.errno is not None:  # the disk, not the archive
            raise
        raise WrongContentError(f"damaged: it cannot be unpacked ({error})") from None
    if todo:
        raise WrongContentError(f"damaged: {', '.join(sorted(todo))} missing")


def _write_verified(content: bytes, file: OfficialFile, folder: Path) -> None:
    got = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if got != file.md5:
        raise WrongContentError(f"damaged: the MD5 of {file.name} is {got}, not {file.md5}")
    (folder / file.name).write_bytes(content)


def _is_intact(path: Path, file: OfficialFile) -> bool:
    try:
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False))
            return digest.hexdigest() == file.md5
    except OSError:
        return False
