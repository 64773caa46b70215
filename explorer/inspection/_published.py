"""The weights that torchvision and timm publish for networks of the catalogue: names, places, checksums, preprocessing.

All lie in torch's hub folder, so that existing downloads of torchvision's are found. This module has facts only and
needs no torch; a test compares them with both libraries' own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..architecture import Architecture
from ..catalog import get
from ..datasets import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

_TORCHVISION = "https://download.pytorch.org/models"
_HUB = "https://huggingface.co/timm"
_CADENE = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-cadene"


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """One file of published weights, of ImageNet's 1,000 classes, and the preprocessing that they were trained with."""

    name: str
    """Of the architecture in our catalogue."""
    library: Literal["torchvision", "timm"]
    """Who publishes them."""
    model: str
    """The library's name of the network; ``find_published`` takes it, too."""
    weights: str
    """The library's name of the weights: torchvision's member of the weights enum, timm's tag."""
    title: str
    """Shown to people."""
    url: str
    """Where the file is."""
    file: str
    """Its name here."""
    size_bytes: int
    """Approximately."""
    preprocessing: Preprocessing
    """How images were prepared in training."""

    @property
    def sha256_prefix(self) -> str:
        """Beginning of the SHA-256, as the file's name ends; '' where the name has none, as on Hugging Face's hub."""
        _, dash, digits = self.file.rpartition(".")[0].rpartition("-")
        return digits if dash and len(digits) >= 8 and set(digits) <= set("0123456789abcdef") else ""

    @property
    def checksum(self) -> str:
        """What is known of the SHA-256, in words."""
        if self.sha256_prefix:
            return f"SHA-256 {self.sha256_prefix}…"
        return "its SHA-256 stands on the page of the file"

    @property
    def path(self) -> Path:
        """Its place in torch's hub folder; it need not exist."""
        return hub_folder() / "checkpoints" / self.file


def _of_torchvision(
    name: str, model: str, title: str, file: str, megabytes: float, *, side: int = 224, cover: int = 256,
    interpolation: Literal["bilinear", "bicubic"] = "bilinear", transform_input: bool = False,
) -> PublishedWeights:  # fmt: skip
    return PublishedWeights(
        name=name, library="torchvision", model=model, weights="IMAGENET1K_V1",
        title=f"{title} (torchvision, ImageNet)", url=f"{_TORCHVISION}/{file}", file=file,
        size_bytes=round(megabytes * 2**20),
        preprocessing=Preprocessing(
            shape=(3, side, side), mean=IMAGENET_MEAN, std=IMAGENET_STD, cover=(cover, cover),
            interpolation=interpolation, transform_input=transform_input,
        ),
    )  # fmt: skip


def _of_timm(
    name: str, model: str, title: str, tag: str, size_bytes: int, *, side: int = 224, crop: float = 0.875,
    mean: tuple[float, ...] = IMAGENET_MEAN, std: tuple[float, ...] = IMAGENET_STD,
    interpolation: Literal["bilinear", "bicubic"] = "bicubic", url: str = "",
) -> PublishedWeights:  # fmt: skip
    cover = int(side / crop)
    return PublishedWeights(
        name=name, library="timm", model=model, weights=tag, title=f"{title} (timm, ImageNet)",
        url=url or f"{_HUB}/{model}.{tag}/resolve/main/model.safetensors",
        file=url.rpartition("/")[2] or f"{model}.{tag}.safetensors", size_bytes=size_bytes,
        preprocessing=Preprocessing(
            shape=(3, side, side), mean=mean, std=std, cover=(cover, cover), interpolation=interpolation
        ),
    )  # fmt: skip


_HALF = (0.5, 0.5, 0.5)

PUBLISHED = {
    spec.name: spec
    for spec in (
        _of_torchvision("alexnet", "alexnet", "AlexNet", "alexnet-owt-7be5be79.pth", 233.087),
        _of_torchvision("vgg-11", "vgg11", "VGG-11", "vgg11-8a719046.pth", 506.84),
        _of_torchvision("vgg-16", "vgg16", "VGG-16", "vgg16-397923af.pth", 527.796),
        _of_torchvision(
            "googlenet-torchvision", "googlenet", "GoogLeNet", "googlenet-1378be20.pth", 49.731, transform_input=True
        ),
        _of_torchvision(
            "inception-v3", "inception_v3", "Inception v3", "inception_v3_google-0cc3c7bd.pth", 103.903, side=299,
            cover=342, transform_input=True,
        ),
        _of_timm(
            "inception-v4", "inception_v4", "Inception v4", "tf_in1k", 170_973_128, side=299, mean=_HALF, std=_HALF
        ),
        _of_timm(
            "inception-resnet-v2", "inception_resnet_v2", "Inception-ResNet v2", "tf_in1k", 223_617_664, side=299,
            crop=0.8975, mean=_HALF, std=_HALF,
        ),
        _of_timm(
            "xception", "legacy_xception", "Xception", "tf_in1k", 91_642_240, side=299, crop=0.8975, mean=_HALF,
            std=_HALF, url=f"{_CADENE}/xception-43020ad28.pth",
        ),
        _of_torchvision("resnet-18", "resnet18", "ResNet-18", "resnet18-f37072fd.pth", 44.661),
        _of_torchvision("resnet-50", "resnet50", "ResNet-50", "resnet50-0676ba61.pth", 97.781),
        _of_torchvision("resnext-50", "resnext50_32x4d", "ResNeXt-50", "resnext50_32x4d-7cdf4587.pth", 95.789),
        _of_torchvision("squeezenet-1.1", "squeezenet1_1", "SqueezeNet 1.1", "squeezenet1_1-b8a52dc0.pth", 4.729),
        _of_torchvision("densenet-121", "densenet121", "DenseNet-121", "densenet121-a639ec97.pth", 30.845),
        _of_torchvision("mobilenet-v2", "mobilenet_v2", "MobileNetV2", "mobilenet_v2-b0353104.pth", 13.555),
        _of_torchvision(
            "efficientnet-b0", "efficientnet_b0", "EfficientNet-B0", "efficientnet_b0_rwightman-7f5810bc.pth", 20.451,
            interpolation="bicubic",
        ),
        _of_torchvision("convnext-t", "convnext_tiny", "ConvNeXt-T", "convnext_tiny-983f1562.pth", 109.119, cover=236),
        _of_timm("ghostnet-1.0", "ghostnet_100", "GhostNet 1.0×", "in1k", 20_818_544),
        _of_timm("inceptionnext-t", "inception_next_tiny", "InceptionNeXt-T", "sail_in1k", 112_282_032),
        _of_timm("repvgg-a0", "repvgg_a0", "RepVGG-A0", "rvgg_in1k", 36_530_952, interpolation="bilinear"),
    )
}  # fmt: skip
"""By the catalogue's name of the architecture."""


def find_published(name: str) -> PublishedWeights | None:
    """Find the published weights of a network.

    Args:
        name: The catalogue's name of the network, or the library's.

    Returns:
        The weights; None where none are published.
    """
    return PUBLISHED.get(name) or next((spec for spec in PUBLISHED.values() if spec.model == name), None)


def hub_folder() -> Path:
    """The default of ``torch.hub.get_dir()``, without loading torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.path.expanduser(os.environ.get("TORCH_HOME", os.path.join(cache, "torch")))) / "hub"


def find_published_for(architecture: Architecture) -> PublishedWeights | None:
    """Find the weights that are published for just this network.

    Args:
        architecture: Of the catalogue, or another one that is the same; its auxiliary heads do not matter.

    Returns:
        The weights; None where none are published.
    """
    return next((spec for name, spec in PUBLISHED.items() if is_same(get(name), architecture, heads=False)), None)


def is_same(known: Architecture, given: Architecture, *, heads: bool = True) -> bool:
    """Whether two architectures are one network on inputs of one form, whatever they are called."""

    def parts(architecture: Architecture) -> list[object]:
        return [node for node in architecture.trunk.nodes if heads or node.op != "auxiliary"]

    return parts(known) == parts(given) and known.input_shape[0] == given.input_shape[0]
