"""The weights that torchvision publishes: what they are called, where they lie, and how they come here.

They lie where torch's own hub keeps them, so that whoever has them need not fetch them again. Facts only, and no torch:
the addresses and class names are torchvision's, asked for when they are needed. A test compares the facts with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from ..datasets import Cancel, CancelledError, Progress
from ..datasets.download import FAILURES, TIMEOUT_SECONDS, WrongContentError, download, failure_reason
from ._preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """One file of weights, and what was done to the pictures that they were learnt from."""

    name: str
    """Of the architecture in our catalogue."""
    torchvision: str
    """Of the network in ``torchvision.models``, which names it here too."""
    title: str
    file: str
    """Its last eight letters before the ending are the beginning of the file's SHA-256."""
    size_bytes: int
    """Bytes, nearly."""
    preprocessing: Preprocessing

    @property
    def sha256_prefix(self) -> str:
        """Beginning of the SHA-256."""
        return self.file.rpartition("-")[2].partition(".")[0]

    @property
    def path(self) -> Path:
        """Where torch's hub keeps it; it need not be there."""
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
    """The weights of that name, the catalogue's or torchvision's; None if there are none."""
    return PUBLISHED.get(name) or next((spec for spec in PUBLISHED.values() if spec.torchvision == name), None)


def hub_folder() -> Path:
    """What ``torch.hub.get_dir()`` says unless a program has changed it, without loading torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.path.expanduser(os.environ.get("TORCH_HOME", os.path.join(cache, "torch")))) / "hub"


def fetch_weights(
    name: str, *, progress: Progress | None = None, cancel: Cancel | None = None, timeout: float = TIMEOUT_SECONDS
) -> Path:
    """Download published weights into torch's hub folder, verified, and give their path; at once if they are there.

    Only when a person asks for it. ``progress`` hears bytes done and in all; ``cancel`` is asked with every block. The
    file gets its name only when its SHA-256 begins as the name says. Raises ValueError with what to do by hand;
    CancelledError.
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
    """Where torchvision says that the file is. Imports torchvision."""
    import torchvision.models

    return str(torchvision.models.get_model_weights(spec.torchvision).IMAGENET1K_V1.url)


def _verify_and_move(part: Path, spec: PublishedWeights) -> None:
    with part.open("rb+") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if not digest.startswith(spec.sha256_prefix):
            raise WrongContentError(f"damaged: its SHA-256 begins with {digest[:8]}, not with {spec.sha256_prefix}")
        os.fsync(file.fileno())
    os.replace(part, spec.path)
