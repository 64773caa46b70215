"""ResNet of 18 and 50 layers and ResNeXt-50 (Xie et al. 2017), as in torchvision and under its names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..architecture import Architecture, Conv, Flatten, GlobalPool, Linear, Node, Pool, Residual, Sequence
from ._registry import Fact, Lineage, Parent, register

_PAPER = "He et al., Deep Residual Learning for Image Recognition, CVPR 2016 (arXiv 1512.03385)"


def _meta(depth: int) -> str:
    return f"torchvision, ResNet{depth}_Weights.IMAGENET1K_V1.meta"


def _conv(name: str, out_channels: int, kernel_size: int, **fields: Any) -> Conv:
    return Conv(name=name, out_channels=out_channels, kernel_size=kernel_size, norm="batch", **fields)


def _residual(name: str, projects: bool, *body: Node) -> Residual:
    return Residual(
        name=name,
        body=Sequence(name="body", children=body),
        shortcut="projection" if projects else "identity",
        norm="batch" if projects else "none",
    )


def _basic(name: str, width: int, stride: int, first: bool) -> Residual:
    """Figure 5, left: two 3×3."""
    return _residual(
        name,
        first and stride > 1,
        _conv("conv1", width, 3, stride=stride),
        _conv("conv2", width, 3, activation="none"),
    )


def _bottleneck(name: str, width: int, stride: int, first: bool) -> Residual:
    """Figure 5, right: 1×1 narrows, 3×3, 1×1 widens; the 3×3 takes the step, as in torchvision."""
    return _residual(
        name,
        first,
        _conv("conv1", width, 1),
        _conv("conv2", width, 3, stride=stride),
        _conv("conv3", 4 * width, 1, activation="none"),
    )


def _grouped_bottleneck(name: str, width: int, stride: int, first: bool) -> Residual:
    """ResNeXt, figure 3c: the 3×3 is twice as wide and in 32 groups, which is 32 equal branches that are added."""
    return _residual(
        name,
        first,
        _conv("conv1", 2 * width, 1),
        _conv("conv2", 2 * width, 3, stride=stride, groups=32),
        _conv("conv3", 4 * width, 1, activation="none"),
    )


def _resnet(
    name: str, paper: str, block: Callable[[str, int, int, bool], Residual], *counts: int
) -> Architecture:
    """Table 1: four layers of blocks, each of twice the width and half the size of the one before it."""
    layers = [
        Sequence(
            name=f"layer{number + 1}",
            children=tuple(
                block(str(n), 64 * 2**number, 2 if number and n == 0 else 1, n == 0) for n in range(count)
            ),
        )
        for number, count in enumerate(counts)
    ]
    return Architecture(
        name=name,
        provenance=f"as shipped by torchvision · {paper}",
        input_shape=(3, 224, 224),
        trunk=Sequence(
            name="trunk",
            children=(
                _conv("conv1", 64, 7, stride=2),  # 64 × 112 × 112
                Pool(name="maxpool", kernel_size=3, stride=2, padding=1),  # 64 × 56 × 56
                *layers,  # at 56, 28, 14 and 7
                GlobalPool(name="avgpool"),
                Flatten(name="flatten"),
                Linear(name="fc", out_features=1000),
            ),
        ),
    )


@register(
    "resnet-18",
    title="ResNet-18",
    summary="Eight residual blocks of two 3×3: each adds to its input what it has learned, so depth no longer harms.",
    source=f"{_PAPER}; torchvision.models.resnet18",
    facts=(
        Fact(metric="params", value=11_689_512, source=_meta(18)),
        Fact(metric="macs", value=1.814e9, source=f"{_meta(18)}, “_ops”", exact=False),
        Fact(metric="top1_percent", value=69.758, source=_meta(18), year=2022),
        Fact(metric="top5_percent", value=89.078, source=_meta(18), year=2022),
    ),
    tags=("ImageNet", "2015", "batch norm", "residual"),
    group="later",
    lineage=Lineage(
        year=2015,
        paper=_PAPER,
        parents=(
            Parent("vgg-16", "the same 3×3 in stages that double the channels, a shortcut around every two of them"),
        ),
    ),
)
def resnet_18() -> Architecture:
    """Table 1, second column."""
    return _resnet("ResNet-18", _PAPER, _basic, 2, 2, 2, 2)


@register(
    "resnet-50",
    title="ResNet-50",
    summary="Sixteen residual blocks with a bottleneck: a 1×1 narrows, a 3×3 works, a 1×1 widens four times.",
    source=f"{_PAPER}; torchvision.models.resnet50",
    differences=(
        "the 3×3 of a block takes the step of 2, in the paper its first 1×1; torchvision's form is known as v1.5",
        "the accuracy is that of torchvision's first weights, trained as in the paper; its second reach 80.858 % with "
        "another recipe and other sizes",
    ),
    facts=(
        Fact(metric="params", value=25_557_032, source=_meta(50)),
        Fact(metric="macs", value=4.089e9, source=f"{_meta(50)}, “_ops”", exact=False),
        Fact(metric="top1_percent", value=76.13, source=_meta(50), year=2022),
        Fact(metric="top5_percent", value=92.862, source=_meta(50), year=2022),
    ),
    tags=("ImageNet", "2015", "batch norm", "residual", "bottleneck"),
    group="later",
    lineage=Lineage(
        year=2015,
        paper=_PAPER,
        parents=(
            Parent("resnet-18", "1×1, 3×3, 1×1 in place of two 3×3: deeper, and maps four times as wide"),
        ),
    ),
)
def resnet_50() -> Architecture:
    """Table 1, fourth column."""
    return _resnet("ResNet-50", _PAPER, _bottleneck, 3, 4, 6, 3)


_XIE = "Xie et al., Aggregated Residual Transformations for Deep Neural Networks, CVPR 2017 (arXiv 1611.05431)"
_XIE_META = "torchvision, ResNeXt50_32X4D_Weights.IMAGENET1K_V1.meta"


@register(
    "resnext-50",
    title="ResNeXt-50 32×4d",
    summary="ResNet-50 whose 3×3 convolutions work in 32 groups: many equal branches, as in Inception but all alike.",
    source=f"{_XIE}; torchvision.models.resnext50_32x4d",
    differences=(
        "the accuracy is that of torchvision's first weights, trained as in the paper; its second reach 81.198 % with "
        "another recipe and other sizes",
    ),
    facts=(
        Fact(metric="params", value=25_028_904, source=_XIE_META),
        Fact(metric="macs", value=4.23e9, source=f"{_XIE_META}, “_ops”", exact=False),
        Fact(metric="top1_percent", value=77.618, source=_XIE_META, year=2022),
        Fact(metric="top5_percent", value=93.698, source=_XIE_META, year=2022),
        Fact(metric="top1_percent", value=77.8, source="paper, table 3 (error 22.2 %)", year=2017),
    ),
    tags=("ImageNet", "2017", "batch norm", "residual", "bottleneck", "grouped"),
    group="later",
    lineage=Lineage(
        year=2016,
        paper=_XIE,
        parents=(
            Parent("resnet-50", "the 3×3 of a block is twice as wide and in 32 groups, for the same cost"),
            Parent("googlenet", "split, transform and merge, with branches that are all alike and added"),
        ),
    ),
)
def resnext_50() -> Architecture:
    """Table 1, third column."""
    return _resnet("ResNeXt-50 32×4d", _XIE, _grouped_bottleneck, 3, 4, 6, 3)
