"""BN-Inception (Ioffe & Szegedy, ICML 2015; arXiv 1502.03167): TF-Slim calls it Inception v2 and names its blocks."""

from __future__ import annotations

from ..architecture import Architecture, Conv, Node, Parallel, Sequence
from ._registry import Fact, Lineage, Parent, register
from ._slim import avg_pool, conv, down, logits, max_pool, mixed, same_max_pool

_PAPER = (
    "Ioffe & Szegedy, Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift, "
    "ICML 2015 (arXiv 1502.03167)"
)
_SLIM = "TF-Slim, README, Inception V2"
_V4_TABLE_2 = "Szegedy et al. 2017 (arXiv 1602.07261), table 2: 100 % less the error; one crop, not blacklisted images"

# Figure 5 of the paper: 1×1; 3×3 reduce, 3×3; double 3×3 reduce, double 3×3; projection behind the pooling.
_WIDTHS = {
    "Mixed_3b": (64, 64, 64, 64, 96, 32),
    "Mixed_3c": (64, 64, 96, 64, 96, 64),
    "Mixed_4b": (224, 64, 96, 96, 128, 128),
    "Mixed_4c": (192, 96, 128, 96, 128, 128),
    "Mixed_4d": (160, 128, 160, 128, 160, 96),
    "Mixed_4e": (96, 128, 192, 160, 192, 96),
    "Mixed_5b": (352, 192, 320, 160, 224, 128),
    "Mixed_5c": (352, 192, 320, 192, 224, 128),
}


def _block(name: str) -> Parallel:
    """Two 3×3 in place of GoogLeNet's 5×5, average pooling except in the last block."""
    ones, reduce, out, reduce_double, double, project = _WIDTHS[name]
    pool = same_max_pool("0a") if name == "Mixed_5c" else avg_pool("0a")
    return mixed(
        name,
        (conv("0a", ones),),
        (conv("0a", reduce), conv("0b", out, 3)),
        (conv("0a", reduce_double), conv("0b", double, 3), conv("0c", double, 3)),
        (pool, conv("0b", project)),
    )


def _reduction(name: str, reduce: int, out: int, reduce_double: int, double: int) -> Parallel:
    """Half the height and width, without a 1×1 branch."""
    return mixed(
        name,
        (conv("0a", reduce), down("1a", out, padding=1)),
        (conv("0a", reduce_double), conv("0b", double, 3), down("1a", double, padding=1)),
        (max_pool("1a", padding=1),),
    )


def _network(name: str, provenance: str, *first: Node) -> Architecture:
    return Architecture(
        name=name,
        provenance=f"{provenance} · {_PAPER}",
        input_shape=(3, 224, 224),
        trunk=Sequence(
            name="trunk",
            children=(
                *first,  # 64 × 112 × 112
                max_pool("2a", padding=1),
                conv("2b", 64),  # 64 × 56 × 56
                conv("2c", 192, 3),
                max_pool("3a", padding=1),  # 192 × 28 × 28
                *(_block(f"Mixed_3{letter}") for letter in "bc"),
                _reduction("Mixed_4a", 128, 160, 64, 96),  # 576 × 14 × 14
                *(_block(f"Mixed_4{letter}") for letter in "bcde"),
                _reduction("Mixed_5a", 128, 192, 192, 256),  # 1024 × 7 × 7
                *(_block(f"Mixed_5{letter}") for letter in "bc"),
                *logits(dropout=0.2),
            ),
        ),
    )


@register(
    "bn-inception",
    title="BN-Inception (TF-Slim)",
    summary="Batch normalisation behind every convolution, two 3×3 for each 5×5; the separable stem of TF-Slim.",
    source=f"{_PAPER}; TF-Slim, inception_v2",
    differences=(
        "the first 7×7 convolution is separable: eight filters for each colour, then a 1×1; the paper's plain one is "
        "in bn-inception-plain",
        "layers of stride 2 are padded alike on all sides; TensorFlow's SAME puts one row and column more at the end",
    ),
    facts=(
        Fact(metric="params", value=11_188_288, source="counted from TF-Slim's code, 1,000 classes"),
        Fact(metric="top1_percent", value=73.9, source=_SLIM, year=2016),
        Fact(metric="top5_percent", value=91.8, source=_SLIM, year=2016),
    ),
    tags=("ImageNet", "2015", "batch norm", "separable"),
    group="family",
    lineage=Lineage(
        year=2015,
        paper=_PAPER,
        parents=(
            Parent(
                "googlenet",
                "batch normalisation behind every convolution; each 5×5 becomes two 3×3; no auxiliary heads",
            ),
        ),
    ),
)
def bn_inception() -> Architecture:
    """TF-Slim's ``inception_v2`` for 224×224 images."""
    depthwise = Conv(
        name="depthwise", out_channels=24, kernel_size=7, stride=2, groups=3, bias=False, activation="none"
    )
    pointwise = Conv(name="pointwise", out_channels=64, norm="batch", norm_eps=1e-3)
    stem = Sequence(name="Conv2d_1a_7x7", children=(depthwise, pointwise))
    return _network("BN-Inception (TF-Slim)", "as shipped by TF-Slim", stem)


@register(
    "bn-inception-plain",
    title="BN-Inception",
    summary="Batch normalisation behind every convolution, two 3×3 for each 5×5; the plain 7×7 stem of the paper.",
    source=f"{_PAPER}; TF-Slim, inception_v2 with use_separable_conv=False",
    facts=(
        Fact(metric="params", value=11_194_984, source="counted from TF-Slim's code, 1,000 classes"),
        Fact(metric="top1_percent", value=74.8, source=_V4_TABLE_2, year=2016),
        Fact(metric="top5_percent", value=92.2, source=_V4_TABLE_2, year=2016),
    ),
    tags=("ImageNet", "batch norm"),
    group="family",
    form_of="bn-inception",
)
def bn_inception_plain() -> Architecture:
    """The same with one convolution of 64 filters as its stem."""
    return _network("BN-Inception", "as published", conv("1a", 64, 7, stride=2))
