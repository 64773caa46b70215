"""What several readers of operators need: weights, axes and limits."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._building import NoForm
from ._onnx import OnnxReader
from ._onnx_file import Node

MAX_CONSTANT = 1_000_000
"""Numbers that operators on constants may make out of fewer."""
TOO_MANY = "it makes too many numbers out of few"


def take_bias(r: OnnxReader, name: str, outputs: int, factor: float = 1) -> str:
    numbers = r.constant(name)
    if numbers is None or numbers.size not in (outputs, 1):
        raise NoForm(f"its bias is no constant of {outputs} numbers")
    if numbers.shape == (outputs,) and factor == 1:
        return r.keep(name, numbers)
    spread = np.broadcast_to(numbers.reshape(-1) * numbers.dtype.type(factor), (outputs,))
    return r.keep(f"{name} (as a bias)", np.ascontiguousarray(spread))


def take_affine(r: OnnxReader, node: Node, channels: int) -> dict[str, str]:
    """Factor and shift of a norm, its second and third input."""
    return {"weight": take_bias(r, node.inputs[1], channels), "bias": take_bias(r, node.inputs[2], channels)}


def read_axes(r: OnnxReader, node: Node, at: int) -> tuple[int, ...] | None:
    """Axes by attribute, as until opset 12 or 17, or by input."""
    if len(node.inputs) > at and node.inputs[at]:
        return r.whole_numbers(node.inputs[at])
    axes = node.settings.get("axes")
    return None if axes is None else tuple(axes)


def shorten_float(number: float) -> float:
    """The number of a few digits that a float32 was written from."""
    return float(str(np.float32(number)))


def check_room(*inputs: NDArray[Any]) -> None:
    """What is laid over one another may be far larger than any of it."""
    largest = max(MAX_CONSTANT, *(each.size for each in inputs))
    if prod(np.broadcast_shapes(*[each.shape for each in inputs])) > largest:
        raise NoForm(TOO_MANY)
