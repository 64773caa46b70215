"""VGG (Simonyan & Zisserman, ICLR 2015; arXiv 1409.1556), configurations A and D; layers are named as in TF-Slim."""

from __future__ import annotations

from ..architecture import Architecture, Conv, Dropout, Flatten, GlobalPool, Linear, Node, Pool, Sequence
from ._registry import Fact, Lineage, Parent, register

_PAPER = (
    "Simonyan & Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015 "
    "(arXiv 1409.1556)"
)


def _meta(depth: int) -> str:
    return f"torchvision, VGG{depth}_Weights.IMAGENET1K_V1.meta"


def _vgg(depth: int, configuration: str, *counts: int) -> Architecture:
    """Five stages of 3×3 convolutions, each followed by pooling; ``counts`` are the convolutions of each."""
    stages: list[Node] = []
    for number, (count, channels) in enumerate(zip(counts, (64, 128, 256, 512, 512), strict=True), 1):
        convs = (Conv(name=f"conv{number}_{n}", out_channels=channels, kernel_size=3) for n in range(1, count + 1))
        pool = Pool(name=f"pool{number}", kernel_size=2, stride=2, padding=0)
        stages += [Sequence(name=f"conv{number}", children=tuple(convs)), pool]
    return Architecture(
        name=f"VGG-{depth}",
        provenance=f"configuration {configuration} as published and shipped by torchvision · {_PAPER}",
        input_shape=(3, 224, 224),
        trunk=Sequence(
            name="trunk",
            children=(
                *stages,  # 512 × 7 × 7
                GlobalPool(name="avgpool", output_size=7),
                Flatten(name="flatten"),  # 25088
                Linear(name="fc6", out_features=4096, activation="relu"),
                Dropout(name="dropout6"),
                Linear(name="fc7", out_features=4096, activation="relu"),
                Dropout(name="dropout7"),
                Linear(name="fc8", out_features=1000),
            ),
        ),
    )


_DIFFERENCES = ("any size of image is pooled to 7×7 before the linear layers",)


@register(
    "vgg-16",
    title="VGG-16",
    summary="Nothing but 3×3: thirteen convolutions in five stages that double the channels, three linear layers.",
    source=f"{_PAPER}, configuration D; torchvision.models.vgg16",
    differences=_DIFFERENCES,
    facts=(
        Fact(metric="params", value=138_357_544, source=_meta(16)),
        Fact(metric="macs", value=15.47e9, source=f"{_meta(16)}, “_ops”", exact=False),
        Fact(metric="top1_percent", value=71.592, source=_meta(16), year=2022),
        Fact(metric="top5_percent", value=90.382, source=_meta(16), year=2022),
        Fact(metric="params", value=138e6, source="paper, table 2 (138 million)", exact=False),
    ),
    tags=("ImageNet", "2014"),
    group="before",
    lineage=Lineage(
        year=2014,
        paper=_PAPER,
        parents=(
            Parent(
                "alexnet",
                "two and three 3×3 in a row take the place of 5×5 and 11×11: more layers, fewer weights in each",
            ),
        ),
    ),
)
def vgg_16() -> Architecture:
    """Configuration D of table 1."""
    return _vgg(16, "D", 2, 2, 3, 3, 3)


@register(
    "vgg-11",
    title="VGG-11",
    summary="The smallest of the VGGs: eight 3×3 convolutions in five stages, three linear layers.",
    source=f"{_PAPER}, configuration A; torchvision.models.vgg11",
    differences=_DIFFERENCES,
    facts=(
        Fact(metric="params", value=132_863_336, source=_meta(11)),
        Fact(metric="macs", value=7.609e9, source=f"{_meta(11)}, “_ops”", exact=False),
        Fact(metric="top1_percent", value=69.02, source=_meta(11), year=2022),
        Fact(metric="top5_percent", value=88.628, source=_meta(11), year=2022),
        Fact(metric="params", value=133e6, source="paper, table 2 (133 million)", exact=False),
    ),
    tags=("ImageNet", "2014"),
    group="before",
    form_of="vgg-16",
)
def vgg_11() -> Architecture:
    """Configuration A of table 1."""
    return _vgg(11, "A", 1, 1, 2, 2, 2)
