"""What the fields of nodes may hold: sizes, names, kinds; and the geometry of a window in plain numbers."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, PlainValidator

from . import _limits as limits

NAME_PATTERN = re.compile(rf"[A-Za-z0-9_]{{1,{limits.MAX_NAME}}}")
"""What a node may be called: a part of a path and of the names in the state dict."""

ActivationKind = Literal[
    "none", "relu", "relu6", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "mish", "hard_swish", "sigmoid",
    "hard_sigmoid", "tanh",
]  # fmt: skip
"""Element-wise functions as in torch.nn, with its defaults; gelu is the exact (erf) form, gelu_tanh approximates it."""
IN_PLACE = frozenset({"none", "relu"})
"""Activations that take no memory of their own at the end of a layer."""
SAVES_OUTPUT = frozenset({"relu", "sigmoid", "tanh"})
"""Activations whose backward pass needs the output; that of the others needs the input."""
NormKind = Literal["none", "batch"]
"""Normalisation behind a convolution; 'batch' is batch normalisation."""
PoolKind = Literal["max", "avg"]
"""What a pooling window gives: its maximum or its average."""
FuseKind = Literal["concat", "add", "multiply"]
"""How the outputs of branches become one: joined along the channels, added, or multiplied element by element."""
AttentionKind = Literal["se", "cbam"]
"""'se' is squeeze-and-excitation (Hu et al. 2018), 'cbam' the module of Woo et al. 2018."""
Size = int | tuple[int, int]
"""One number for both axes, or (height, width)."""


def _check_size(low: int, high: int, words: tuple[str, ...] = ()) -> Any:
    """A validator for "one number or (h, w)" with one message instead of one per member of the union."""
    rule = f"must be a whole number from {low} to {high}, or two of them, height and width"
    rule += "".join(f", or '{word}'" for word in words)

    def whole(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    def check(value: object) -> object:
        if isinstance(value, str) and value in words:
            return value
        if isinstance(value, list | tuple) and len(value) == 2 and all(whole(each) for each in value):
            return value[0] if value[0] == value[1] else tuple(value)
        if whole(value):
            return value
        raise ValueError(rule)

    return PlainValidator(check)


def _check_name(value: object) -> object:
    if isinstance(value, str) and not NAME_PATTERN.fullmatch(value):
        raise ValueError(f"must be 1 to {limits.MAX_NAME} letters, digits or _, without accents")
    return value


def as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _present_name(value: object) -> object:
    """An activation's name: what files of earlier versions called 'hardswish' is written as the others are."""
    return "hard_swish" if value == "hardswish" else value


Name = Annotated[str, BeforeValidator(_check_name)]
ActivationField = Annotated[ActivationKind, BeforeValidator(_present_name)]
KernelSize = Annotated[Size, _check_size(1, limits.MAX_KERNEL)]
Stride = Annotated[Size, _check_size(1, limits.MAX_KERNEL)]
Dilation = Annotated[Size, _check_size(1, limits.MAX_KERNEL)]
Padding = Annotated[Size | Literal["same"], _check_size(0, limits.MAX_PADDING, ("same",))]
OutputSize = Annotated[Size, _check_size(1, limits.MAX_KERNEL)]
Channels = Annotated[int, Field(ge=1, le=limits.MAX_CHANNELS)]


class Geometry(NamedTuple):
    """A window on both axes as plain integers, (height, width); ``pad_end`` differs from ``pad`` for even kernels."""

    kernel: tuple[int, int]
    """Height and width of the window."""
    stride: tuple[int, int]
    """Step of the window."""
    dilation: tuple[int, int]
    """Distance between taps of the kernel."""
    pad: tuple[int, int]
    """Border before the first row and the first column."""
    pad_end: tuple[int, int]
    """Border behind the last row and the last column."""

    @property
    def window(self) -> tuple[Any, ...]:
        """The same in the numbers that sizes and receptive fields are made of.

        (resize, axis h, axis w, whether both axes are alike). ``resize`` is (padding_total h, w; stride h, w;
        asymmetric h, w): n pixels become (n + padding_total - 1) // stride + 1, where ``padding_total`` is both
        paddings less the reach; ``asymmetric`` is padding after less padding before, 1 for some even kernels with
        padding 'same'. It is None for a window that changes no size. An ``axis`` is (reach from the first tap to the
        last, stride, padding before).
        """
        return _window_of(self)


@lru_cache(maxsize=4096)  # a network has hundreds of layers and a handful of windows
def _window_of(geometry: Geometry) -> tuple[Any, ...]:
    sides = list(zip(*geometry, strict=True))
    axis = [(dilation * (kernel - 1), stride, before) for kernel, stride, dilation, before, _ in sides]
    padding_total = [before + after - dilation * (kernel - 1) for kernel, _, dilation, before, after in sides]
    asymmetric = [after - before for _, _, _, before, after in sides]
    resize = (*padding_total, *geometry.stride, *asymmetric)
    return (None if resize == (0, 0, 1, 1, 0, 0) else resize, *axis, axis[0] == axis[1])


POINTWISE = Geometry((1, 1), (1, 1), (1, 1), (0, 0), (0, 0))


def pair(value: Size) -> tuple[int, int]:
    """Write a size as (height, width).

    Args:
        value: One number for both axes, or (height, width).

    Returns:
        (height, width).
    """
    return value if isinstance(value, tuple) else (value, value)


@lru_cache(maxsize=4096)
def geometry_of(kernel: Size, stride: Size, dilation: Size, padding: Size | Literal["same"]) -> Geometry:
    k, s, d = pair(kernel), pair(stride), pair(dilation)
    if padding != "same":
        return Geometry(k, s, d, pair(padding), pair(padding))
    # 'same' adds dilation·(kernel - 1) zeros an axis; the odd one out goes to the end, as torch does.
    reach = (d[0] * (k[0] - 1), d[1] * (k[1] - 1))
    start = (reach[0] // 2, reach[1] // 2)
    return Geometry(k, s, d, start, (reach[0] - start[0], reach[1] - start[1]))
