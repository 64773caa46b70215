"""SqueezeNet (Iandola et al. 2016; arXiv 1602.07360), version 1.1 of the authors' repository, as in torchvision."""

from __future__ import annotations

from ..architecture import Architecture, Conv, Dropout, Flatten, GlobalPool, Parallel, Pool, Sequence
from ._registry import Fact, Lineage, Parent, register

_PAPER = "Iandola et al., SqueezeNet: AlexNet-level accuracy with 50x fewer parameters, 2016 (arXiv 1602.07360)"
_META = "torchvision, SqueezeNet1_1_Weights.IMAGENET1K_V1.meta"


def _fire(name: str, squeeze: int, expand: int) -> Sequence:
    """Figure 1: a 1×1 squeezes, then 1×1 and 3×3 side by side expand: an Inception block with two branches."""
    return Sequence(
        name=name,
        children=(
            Conv(name="squeeze", out_channels=squeeze),
            Parallel(
                name="expand",
                branches=(
                    Conv(name="expand1x1", out_channels=expand),
                    Conv(name="expand3x3", out_channels=expand, kernel_size=3),
                ),
            ),
        ),
    )


def _pool(name: str) -> Pool:
    return Pool(name=name, kernel_size=3, stride=2, padding=0, ceil_mode=True)


@register(
    "squeezenet-1.1",
    title="SqueezeNet 1.1",
    summary="Fire modules, Inception blocks of two branches behind a squeezing 1×1; a 1×1 convolution classifies.",
    source=f"{_PAPER}; github.com/forresti/SqueezeNet, SqueezeNet_v1.1; torchvision.models.squeezenet1_1",
    differences=(
        "the paper describes version 1.0; 1.1, by the same authors, begins with 64 filters of 3×3 instead of 96 of 7×7 "
        "and pools earlier, which takes 2.4 times fewer multiply-adds (their README)",
    ),
    facts=(
        Fact(metric="params", value=1_235_496, source=_META),
        Fact(metric="macs", value=0.349e9, source=f"{_META}, “_ops”", exact=False),
        Fact(metric="top1_percent", value=58.178, source=_META, year=2022),
        Fact(metric="top5_percent", value=80.624, source=_META, year=2022),
        Fact(metric="top1_percent", value=57.5, source="paper, table 2 (version 1.0)", year=2016),
    ),
    tags=("ImageNet", "2016", "bottleneck"),
    group="later",
    lineage=Lineage(
        year=2016,
        paper=_PAPER,
        parents=(
            Parent("googlenet", "two branches are left, 1×1 and 3×3, behind one squeezing 1×1 that both share"),
            Parent("nin", "a 1×1 convolution with a filter for each class and global pooling end the network"),
        ),
    ),
)
def squeezenet_1_1() -> Architecture:
    """No linear layer: the last 1×1 has a filter for each class, and their maps are averaged."""
    return Architecture(
        name="SqueezeNet 1.1",
        provenance=f"as shipped by torchvision · {_PAPER}",
        input_shape=(3, 224, 224),
        trunk=Sequence(
            name="trunk",
            children=(
                Sequence(
                    name="features",
                    children=(
                        Conv(name="0", out_channels=64, kernel_size=3, stride=2, padding=0),
                        _pool("2"),  # 64 × 55 × 55
                        _fire("3", squeeze=16, expand=64),
                        _fire("4", squeeze=16, expand=64),
                        _pool("5"),  # 128 × 27 × 27
                        _fire("6", squeeze=32, expand=128),
                        _fire("7", squeeze=32, expand=128),
                        _pool("8"),  # 256 × 13 × 13
                        _fire("9", squeeze=48, expand=192),
                        _fire("10", squeeze=48, expand=192),
                        _fire("11", squeeze=64, expand=256),
                        _fire("12", squeeze=64, expand=256),  # 512 × 13 × 13
                    ),
                ),
                Sequence(
                    name="classifier",
                    children=(
                        Dropout(name="0", p=0.5),
                        Conv(name="1", out_channels=1000),
                        GlobalPool(name="3"),
                    ),
                ),
                Flatten(name="flatten"),
            ),
        ),
    )
