"""Inception v4 (Szegedy et al., AAAI 2017; arXiv 1602.07261), figures 3 to 9; blocks are named as in TF-Slim."""

from __future__ import annotations

from ..architecture import Architecture, Node, Parallel, Sequence
from ._registry import Fact, Lineage, Parent, register
from ._slim import avg_pool, conv, down, logits, max_pool, mixed

PAPER = (
    "Szegedy et al., Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning, AAAI 2017 "
    "(arXiv 1602.07261)"
)
TABLE_2 = "paper, table 2: 100 % less the error; one crop, the part of the validation set that is not blacklisted"
TIMM_RESULTS = "timm, results/results-imagenet.csv of October 2025"


def stem() -> tuple[Node, ...]:
    """Figure 3: 299×299 to 35×35, 384 channels; it splits three times."""
    return (
        down("1a", 32),  # 32 × 149 × 149
        conv("2a", 32, 3, padding=0),
        conv("2b", 64, 3),  # 64 × 147 × 147
        mixed("Mixed_3a", (max_pool("0a"),), (down("0a", 96),)),  # 160 × 73 × 73
        mixed(
            "Mixed_4a",
            (conv("0a", 64), conv("1a", 96, 3, padding=0)),
            (conv("0a", 64), conv("0b", 64, (1, 7)), conv("0c", 64, (7, 1)), conv("1a", 96, 3, padding=0)),
        ),  # 192 × 71 × 71
        mixed("Mixed_5a", (down("1a", 192),), (max_pool("1a"),)),  # 384 × 35 × 35
    )


def _inception_a(name: str) -> Parallel:
    """Figure 4."""
    return mixed(
        name,
        (conv("0a", 96),),
        (conv("0a", 64), conv("0b", 96, 3)),
        (conv("0a", 64), conv("0b", 96, 3), conv("0c", 96, 3)),
        (avg_pool("0a"), conv("0b", 96)),
    )


def reduction_a(name: str, k: int, l: int, m: int, n: int) -> Parallel:  # noqa: E741  (the paper's letters)
    """Figure 7 with the numbers of table 1: 35×35 to 17×17."""
    return mixed(
        name,
        (down("1a", n),),
        (conv("0a", k), conv("0b", l, 3), down("1a", m)),
        (max_pool("1a"),),
    )


def _inception_b(name: str) -> Parallel:
    """Figure 5: 7×7 as 1×7 and 7×1, once and twice."""
    return mixed(
        name,
        (conv("0a", 384),),
        (conv("0a", 192), conv("0b", 224, (1, 7)), conv("0c", 256, (7, 1))),
        (
            conv("0a", 192),
            conv("0b", 192, (7, 1)),
            conv("0c", 224, (1, 7)),
            conv("0d", 224, (7, 1)),
            conv("0e", 256, (1, 7)),
        ),
        (avg_pool("0a"), conv("0b", 128)),
    )


def _reduction_b(name: str) -> Parallel:
    """Figure 8: 17×17 to 8×8."""
    return mixed(
        name,
        (conv("0a", 192), down("1a", 192)),
        (conv("0a", 256), conv("0b", 256, (1, 7)), conv("0c", 320, (7, 1)), down("1a", 320)),
        (max_pool("1a"),),
    )


def _split(wide: str, high: str) -> Parallel:
    return Parallel(name="split", branches=(conv(wide, 256, (1, 3)), conv(high, 256, (3, 1))))


def _inception_c(name: str) -> Parallel:
    """Figure 6: branches that split again into 1×3 and 3×1."""
    return mixed(
        name,
        (conv("0a", 256),),
        (conv("0a", 384), _split("0b", "0c")),
        (conv("0a", 384), conv("0b", 448, (3, 1)), conv("0c", 512, (1, 3)), _split("0d", "0e")),
        (avg_pool("0a"), conv("0b", 256)),
    )


@register(
    "inception-v4",
    title="Inception v4",
    summary="Uniform blocks without residuals: a stem that splits three times, then 4, 7 and 3 blocks of three kinds.",
    source=f"{PAPER}; TF-Slim, inception_v4; timm, inception_v4",
    differences=(
        "the order of 1×7 and 7×1 in the longest branch of the 17×17 blocks is that of TF-Slim's trained weights; "
        "figure 5 of the paper draws it the other way round",
        "TF-Slim trains with an auxiliary head behind Mixed_6h, which the paper does not draw and timm leaves out",
    ),
    facts=(
        Fact(metric="params", value=42_679_816, source="timm, inception_v4"),
        Fact(metric="macs", value=12_253_974_624, source="FlopCounterMode / 2 on timm's module"),
        Fact(metric="top1_percent", value=80.144, source=f"{TIMM_RESULTS}, inception_v4.tf_in1k", year=2025),
        Fact(metric="top5_percent", value=94.982, source=f"{TIMM_RESULTS}, inception_v4.tf_in1k", year=2025),
        Fact(metric="top1_percent", value=80.0, source=TABLE_2, year=2016),
        Fact(metric="top5_percent", value=95.0, source=TABLE_2, year=2016),
    ),
    tags=("ImageNet", "2016", "batch norm", "factorised"),
    group="family",
    lineage=Lineage(
        year=2016,
        paper=PAPER,
        parents=(
            Parent("inception-v3", "the same three kinds of block, more of them and uniform; the stem splits, too"),
        ),
    ),
)
def inception_v4() -> Architecture:
    """Figure 9 for 299×299 images."""
    return Architecture(
        name="Inception v4",
        provenance=f"as shipped by TF-Slim and timm · {PAPER}",
        input_shape=(3, 299, 299),
        trunk=Sequence(
            name="trunk",
            children=(
                *stem(),
                *(_inception_a(f"Mixed_5{letter}") for letter in "bcde"),
                reduction_a("Mixed_6a", 192, 224, 256, 384),  # 1024 × 17 × 17
                *(_inception_b(f"Mixed_6{letter}") for letter in "bcdefgh"),
                _reduction_b("Mixed_7a"),  # 1536 × 8 × 8
                *(_inception_c(f"Mixed_7{letter}") for letter in "bcd"),
                *logits(dropout=0.2),
            ),
        ),
    )
