"""Ready blocks, each as one call with named numbers; ``branches`` has the kinds of branch that they are made of."""

from __future__ import annotations

from typing import Any

from ._fields import ActivationKind
from ._nodes import Conv, Flatten, GlobalPool, Linear, Parallel, Pool, Residual, Sequence
from .branches import double_3x3, one_by_one, pool_project, reduce_conv


def stem(name: str = "stem", *, out_channels: int = 64, **style: Any) -> Sequence:
    """Make the entry of a network for photographs: 7×7 and pooling, each at stride 2.

    Args:
        name: Name of the node.
        out_channels: Channels that go out.
        style: Fields of the convolution, such as ``norm`` and ``activation``.

    Returns:
        The two in sequence, 'conv' and 'pool': a quarter of the height and width.

    Raises:
        ValueError: A field does not allow its value; pydantic's message names it.

    Source: Szegedy et al. 2015, "Going deeper with convolutions", table 1.
    """
    return Sequence(
        name=name,
        children=(
            Conv(name="conv", out_channels=out_channels, kernel_size=7, stride=2, **style),
            Pool(name="pool", kernel_size=3, stride=2, padding=1),
        ),
    )


def inception(
    name: str,
    *,
    ones: int = 64,
    reduce_3x3: int = 96,
    out_3x3: int = 128,
    reduce_5x5: int = 16,
    out_5x5: int = 32,
    project: int = 32,
    kernel_5x5: int = 5,
    **style: Any,
) -> Parallel:
    """Make the Inception block with dimension reduction; by default with the numbers of GoogLeNet's first, 3a.

    Args:
        name: Name of the node.
        ones: Channels of the 1×1 branch.
        reduce_3x3: Channels of the 1×1 reduction before the 3×3.
        out_3x3: Channels of the 3×3.
        reduce_5x5: Channels of the reduction before the 5×5.
        out_5x5: Channels of the 5×5.
        project: Channels of the projection behind the pooling.
        kernel_5x5: Window of the third branch; torchvision's has 3.
        style: Fields of every convolution, such as ``norm`` and ``activation``.

    Returns:
        Four branches of ones + out_3x3 + out_5x5 + project channels together, at the input's height and width.

    Raises:
        ValueError: A field does not allow its value; pydantic's message names it.

    Source: Szegedy et al. 2015, "Going deeper with convolutions", figure 2b and table 1.
    """
    return Parallel(
        name=name,
        branches=(
            one_by_one(out_channels=ones, **style),
            reduce_conv("branch_3x3", reduce=reduce_3x3, out_channels=out_3x3, kernel_size=3, **style),
            reduce_conv("branch_5x5", reduce=reduce_5x5, out_channels=out_5x5, kernel_size=kernel_5x5, **style),
            pool_project(out_channels=project, **style),
        ),
    )


def residual(name: str = "residual", *, channels: int = 64, projection: bool = False, **style: Any) -> Residual:
    """Make a residual block of two 3×3.

    Args:
        name: Name of the node.
        channels: Channels of both convolutions.
        projection: Whether the shortcut is a 1×1 convolution, as other channels than the input's need.
        style: Fields of both convolutions, such as ``norm`` and ``activation``. The second has no activation.

    Returns:
        The block, at the input's height and width.

    Raises:
        ValueError: A field does not allow its value; pydantic's message names it.

    Source: He et al. 2016, "Deep residual learning for image recognition", figure 2.
    """
    first = Conv(name="conv_1", out_channels=channels, kernel_size=3, **style)
    second = Conv(name="conv_2", out_channels=channels, kernel_size=3, **{**style, "activation": "none"})
    return Residual(
        name=name,
        body=Sequence(name="body", children=(first, second)),
        shortcut="projection" if projection else "identity",
        norm=first.norm,
        norm_eps=first.norm_eps,
    )


def reduction(name: str = "reduction", *, out_channels: int = 96, reduce: int = 64, **style: Any) -> Parallel:
    """Make a block that halves height and width without a bottleneck: two convolutional branches beside a pooling.

    Args:
        name: Name of the node.
        out_channels: Channels of each of the two convolutional branches; the pooling adds those of the input.
        reduce: Channels of the 1×1 reduction before the double 3×3.
        style: Fields of every convolution, such as ``norm`` and ``activation``.

    Returns:
        Three branches, each at stride 2.

    Raises:
        ValueError: A field does not allow its value; pydantic's message names it.

    Source: Szegedy et al. 2016, "Rethinking the Inception architecture for computer vision", figure 10.
    """
    double = double_3x3("branch_3x3_double", reduce=reduce, out_channels=out_channels, **style)
    *others, last = double.children
    halved = Conv(name=last.name, out_channels=out_channels, kernel_size=3, stride=2, **style)
    return Parallel(
        name=name,
        branches=(
            Conv(name="branch_3x3", out_channels=out_channels, kernel_size=3, stride=2, **style),
            Sequence(name=double.name, children=(*others, halved)),
            Pool(name="branch_pool", kernel_size=3, stride=2),
        ),
    )


def squeeze_excitation(
    name: str = "se",
    *,
    channels: int,
    hidden: int | None = None,
    activation: ActivationKind = "relu",
    gate: ActivationKind = "sigmoid",
) -> Parallel:
    """Make squeeze-and-excitation of any width and gate, from plain nodes: a weight for each channel by the whole map.

    Args:
        name: Name of the node.
        channels: Channels that come in, and go out.
        hidden: Channels between its two 1×1 convolutions, which have biases; a sixteenth, at least 1, by default.
        activation: Function between the two; EfficientNet has 'silu'.
        gate: Function that makes the weights; MobileNetV3 has 'hard_sigmoid'.

    Returns:
        The product of the input, 'identity', and its weights, 'gate': global average pooling, 'reduce', 'expand'.

    Raises:
        ValueError: A field does not allow its value; pydantic's message names it.

    Source: Hu et al. 2018, "Squeeze-and-excitation networks", section 3.
    """
    hidden = max(1, channels // 16) if hidden is None else hidden
    weights = (
        GlobalPool(name="squeeze"),
        Conv(name="reduce", out_channels=hidden, activation=activation),
        Conv(name="expand", out_channels=channels, activation=gate),
    )
    branches = (Sequence(name="identity"), Sequence(name="gate", children=weights))
    return Parallel(name=name, branches=branches, fuse="multiply")


def head(*, classes: int = 10) -> tuple[GlobalPool, Flatten, Linear]:
    """Make a classifier of feature maps: global average pooling, flattening and one linear layer.

    Args:
        classes: Outputs of the linear layer.

    Returns:
        The three, one after another.

    Raises:
        ValueError: ``classes`` is not allowed; pydantic's message names the bound.

    Source: Lin et al. 2014, "Network in network", section 3.2.
    """
    return GlobalPool(name="avgpool"), Flatten(name="flatten"), Linear(name="fc", out_features=classes)
