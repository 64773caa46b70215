"""AlexNet: the two towers of 2012, and the single one that torchvision ships. Layers are named as in TF-Slim."""

from __future__ import annotations

from typing import Any

from ..architecture import (
    Architecture,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    LocalResponseNorm,
    Node,
    Pool,
    Sequence,
)
from ._registry import Fact, Lineage, Parent, register

_PAPER = "Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, NeurIPS 2012"
_ONE_TOWER = "Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014 (arXiv 1404.5997)"
_META = "torchvision, AlexNet_Weights.IMAGENET1K_V1.meta"
_TABLE_2 = "paper, table 2, “1 CNN”: 100 % less the error on the validation set, ten crops averaged"


def _conv(name: str, out_channels: int, kernel_size: int = 3, **fields: Any) -> Conv:
    return Conv(name=name, out_channels=out_channels, kernel_size=kernel_size, **fields)


def _pool(name: str) -> Pool:
    return Pool(name=name, kernel_size=3, stride=2, padding=0)


def _classifier() -> tuple[Node, ...]:
    return (
        Flatten(name="flatten"),  # 9216
        Dropout(name="dropout6"),
        Linear(name="fc6", out_features=4096, activation="relu"),
        Dropout(name="dropout7"),
        Linear(name="fc7", out_features=4096, activation="relu"),
        Linear(name="fc8", out_features=1000),
    )


@register(
    "alexnet",
    title="AlexNet",
    summary="One tower of five convolutions without response normalisation, three linear layers: torchvision's.",
    source=f"{_ONE_TOWER}; torchvision.models.alexnet",
    differences=(
        "one tower of 64, 192, 384, 256 and 256 filters instead of two, and no response normalisation: the network of "
        "2014; that of 2012 is alexnet-2012",
        "the paper of 2014 has 384 filters in the fourth convolution, torchvision has 256",
        "any size of image is pooled to 6×6 before the linear layers",
    ),
    facts=(
        Fact(metric="params", value=61_100_840, source=_META),
        Fact(metric="macs", value=0.714e9, source=f"{_META}, “_ops”", exact=False),
        Fact(metric="top1_percent", value=56.522, source=_META, year=2022),
        Fact(metric="top5_percent", value=79.066, source=_META, year=2022),
    ),
    tags=("ImageNet", "2012"),
    group="before",
    lineage=Lineage(
        year=2012,
        paper=_PAPER,
        parents=(
            Parent(
                "lenet-5",
                "the same chain, deeper and 1,000 times as large, with ReLU, dropout and overlapping maximum pooling, "
                "on photographs and GPUs",
            ),
        ),
    ),
)
def alexnet() -> Architecture:
    """torchvision's network for 224×224 images."""
    return Architecture(
        name="AlexNet",
        provenance=f"as shipped by torchvision · {_ONE_TOWER}",
        input_shape=(3, 224, 224),
        trunk=Sequence(
            name="trunk",
            children=(
                _conv("conv1", 64, 11, stride=4, padding=2),  # 64 × 55 × 55
                _pool("pool1"),
                _conv("conv2", 192, 5),  # 192 × 27 × 27
                _pool("pool2"),
                _conv("conv3", 384),  # 384 × 13 × 13
                _conv("conv4", 256),
                _conv("conv5", 256),
                _pool("pool5"),  # 256 × 6 × 6
                GlobalPool(name="avgpool", output_size=6),
                *_classifier(),
            ),
        ),
    )


@register(
    "alexnet-2012",
    title="AlexNet (2012)",
    summary="The winner of 2012: two towers that exchange maps once, written as groups of two; response normalisation.",
    source=_PAPER,
    repairs=("the paper speaks of images of 224×224; its own sizes follow from 227×227",),
    differences=(
        "the two towers are two groups of channels; response normalisation runs across the border between them, as in "
        "Caffe's model of the network",
    ),
    facts=(
        Fact(metric="params", value=60e6, source="paper, abstract (60 million parameters)", exact=False),
        Fact(metric="top1_percent", value=59.3, source=_TABLE_2, year=2012),
        Fact(metric="top5_percent", value=81.8, source=_TABLE_2, year=2012),
    ),
    tags=("ImageNet", "grouped"),
    group="before",
    form_of="alexnet",
)
def alexnet_2012() -> Architecture:
    """Figure 2: convolutions 2, 4 and 5 see the maps of their own tower, convolution 3 and the linear layers all."""

    def norm(name: str) -> LocalResponseNorm:
        return LocalResponseNorm(name=name, size=5, alpha=5e-4, beta=0.75, k=2)  # the paper's α is not divided by n

    return Architecture(
        name="AlexNet (2012)",
        provenance=f"as published, towers as groups · {_PAPER}",
        input_shape=(3, 227, 227),
        trunk=Sequence(
            name="trunk",
            children=(
                _conv("conv1", 96, 11, stride=4, padding=0),  # 96 × 55 × 55
                norm("norm1"),
                _pool("pool1"),
                _conv("conv2", 256, 5, groups=2),  # 256 × 27 × 27
                norm("norm2"),
                _pool("pool2"),
                _conv("conv3", 384),  # 384 × 13 × 13
                _conv("conv4", 384, groups=2),
                _conv("conv5", 256, groups=2),
                _pool("pool5"),  # 256 × 6 × 6
                *_classifier(),
            ),
        ),
    )
