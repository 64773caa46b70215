"""The layers of Google's later Inceptions under the names that TF-Slim gives them: ``Conv2d_0b_3x3``, ``Branch_1``.

A place is a digit and a letter: 0 for layers that keep height and width, 1 for one that changes them, then their order.
"""

from __future__ import annotations

from typing import Any

from ..architecture import Conv, Dropout, Flatten, GlobalPool, Linear, Node, Parallel, Pool, Sequence, Size, pair

NORMED: dict[str, Any] = {"norm": "batch", "norm_eps": 1e-3}


def conv(place: str, out_channels: int, kernel_size: Size = 1, **fields: Any) -> Conv:
    """A convolution with batch normalisation and ReLU; ``place`` '' for a 1×1 that stands alone in its branch."""
    height, width = pair(kernel_size)
    name = "_".join(("Conv2d", *filter(None, [place]), f"{height}x{width}"))
    return Conv(name=name, out_channels=out_channels, kernel_size=kernel_size, **{**NORMED, **fields})


def down(place: str, out_channels: int, padding: Any = 0) -> Conv:
    """A 3×3 of stride 2, without padding unless it is given."""
    return conv(place, out_channels, 3, stride=2, padding=padding)


def max_pool(place: str, padding: Any = 0) -> Pool:
    """A 3×3 maximum of stride 2, without padding unless it is given."""
    return Pool(name=f"MaxPool_{place}_3x3", kernel_size=3, stride=2, padding=padding)


def same_max_pool(place: str) -> Pool:
    """A 3×3 maximum at stride 1."""
    return Pool(name=f"MaxPool_{place}_3x3", kernel_size=3)


def avg_pool(place: str) -> Pool:
    """A 3×3 average at stride 1 of the pixels that are there: TensorFlow does not count padding."""
    return Pool(name=f"AvgPool_{place}_3x3", kind="avg", kernel_size=3, count_include_pad=False)


def mixed(name: str, *branches: tuple[Node, ...]) -> Parallel:
    """A block of the branches ``Branch_0``, ``Branch_1`` … side by side."""
    return Parallel(
        name=name,
        branches=tuple(Sequence(name=f"Branch_{n}", children=layers) for n, layers in enumerate(branches)),
    )


def logits(dropout: float, classes: int = 1000) -> tuple[Node, ...]:
    """The classifier: average over the map, dropout, one linear layer."""
    return (
        GlobalPool(name="avgpool"),
        Flatten(name="flatten"),
        Dropout(name="dropout", p=dropout),
        Linear(name="Logits", out_features=classes),
    )
