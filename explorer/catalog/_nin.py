"""Network in Network (Lin, Chen & Yan, ICLR 2014; arXiv 1312.4400): the authors' network for ImageNet."""

from __future__ import annotations

from typing import Any

from ..architecture import Architecture, Conv, Dropout, Flatten, GlobalPool, Pool, Sequence
from ._registry import Fact, Lineage, Parent, register

_PAPER = "Lin, Chen & Yan, Network in Network, ICLR 2014 (arXiv 1312.4400)"
_MODEL = "the authors' nin_imagenet in Caffe's Model Zoo (gist mavenlin/d802a5849de39225bcc6)"


def _mlpconv(number: int, widths: tuple[int, int, int], kernel_size: int, **window: Any) -> Sequence:
    """Figure 1b: a convolution, then a small network of two 1×1 at each place; the layers are named as in the model."""
    first, *rest = widths
    return Sequence(
        name=f"mlpconv{number}",
        children=(
            Conv(name=f"conv{number}", out_channels=first, kernel_size=kernel_size, **window),
            *(Conv(name=f"cccp{2 * number - 1 + n}", out_channels=width) for n, width in enumerate(rest)),
        ),
    )


def _pool(name: str) -> Pool:
    return Pool(name=name, kernel_size=3, stride=2, padding=0, ceil_mode=True)


@register(
    "nin",
    title="Network in Network",
    summary="1×1 convolutions make a small network at every place; a map for each class is averaged, no linear layer.",
    source=f"{_PAPER}; {_MODEL}",
    differences=(
        "the paper's own networks, of three such blocks, are for CIFAR, SVHN and MNIST; this is the authors' network "
        "of four blocks for ImageNet",
    ),
    facts=(Fact(metric="top1_percent", value=59.36, source=_MODEL, year=2014),),
    tags=("ImageNet", "2013", "1×1"),
    group="before",
    lineage=Lineage(
        year=2013,
        paper=_PAPER,
        parents=(
            Parent(
                "alexnet",
                "two 1×1 behind each convolution; global average pooling replaces the three linear layers",
            ),
        ),
    ),
)
def nin() -> Architecture:
    """Figure 2 with four blocks; pooling rounds up, as Caffe's does."""
    return Architecture(
        name="Network in Network",
        provenance=f"the authors' network for ImageNet · {_PAPER}",
        input_shape=(3, 224, 224),
        trunk=Sequence(
            name="trunk",
            children=(
                _mlpconv(1, (96, 96, 96), 11, stride=4, padding=0),  # 96 × 54 × 54
                _pool("pool1"),
                _mlpconv(2, (256, 256, 256), 5),  # 256 × 27 × 27
                _pool("pool2"),
                _mlpconv(3, (384, 384, 384), 3),  # 384 × 13 × 13
                _pool("pool3"),
                Dropout(name="drop"),
                _mlpconv(4, (1024, 1024, 1000), 3),  # 1000 × 6 × 6
                GlobalPool(name="pool4"),
                Flatten(name="flatten"),
            ),
        ),
    )
