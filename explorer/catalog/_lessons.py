"""Small networks of the lessons: with and without dilation, for a task that only a larger receptive field can solve;
and a residual one, whose blocks an ablation repeats and robs of their shortcuts."""

from __future__ import annotations

from ..architecture import Architecture, Conv, Flatten, GlobalPool, Linear, Residual, Sequence
from ._registry import register

_SOURCE = "Made for the long-range lesson"


def _three_layers(name: str, dilations: tuple[int, int, int]) -> Architecture:
    """Stride 1 and global pooling, as the proof of the long-range task asks: no unit may know where it stands.

    The maximum, not the mean: one unit in a thousand sees both marks, and a mean would dilute what it says.
    """
    layers = (
        Conv(name=f"conv{number}", out_channels=8, kernel_size=3, dilation=dilation)
        for number, dilation in enumerate(dilations, start=1)
    )
    head = (GlobalPool(name="pool", kind="max"), Flatten(name="flatten"), Linear(name="fc", out_features=2))
    return Architecture(
        name=name,
        provenance=_SOURCE,
        input_shape=(1, 32, 32),
        trunk=Sequence(name="trunk", children=(*layers, *head)),
    )


@register(
    "near-sighted-cnn",
    title="Near-sighted CNN",
    summary="Three 3×3 convolutions see 7×7 pixels: on marks 8 rows apart it stays at 50 %, however it is trained.",
    source=_SOURCE,
    tags=("lesson", "long-range"),
    group="lesson",
)
def near_sighted() -> Architecture:
    """Dilations 1, 1, 1."""
    return _three_layers("Near-sighted CNN", (1, 1, 1))


@register(
    "far-sighted-cnn",
    title="Far-sighted CNN",
    summary="The same with dilations 1, 2, 4 sees 15×15 pixels without a hole, for the same parameters and MACs.",
    source=_SOURCE,
    tags=("lesson", "long-range", "dilation"),
    group="lesson",
)
def far_sighted() -> Architecture:
    """Dilations 1, 2, 4: each layer's holes are filled by those before it."""
    return _three_layers("Far-sighted CNN", (1, 2, 4))


_RESIDUAL_SOURCE = "Course notes, day 4: vanishing gradients; depths as He et al. 2016, section 4.2, 6·n + 2 layers"


def _residual_block(name: str, channels: int, stride: int) -> Residual:
    """The notes' block, relu(x + conv(relu(conv(x)))) without normalisation; a projection where the map shrinks."""
    return Residual(
        name=name,
        shortcut="identity" if stride == 1 else "projection",
        body=Sequence(
            name="body",
            children=(
                Conv(name="conv1", out_channels=channels, kernel_size=3, stride=stride),
                Conv(name="conv2", out_channels=channels, kernel_size=3, activation="none"),
            ),
        ),
    )


@register(
    "residual-8",
    title="Residual network of 8 layers",
    summary="Three of the notes' residual blocks: with the factors depth-3 and depth-7 20 and 44 layers, and without "
    "shortcuts the gradient vanishes.",
    source=_RESIDUAL_SOURCE,
    tags=("lesson", "residual"),
    group="lesson",
)
def residual_8() -> Architecture:
    """A convolution, three blocks of two, a linear layer: no batch normalisation, which would hide the effect."""
    return Architecture(
        name="Residual network of 8 layers",
        provenance=_RESIDUAL_SOURCE,
        input_shape=(1, 28, 28),
        trunk=Sequence(
            name="trunk",
            children=(
                Conv(name="stem", out_channels=16, kernel_size=3, stride=2),  # 16 × 14 × 14
                _residual_block("block1", 16, 1),
                _residual_block("block2", 32, 2),  # 32 × 7 × 7
                _residual_block("block3", 64, 2),  # 64 × 4 × 4
                GlobalPool(name="pool"),
                Flatten(name="flatten"),
                Linear(name="fc", out_features=10),
            ),
        ),
    )
