"""ConvNeXt-T (Liu et al., A ConvNet for the 2020s, CVPR 2022; arXiv 2201.03545) as in torchvision."""

from __future__ import annotations

from typing import Any

from ..architecture import Architecture, Conv, Flatten, GlobalPool, Linear, Norm, Residual, Scale, Sequence
from ._registry import Fact, Lineage, Parent, register

_PAPER = "Liu et al., A ConvNet for the 2020s, CVPR 2022 (arXiv 2201.03545)"
_META = "torchvision, ConvNeXt_Tiny_Weights.IMAGENET1K_V1.meta"
_EPS = 1e-6

# Section 2.2: channels and blocks of the four stages.
_STAGES = ((96, 3), (192, 3), (384, 9), (768, 3))
_BLOCKS = sum(blocks for _, blocks in _STAGES)
_DROP_PATH = 0.1


def _conv(name: str, out_channels: int, **fields: Any) -> Conv:
    return Conv(name=name, out_channels=out_channels, **{"activation": "none", **fields})


def _block(name: str, channels: int, drop_path: float) -> Residual:
    """Figure 4: a depthwise 7×7, layer norm, 1×1 to four times the channels, GELU, 1×1 back; scaled, then added."""
    depthwise = Conv(
        name="depthwise", out_channels="same", groups="depthwise", kernel_size=7, norm="layer", norm_eps=_EPS,
        activation="none",
    )  # fmt: skip
    expand = _conv("expand", 4 * channels, activation="gelu")
    body = Sequence(
        name="block", children=(depthwise, expand, _conv("project", channels), Scale(name="layer_scale", init=1e-6))
    )
    return Residual(name=name, body=body, drop_path=drop_path, activation="none")


def _features() -> list[Conv | Sequence]:
    """The stem and the stages, each under torchvision's number; what halves the map stands between the stages."""
    stem = _conv("0", _STAGES[0][0], kernel_size=4, stride=4, padding=0, norm="layer", norm_eps=_EPS)
    features: list[Conv | Sequence] = [stem]
    done = 0
    for channels, count in _STAGES:
        if done:
            halve = _conv("1", channels, kernel_size=2, stride=2, padding=0)
            norm = Norm(name="0", kind="layer", eps=_EPS)
            features.append(Sequence(name=str(len(features)), children=(norm, halve)))
        blocks = tuple(_block(str(n), channels, _DROP_PATH * (done + n) / (_BLOCKS - 1)) for n in range(count))
        features.append(Sequence(name=str(len(features)), children=blocks))
        done += count
    return features


@register(
    "convnext-t",
    title="ConvNeXt-T",
    summary="ResNet-50 modernised step by step to a vision transformer's equal: depthwise 7×7, layer norm, GELU.",
    source=f"{_PAPER}; torchvision.models.convnext_tiny",
    differences=(
        "1×1 convolutions are linear layers on channels-last maps in torchvision and timm: the same numbers, of which "
        "files are read in either form",
        "torchvision trained its weights anew, with another recipe than the paper's",
    ),
    facts=(
        Fact(metric="params", value=28_589_128, source=_META),
        Fact(metric="macs", value=4.456e9, source=f"{_META}, “_ops”", exact=False),
        Fact(metric="top1_percent", value=82.52, source=_META, year=2022),
        Fact(metric="top5_percent", value=96.146, source=_META, year=2022),
        Fact(metric="top1_percent", value=82.1, source="paper, table 1", year=2022),
    ),
    tags=("ImageNet", "2022", "residual", "separable", "layer norm"),
    group="later",
    lineage=Lineage(
        year=2022,
        paper=_PAPER,
        parents=(
            Parent(
                "resnet-50", "its stages with other numbers, patches for a stem, one norm and one activation in a block"
            ),
            Parent("mobilenet-v2", "the inverted bottleneck, with the depthwise convolution first and as large as 7×7"),
        ),
    ),
)  # fmt: skip
def convnext_t() -> Architecture:
    """Section 2: 18 blocks in four stages."""
    head = (Norm(name="0", kind="layer", eps=_EPS), Flatten(name="1"), Linear(name="2", out_features=1000))
    return Architecture(
        name="ConvNeXt-T",
        provenance=f"as shipped by torchvision · {_PAPER}",
        input_shape=(3, 224, 224),
        trunk=Sequence(
            name="trunk",
            children=(
                Sequence(name="features", children=tuple(_features())),  # 768 × 7 × 7
                GlobalPool(name="avgpool"),
                Sequence(name="classifier", children=head),
            ),
        ),
    )
