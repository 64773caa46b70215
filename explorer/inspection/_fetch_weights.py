"""The download of published weights: on request, with progress, resumable, verified before the file has its name."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import time
import uuid
from pathlib import Path

from ..datasets import Cancel, CancelledError, Progress
from ..datasets.download import FAILURES, TIMEOUT_SECONDS, WrongContentError, download, failure_reason
from ._published import PUBLISHED, PublishedWeights, find_published

logger = logging.getLogger(__name__)

_ABANDONED_SECONDS = 600
"""A part to which nobody has added for so long is taken over: a download that lives adds something or ends."""


def fetch_weights(
    name: str, *, progress: Progress | None = None, cancel: Cancel | None = None, timeout: float = TIMEOUT_SECONDS
) -> Path:
    """Download published weights into torch's hub folder, verified; nothing to do if they are there.

    Called only on a user's request. What was received stays when a download breaks off, and the next one goes on from
    there. The file gets its name only after its SHA-256 was compared with that in its name, or with what Hugging Face's
    hub states; it is kept beside the file, so that a later change is noticed.

    Args:
        name: the catalogue's or the library's name of the network.
        progress: is called with the bytes received and the bytes in all.
        cancel: is called with every block; True stops the download.
        timeout: seconds without data after which the server is given up.

    Returns:
        The file's path.

    Raises:
        ValueError: unknown name, failed download or unwritable disk; the message says how to get the file by hand.
        CancelledError: ``cancel`` returned True.
    """
    spec = find_published(name)
    if spec is None:
        raise ValueError(f"{name[:80]!r} cannot be downloaded; published weights: {', '.join(PUBLISHED)}")
    if spec.path.is_file():
        return spec.path
    part = spec.path.with_name(f"{spec.file}.{uuid.uuid4().hex}.part")
    try:
        spec.path.parent.mkdir(parents=True, exist_ok=True)
        done = _take_over(spec, part)

        def report(count: int) -> None:
            nonlocal done
            if cancel and cancel():
                raise CancelledError("the download was cancelled")
            done += count
            if progress:
                progress(done, max(done, spec.size_bytes))

        limit = spec.size_bytes + spec.size_bytes // 50
        stated = download(spec.url, part, limit=limit, report=report, timeout=timeout, resume=True)
        _verify_and_move(part, spec, stated)
    except FAILURES as error:
        logger.info("the download of %s failed: %s", spec.url, error)
        if isinstance(error, WrongContentError):
            part.unlink(missing_ok=True)
        raise ValueError(
            f"{spec.title} could not be downloaded ({failure_reason(error)}); put the file of {spec.url} "
            f"({spec.checksum}) as {spec.file} into {spec.path.parent}"
        ) from None
    except OSError as error:
        raise ValueError(f"cannot write {str(spec.path)!r}: {error.strerror or error}; make room, or set TORCH_HOME") \
            from None  # fmt: skip
    finally:
        _leave(part, spec)
    return spec.path


def read_digest(spec: PublishedWeights) -> str:
    """The SHA-256 that the file had when it was downloaded; '' where it was put there by hand.

    Args:
        spec: The weights.

    Returns:
        Hexadecimal digits.
    """
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return _digest_path(spec).read_text("ascii")[:64].strip()
    return ""


def _digest_path(spec: PublishedWeights) -> Path:
    return spec.path.with_name(f"{spec.file}.sha256")


def _remainder(spec: PublishedWeights) -> Path:
    """Where what was received waits for the next download."""
    return spec.path.with_name(f"{spec.file}.part")


def _take_over(spec: PublishedWeights, part: Path) -> int:
    """Make what an earlier download received the beginning of ``part``; its bytes. Only one of several gets it."""
    abandoned = time.time() - _ABANDONED_SECONDS
    waiting = _remainder(spec)
    for each in (waiting, *spec.path.parent.glob(f"{spec.file}.*.part")):
        with contextlib.suppress(OSError):  # another download was quicker
            if each == waiting or each.stat().st_mtime < abandoned:
                os.rename(each, part)
                return part.stat().st_size
    return 0


def _leave(part: Path, spec: PublishedWeights) -> None:
    """Keep what was received for the next download."""
    with contextlib.suppress(OSError):
        if part.stat().st_size:
            os.replace(part, _remainder(spec))
        else:
            part.unlink()


def _verify_and_move(part: Path, spec: PublishedWeights, stated: str) -> None:
    expected = spec.sha256_prefix or stated
    with part.open("rb+") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if not digest.startswith(expected):
            raise WrongContentError(f"damaged: its SHA-256 begins with {digest[:8]}, not with {expected[:8]}")
        os.fsync(file.fileno())
    _digest_path(spec).write_text(digest, "ascii")
    os.replace(part, spec.path)
