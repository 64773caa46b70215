"""One small network with and without dilation, for a task that only a larger receptive field can solve."""

from __future__ import annotations

from ..architecture import Architecture, Conv, Flatten, GlobalPool, Linear, Sequence
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
