"""Xception (Chollet, CVPR 2017; arXiv 1610.02357), figure 5, as in Keras and timm."""

from __future__ import annotations

from typing import Any

from ..architecture import (
    Activation,
    ActivationKind,
    Architecture,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    Node,
    Pool,
    Residual,
    Sequence,
)
from ._inception_v4 import TIMM_RESULTS
from ._registry import Fact, Lineage, Parent, register

_PAPER = "Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, CVPR 2017 (arXiv 1610.02357)"


def _conv(name: str, out_channels: int, **window: Any) -> Conv:
    return Conv(name=name, out_channels=out_channels, kernel_size=3, padding=0, norm="batch", **window)


def _separable(name: str, out_channels: int, activation: ActivationKind = "none") -> Sequence:
    """3×3 of each channel, 1×1 over channels, and only then batch normalisation and ReLU."""
    depthwise = Conv(
        name="depthwise", out_channels="same", kernel_size=3, groups="depthwise", bias=False, activation="none"
    )
    pointwise = Conv(name="pointwise", out_channels=out_channels, norm="batch", activation=activation)
    return Sequence(name=name, children=(depthwise, pointwise))


def _block(number: int, *widths: int, relu_first: bool = True) -> Residual:
    """Separable convolutions with ReLU before each; two of them halve height and width, three keep all as it is."""
    *inner, last = widths
    halves = len(widths) == 2
    body: list[Node] = [Activation(name="relu")] if relu_first else []
    body += [_separable(f"sepconv{n}", width, "relu") for n, width in enumerate(inner, 1)]
    body.append(_separable(f"sepconv{len(widths)}", last))
    if halves:
        body.append(Pool(name="pool", kernel_size=3, stride=2, padding=1))
    return Residual(
        name=f"block{number}",
        body=Sequence(name="body", children=tuple(body)),
        shortcut="projection" if halves else "identity",
        norm="batch" if halves else "none",
        activation="none",
    )


@register(
    "xception",
    title="Xception",
    summary="Inception taken to its end: every channel is convolved alone, a 1×1 mixes them, shortcuts around all.",
    source=f"{_PAPER}, figure 5; Keras, Xception; timm, legacy_xception",
    differences=(
        "the fully connected layers that figure 5 leaves to choice are left out, as in Keras and timm",
        "batch normalisation adds 0.00001 to the variance, as timm's does; Keras' adds 0.001",
    ),
    facts=(
        Fact(metric="params", value=22_855_952, source="timm, legacy_xception; paper, table 3"),
        Fact(metric="macs", value=8_357_403_496, source="FlopCounterMode / 2 on timm's module"),
        Fact(metric="top1_percent", value=79.058, source=f"{TIMM_RESULTS}, legacy_xception.tf_in1k", year=2025),
        Fact(metric="top5_percent", value=94.396, source=f"{TIMM_RESULTS}, legacy_xception.tf_in1k", year=2025),
        Fact(metric="top1_percent", value=79.0, source="paper, table 1 (one crop)", year=2016),
        Fact(metric="top5_percent", value=94.5, source="paper, table 1 (one crop)", year=2016),
    ),
    tags=("ImageNet", "2016", "batch norm", "separable", "residual"),
    group="family",
    lineage=Lineage(
        year=2016,
        paper=_PAPER,
        parents=(
            Parent("inception-v3", "as many branches as channels: each 3×3 sees one channel, and a 1×1 mixes them"),
            Parent("resnet-50", "a shortcut around every two or three layers"),
        ),
    ),
)
def xception() -> Architecture:
    """Entry, middle and exit flow for 299×299 images."""
    return Architecture(
        name="Xception",
        provenance=f"as shipped by Keras and timm · {_PAPER}",
        input_shape=(3, 299, 299),
        trunk=Sequence(
            name="trunk",
            children=(
                _conv("conv1", 32, stride=2),  # 32 × 149 × 149
                _conv("conv2", 64),  # 64 × 147 × 147
                _block(1, 128, 128, relu_first=False),
                _block(2, 256, 256),
                _block(3, 728, 728),  # 728 × 19 × 19
                *(_block(number, 728, 728, 728) for number in range(4, 12)),
                _block(12, 728, 1024),  # 1024 × 10 × 10
                _separable("conv3", 1536, "relu"),
                _separable("conv4", 2048, "relu"),  # 2048 × 10 × 10
                GlobalPool(name="avgpool"),
                Flatten(name="flatten"),
                Linear(name="fc", out_features=1000),
            ),
        ),
    )
