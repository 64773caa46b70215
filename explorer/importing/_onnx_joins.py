"""ONNX's functions of single numbers, and what joins two maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._building import NoForm, Value
from ._functions import ONE, TWO, clip
from ._onnx import OnnxReader, Read, Result
from ._onnx_file import Node
from ._onnx_settings import MAX_CONSTANT, TOO_MANY, check_room


def _function(r: OnnxReader, node: Node) -> Result:
    """A function of one number."""
    compute = ONE[node.op]
    numbers = r.constant(node.inputs[0])
    if numbers is not None:
        return np.asarray(compute(numbers, **node.settings), numbers.dtype)
    forms = {name: compute(values, **node.settings) for name, values in r.forms(node.inputs[0]).items()}
    return r.function(forms, node, _refuse)


def _refuse() -> Value:
    raise NoForm("this function of single numbers has no form here")


def _clip(r: OnnxReader, node: Node) -> Result:
    low, high = (
        r.number(node.inputs[at]) if len(node.inputs) > at and node.inputs[at] else None for at in (1, 2)
    )
    numbers = r.constant(node.inputs[0])
    if numbers is not None:
        return clip(numbers, low, high)
    forms = {name: clip(values, low, high) for name, values in r.forms(node.inputs[0]).items()}
    return r.function(forms, node, _refuse)


def _pair(r: OnnxReader, node: Node) -> Result:
    """A function of two values: numbers, maps, or the same map in two forms."""
    compute, (one, other) = TWO[node.op], node.inputs
    a, b = r.constant(one), r.constant(other)
    if a is not None and b is not None:
        check_room(a, b)
        return np.asarray(compute(a, b) if node.op != "Div" or a.dtype.kind == "f" else a // b)
    x, y = r.number(one), r.number(other)
    if a is None and y is not None:
        forms = {name: compute(values, y) for name, values in r.forms(one).items()}
        return r.function(forms, node, lambda: _refuse_number(node, y))
    if b is None and x is not None:
        forms = {name: compute(x, values) for name, values in r.forms(other).items()}
        return r.function(forms, node, _refuse)
    if a is not None or b is not None:
        return _with_numbers(r, node)
    first, second = r.forms(one), r.forms(other)
    forms = {name: compute(values, second[name]) for name, values in first.items() if name in second}
    forms.pop(node.outputs[0], None)

    def otherwise() -> Value:
        kind = {"Add": "add", "Mul": "multiply"}.get(node.op)
        if kind is None:
            raise NoForm("of two maps only the sum and the product have a form here")
        return _join(r, kind, (one, other))

    if forms:
        return r.function(forms, node, otherwise)
    return otherwise()


def _refuse_number(node: Node, number: float) -> Value:
    if node.op in ("Add", "Sub"):
        raise NoForm(f"adding the number {number:g} has no form here")
    return _refuse()


def _with_numbers(r: OnnxReader, node: Node) -> Value:
    """A factor or a summand for each channel."""
    first = r.constant(node.inputs[0]) is not None
    x = r.value(node.inputs[1 if first else 0])
    factor, shift, key = _by_channel(r, node, x)
    if node.op not in ("Mul", "Div", "Add", "Sub") or (first and node.op in ("Div", "Sub")):
        raise NoForm("with a constant for each channel only the sum and the product have a form here")
    if shift is None:
        return r.builder.same("scale", x, {}, {"weight": r.keep(key, factor)})
    return r.builder.same("scale", x, {"factor": 1.0}, {"bias": r.keep(key, shift)})  # a factor before it joins it


def _by_channel(
    r: OnnxReader, node: Node, x: Value
) -> tuple[NDArray[Any], NDArray[Any] | None, str]:
    """(factor, summand, key) of an operator with constants that lie over a map, one for each channel."""
    name = next(each for each in node.inputs if r.constant(each) is not None)
    numbers = r.constant(name)
    assert numbers is not None
    if not r.builder.lies_by_channel(x, numbers.size, numbers.shape):
        raise NoForm("constants that differ from place to place have no form here")
    flat = np.ascontiguousarray(numbers.reshape(-1))
    key = name if flat.shape == numbers.shape else f"{name} (by channel)"
    ones = np.ones_like(flat)
    if node.op == "Mul":
        return flat, None, key
    if node.op == "Div":
        return ones / flat, None, f"{name} (reciprocal)"
    return ones, flat if node.op == "Add" else -flat, key if node.op == "Add" else f"{name} (negative)"


def _join(r: OnnxReader, kind: str, names: Sequence[str]) -> Value:
    return reduce(lambda x, y: r.builder.join(kind, x, y), [r.value(each) for each in names])


def _sum(r: OnnxReader, node: Node) -> Result:
    numbers = [r.constant(each) for each in node.inputs]
    known = [each for each in numbers if each is not None]
    if len(known) == len(numbers):
        check_room(*known)
        return np.asarray(reduce(np.add, known))
    return _join(r, "add", node.inputs)


def _concat(r: OnnxReader, node: Node) -> Result:
    axis = int(node.settings["axis"])
    numbers = [r.constant(each) for each in node.inputs]
    known = [each for each in numbers if each is not None]
    if len(known) == len(numbers):
        if sum(each.size for each in known) > max(MAX_CONSTANT, *(each.size for each in r.file.tensors.values())):
            raise NoForm(TOO_MANY)
        return np.concatenate(known, axis)
    return r.builder.concat([r.value(each) for each in node.inputs], axis)


JOINS: Mapping[str, Read] = {
    **dict.fromkeys(ONE, _function),
    **dict.fromkeys(TWO, _pair),
    "Clip": _clip,
    "Sum": _sum,
    "Concat": _concat,
}
