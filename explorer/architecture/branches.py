"""The kinds of branch of which Inception-type blocks are made, each as one call with named numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._fields import PoolKind, Size
from ._node_base import NodeBase
from ._nodes import Conv, Parallel, Pool, Sequence


def one_by_one(name: str = "branch_1x1", *, out_channels: int = 64, **style: Any) -> Conv:
    """Make a 1×1 convolution: it mixes channels and sees one position.

    Args:
        name: Name of the node.
        out_channels: Channels that go out.
        style: Fields of the convolution, such as ``norm`` and ``activation``.

    Returns:
        The convolution.

    Raises:
        ValueError: A field does not allow its value; pydantic's message names it.
    """
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
    """Make a 1×1 reduction followed by a k×k convolution.

    Args:
        name: Name of the node.
        reduce: Channels behind the 1×1.
        out_channels: Channels that go out.
        kernel_size: Window of the second convolution: one number, or (height, width).
        dilation: Distance between its taps.
        style: Fields of both convolutions, such as ``norm`` and ``activation``.

    Returns:
        The two in sequence, 'reduce' and 'conv'.

    Raises:
        ValueError: A field does not allow its value; pydantic's message names it.

    Source: Szegedy et al. 2015, "Going deeper with convolutions", figure 2b.
    """
    return Sequence(
        name=name,
        children=(
            Conv(name="reduce", out_channels=reduce, kernel_size=1, **style),
            Conv(name="conv", out_channels=out_channels, kernel_size=kernel_size, dilation=dilation, **style),
        ),
    )


def double_3x3(name: str = "branch_3x3_double", *, reduce: int = 64, out_channels: int = 64, **style: Any) -> Sequence:
    """Make a 1×1 reduction followed by two 3×3: the field of a 5×5 for 18/25 of its weights.

    Args:
        name: Name of the node.
        reduce: Channels behind the 1×1.
        out_channels: Channels of each 3×3.
        style: Fields of every convolution, such as ``norm`` and ``activation``.

    Returns:
        The three in sequence, 'reduce', 'conv_a' and 'conv_b'.

    Raises:
        ValueError: A field does not allow its value; pydantic's message names it.

    Source: Szegedy et al. 2016, "Rethinking the Inception architecture for computer vision", figure 5.
    """
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
    """Make a 1×1 reduction followed by 1×n and n×1.

    Args:
        name: Name of the node.
        reduce: Channels behind the 1×1 and behind the 1×n.
        out_channels: Channels that go out.
        kernel_size: n.
        style: Fields of every convolution, such as ``norm`` and ``activation``.

    Returns:
        The three in sequence, 'reduce', 'conv_1xn' and 'conv_nx1'.

    Raises:
        ValueError: A field does not allow its value; pydantic's message names it.

    Source: Szegedy et al. 2016, "Rethinking the Inception architecture for computer vision", figure 6.
    """
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
    """Make a pooling at stride 1 followed by a 1×1 projection.

    Args:
        name: Name of the node.
        out_channels: Channels of the projection.
        kind: 'max' or 'avg'.
        kernel_size: Height and width of the pooling window; odd.
        count_include_pad: Average pooling divides by the whole window, padding included, or by the true pixels only.
        style: Fields of the projection, such as ``norm`` and ``activation``.

    Returns:
        The two in sequence, 'pool' and 'project'.

    Raises:
        ValueError: A field does not allow its value; pydantic's message names it.

    Source: Szegedy et al. 2015, "Going deeper with convolutions", figure 2b.
    """
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
    """Make a k×k convolution of each channel followed by a 1×1 over channels.

    Args:
        name: Name of the node.
        out_channels: Channels that go out.
        kernel_size: Window of the depthwise step: one number, or (height, width).
        style: Fields of both convolutions, such as ``norm`` and ``activation``. The depthwise step has no activation.

    Returns:
        The two in sequence, 'depthwise' and 'pointwise'.

    Raises:
        ValueError: A field does not allow its value; pydantic's message names it.

    Source: Chollet 2017, "Xception: Deep learning with depthwise separable convolutions".
    """
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
    """Make half of the channels by a 1×1, and the other half from them by a cheap depthwise k×k.

    Args:
        name: Name of the node.
        out_channels: Channels that go out; an odd number above 1 gives one less.
        kernel_size: Window of the depthwise convolution: one number, or (height, width).
        style: Fields of both convolutions, such as ``norm`` and ``activation``.

    Returns:
        The 1×1 'primary', then the parallel 'ghosts' of its output and what the depthwise makes of it.

    Raises:
        ValueError: A field does not allow its value; pydantic's message names it.

    Source: Han et al. 2020, "GhostNet: More features from cheap operations".
    """
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
    """Make a chain of convolutions to be extended freely; it begins with one 3×3.

    Args:
        name: Name of the node.
        out_channels: Channels of the 3×3.
        style: Fields of the convolution, such as ``norm`` and ``activation``.

    Returns:
        A sequence of one convolution, 'conv_1'.

    Raises:
        ValueError: A field does not allow its value; pydantic's message names it.
    """
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
