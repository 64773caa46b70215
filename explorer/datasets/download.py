"""Download of one file: with a timeout, a size limit, progress and cancellation. The caller verifies the content."""

from __future__ import annotations

import contextlib
import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from .. import __version__
from ..text import format_bytes, shorten

TIMEOUT_SECONDS = 15.0
"""Seconds without a byte, or at less than SLOWEST, after which an address is given up."""
MIN_BYTES_PER_SECOND = 1024
"""Bytes a second."""
_BLOCK = 1 << 16
_REASON = 120
"""Characters shown of why an address failed."""


class WrongContentError(Exception):
    """A URL gave something other than the expected file."""


FAILURES = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, WrongContentError)
"""Errors of one URL, after which the next one is tried. A full disk is not among them."""


def download(
    url: str, target: Path, *, limit: int, report: Callable[[int], None], timeout: float = TIMEOUT_SECONDS,
    resume: bool = False,
) -> str:  # fmt: skip
    """Write what is at an address to a file. ``report`` hears the size of every block and may raise to stop.

    With ``resume`` the file's bytes are the beginning, and only the rest is asked for; a server that gives the whole
    all the same is heard, and ``report`` hears a negative number for what is thrown away.

    Raises one of FAILURES where the address is of no use, OSError of the disk.

    Returns the SHA-256 of the file that Hugging Face's hub states, '' where nothing is stated.
    """
    if not url.startswith(("http://", "https://")):
        raise WrongContentError("not a web address")
    # Addresses of ours and torchvision's only; redirections go to http and https alone.
    headers = {"User-Agent": f"inception-explorer/{__version__}"}
    begun = target.stat().st_size if resume and target.exists() else 0
    if begun:
        headers["Range"] = f"bytes={begun}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310
    web = _WebOnly()
    try:
        opened = _open_response(web, request, timeout)
    except urllib.error.HTTPError as error:
        if not (begun and error.code == 416):  # nothing is left to ask for
            raise
        return web.stated
    with contextlib.closing(opened) as response, target.open("ab" if response.status == 206 else "wb") as file:
        if begun and response.status != 206:
            report(-begun)
            begun = 0
        promised = response.headers.get("Content-Length", "")
        received, since, counted = 0, time.monotonic(), 0
        while block := _next_block(response):
            file.write(block)
            received += len(block)
            report(len(block))
            if begun + received > limit:
                raise WrongContentError(f"it is longer than {format_bytes(limit)}, which it should not be")
            if (now := time.monotonic()) - since > timeout:
                if received - counted < MIN_BYTES_PER_SECOND * timeout:
                    raise ConnectionError(f"too slow: {received - counted:,} bytes in {now - since:.0f} s")
                since, counted = now, received
        if promised.isdigit() and received != int(promised):
            raise ConnectionError(f"the connection broke after {received:,} of {int(promised):,} bytes")
        return web.stated or _stated(response.headers)


def _stated(headers: http.client.HTTPMessage) -> str:
    """The SHA-256 in Hugging Face's header."""
    text = headers.get("X-Linked-Etag", "").strip('"')
    return text if re.fullmatch("[0-9a-f]{64}", text) else ""


def _open_response(web: _WebOnly, request: urllib.request.Request, timeout: float) -> http.client.HTTPResponse:
    try:
        response: http.client.HTTPResponse = urllib.request.build_opener(web).open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()  # otherwise the connection stays open as long as the error exists
        raise
    return response


def _next_block(response: http.client.HTTPResponse) -> bytes:
    """The next block. Errors of the network (no route, TLS) become ConnectionError, to tell them from disk errors."""
    try:
        return response.read1(_BLOCK)
    except TimeoutError:
        raise
    except OSError as error:
        raise ConnectionError(error.strerror or str(error)) from None


class _WebOnly(urllib.request.HTTPRedirectHandler):
    """Follows redirections to the web, not to ``ftp:``."""

    stated = ""
    """The SHA-256 that the address states on the way: Hugging Face's hub leads to another server."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        if not newurl.startswith(("http://", "https://")):
            raise urllib.error.HTTPError(newurl, code, "redirected to something that is not a web address", headers, fp)
        self.stated = self.stated or _stated(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def failure_reason(error: Exception) -> str:
    """Why a URL failed, in a few words."""
    if isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError):
        return "no answer in time"
    reason = getattr(error, "reason", error)
    text = str(getattr(reason, "strerror", None) or reason) or type(error).__name__
    if isinstance(error, urllib.error.HTTPError):
        text = f"{error.code} {text}"
    text = " ".join(text.split())  # a server chooses these words: they may be long and have lines
    return shorten(text, _REASON)
