"""ONNX's constants and what is computed from them, and what changes nothing in evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from ._building import NoForm
from ._onnx import OnnxReader, Read, Result
from ._onnx_file import Branch, Node
from ._onnx_settings import MAX_CONSTANT, TOO_MANY, check_room, shorten_float


def _same(r: OnnxReader, node: Node) -> Result:
    r.alias(node.outputs[0], node.inputs[0])
    return r.values[node.inputs[0]]


def _cast(r: OnnxReader, node: Node) -> Result:
    from onnx import helper

    numbers = r.constant(node.inputs[0])
    kind = helper.tensor_dtype_to_np_dtype(int(node.settings["to"]))
    if numbers is not None:
        return numbers.astype(kind)
    if kind.kind != "f" and kind.name != "bfloat16":
        raise NoForm(f"numbers of type {kind.name} have no form here")
    return _same(r, node)


def _cast_like(r: OnnxReader, node: Node) -> Result:
    numbers = r.constant(node.inputs[0])
    return numbers.astype(np.float32) if numbers is not None and numbers.dtype.kind == "f" else _same(r, node)


def _dropout(r: OnnxReader, node: Node) -> list[Result]:
    share = r.number(node.inputs[1]) if len(node.inputs) > 1 and node.inputs[1] else node.settings.get("ratio", 0.5)
    x = r.value(node.inputs[0])
    if share is None or not 0 < share < 1:
        return [x]
    return [r.builder.same("dropout", x, {"p": shorten_float(share)})]


def _softmax(r: OnnxReader, node: Node) -> Result:
    """At the end of the network it is left out: its input are the scores."""
    name, seen = node.outputs[0], 0
    while name not in r.file.outputs and seen < 10:
        user = r.only_user(name)
        if user is None or user.op not in ("Identity", "Cast", "Reshape", "Flatten", "Squeeze"):
            raise NoForm("in the middle of a network it has no form here")
        name, seen = user.outputs[0], seen + 1
    x = r.value(node.inputs[0])
    if len(x.axes) != 1 or name != r.file.outputs[0]:
        raise NoForm("only over the scores of the classes has it a form here")
    r.end_with(
        node.inputs[0],
        f"The {'softmax' if node.op == 'Softmax' else node.op} at its end is left out: scores here are what goes into "
        "it, which leaves every prediction as it is.",
    )
    return x


def _if(r: OnnxReader, node: Node) -> list[Result]:
    """The way that is taken, where the image does not decide it."""
    condition = r.number(node.inputs[0])
    if condition is None:
        raise NoForm("which way it takes depends on the image")
    branch = node.settings.get("then_branch" if condition else "else_branch")
    if not isinstance(branch, Branch):
        raise NoForm("its ways are larger or deeper than is read here")
    return r.read_branch(branch)


def _constant(_r: OnnxReader, node: Node) -> Result:
    for name, kind in (("value", None), ("value_float", np.float32), ("value_floats", np.float32),
                       ("value_int", np.int64), ("value_ints", np.int64)):  # fmt: skip
        if node.settings.get(name) is not None:
            return np.asarray(node.settings[name], kind)
    raise NoForm("it holds no numbers")


def _shape(r: OnnxReader, node: Node) -> Result:
    numbers = r.constant(node.inputs[0])
    sizes = numbers.shape if numbers is not None else r.sizes(node.inputs[0])
    return np.asarray(sizes[node.settings.get("start", 0) : node.settings.get("end", len(sizes))], np.int64)


def _gather(r: OnnxReader, node: Node) -> Result:
    numbers, index = r.constant(node.inputs[0]), r.constant(node.inputs[1])
    if numbers is None or index is None:
        raise NoForm("it picks channels or places one by one")
    axis = int(node.settings.get("axis", 0))
    if numbers.size // max(1, numbers.shape[axis]) * index.size > max(MAX_CONSTANT, numbers.size):
        raise NoForm(TOO_MANY)
    return np.asarray(np.take(numbers, index, axis))


def _constant_of_shape(r: OnnxReader, node: Node) -> Result:
    shape = r.whole_numbers(node.inputs[0])
    if prod(shape) > MAX_CONSTANT:
        raise NoForm(TOO_MANY)
    value = node.settings.get("value")
    return np.full(shape, value.reshape(-1)[0] if value is not None else np.float32(0))


def _range(r: OnnxReader, node: Node) -> Result:
    start, stop, step = (r.number(each) for each in node.inputs)
    if start is None or stop is None or not step or (stop - start) / step > MAX_CONSTANT:
        raise NoForm("its limits are not constant, or too far apart")
    return np.arange(start, stop, step).astype(r.values[node.inputs[0]].dtype)  # type: ignore[union-attr]


def _on_constants(compute: Callable[..., Any]) -> Read:
    """An operator that is read on constants alone."""

    def read(r: OnnxReader, node: Node) -> Result:
        numbers = [r.constant(each) for each in node.inputs]
        known = [each for each in numbers if each is not None]
        if len(known) < len(numbers):
            raise NoForm("this operator has no form here")
        check_room(*known)
        return np.asarray(compute(*known))

    return read


CONSTANTS: Mapping[str, Read] = {
    "Identity": _same,
    "Cast": _cast,
    "CastLike": _cast_like,
    "Dropout": _dropout,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "If": _if,
    "Constant": _constant,
    "Shape": _shape,
    "Gather": _gather,
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "Equal": _on_constants(np.equal),
    "Where": _on_constants(np.where),
    "Floor": _on_constants(np.floor),
    "Ceil": _on_constants(np.ceil),
    "ReduceProd": _on_constants(np.prod),
}
