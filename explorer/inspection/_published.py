"""The weights that torchvision publishes: names, places and download.

They are stored in torch's hub folder, so that existing downloads are found. This module has facts only and needs no
torch: URLs and class names are read from torchvision when they are needed. A test compares the facts with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from ..datasets import IMAGENET_MEAN, IMAGENET_STD, Cancel, CancelledError, Preprocessing, Progress
from ..datasets.download import FAILURES, TIMEOUT_SECONDS, WrongContentError, download, failure_reason


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """One file of published weights, and the preprocessing that they were trained with."""

    name: str
    """Of the architecture in our catalogue."""
    torchvision: str
    """Name of the network in ``torchvision.models``; ``find_published`` takes it, too."""
    title: str
    """Shown to people."""
    file: str
    """Its name ends in the first eight digits of its SHA-256."""
    size_bytes: int
    """Approximately."""
    preprocessing: Preprocessing
    """How images were prepared in training."""

    @property
    def sha256_prefix(self) -> str:
        """Beginning of the SHA-256."""
        return self.file.rpartition("-")[2].partition(".")[0]

    @property
    def path(self) -> Path:
        """Its place in torch's hub folder; it need not exist."""
        return hub_folder() / "checkpoints" / self.file


def _imagenet(side: int, cover: int) -> Preprocessing:
    return Preprocessing(
        shape=(3, side, side), mean=IMAGENET_MEAN, std=IMAGENET_STD, cover=(cover, cover), transform_input=True
    )


PUBLISHED = {
    spec.name: spec
    for spec in (
        PublishedWeights(
            name="googlenet-torchvision",
            torchvision="googlenet",
            title="GoogLeNet (torchvision, ImageNet)",
            file="googlenet-1378be20.pth",
            size_bytes=round(49.731 * 2**20),
            preprocessing=_imagenet(224, 256),
        ),
        PublishedWeights(
            name="inception-v3",
            torchvision="inception_v3",
            title="Inception v3 (torchvision, ImageNet)",
            file="inception_v3_google-0cc3c7bd.pth",
            size_bytes=round(103.903 * 2**20),
            preprocessing=_imagenet(299, 342),
        ),
    )
}
"""By the catalogue's name of the architecture."""


def find_published(name: str) -> PublishedWeights | None:
    """Find the published weights of a network.

    Args:
        name: The catalogue's name of the network, or torchvision's.

    Returns:
        The weights; None where none are published.
    """
    return PUBLISHED.get(name) or next((spec for spec in PUBLISHED.values() if spec.torchvision == name), None)


def hub_folder() -> Path:
    """The default of ``torch.hub.get_dir()``, without loading torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.path.expanduser(os.environ.get("TORCH_HOME", os.path.join(cache, "torch")))) / "hub"


def fetch_weights(
    name: str, *, progress: Progress | None = None, cancel: Cancel | None = None, timeout: float = TIMEOUT_SECONDS
) -> Path:
    """Download published weights into torch's hub folder, verified; nothing to do if they are there.

    Called only on a user's request. The file gets its name only after its SHA-256 was compared.

    Args:
        name: the catalogue's or torchvision's name of the network.
        progress: is called with the bytes received and the bytes in all.
        cancel: is called with every block; True stops the download.
        timeout: seconds without data after which the server is given up.

    Returns:
        The file's path.

    Raises:
        ValueError: unknown name, failed download or unwritable disk; the message says how to get the file by hand.
        CancelledError: ``cancel`` returned True; nothing is left behind.
    """
    spec = find_published(name)
    if spec is None:
        raise ValueError(f"{name[:80]!r} cannot be downloaded; published weights: {', '.join(PUBLISHED)}")
    if spec.path.is_file():
        return spec.path
    done = 0

    def report(count: int) -> None:
        nonlocal done
        if cancel and cancel():
            raise CancelledError("the download was cancelled")
        done += count
        if progress:
            progress(done, max(done, spec.size_bytes))

    part = spec.path.with_name(f"{spec.file}.{uuid.uuid4().hex}.part")
    url = weights_url(spec)
    try:
        spec.path.parent.mkdir(parents=True, exist_ok=True)
        download(url, part, limit=spec.size_bytes + spec.size_bytes // 100, report=report, timeout=timeout)
        _verify_and_move(part, spec)
    except FAILURES as error:
        raise ValueError(
            f"{spec.title} could not be downloaded ({failure_reason(error)}); put the file of {url} "
            f"(SHA-256 {spec.sha256_prefix}…) into {spec.path.parent}"
        ) from None
    except OSError as error:
        raise ValueError(f"cannot write {str(spec.path)!r}: {error.strerror or error}; make room, or set TORCH_HOME") \
            from None  # fmt: skip
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return spec.path


def weights_url(spec: PublishedWeights) -> str:
    """The URL of the file, from torchvision's own tables. Imports torchvision."""
    import torchvision.models

    return str(torchvision.models.get_model_weights(spec.torchvision).IMAGENET1K_V1.url)


def _verify_and_move(part: Path, spec: PublishedWeights) -> None:
    with part.open("rb+") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if not digest.startswith(spec.sha256_prefix):
            raise WrongContentError(f"damaged: its SHA-256 begins with {digest[:8]}, not with {spec.sha256_prefix}")
        os.fsync(file.fileno())
    os.replace(part, spec.path)
