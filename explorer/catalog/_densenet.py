"""DenseNet (Huang et al., Densely Connected Convolutional Networks, CVPR 2017; arXiv 1608.06993) as in torchvision."""

from __future__ import annotations

from ..architecture import Activation, Architecture, Conv, Flatten, GlobalPool, Linear, Norm, Parallel, Pool, Sequence
from ._registry import Fact, Lineage, Parent, register

_PAPER = "Huang et al., Densely Connected Convolutional Networks, CVPR 2017 (arXiv 1608.06993)"
_META = "torchvision, DenseNet121_Weights.IMAGENET1K_V1.meta"
_GROWTH = 32


def _dense_layer(name: str) -> Parallel:
    """Section 3, DenseNet-B: what came in, and 32 channels more that are made of all of it by a 1×1 and a 3×3."""
    new = Sequence(
        name="new",
        children=(
            Norm(name="norm1"),
            Activation(name="relu1"),
            Conv(name="conv1", out_channels=4 * _GROWTH, norm="batch"),
            Conv(name="conv2", out_channels=_GROWTH, kernel_size=3, bias=False, activation="none"),
        ),
    )
    return Parallel(name=name, branches=(Sequence(name="keep"), new))


def _dense_block(number: int, layers: int) -> Sequence:
    name = f"denseblock{number}"
    return Sequence(name=name, children=tuple(_dense_layer(f"denselayer{n}") for n in range(1, layers + 1)))


def _transition(number: int, out_channels: int) -> Sequence:
    """Half of the channels, half of the height and width."""
    return Sequence(
        name=f"transition{number}",
        children=(
            Norm(name="norm"),
            Activation(name="relu"),
            Conv(name="conv", out_channels=out_channels, bias=False, activation="none"),
            Pool(name="pool", kind="avg", kernel_size=2, stride=2, padding=0),
        ),
    )


@register(
    "densenet-121",
    title="DenseNet-121",
    summary="Each layer reads the outputs of all layers before it in its block: 58 joins by concatenation.",
    source=f"{_PAPER}; torchvision.models.densenet121",
    facts=(
        Fact(metric="params", value=7_978_856, source=_META),
        Fact(metric="macs", value=2.834e9, source=f"{_META}, “_ops”", exact=False),
        Fact(metric="top1_percent", value=74.434, source=_META, year=2022),
        Fact(metric="top5_percent", value=91.972, source=_META, year=2022),
        Fact(metric="top1_percent", value=74.98, source="paper, table 3 (error 25.02 %, one crop)", year=2017),
    ),
    tags=("ImageNet", "2017", "batch norm", "dense"),
    group="later",
    lineage=Lineage(
        year=2016,
        paper=_PAPER,
        parents=(
            Parent("resnet-50", "what earlier layers made is joined to what a layer makes, not added to it, so that a "
                   "layer adds 32 channels only"),
            Parent("googlenet", "concatenation joins layers that stand one after another, not branches side by side"),
        ),
    ),
)  # fmt: skip
def densenet_121() -> Architecture:
    """Table 1: blocks of 6, 12, 24 and 16 layers."""
    return Architecture(
        name="DenseNet-121",
        provenance=f"as shipped by torchvision · {_PAPER}",
        input_shape=(3, 224, 224),
        trunk=Sequence(
            name="trunk",
            children=(
                Sequence(
                    name="features",
                    children=(
                        Conv(name="conv0", out_channels=64, kernel_size=7, stride=2, norm="batch"),
                        Pool(name="pool0", kernel_size=3, stride=2, padding=1),  # 64 × 56 × 56
                        _dense_block(1, layers=6),  # 256 × 56 × 56
                        _transition(1, out_channels=128),
                        _dense_block(2, layers=12),  # 512 × 28 × 28
                        _transition(2, out_channels=256),
                        _dense_block(3, layers=24),  # 1024 × 14 × 14
                        _transition(3, out_channels=512),
                        _dense_block(4, layers=16),  # 1024 × 7 × 7
                        Norm(name="norm5"),
                        Activation(name="relu5"),
                    ),
                ),
                GlobalPool(name="avgpool"),
                Flatten(name="flatten"),
                Linear(name="classifier", out_features=1000),
            ),
        ),
    )
