"""MobileNetV2 (Sandler et al., Inverted Residuals and Linear Bottlenecks, CVPR 2018; arXiv 1801.04381)."""

from __future__ import annotations

from typing import Any

from ..architecture import Architecture, Conv, Dropout, Flatten, GlobalPool, Linear, Residual, Sequence
from ._registry import Fact, Lineage, Parent, register

_PAPER = "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018 (arXiv 1801.04381)"
_META = "torchvision, MobileNet_V2_Weights.IMAGENET1K_V1.meta"

# Table 2 of the paper: expansion t, channels c, repeats n, stride s of the first of them.
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def _conv(name: str, out_channels: int, **fields: Any) -> Conv:
    return Conv(name=name, out_channels=out_channels, norm="batch", **{"activation": "relu6", **fields})


def _inverted_residual(
    name: str, in_channels: int, out_channels: int, expansion: int, stride: int
) -> Sequence | Residual:
    """Figure 3: a 1×1 makes more channels, a 3×3 works on each alone, a 1×1 without activation makes few again."""
    expand = (_conv("expand", expansion * in_channels),) if expansion > 1 else ()
    depthwise = Conv(
        name="depthwise", out_channels="same", groups="depthwise", kernel_size=3, stride=stride, norm="batch",
        activation="relu6",
    )  # fmt: skip
    body = Sequence(name="conv", children=(*expand, depthwise, _conv("project", out_channels, activation="none")))
    if stride == 1 and in_channels == out_channels:
        return Residual(name=name, body=body, activation="none")
    return Sequence(name=name, children=(body,))


def _inverted_residuals() -> list[Sequence | Residual]:
    blocks: list[Sequence | Residual] = []
    in_channels = 32
    for expansion, out_channels, repeats, first_stride in _STAGES:
        for stride in (first_stride, *[1] * (repeats - 1)):
            name = str(len(blocks) + 1)
            blocks.append(_inverted_residual(name, in_channels, out_channels, expansion, stride))
            in_channels = out_channels
    return blocks


@register(
    "mobilenet-v2",
    title="MobileNetV2",
    summary="Inverted residuals for telephones: narrow maps are widened, filtered channel by channel, narrowed again.",
    source=f"{_PAPER}; torchvision.models.mobilenet_v2",
    facts=(
        Fact(metric="params", value=3_504_872, source=_META),
        Fact(metric="macs", value=0.301e9, source=f"{_META}, “_ops”", exact=False),
        Fact(metric="top1_percent", value=71.878, source=_META, year=2022),
        Fact(metric="top5_percent", value=90.286, source=_META, year=2022),
        Fact(metric="top1_percent", value=72.0, source="paper, table 4", year=2018),
    ),
    tags=("ImageNet", "2018", "batch norm", "residual", "separable", "mobile"),
    group="later",
    lineage=Lineage(
        year=2018,
        paper=_PAPER,
        parents=(
            Parent("xception", "depthwise separable convolutions, now inside a residual block whose ends are narrow"),
            Parent("resnet-50", "the bottleneck turned inside out: the shortcut joins the narrow maps, the wide ones "
                   "are in between"),
        ),
    ),
)  # fmt: skip
def mobilenet_v2() -> Architecture:
    """Table 2: 17 blocks between a 3×3 and a 1×1, ReLU that ends at 6."""
    return Architecture(
        name="MobileNetV2",
        provenance=f"as shipped by torchvision · {_PAPER}",
        input_shape=(3, 224, 224),
        trunk=Sequence(
            name="trunk",
            children=(
                Sequence(
                    name="features",
                    children=(
                        _conv("0", 32, kernel_size=3, stride=2),  # 32 × 112 × 112
                        *_inverted_residuals(),  # 320 × 7 × 7
                        _conv("18", 1280),
                    ),
                ),
                GlobalPool(name="avgpool"),
                Flatten(name="flatten"),
                Sequence(
                    name="classifier", children=(Dropout(name="0", p=0.2), Linear(name="1", out_features=1000))
                ),
            ),
        ),
    )
