"""GhostNet (Han et al., GhostNet: More Features from Cheap Operations, CVPR 2020; arXiv 1911.11907) as in timm."""

from __future__ import annotations

from ..architecture import (
    Architecture,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    Node,
    Parallel,
    Residual,
    Sequence,
)
from ..architecture.branches import ghost
from ._registry import Fact, Lineage, Parent, register
from ._squeeze import squeeze_excitation

_PAPER = "Han et al., GhostNet: More Features from Cheap Operations, CVPR 2020 (arXiv 1911.11907)"
_TIMM = "timm, results/results-imagenet.csv, ghostnet_100.in1k"

# Table 1 of the paper, a line a stage: (kernel, channels within, channels, squeeze-and-excitation, stride) a block.
_STAGES = (
    ((3, 16, 16, False, 1),),
    ((3, 48, 24, False, 2),),
    ((3, 72, 24, False, 1),),
    ((5, 72, 40, True, 2),),
    ((5, 120, 40, True, 1),),
    ((3, 240, 80, False, 2),),
    ((3, 200, 80, False, 1), (3, 184, 80, False, 1), (3, 184, 80, False, 1), (3, 480, 112, True, 1),
     (3, 672, 112, True, 1)),
    ((5, 672, 160, True, 2),),
    ((5, 960, 160, False, 1), (5, 960, 160, True, 1), (5, 960, 160, False, 1), (5, 960, 160, True, 1)),
)  # fmt: skip


def _depthwise(name: str, kernel: int, stride: int) -> Conv:
    return Conv(
        name=name, out_channels="same", groups="depthwise", kernel_size=kernel, stride=stride, norm="batch",
        activation="none",
    )  # fmt: skip


def _bottleneck(
    name: str, in_channels: int, kernel: int, within: int, out_channels: int, squeezes: bool, stride: int
) -> Residual | Parallel:
    """Figure 3: a ghost module widens, another without activation narrows; between them what halves the map."""
    step = (_depthwise("conv_dw", kernel, stride),) if stride > 1 else ()
    hidden = (within // 4 + 2) // 4 * 4  # a quarter, as a multiple of 4
    se = (squeeze_excitation("se", within, hidden, gate="hard_sigmoid"),) if squeezes else ()
    children: tuple[Node, ...] = (
        ghost("ghost1", out_channels=within, norm="batch"),
        *step,
        *se,
        ghost("ghost2", out_channels=out_channels, norm="batch", activation="none"),
    )
    body = Sequence(name="body", children=children)
    if stride == 1 and in_channels == out_channels:
        return Residual(name=name, body=body, activation="none")
    narrow = Conv(name="pointwise", out_channels=out_channels, norm="batch", activation="none")
    shortcut = Sequence(name="shortcut", children=(_depthwise("depthwise", kernel, stride), narrow))
    return Parallel(name=name, branches=(body, shortcut), fuse="add")


def _stages() -> list[Sequence]:
    stages = []
    in_channels = 16
    for number, blocks in enumerate(_STAGES):
        made = []
        for n, (kernel, within, out_channels, squeezes, stride) in enumerate(blocks):
            made.append(_bottleneck(str(n), in_channels, kernel, within, out_channels, squeezes, stride))
            in_channels = out_channels
        stages.append(Sequence(name=str(number), children=tuple(made)))
    last = Conv(name="0", out_channels=960, norm="batch")
    return [*stages, Sequence(name=str(len(stages)), children=(last,))]


@register(
    "ghostnet-1.0",
    title="GhostNet 1.0×",
    summary="Half of the maps of each layer are cheap copies, made from the other half by a depthwise 3×3.",
    source=f"{_PAPER}; timm, ghostnet_100",
    facts=(
        Fact(metric="params", value=5.18e6, source="timm, results/results-imagenet.csv", exact=False),
        Fact(metric="macs", value=141e6, source="paper, table 7 (141 million)", exact=False),
        Fact(metric="top1_percent", value=73.958, source=_TIMM, year=2021),
        Fact(metric="top5_percent", value=91.542, source=_TIMM, year=2021),
        Fact(metric="top1_percent", value=73.9, source="paper, table 7", year=2020),
    ),
    tags=("ImageNet", "2020", "batch norm", "residual", "separable", "mobile", "squeeze", "ghost"),
    group="later",
    lineage=Lineage(
        year=2019,
        paper=_PAPER,
        parents=(
            Parent("mobilenet-v2", "its wide maps are not all computed: half of them come from the others by cheap "
                   "depthwise convolutions"),
            Parent("googlenet", "what is cheap and what is dear stand side by side and are concatenated"),
        ),
    ),
)  # fmt: skip
def ghostnet_1_0() -> Architecture:
    """Table 1 at width 1."""
    return Architecture(
        name="GhostNet 1.0×",
        provenance=f"as in timm · {_PAPER}",
        input_shape=(3, 224, 224),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="conv_stem", out_channels=16, kernel_size=3, stride=2, norm="batch"),  # 16 × 112 × 112
                Sequence(name="blocks", children=tuple(_stages())),  # 960 × 7 × 7
                GlobalPool(name="global_pool"),
                Conv(name="conv_head", out_channels=1280),
                Flatten(name="flatten"),
                Dropout(name="dropout", p=0.2),
                Linear(name="classifier", out_features=1000),
            ),
        ),
    )
