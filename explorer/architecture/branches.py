"""The kinds of branch of which Inception-type blocks are made, each as one call with named numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._fields import PoolKind, Size
from ._nodes import Conv, NodeBase, Parallel, Pool, Sequence


def one_by_one(name: str = "branch_1x1", *, out_channels: int = 64, **style: Any) -> Conv:
    """1×1 convolution: mixes channels, sees one position. ``style`` is given to every Conv (norm, activation ...)."""
    return Conv(name=name, out_channels=out_channels, kernel_size=1, **style)


def reduce_conv(
    name: str = "branch_3x3",
    *,
    reduce: int = 64,
    out_channels: int = 64,
    kernel_size: Size = 3,
    dilation: Size = 1,
    **style: Any,
) -> Sequence:
    """1×1 reduction, then k×k (Szegedy et al. 2015, figure 2b)."""
    return Sequence(
        name=name,
        children=(
            Conv(name="reduce", out_channels=reduce, kernel_size=1, **style),
            Conv(name="conv", out_channels=out_channels, kernel_size=kernel_size, dilation=dilation, **style),
        ),
    )


def double_3x3(name: str = "branch_3x3_double", *, reduce: int = 64, out_channels: int = 64, **style: Any) -> Sequence:
    """1×1 reduction, then two 3×3: the field of a 5×5 for 18/25 of its weights (Szegedy et al. 2016, figure 5)."""
    return Sequence(
        name=name,
        children=(
            Conv(name="reduce", out_channels=reduce, kernel_size=1, **style),
            Conv(name="conv_a", out_channels=out_channels, kernel_size=3, **style),
            Conv(name="conv_b", out_channels=out_channels, kernel_size=3, **style),
        ),
    )


def factorised(
    name: str = "branch_factorised", *, reduce: int = 64, out_channels: int = 64, kernel_size: int = 7, **style: Any
) -> Sequence:
    """1×1 reduction, then 1×n and n×1 (Szegedy et al. 2016, figure 6)."""
    return Sequence(
        name=name,
        children=(
            Conv(name="reduce", out_channels=reduce, kernel_size=1, **style),
            Conv(name="conv_1xn", out_channels=reduce, kernel_size=(1, kernel_size), **style),
            Conv(name="conv_nx1", out_channels=out_channels, kernel_size=(kernel_size, 1), **style),
        ),
    )


def pool_project(
    name: str = "branch_pool",
    *,
    out_channels: int = 32,
    kind: PoolKind = "max",
    kernel_size: int = 3,
    count_include_pad: bool = True,
    **style: Any,
) -> Sequence:
    """Pooling at stride 1, then a 1×1 projection."""
    return Sequence(
        name=name,
        children=(
            Pool(name="pool", kind=kind, kernel_size=kernel_size, count_include_pad=count_include_pad),
            Conv(name="project", out_channels=out_channels, kernel_size=1, **style),
        ),
    )


def depthwise_separable(
    name: str = "branch_separable", *, out_channels: int = 64, kernel_size: Size = 3, **style: Any
) -> Sequence:
    """k×k per channel, then 1×1 over channels (Chollet 2017). The depthwise step is linear, as there."""
    return Sequence(
        name=name,
        children=(
            Conv(
                name="depthwise",
                out_channels="same",
                kernel_size=kernel_size,
                groups="depthwise",
                **{**style, "activation": "none"},
            ),
            Conv(name="pointwise", out_channels=out_channels, kernel_size=1, **style),
        ),
    )


def ghost(name: str = "branch_ghost", *, out_channels: int = 64, kernel_size: Size = 3, **style: Any) -> Sequence:
    """Half of the channels by a 1×1, the other half from them by a cheap depthwise k×k (GhostNet, Han et al. 2020)."""
    primary = max(1, out_channels // 2)
    return Sequence(
        name=name,
        children=(
            Conv(name="primary", out_channels=primary, kernel_size=1, **style),
            Parallel(
                name="ghosts",
                branches=(
                    Sequence(name="keep"),
                    Conv(name="cheap", out_channels="same", kernel_size=kernel_size, groups="depthwise", **style),
                ),
            ),
        ),
    )


def chain(name: str = "branch_chain", *, out_channels: int = 64, **style: Any) -> Sequence:
    """A free chain of convolutions, begun with one 3×3."""
    return Sequence(name=name, children=(Conv(name="conv_1", out_channels=out_channels, kernel_size=3, **style),))


BRANCH_KINDS: dict[str, tuple[str, Callable[..., NodeBase]]] = {
    "one_by_one": ("1×1", one_by_one),
    "reduce_conv": ("reduce → k×k", reduce_conv),
    "double_3x3": ("reduce → 3×3 → 3×3", double_3x3),
    "factorised": ("reduce → 1×n → n×1", factorised),
    "pool_project": ("pool → project", pool_project),
    "depthwise_separable": ("depthwise separable", depthwise_separable),
    "ghost": ("ghost", ghost),
    "chain": ("free chain", chain),
}
"""What can be added to a block: key → (caption, function)."""
