"""RepVGG (Ding et al., RepVGG: Making VGG-style ConvNets Great Again, CVPR 2021; arXiv 2101.03697) as in timm."""

from __future__ import annotations

from collections.abc import Callable

from ..architecture import (
    Activation,
    Architecture,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    Node,
    Norm,
    Parallel,
    Sequence,
)
from ._registry import Fact, Lineage, Parent, register

_PAPER = "Ding et al., RepVGG: Making VGG-style ConvNets Great Again, CVPR 2021 (arXiv 2101.03697)"
_TIMM = "timm, results/results-imagenet.csv, repvgg_a0.rvgg_in1k"

# Table 2 of the paper, A0: channels and layers of the four stages behind the first layer.
_STAGES = ((48, 2), (96, 4), (192, 14), (1280, 1))


def _train_block(name: str, out_channels: int, stride: int) -> Sequence:
    """Figure 4a: 3×3, 1×1 and, where the shapes allow it, the input itself, each with its norm, are added."""
    identity = (Norm(name="identity"),) if stride == 1 else ()
    convs = [
        Conv(name=each, out_channels=out_channels, kernel_size=kernel, stride=stride, norm="batch", activation="none")
        for each, kernel in (("conv_1x1", 1), ("conv_kxk", 3))
    ]
    return Sequence(
        name=name,
        children=(
            Parallel(name="sum", branches=(*convs, *identity), fuse="add"),
            Activation(name="act"),
        ),
    )


def _folded_block(name: str, out_channels: int, stride: int) -> Sequence:
    """Figure 4b: the 3×3 that the three are together."""
    conv = Conv(name="sum", out_channels=out_channels, kernel_size=3, stride=stride, activation="none")
    return Sequence(name=name, children=(conv, Activation(name="act")))


def _repvgg_a0(name: str, provenance: str, block: Callable[[str, int, int], Node]) -> Architecture:
    stages = [
        Sequence(name=str(stage), children=tuple(block(str(n), channels, 1 if n else 2) for n in range(layers)))
        for stage, (channels, layers) in enumerate(_STAGES)
    ]
    return Architecture(
        name=name,
        provenance=provenance,
        input_shape=(3, 224, 224),
        trunk=Sequence(
            name="trunk",
            children=(
                block("stem", 48, 2),  # 48 × 112 × 112
                Sequence(name="stages", children=tuple(stages)),  # 1280 × 7 × 7
                Sequence(
                    name="head",
                    children=(
                        GlobalPool(name="avgpool"),
                        Flatten(name="flatten"),
                        Linear(name="fc", out_features=1000),
                    ),
                ),
            ),
        ),
    )


@register(
    "repvgg-a0",
    title="RepVGG-A0, as it is trained",
    summary="3×3, 1×1 and identity side by side while it learns; after training they are one 3×3.",
    source=f"{_PAPER}; timm, repvgg_a0",
    facts=(
        Fact(metric="params", value=9.11e6, source="timm, results/results-imagenet.csv", exact=False),
        Fact(metric="top1_percent", value=72.426, source=_TIMM, year=2023),
        Fact(metric="top5_percent", value=90.506, source=_TIMM, year=2023),
        Fact(metric="top1_percent", value=72.41, source="paper, table 4", year=2021),
    ),
    tags=("ImageNet", "2021", "batch norm", "reparameterised"),
    group="later",
    lineage=Lineage(
        year=2021,
        paper=_PAPER,
        parents=(
            Parent("vgg-16", "the same chain of 3×3 convolutions when it runs, another form of it when it learns"),
            Parent("resnet-50", "the shortcut is in every layer and is folded into it after training"),
            Parent("googlenet", "branches side by side in every layer, added and not concatenated, so that they fold"),
        ),
    ),
)
def repvgg_a0() -> Architecture:
    """The form that learns."""
    return _repvgg_a0("RepVGG-A0", f"as in timm, training form · {_PAPER}", _train_block)


@register(
    "repvgg-a0-folded",
    title="RepVGG-A0, folded",
    summary="What RepVGG-A0 is after training: a plain chain of 3×3 convolutions with the same answers.",
    source=f"{_PAPER}, section 3.3; timm, repvgg_a0, reparameterised",
    facts=(
        Fact(metric="macs", value=1.4e9, source="paper, table 4 (1.4 billion multiply-adds)", exact=False),
        Fact(metric="top1_percent", value=72.41, source="paper, table 4", year=2021),
    ),
    tags=("ImageNet", "2021", "reparameterised"),
    group="later",
    form_of="repvgg-a0",
)
def repvgg_a0_folded() -> Architecture:
    """The form that answers; ``python -m explorer fold`` makes its weights."""
    return _repvgg_a0("RepVGG-A0, folded", f"RepVGG-A0, folded · {_PAPER}", _folded_block)
