"""What the fields of nodes may hold: sizes, names, kinds."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

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
NormKind = Literal["none", "batch", "layer", "group"]
"""Normalisation behind a convolution: of each channel over the batch, of each place over the channels, of groups."""
PoolKind = Literal["max", "avg"]
"""What a pooling window gives: its maximum or its average."""
FuseKind = Literal["concat", "add", "multiply"]
"""How the outputs of branches become one: joined along the channels, added, or multiplied element by element."""
AttentionKind = Literal["se", "cbam", "eca"]
"""'se' is squeeze-and-excitation (Hu et al. 2018), 'cbam' the module of Woo et al. 2018, 'eca' of Wang et al. 2020."""
Size = int | tuple[int, int]
"""One number for both axes, or (height, width)."""
Sides = tuple[tuple[int, int], tuple[int, int]]
"""((top, bottom), (left, right))."""


def _read_size(value: object, low: int, high: int) -> Any:
    """One number or two, None where it is neither."""

    def whole(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    if isinstance(value, list | tuple) and len(value) == 2 and all(whole(each) for each in value):
        return value[0] if value[0] == value[1] else tuple(value)
    return value if whole(value) else None


def _check_size(low: int, high: int) -> Any:
    """A validator for "one number or (h, w)" with one message instead of one per member of the union."""

    def check(value: object) -> object:
        size = _read_size(value, low, high)
        if size is None:
            raise ValueError(f"must be a whole number from {low} to {high}, or two of them, height and width")
        return size

    return PlainValidator(check)


def _check_padding(value: object) -> object:
    """A size, or what stands before and behind on each axis; what is equal on both sides is written as a size."""
    if isinstance(value, str) and value in ("same", "tf_same"):
        return value
    size = _read_size(value, 0, limits.MAX_PADDING)
    if size is not None:
        return size
    if isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(each, list | tuple) for each in value):
        sides = [_read_size(each, 0, limits.MAX_PADDING) for each in value]
        if None not in sides:
            height, width = sides
            if isinstance(height, int) and isinstance(width, int):
                return height if height == width else (height, width)
            return pair(height), pair(width)
    raise ValueError(
        f"must be a whole number from 0 to {limits.MAX_PADDING}, or two of them, height and width, or four of them, "
        "((top, bottom), (left, right)), or 'same', or 'tf_same'"
    )


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
Padding = Annotated[Size | Sides | Literal["same", "tf_same"], PlainValidator(_check_padding)]
OutputSize = Annotated[Size, _check_size(1, limits.MAX_KERNEL)]
Channels = Annotated[int, Field(ge=1, le=limits.MAX_CHANNELS)]


def pair(value: Size) -> tuple[int, int]:
    """Write a size as (height, width).

    Args:
        value: One number for both axes, or (height, width).

    Returns:
        (height, width).
    """
    return value if isinstance(value, tuple) else (value, value)
