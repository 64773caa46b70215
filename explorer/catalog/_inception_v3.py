"""Inception v3 (Szegedy et al., Rethinking the Inception Architecture, CVPR 2016; arXiv 1512.00567) as in torchvision.

Layers keep torchvision's names, so that its weights find their places; the branches around them are named after them.
"""

from __future__ import annotations

from typing import Any

from ..architecture import (
    Architecture,
    Auxiliary,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    Node,
    Parallel,
    Pool,
    Sequence,
    Size,
)
from ._registry import Fact, Lineage, Parent, register

_PAPER = "Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016 (arXiv 1512.00567)"

_META = "torchvision, Inception_V3_Weights.IMAGENET1K_V1.meta"


def _conv(name: str, out_channels: int, kernel_size: Size = 1, **fields: Any) -> Conv:
    return Conv(name=name, out_channels=out_channels, kernel_size=kernel_size, norm="batch", norm_eps=1e-3, **fields)


def _down(name: str, out_channels: int) -> Conv:
    return _conv(name, out_channels, 3, stride=2, padding=0)


def _branch(name: str, *children: Node) -> Sequence:
    return Sequence(name=name, children=children)


def _pooled(project: int) -> Sequence:
    return _branch("branch_pool", Pool(name="pool", kind="avg", kernel_size=3), _conv("branch_pool", project))


def _max_pool(name: str) -> Pool:
    return Pool(name=name, kernel_size=3, stride=2, padding=0)


def _inception_a(name: str, pool_features: int) -> Parallel:
    """Figure 5: 5×5 beside a double 3×3."""
    return Parallel(
        name=name,
        branches=(
            _conv("branch1x1", 64),
            _branch("branch5x5", _conv("branch5x5_1", 48), _conv("branch5x5_2", 64, 5)),
            _branch(
                "branch3x3dbl",
                _conv("branch3x3dbl_1", 64),
                _conv("branch3x3dbl_2", 96, 3),
                _conv("branch3x3dbl_3", 96, 3),
            ),
            _pooled(pool_features),
        ),
    )


def _inception_b(name: str) -> Parallel:
    """Figure 10: 35×35 to 17×17 without a bottleneck."""
    return Parallel(
        name=name,
        branches=(
            _down("branch3x3", 384),
            _branch(
                "branch3x3dbl",
                _conv("branch3x3dbl_1", 64),
                _conv("branch3x3dbl_2", 96, 3),
                _down("branch3x3dbl_3", 96),
            ),
            _max_pool("branch_pool"),
        ),
    )


def _inception_c(name: str, channels_7x7: int) -> Parallel:
    """Figure 6 with n = 7: 7×7 as 1×7 and 7×1, once and twice."""
    c = channels_7x7
    return Parallel(
        name=name,
        branches=(
            _conv("branch1x1", 192),
            _branch(
                "branch7x7",
                _conv("branch7x7_1", c),
                _conv("branch7x7_2", c, (1, 7)),
                _conv("branch7x7_3", 192, (7, 1)),
            ),
            _branch(
                "branch7x7dbl",
                _conv("branch7x7dbl_1", c),
                _conv("branch7x7dbl_2", c, (7, 1)),
                _conv("branch7x7dbl_3", c, (1, 7)),
                _conv("branch7x7dbl_4", c, (7, 1)),
                _conv("branch7x7dbl_5", 192, (1, 7)),
            ),
            _pooled(192),
        ),
    )


def _inception_d(name: str) -> Parallel:
    """17×17 to 8×8."""
    return Parallel(
        name=name,
        branches=(
            _branch("branch3x3", _conv("branch3x3_1", 192), _down("branch3x3_2", 320)),
            _branch(
                "branch7x7x3",
                _conv("branch7x7x3_1", 192),
                _conv("branch7x7x3_2", 192, (1, 7)),
                _conv("branch7x7x3_3", 192, (7, 1)),
                _down("branch7x7x3_4", 192),
            ),
            _max_pool("branch_pool"),
        ),
    )


def _split(stem: str) -> Parallel:
    return Parallel(name="split", branches=(_conv(f"{stem}_a", 384, (1, 3)), _conv(f"{stem}_b", 384, (3, 1))))


def _inception_e(name: str) -> Parallel:
    """Figure 7: branches that split again into 1×3 and 3×1, whose union is a cross."""
    return Parallel(
        name=name,
        branches=(
            _conv("branch1x1", 320),
            _branch("branch3x3", _conv("branch3x3_1", 384), _split("branch3x3_2")),
            _branch(
                "branch3x3dbl", _conv("branch3x3dbl_1", 448), _conv("branch3x3dbl_2", 384, 3), _split("branch3x3dbl_3")
            ),
            _pooled(192),
        ),
    )


@register(
    "inception-v3",
    title="Inception v3",
    summary="Factorised 7×7 convolutions and blocks that split twice; as in torchvision, with its auxiliary head.",
    source=f"{_PAPER}; torchvision.models.inception_v3",
    facts=(
        Fact(metric="training_params", value=27_161_264, source=f"{_META} (auxiliary head counted)"),
        Fact(metric="params", value=23_834_568, source="torchvision, aux_logits=False"),
        Fact(metric="macs", value=5.713e9, source=f"{_META}, “_ops”", exact=False),
        Fact(metric="top1_percent", value=77.294, source=_META, year=2022),
        Fact(metric="top5_percent", value=93.450, source=_META, year=2022),
    ),
    repairs=(
        "the course notes place the factorisation of 3×3 into 3×1 and 1×3 in v3 as a whole; it occurs in the last two "
        "blocks only, the middle ones factorise 7×7",
    ),
    tags=("ImageNet", "2015", "batch norm", "factorised", "auxiliary heads"),
    group="family",
    lineage=Lineage(
        year=2015,
        paper=_PAPER,
        parents=(
            Parent(
                "bn-inception",
                "7×7 convolutions become 1×7 and 7×1, 3×3 become 1×3 beside 3×1; grids shrink in "
                "blocks of strided branches; label smoothing",
            ),
            Parent("googlenet", "three 3×3 for the 7×7 of the stem, one auxiliary head instead of two"),
        ),
    ),
)
def inception_v3() -> Architecture:
    """torchvision's network for 299×299 images."""
    return Architecture(
        name="Inception v3",
        provenance="as shipped by torchvision · Szegedy et al. 2016 (arXiv 1512.00567)",
        input_shape=(3, 299, 299),
        trunk=Sequence(
            name="trunk",
            children=(
                _down("Conv2d_1a_3x3", 32),  # 32 × 149 × 149
                _conv("Conv2d_2a_3x3", 32, 3, padding=0),
                _conv("Conv2d_2b_3x3", 64, 3),
                _max_pool("maxpool1"),  # 64 × 73 × 73
                _conv("Conv2d_3b_1x1", 80),
                _conv("Conv2d_4a_3x3", 192, 3, padding=0),
                _max_pool("maxpool2"),  # 192 × 35 × 35
                _inception_a("Mixed_5b", pool_features=32),
                _inception_a("Mixed_5c", pool_features=64),
                _inception_a("Mixed_5d", pool_features=64),  # 288 × 35 × 35
                _inception_b("Mixed_6a"),  # 768 × 17 × 17
                _inception_c("Mixed_6b", channels_7x7=128),
                _inception_c("Mixed_6c", channels_7x7=160),
                _inception_c("Mixed_6d", channels_7x7=160),
                _inception_c("Mixed_6e", channels_7x7=192),
                Auxiliary(
                    name="AuxLogits",
                    weight=0.4,
                    children=(
                        Pool(name="pool", kind="avg", kernel_size=5, stride=3, padding=0),
                        _conv("conv0", 128),
                        _conv("conv1", 768, 5, padding=0),
                        GlobalPool(name="avgpool"),
                        Flatten(name="flatten"),
                        Linear(name="fc", out_features=1000),
                    ),
                ),
                _inception_d("Mixed_7a"),  # 1280 × 8 × 8
                _inception_e("Mixed_7b"),
                _inception_e("Mixed_7c"),  # 2048 × 8 × 8
                GlobalPool(name="avgpool"),
                Flatten(name="flatten"),
                Dropout(name="dropout", p=0.5),
                Linear(name="fc", out_features=1000),
            ),
        ),
    )
