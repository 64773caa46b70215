"""Downloads of the well-known sets: asked for by a person, from torchvision's list of addresses, checked, renamed.

torchvision's downloader itself has no timeout, no progress, no way to stop, and looks only at whether the extracted
files exist. Its addresses are used, nothing else of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import tarfile
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path

from .. import __version__
from . import _folders, _read
from ._errors import CancelledError, DatasetError
from ._import import Cancel, Progress
from ._official import File, Official

TIMEOUT = 15.0
"""Seconds without a byte, or at less than SLOWEST, after which an address is given up."""
SLOWEST = 1024
"""Bytes a second."""
_BLOCK = 1 << 16
_REASON = 120
"""Characters shown of why an address failed."""
_SLACK = 4096
"""Bytes a download may exceed its known size; more is not what was asked for."""


def addresses(spec: Official) -> dict[str, list[str]]:
    """For each file to download, its addresses in order of trial, from the constants of ``torchvision.datasets``."""
    import torchvision.datasets

    listed = getattr(torchvision.datasets, spec.torchvision)
    if spec.archive:
        return {spec.archive: [listed.url]}
    return {f"{file.name}.gz": [f"{mirror}{file.name}.gz" for mirror in listed.mirrors] for file in spec.files}


def fetch(
    spec: Official,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    timeout: float = TIMEOUT,
) -> Path:
    """Download a well-known set into our data folder; the folder in which its files now are.

    Files that are there and intact are not fetched again. ``progress`` hears bytes done and in all (packed, nearly
    exact). ``cancel`` is asked with every block; while a server is silent that can take ``timeout`` seconds. Each file
    is unpacked in a staging folder, compared with its MD5, flushed, and only then renamed to its place. Raises
    DatasetError, in one sentence that says what to put where by hand; CancelledError if ``cancel`` said so. Never
    called unless a person asks.
    """
    target = _folders.own_folder() / spec.folder
    missing = [file for file in spec.files if not _intact(target / file.name, file)]
    if not missing:
        return target
    _folders.need_space(spec.download_bytes + spec.extracted_bytes)
    transfer = _Transfer(spec, progress, cancel, timeout)
    with _folders.staging() as staged:
        for name, urls in addresses(spec).items():
            wanted = [file for file in missing if spec.archive or f"{file.name}.gz" == name]
            if wanted:
                transfer.get(urls, staged / "download", wanted, staged)
        target.mkdir(parents=True, exist_ok=True)
        for file in missing:
            _folders.sync(staged / file.name)
            (staged / file.name).replace(target / file.name)
        _folders.sync(target)
    return target


class _BadCopyError(Exception):
    """An address gave something else than the file."""


_FAILURES = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, _BadCopyError)
"""What makes an address useless; the next one may be better. A full disk is not among them."""


class _Transfer:
    def __init__(self, spec: Official, progress: Progress | None, cancel: Cancel | None, timeout: float) -> None:
        self.spec = spec
        self.progress = progress
        self.cancel = cancel
        self.timeout = timeout
        self.done = 0

    def get(self, urls: list[str], packed: Path, wanted: list[File], folder: Path) -> None:
        """Try one address after another until one gives the right content."""
        reasons = []
        for url in urls:
            before = self.done
            try:
                self._download(url, packed)
                (_untar if self.spec.archive else _gunzip)(self.spec, packed, wanted, folder)
                return
            except _FAILURES as error:
                self.done = before
                reasons.append(f"{url}: {_reason(error)}")
            finally:
                packed.unlink(missing_ok=True)
        raise DatasetError(
            f"{self.spec.title} could not be downloaded ({'; '.join(reasons)}). {_read.by_hand(self.spec)}"
        )

    def _download(self, url: str, target: Path) -> None:
        if not url.startswith(("http://", "https://")):
            raise _BadCopyError("not a web address")
        # torchvision's addresses only; redirections go to http and https alone.
        request = urllib.request.Request(url, headers={"User-Agent": f"inception-explorer/{__version__}"})  # noqa: S310
        limit = self.spec.download_bytes + _SLACK
        with contextlib.closing(_opener().open(request, timeout=self.timeout)) as response, target.open("wb") as file:
            promised = response.headers.get("Content-Length", "")
            received, since, counted = 0, time.monotonic(), 0
            while block := _next_block(response):
                file.write(block)
                received += len(block)
                self._report(len(block))
                if received > limit:
                    raise _BadCopyError(f"it is longer than {_folders.size(limit)}, which it should not be")
                if (now := time.monotonic()) - since > self.timeout:
                    if received - counted < SLOWEST * self.timeout:
                        raise _BadCopyError(f"too slow: {received - counted:,} bytes in {now - since:.0f} s")
                    since, counted = now, received
            if promised.isdigit() and received != int(promised):
                raise _BadCopyError(f"the connection broke after {received:,} of {int(promised):,} bytes")

    def _report(self, count: int) -> None:
        if self.cancel and self.cancel():
            raise CancelledError("the download was cancelled")
        self.done += count
        if self.progress:
            self.progress(self.done, max(self.done, self.spec.download_bytes))


def _next_block(response: http.client.HTTPResponse) -> bytes:
    """The next bytes. A network breaks in more ways than ConnectionError: no route, TLS; never the disk."""
    try:
        return response.read1(_BLOCK)
    except TimeoutError:
        raise
    except OSError as error:
        raise ConnectionError(error.strerror or str(error)) from None


class _WebOnly(urllib.request.HTTPRedirectHandler):
    """Follows redirections to the web, not to ``ftp:``."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        if not newurl.startswith(("http://", "https://")):
            raise urllib.error.HTTPError(newurl, code, "redirected to something that is not a web address", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_WebOnly)


def _gunzip(_: Official, packed: Path, wanted: list[File], folder: Path) -> None:
    (file,) = wanted
    try:
        content = _read.unpacked(packed, file)
    except DatasetError:
        got = hashlib.md5(packed.read_bytes(), usedforsecurity=False).hexdigest()
        raise _BadCopyError(f"damaged: its MD5 is {got}, not {file.packed_md5}") from None
    _keep(content, file, folder)


def _untar(spec: Official, packed: Path, wanted: list[File], folder: Path) -> None:
    """The wanted members, by their exact names, one at a time; nothing else in the archive is looked at."""
    todo = {f"{spec.folder}/{file.name}": file for file in wanted}
    try:
        with tarfile.open(packed, "r:gz") as tar:
            for member in tar:
                file = todo.get(member.name)
                stream = tar.extractfile(member) if file and member.isreg() and member.size <= file.size else None
                if file and stream:
                    _keep(stream.read(file.size + 1), file, folder)
                    del todo[member.name]
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise _BadCopyError(f"damaged: it cannot be unpacked ({error})") from None
    except OSError as error:
        if error.errno is not None:  # the disk, not the archive
            raise
        raise _BadCopyError(f"damaged: it cannot be unpacked ({error})") from None
    if todo:
        raise _BadCopyError(f"damaged: {', '.join(sorted(todo))} missing")


def _keep(content: bytes, file: File, folder: Path) -> None:
    got = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if got != file.md5:
        raise _BadCopyError(f"damaged: the MD5 of {file.name} is {got}, not {file.md5}")
    (folder / file.name).write_bytes(content)


def _intact(path: Path, file: File) -> bool:
    try:
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False))
            return digest.hexdigest() == file.md5
    except OSError:
        return False


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError):
        return "no answer in time"
    reason = getattr(error, "reason", error)
    text = str(getattr(reason, "strerror", None) or reason) or type(error).__name__
    if isinstance(error, urllib.error.HTTPError):
        text = f"{error.code} {text}"
    text = " ".join(text.split())  # a server chooses these words: they may be long and have lines
    return text if len(text) <= _REASON else text[: _REASON - 1] + "…"
