"""Inception-ResNet v1 and v2 (Szegedy et al., AAAI 2017; arXiv 1602.07261); blocks are named as in TF-Slim."""

from __future__ import annotations

from collections.abc import Callable

from ..architecture import Architecture, Conv, Node, Parallel, Residual, Sequence
from ._inception_v4 import PAPER, TABLE_2, TIMM_RESULTS, reduction_a, stem
from ._registry import Fact, Lineage, Parent, register
from ._slim import avg_pool, conv, down, logits, max_pool, mixed

_SCALES = {"block35": 0.17, "block17": 0.10, "block8": 0.20}
"""Factors of the residuals in TF-Slim; the paper recommends 0.1 to 0.3."""
_LINEAR = "the 1×1 behind the branches of a block has a bias and neither batch normalisation nor ReLU"


def _residual(name: str, channels: int, *branches: tuple[Node, ...]) -> Residual:
    """relu(x + scale · 1×1(branches(x))), the 1×1 without normalisation: figures 10 to 19."""
    last = Conv(name="Conv2d_1x1", out_channels=channels, activation="none")
    return Residual(
        name=name,
        body=Sequence(name="body", children=(mixed("branches", *branches), last)),
        scale=_SCALES[name.partition("_")[0]],
    )


def _repeat(name: str, block: Callable[[str], Residual], kind: str, count: int) -> Sequence:
    return Sequence(name=name, children=tuple(block(f"{kind}_{n}") for n in range(1, count + 1)))


def _plain_stem() -> tuple[Node, ...]:
    """Figure 14 up to 71×71: one chain, as in Inception v3."""
    return (
        down("1a", 32),  # 32 × 149 × 149
        conv("2a", 32, 3, padding=0),
        conv("2b", 64, 3),
        max_pool("3a"),  # 64 × 73 × 73
        conv("3b", 80),
        conv("4a", 192, 3, padding=0),  # 192 × 71 × 71
    )


def _reduction_b(name: str, second: int, third: int, fourth: int) -> Parallel:
    """Figures 12 and 18: 17×17 to 8×8."""
    return mixed(
        name,
        (conv("0a", 256), down("1a", 384)),
        (conv("0a", 256), down("1a", second)),
        (conv("0a", 256), conv("0b", third, 3), down("1a", fourth)),
        (max_pool("1a"),),
    )


# ---- version 1 ------------------------------------------------------------------------------------------------------


def _block35_v1(name: str) -> Residual:
    """Figure 10."""
    return _residual(
        name,
        256,
        (conv("", 32),),
        (conv("0a", 32), conv("0b", 32, 3)),
        (conv("0a", 32), conv("0b", 32, 3), conv("0c", 32, 3)),
    )


def _block17_v1(name: str) -> Residual:
    """Figure 11."""
    long = (conv("0a", 128), conv("0b", 128, (1, 7)), conv("0c", 128, (7, 1)))
    return _residual(name, 896, (conv("", 128),), long)


def _block8_v1(name: str) -> Residual:
    """Figure 13."""
    long = (conv("0a", 192), conv("0b", 192, (1, 3)), conv("0c", 192, (3, 1)))
    return _residual(name, 1792, (conv("", 192),), long)


@register(
    "inception-resnet-v1",
    title="Inception-ResNet v1",
    summary="Residuals around slim Inception blocks, 5, 10 and 5 of them; half the cost of version 2.",
    source=PAPER,
    differences=(
        "the authors released neither code nor weights of it; this is figure 15 with the numbers of table 1",
        f"the paper recommends factors of 0.1 to 0.3 for the residuals; those here are TF-Slim's; {_LINEAR}",
    ),
    facts=(
        Fact(metric="top1_percent", value=78.7, source=TABLE_2, year=2016),
        Fact(metric="top5_percent", value=94.5, source=TABLE_2, year=2016),
    ),
    tags=("ImageNet", "2016", "batch norm", "factorised", "residual"),
    group="family",
    lineage=Lineage(
        year=2016,
        paper=PAPER,
        parents=(
            Parent("inception-v3", "slimmer branches become a residual: a linear 1×1 widens them to be added"),
            Parent("resnet-50", "the shortcut around each block, with the residual scaled down to 0.1 to 0.3"),
        ),
    ),
)
def inception_resnet_v1() -> Architecture:
    """Figure 15 with the blocks of figures 10 to 14, for 299×299 images."""
    return Architecture(
        name="Inception-ResNet v1",
        provenance=f"as published, scales of TF-Slim · {PAPER}",
        input_shape=(3, 299, 299),
        trunk=Sequence(
            name="trunk",
            children=(
                *_plain_stem(),
                down("4b", 256),  # 256 × 35 × 35
                _repeat("Repeat", _block35_v1, "block35", 5),
                reduction_a("Mixed_6a", 192, 192, 256, 384),  # 896 × 17 × 17
                _repeat("Repeat_1", _block17_v1, "block17", 10),
                _reduction_b("Mixed_7a", 256, 256, 256),  # 1792 × 8 × 8
                _repeat("Repeat_2", _block8_v1, "block8", 5),
                *logits(dropout=0.2),
            ),
        ),
    )


# ---- version 2 ------------------------------------------------------------------------------------------------------


def _block35(name: str, channels: int) -> Residual:
    """Figure 16."""
    return _residual(
        name,
        channels,
        (conv("", 32),),
        (conv("0a", 32), conv("0b", 32, 3)),
        (conv("0a", 32), conv("0b", 48, 3), conv("0c", 64, 3)),
    )


def _block17(name: str, channels: int) -> Residual:
    """Figure 17."""
    long = (conv("0a", 128), conv("0b", 160, (1, 7)), conv("0c", 192, (7, 1)))
    return _residual(name, channels, (conv("", 192),), long)


def _block8(name: str, channels: int) -> Residual:
    """Figure 19."""
    long = (conv("0a", 192), conv("0b", 224, (1, 3)), conv("0c", 256, (3, 1)))
    return _residual(name, channels, (conv("", 192),), long)


_PARENTS = (
    Parent("inception-resnet-v1", "wider branches and a wider trunk, at about the cost of Inception v4"),
    Parent("inception-v4", "the same stem and grids in the paper; its blocks become residuals"),
)
_TOP_1_OF_THE_NOTES = (
    "the course notes give it 96.4 % top-1 on ImageNet; one network reaches 80.4 %, and 95.3 % is its top-5"
)


@register(
    "inception-resnet-v2",
    title="Inception-ResNet v2",
    summary="Residuals around Inception blocks, 10, 20 and 10 of them, as TF-Slim and timm ship it.",
    source=f"{PAPER}; TF-Slim, inception_resnet_v2; timm, inception_resnet_v2",
    repairs=(_TOP_1_OF_THE_NOTES,),
    differences=(
        "the paper has 5, 10 and 5 blocks, shipped are 10, 20 and 10; the paper's form is inception-resnet-v2-paper",
        "the stem is the chain of Inception v3 and a block Mixed_5b with 320 channels; the paper takes Inception v4's "
        "stem with 384",
        "the last block is added unscaled and without ReLU, and a 1×1 to 1,536 channels follows; the paper has neither",
        "TF-Slim trains with an auxiliary head behind Repeat_1, which the paper does not draw and timm leaves out",
    ),
    facts=(
        Fact(metric="params", value=55_843_464, source="timm, inception_resnet_v2"),
        Fact(metric="macs", value=13_155_794_016, source="FlopCounterMode / 2 on timm's module"),
        Fact(metric="top1_percent", value=80.434, source=f"{TIMM_RESULTS}, inception_resnet_v2.tf_in1k", year=2025),
        Fact(metric="top5_percent", value=95.312, source=f"{TIMM_RESULTS}, inception_resnet_v2.tf_in1k", year=2025),
    ),
    tags=("ImageNet", "2016", "batch norm", "factorised", "residual"),
    group="family",
    lineage=Lineage(year=2016, paper=PAPER, parents=_PARENTS),
)
def inception_resnet_v2() -> Architecture:
    """TF-Slim's network for 299×299 images."""
    mixed_5b = mixed(
        "Mixed_5b",
        (conv("", 96),),
        (conv("0a", 48), conv("0b", 64, 5)),
        (conv("0a", 64), conv("0b", 96, 3), conv("0c", 96, 3)),
        (avg_pool("0a"), conv("0b", 64)),
    )
    last_block = Residual(name="Block8", body=_block8("block8_10", 2080).body, activation="none")
    return Architecture(
        name="Inception-ResNet v2",
        provenance=f"as shipped by TF-Slim and timm · {PAPER}",
        input_shape=(3, 299, 299),
        trunk=Sequence(
            name="trunk",
            children=(
                *_plain_stem(),
                max_pool("5a"),  # 192 × 35 × 35
                mixed_5b,  # 320 × 35 × 35
                _repeat("Repeat", lambda name: _block35(name, 320), "block35", 10),
                reduction_a("Mixed_6a", 256, 256, 384, 384),  # 1088 × 17 × 17
                _repeat("Repeat_1", lambda name: _block17(name, 1088), "block17", 20),
                _reduction_b("Mixed_7a", 288, 288, 320),  # 2080 × 8 × 8
                _repeat("Repeat_2", lambda name: _block8(name, 2080), "block8", 9),
                last_block,
                conv("7b", 1536),  # 1536 × 8 × 8
                *logits(dropout=0.2),
            ),
        ),
    )


@register(
    "inception-resnet-v2-paper",
    title="Inception-ResNet v2 (paper)",
    summary="As drawn in the paper: a stem that splits three times, then 5, 10 and 5 residual blocks.",
    source=PAPER,
    repairs=(
        "figure 17 widens to 1,154 channels, but the reduction before it gives 1,152, and so do the blocks here",
        "figure 19 widens to 2,048 channels, but the reduction before it gives 2,144, and so do the blocks here",
        _TOP_1_OF_THE_NOTES,
    ),
    differences=(f"the paper recommends factors of 0.1 to 0.3 for the residuals; those here are TF-Slim's; {_LINEAR}",),
    facts=(
        Fact(metric="top1_percent", value=80.1, source=TABLE_2, year=2016),
        Fact(metric="top5_percent", value=95.1, source=TABLE_2, year=2016),
    ),
    tags=("ImageNet", "batch norm", "factorised", "residual"),
    group="family",
    form_of="inception-resnet-v2",
)
def inception_resnet_v2_paper() -> Architecture:
    """Figure 15 with the blocks of figures 3 and 16 to 19, for 299×299 images."""
    return Architecture(
        name="Inception-ResNet v2 (paper)",
        provenance=f"as published, scales of TF-Slim · {PAPER}",
        input_shape=(3, 299, 299),
        trunk=Sequence(
            name="trunk",
            children=(
                *stem(),  # 384 × 35 × 35
                _repeat("Repeat", lambda name: _block35(name, 384), "block35", 5),
                reduction_a("Mixed_6a", 256, 256, 384, 384),  # 1152 × 17 × 17
                _repeat("Repeat_1", lambda name: _block17(name, 1152), "block17", 10),
                _reduction_b("Mixed_7a", 288, 288, 320),  # 2144 × 8 × 8
                _repeat("Repeat_2", lambda name: _block8(name, 2144), "block8", 5),
                *logits(dropout=0.2),
            ),
        ),
    )
