"""InceptionNeXt-T (Yu et al., InceptionNeXt: When Inception Meets ConvNeXt, CVPR 2024; arXiv 2303.16900) as in timm."""

from __future__ import annotations

from ..architecture import (
    Architecture,
    Conv,
    Flatten,
    GlobalPool,
    Linear,
    Node,
    Norm,
    Parallel,
    Residual,
    Scale,
    Sequence,
    Size,
    Slice,
)
from ._registry import Fact, Lineage, Parent, register

_PAPER = "Yu et al., InceptionNeXt: When Inception Meets ConvNeXt, CVPR 2024 (arXiv 2303.16900)"
_TIMM = "timm, results/results-imagenet.csv, inception_next_tiny.sail_in1k"

# Table 3 of the paper, T: channels, blocks and width of the MLP (times the channels) of the four stages.
_STAGES = ((96, 3, 4), (192, 3, 4), (384, 9, 4), (768, 3, 3))


def _conv(name: str, out_channels: int, kernel_size: Size = 1, stride: int = 1) -> Conv:
    return Conv(
        name=name, out_channels=out_channels, kernel_size=kernel_size, stride=stride,
        padding="same" if stride == 1 else 0, activation="none",
    )  # fmt: skip


def _token_mixer(channels: int) -> Parallel:
    """Figure 2: of eight parts of the channels five stay, the others pass a 3×3, a 1×11 and an 11×1, each alone."""
    eighth = channels // 8
    kept = channels - 3 * eighth
    branches: list[Node] = [Slice(name="identity", stop=kept)]
    kernels: tuple[tuple[str, Size], ...] = (("hw", 3), ("w", (1, 11)), ("h", (11, 1)))
    for n, (name, kernel) in enumerate(kernels):
        start = kept + n * eighth
        depthwise = Conv(
            name=f"dwconv_{name}", out_channels="same", groups="depthwise", kernel_size=kernel, activation="none"
        )
        branches.append(
            Sequence(name=name, children=(Slice(name="part", start=start, stop=start + eighth), depthwise))
        )
    return Parallel(name="token_mixer", branches=tuple(branches))


def _block(name: str, channels: int, ratio: int) -> Residual:
    """ConvNeXt's block with another mixer of places, and batch norm."""
    body = Sequence(
        name="body",
        children=(
            _token_mixer(channels),
            Norm(name="norm"),
            Conv(name="fc1", out_channels=ratio * channels, activation="gelu"),
            _conv("fc2", channels),
            Scale(name="gamma", init=1e-6),
        ),
    )
    return Residual(name=name, body=body, activation="none")


def _stages() -> list[Sequence]:
    stages = []
    for number, (channels, count, ratio) in enumerate(_STAGES):
        halve = (Norm(name="norm"), _conv("conv", channels, kernel_size=2, stride=2))
        downsample = (Sequence(name="downsample", children=halve),) if number else ()
        blocks = Sequence(name="blocks", children=tuple(_block(str(n), channels, ratio) for n in range(count)))
        stages.append(Sequence(name=str(number), children=(*downsample, blocks)))
    return stages


@register(
    "inceptionnext-t",
    title="InceptionNeXt-T",
    summary="ConvNeXt whose depthwise 7×7 is an Inception block: most channels pass, the rest see 3×3, 1×11 or 11×1.",
    source=f"{_PAPER}; timm, inception_next_tiny",
    facts=(
        Fact(metric="params", value=28.06e6, source="timm, results/results-imagenet.csv", exact=False),
        Fact(metric="macs", value=4.2e9, source="paper, table 5 (4.2 billion)", exact=False),
        Fact(metric="top1_percent", value=82.508, source=_TIMM, year=2023),
        Fact(metric="top5_percent", value=96.0, source=_TIMM, year=2023),
        Fact(metric="top1_percent", value=82.3, source="paper, table 5", year=2024),
    ),
    tags=("ImageNet", "2023", "batch norm", "residual", "separable", "factorised"),
    group="later",
    lineage=Lineage(
        year=2023,
        paper=_PAPER,
        parents=(
            Parent("convnext-t", "the depthwise 7×7 becomes four parallel branches of slices, which move less memory"),
            Parent("inception-v3", "long kernels are factorised into 1×n and n×1, side by side"),
        ),
    ),
)  # fmt: skip
def inceptionnext_t() -> Architecture:
    """Table 3; the hidden layer of the head is a 1×1 convolution on the pooled map, which is the same."""
    head = (
        GlobalPool(name="global_pool"),
        Conv(name="fc1", out_channels=3 * 768, activation="gelu"),
        Norm(name="norm", kind="layer", eps=1e-6),
        Flatten(name="flatten"),
        Linear(name="fc2", out_features=1000),
    )
    stem = Conv(
        name="stem", out_channels=96, kernel_size=4, stride=4, padding=0, bias=True, norm="batch", activation="none"
    )
    return Architecture(
        name="InceptionNeXt-T",
        provenance=f"as in timm · {_PAPER}",
        input_shape=(3, 224, 224),
        trunk=Sequence(
            name="trunk",
            children=(
                stem,  # 96 × 56 × 56
                Sequence(name="stages", children=tuple(_stages())),  # 768 × 7 × 7
                Sequence(name="head", children=head),
            ),
        ),
    )
