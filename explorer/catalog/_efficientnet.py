"""EfficientNet-B0 (Tan & Le, EfficientNet, ICML 2019; arXiv 1905.11946) as in torchvision."""

from __future__ import annotations

from typing import Any

from ..architecture import Architecture, Conv, Dropout, Flatten, GlobalPool, Linear, Residual, Sequence
from ._registry import Fact, Lineage, Parent, register
from ._squeeze import squeeze_excitation

_PAPER = (
    "Tan & Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019 (arXiv 1905.11946)"
)
_META = "torchvision, EfficientNet_B0_Weights.IMAGENET1K_V1.meta"

# Table 1 of the paper, stages 2 to 8: expansion, kernel, stride of the first block, channels, blocks.
_STAGES = (
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1),
)  # fmt: skip
_BLOCKS = sum(stage[-1] for stage in _STAGES)
_DROP_PATH = 0.2


def _conv(name: str, out_channels: int, **fields: Any) -> Conv:
    return Conv(name=name, out_channels=out_channels, norm="batch", **{"activation": "silu", **fields})


def _mbconv(
    name: str, in_channels: int, out_channels: int, expansion: int, kernel: int, stride: int, drop_path: float
) -> Sequence | Residual:
    """MobileNetV2's inverted residual with squeeze-and-excitation, which narrows to a quarter of the block's input."""
    wide = expansion * in_channels
    expand = (_conv("expand", wide),) if expansion > 1 else ()
    body = Sequence(
        name="block",
        children=(
            *expand,
            Conv(
                name="depthwise", out_channels="same", groups="depthwise", kernel_size=kernel, stride=stride,
                norm="batch", activation="silu",
            ),
            squeeze_excitation("se", wide, in_channels // 4, activation="silu"),
            _conv("project", out_channels, activation="none"),
        ),
    )  # fmt: skip
    if stride == 1 and in_channels == out_channels:
        return Residual(name=name, body=body, drop_path=drop_path, activation="none")
    return Sequence(name=name, children=(body,))


def _stages() -> list[Sequence]:
    stages: list[Sequence] = []
    in_channels, done = 32, 0
    for number, (expansion, kernel, first_stride, out_channels, repeats) in enumerate(_STAGES, 1):
        blocks = []
        for n in range(repeats):
            stride = 1 if n else first_stride
            drop_path = _DROP_PATH * done / _BLOCKS
            blocks.append(_mbconv(str(n), in_channels, out_channels, expansion, kernel, stride, drop_path))
            in_channels, done = out_channels, done + 1
        stages.append(Sequence(name=str(number), children=tuple(blocks)))
    return stages


@register(
    "efficientnet-b0",
    title="EfficientNet-B0",
    summary="Found by search: inverted residuals with squeeze-and-excitation, the seed of a family scaled by one rule.",
    source=f"{_PAPER}; torchvision.models.efficientnet_b0",
    differences=(
        "the authors' TensorFlow network pads as much as the size of the image asks for, more at the end; torchvision "
        "and timm pad alike on both sides",
        "torchvision's weights are timm's, trained with another recipe than the paper's",
    ),
    facts=(
        Fact(metric="params", value=5_288_548, source=_META),
        Fact(metric="macs", value=0.386e9, source=f"{_META}, “_ops”", exact=False),
        Fact(metric="top1_percent", value=77.692, source=_META, year=2022),
        Fact(metric="top5_percent", value=93.532, source=_META, year=2022),
        Fact(metric="top1_percent", value=77.1, source="paper, table 2 (arXiv version 5)", year=2020),
    ),
    tags=("ImageNet", "2019", "batch norm", "residual", "separable", "mobile", "squeeze"),
    group="later",
    lineage=Lineage(
        year=2019,
        paper=_PAPER,
        parents=(
            Parent(
                "mobilenet-v2",
                "its blocks with squeeze-and-excitation and SiLU, 3×3 and 5×5; depth, width and image size grow "
                "together from here to B7",
            ),
        ),
    ),
)  # fmt: skip
def efficientnet_b0() -> Architecture:
    """Table 1: 16 blocks in seven stages."""
    return Architecture(
        name="EfficientNet-B0",
        provenance=f"as shipped by torchvision · {_PAPER}",
        input_shape=(3, 224, 224),
        trunk=Sequence(
            name="trunk",
            children=(
                Sequence(
                    name="features",
                    children=(
                        _conv("0", 32, kernel_size=3, stride=2),  # 32 × 112 × 112
                        *_stages(),  # 320 × 7 × 7
                        _conv("8", 1280),
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
