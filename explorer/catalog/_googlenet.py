"""GoogLeNet (Szegedy et al., Going Deeper with Convolutions, CVPR 2015; arXiv 1409.4842) in its three forms."""

from __future__ import annotations

from typing import Any

from ..architecture import (
    Architecture,
    Auxiliary,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    LocalResponseNorm,
    Node,
    Parallel,
    Pool,
    Sequence,
)
from ..architecture.blocks import inception as inception_block
from ._registry import Fact, Lineage, Parent, register

_PAPER = "Szegedy et al., Going Deeper with Convolutions, CVPR 2015 (arXiv 1409.4842)"

# Table 1 of the paper: 1×1, 3×3 reduce, 3×3, 5×5 reduce, 5×5, pool projection.
WIDTHS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def _block(stage: str, kernel_5x5: int = 5, **style: Any) -> Parallel:
    ones, reduce_3x3, out_3x3, reduce_5x5, out_5x5, project = WIDTHS[stage]
    return inception_block(
        f"inception_{stage}",
        ones=ones,
        reduce_3x3=reduce_3x3,
        out_3x3=out_3x3,
        reduce_5x5=reduce_5x5,
        out_5x5=out_5x5,
        project=project,
        kernel_5x5=kernel_5x5,
        **style,
    )


def _head(name: str, pool: Node, classes: int, **style: Any) -> Auxiliary:
    """Section 5: pooling to 4×4, 1×1 convolution to 128, two linear layers."""
    return Auxiliary(
        name=name,
        weight=0.3,
        children=(
            pool,
            Conv(name="conv", out_channels=128, **style),
            Flatten(name="flatten"),
            Linear(name="fc1", out_features=1024, activation="relu"),
            Dropout(name="dropout", p=0.7),
            Linear(name="fc2", out_features=classes),
        ),
    )


@register(
    "googlenet",
    title="GoogLeNet",
    summary="As published in 2014: nine blocks with true 5×5 convolutions, biases, no batch normalisation.",
    source=_PAPER,
    repairs=(
        "the course notes speak of “GoogleNet”; the authors write GoogLeNet, after LeNet",
        "local response normalisation stands where the authors' Caffe model has it; the paper's table leaves it out",
    ),
    facts=(
        Fact(metric="params", value=6.8e6, source="paper, section 5 and table 1 (sum of the rows)", exact=False,
             note="the table's own rows are rounded; counted exactly it is 6,998,552 with biases"),
        Fact(metric="macs", value=1.5e9, source="paper, section 1 (1.5 billion multiply-adds)", exact=False),
    ),
    tags=("ImageNet", "2014", "auxiliary heads"),
    group="family",
    lineage=Lineage(
        year=2014,
        paper=_PAPER,
        parents=(
            Parent("nin", "1×1 convolutions now narrow the input of larger kernels; global pooling replaces two fully "
                   "connected layers"),
            Parent("alexnet", "convolutions of four sizes side by side instead of one after another"),
        ),
    ),
)  # fmt: skip
def googlenet() -> Architecture:
    """The network of table 1, pooling with rounding up as in the authors' Caffe model."""

    def pool(name: str) -> Pool:
        return Pool(name=name, kernel_size=3, stride=2, padding=0, ceil_mode=True)

    def head(name: str) -> Auxiliary:
        return _head(name, Pool(name="pool", kind="avg", kernel_size=5, stride=3, padding=0), 1000)

    return Architecture(
        name="GoogLeNet",
        provenance=f"as published · {_PAPER}",
        input_shape=(3, 224, 224),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="conv1", out_channels=64, kernel_size=7, stride=2),  # 64 × 112 × 112
                pool("pool1"),  # 64 × 56 × 56
                LocalResponseNorm(name="norm1"),
                Conv(name="conv2_reduce", out_channels=64),
                Conv(name="conv2", out_channels=192, kernel_size=3),
                LocalResponseNorm(name="norm2"),
                pool("pool2"),  # 192 × 28 × 28
                _block("3a"),
                _block("3b"),
                pool("pool3"),  # 480 × 14 × 14
                _block("4a"),
                head("auxiliary_1"),
                _block("4b"),
                _block("4c"),
                _block("4d"),
                head("auxiliary_2"),
                _block("4e"),
                pool("pool4"),  # 832 × 7 × 7
                _block("5a"),
                _block("5b"),  # 1024 × 7 × 7
                GlobalPool(name="avgpool"),
                Flatten(name="flatten"),
                Dropout(name="dropout", p=0.4),
                Linear(name="fc", out_features=1000),
            ),
        ),
    )


@register(
    "googlenet-96",
    title="GoogLeNet, 96×96 greyscale",
    summary="The textbook's form for Fashion-MNIST: one input channel, 96×96 pixels, ten classes, no auxiliary heads.",
    source="Course notes 7.4 after Zhang et al., Dive into Deep Learning, section 8.4 (GoogLeNet)",
    repairs=("the notes count twelve numbered cells; the network has nine blocks between stem and classifier",),
    tags=("Fashion-MNIST", "course notes"),
    group="course",
    form_of="googlenet",
)
def googlenet_96() -> Architecture:
    """Pooling with padding 1 instead of rounding up, no response normalisation, no dropout."""

    def pool(name: str) -> Pool:
        return Pool(name=name, kernel_size=3, stride=2, padding=1)

    return Architecture(
        name="GoogLeNet 96×96",
        provenance="course notes 7.4, after Dive into Deep Learning",
        input_shape=(1, 96, 96),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="conv1", out_channels=64, kernel_size=7, stride=2),
                pool("pool1"),  # 64 × 24 × 24
                Conv(name="conv2_reduce", out_channels=64),
                Conv(name="conv2", out_channels=192, kernel_size=3),
                pool("pool2"),  # 192 × 12 × 12
                _block("3a"),
                _block("3b"),
                pool("pool3"),  # 480 × 6 × 6
                *(_block(stage) for stage in ("4a", "4b", "4c", "4d", "4e")),
                pool("pool4"),  # 832 × 3 × 3
                _block("5a"),
                _block("5b"),  # 1024 × 3 × 3
                GlobalPool(name="avgpool"),
                Flatten(name="flatten"),
                Linear(name="fc", out_features=10),
            ),
        ),
    )


_META = "torchvision, GoogLeNet_Weights.IMAGENET1K_V1.meta"


@register(
    "googlenet-torchvision",
    title="GoogLeNet (torchvision)",
    summary="As shipped by torchvision: batch normalisation, a 3×3 where the paper has 5×5, and auxiliary heads.",
    source="torchvision.models.googlenet",
    repairs=(),
    facts=(
        Fact(metric="params", value=6_624_904, source=_META),
        Fact(metric="training_params", value=13_004_888, source="torchvision, both auxiliary heads counted"),
        Fact(metric="macs", value=1.498e9, source=f"{_META}, “_ops”", exact=False),
        Fact(metric="top1_percent", value=69.778, source=_META, year=2022),
        Fact(metric="top5_percent", value=89.530, source=_META, year=2022),
    ),
    tags=("ImageNet", "batch norm", "auxiliary heads"),
    group="family",
    form_of="googlenet",
)
def googlenet_torchvision() -> Architecture:
    """The “5×5” branch is a 3×3: a slip of the port, kept because the weights have it (pytorch/vision#906)."""
    style: dict[str, Any] = {"norm": "batch", "norm_eps": 1e-3}

    def pool(name: str, kernel_size: int = 3) -> Pool:
        return Pool(name=name, kernel_size=kernel_size, stride=2, padding=0, ceil_mode=True)

    def head(name: str) -> Auxiliary:
        return _head(name, GlobalPool(name="pool", output_size=4), 1000, **style)

    def block(stage: str) -> Parallel:
        return _block(stage, kernel_5x5=3, **style)

    return Architecture(
        name="GoogLeNet (torchvision)",
        provenance="as shipped by torchvision · “5×5” is a 3×3 (pytorch/vision#906)",
        input_shape=(3, 224, 224),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="conv1", out_channels=64, kernel_size=7, stride=2, **style),
                pool("pool1"),  # 64 × 56 × 56
                Conv(name="conv2_reduce", out_channels=64, **style),
                Conv(name="conv2", out_channels=192, kernel_size=3, **style),
                pool("pool2"),  # 192 × 28 × 28
                block("3a"),
                block("3b"),
                pool("pool3"),  # 480 × 14 × 14
                block("4a"),
                head("auxiliary_1"),
                block("4b"),
                block("4c"),
                block("4d"),
                head("auxiliary_2"),
                block("4e"),
                pool("pool4", kernel_size=2),  # 832 × 7 × 7
                block("5a"),
                block("5b"),  # 1024 × 7 × 7
                GlobalPool(name="avgpool"),
                Flatten(name="flatten"),
                Dropout(name="dropout", p=0.2),
                Linear(name="fc", out_features=1000),
            ),
        ),
    )
