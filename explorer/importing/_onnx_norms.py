"""ONNX's norms, and those that are written out in other operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ._building import CHW, NoForm, Value
from ._onnx import Function, OnnxReader, Read, Result
from ._onnx_file import Branch, Node
from ._onnx_settings import read_axes, shorten_float, take_affine, take_bias


def _batch_norm(r: OnnxReader, node: Node) -> Value:
    x = r.value(node.inputs[0])
    if x.groups or x.axes[0] != 0 or node.settings.get("training_mode", 0):
        raise NoForm("only a batch norm in evaluation, over the first axis, has a form here")
    channels = r.builder.shape_of(x)[0]
    roles = ("weight", "bias", "running_mean", "running_var")
    tensors = {role: take_bias(r, name, channels) for role, name in zip(roles, node.inputs[1:], strict=True)}
    return r.builder.same("batch_norm", x, {"eps": shorten_float(node.settings.get("epsilon", 1e-5))}, tensors)


def _layer_norm(r: OnnxReader, node: Node) -> Value:
    x = r.value(node.inputs[0])
    last = len(x.axes)
    if x.groups or x.axes[-1] != 0 or node.settings.get("axis", -1) not in (-1, last):
        raise NoForm("only layer norm over the channels of each place has a form here")
    channels = r.builder.shape_of(x)[0]
    if len(node.inputs) < 3:
        raise NoForm("a layer norm without shift has no form here")
    tensors = take_affine(r, node, channels)
    return r.builder.same("layer_norm", x, {"eps": shorten_float(node.settings.get("epsilon", 1e-5))}, tensors)


def _group_norm(r: OnnxReader, node: Node) -> Value:
    x = r.builder.is_map(r.value(node.inputs[0]))
    channels, groups = r.builder.shape_of(x)[0], int(node.settings["num_groups"])
    eps = shorten_float(node.settings.get("epsilon", 1e-5))
    return r.builder.same("group_norm", x, {"eps": eps, "groups": groups}, take_affine(r, node, channels))


def _instance_norm(r: OnnxReader, node: Node) -> Value:
    """Of each group's numbers in a row, with a factor and a shift for each channel behind, it is a group norm."""
    sizes = r.sizes(node.inputs[0])
    x = r.value(node.inputs[0])
    eps = shorten_float(node.settings.get("epsilon", 1e-5))
    channels = r.builder.shape_of(x)[0]
    if not x.groups and x.axes == CHW and len(sizes) == 4:
        tensors = take_affine(r, node, channels)
        return r.builder.same("group_norm", x, {"eps": eps, "groups": channels}, tensors)
    raise NoForm("only an instance norm of maps or of groups of channels has a form here")


def _lrn(r: OnnxReader, node: Node) -> Value:
    x, s = r.builder.is_map(r.value(node.inputs[0])), node.settings
    settings = {
        "size": int(s["size"]), "alpha": shorten_float(s.get("alpha", 1e-4)),
        "beta": shorten_float(s.get("beta", 0.75)), "k": shorten_float(s.get("bias", 1.0)),
    }  # fmt: skip
    return r.builder.same("local_response_norm", x, settings)


def find_local_response_norm(r: OnnxReader, node: Node) -> Value | None:
    """A local response norm written out, as torch's exporters do: x / (k + alpha · mean of squares)^beta.

    Its operators, which take the channels for one more direction, have no form one by one.
    """

    def before(name: str, *ops: str) -> Node | None:
        found = r.makers.get(name)
        return found if found is not None and found.op in ops else None

    def split(found: Node | None) -> tuple[str, float] | None:
        """The computed input of an operator, and its constant one."""
        numbers = {each: r.number(each) for each in found.inputs} if found else {}
        computed = [each for each, number in numbers.items() if number is None]
        known = [number for number in numbers.values() if number is not None]
        return (computed[0], known[0]) if len(computed) == len(known) == 1 else None

    if node.op != "Div" or not isinstance(r.values.get(node.inputs[0]), Value | Function):
        return None
    power = split(before(node.inputs[1], "Pow"))
    shifted = power and split(before(power[0], "Add"))
    scaled = shifted and split(before(shifted[0], "Mul"))
    if not power or not shifted or not scaled:
        return None
    name, sizes = scaled[0], []
    for _ in range(12):
        step = r.makers.get(name)
        inside = step.settings.get("then_branch") if step is not None else None
        if isinstance(inside, Branch) and inside.nodes:  # torch's exporter is not sure whether there is an axis to drop
            step = inside.nodes[-1]
        if step is None or step.op not in _AROUND_A_MEAN:
            break
        if step.op == "AveragePool":
            sizes += [each for each in step.settings["kernel_shape"] if each > 1]
        name = step.inputs[0]
    square = before(name, "Mul", "Pow")
    if square is None or square.inputs[0] != node.inputs[0] or len(sizes) != 1:
        return None
    if (square.op == "Mul" and len(set(square.inputs)) > 1) or (square.op == "Pow" and r.number(square.inputs[1]) != 2):
        return None
    settings = {
        "size": int(sizes[0]), "alpha": shorten_float(scaled[1]), "beta": shorten_float(power[1]),
        "k": shorten_float(shifted[1]),
    }  # fmt: skip
    return r.builder.same("local_response_norm", r.builder.is_map(r.value(node.inputs[0])), settings)


_AROUND_A_MEAN = ("AveragePool", "Pad", "Reshape", "Squeeze", "Unsqueeze", "Cast", "Identity")


def _reduce_places(kind: str, fold: Callable[..., Any]) -> Read:
    def read(r: OnnxReader, node: Node) -> Result:
        axes = read_axes(r, node, 1)
        keep = bool(node.settings.get("keepdims", 1))
        numbers = r.constant(node.inputs[0])
        if numbers is not None:
            return np.asarray(fold(numbers, axis=axes, keepdims=keep))
        if axes is None:
            raise NoForm("it takes all images of a batch together")
        if kind == "avg" and (norm := _find_layer_norm(r, node, axes)):
            return norm
        return r.builder.pool_places(r.value(node.inputs[0]), axes, kind, keep=keep)

    return read


def _find_layer_norm(r: OnnxReader, node: Node, axes: tuple[int, ...]) -> Value | None:
    """A layer norm written out, as exporters do before opset 17: (x − mean) / √(mean of squares + eps) · w + b."""
    x = r.value(node.inputs[0])
    if x.groups or x.axes[-1:] != (0,) or axes not in ((-1,), (len(x.axes),)):
        return None
    users = r.users
    chain = [node]

    def follow(name: str, *ops: str) -> Node | None:
        found = next((each for each in users.get(name, []) if each.op in ops and each not in chain), None)
        if found:
            chain.append(found)
        return found

    difference = follow(node.outputs[0], "Sub")
    if difference is None or difference.inputs[0] != node.inputs[0]:
        return None
    square = follow(difference.outputs[0], "Pow", "Mul")
    mean = square and follow(square.outputs[0], "ReduceMean")
    shifted = mean and follow(mean.outputs[0], "Add")
    root = shifted and follow(shifted.outputs[0], "Sqrt")
    quotient = root and follow(root.outputs[0], "Div")
    scaled = quotient and follow(quotient.outputs[0], "Mul")
    moved = scaled and follow(scaled.outputs[0], "Add")
    if not (square and mean and shifted and root and quotient and scaled and moved):
        return None
    if (square.op == "Pow" and r.number(square.inputs[1]) != 2) or (square.op == "Mul" and len(set(square.inputs)) > 1):
        return None
    if quotient.inputs[0] != difference.outputs[0] or read_axes(r, mean, 1) != axes:
        return None
    eps = next((number for each in shifted.inputs if (number := r.number(each)) is not None), None)
    w, b = (next((each for each in user.inputs if r.constant(each) is not None), "") for user in (scaled, moved))
    if eps is None or not w or not b:
        return None
    channels = r.builder.shape_of(x)[0]
    tensors = {"weight": take_bias(r, w, channels), "bias": take_bias(r, b, channels)}
    made = r.builder.same("layer_norm", x, {"eps": shorten_float(eps)}, tensors)
    r.taken.update(map(id, chain))
    r.give_as(node.outputs[0], moved)
    return made


def find_group_norm(r: OnnxReader, node: Node, shape: Sequence[int]) -> Value | None:
    """A group norm as exporters write it: groups as the channels of an instance norm, then back, · w + b."""
    norm = r.only_user(node.outputs[0])
    if norm is None or norm.op != "InstanceNormalization" or len(shape) < 3:
        return None
    back = r.only_user(norm.outputs[0])
    ones, zeros = r.constant(norm.inputs[1]), r.constant(norm.inputs[2])
    if back is None or back.op != "Reshape" or ones is None or zeros is None or (ones != 1).any() or zeros.any():
        return None
    x = r.builder.is_map(r.value(node.inputs[0]))
    channels, groups = r.builder.shape_of(x)[0], shape[1]
    eps = shorten_float(norm.settings.get("epsilon", 1e-5))
    scaled = r.only_user(back.outputs[0])
    moved = r.only_user(scaled.outputs[0]) if scaled is not None else None
    if scaled is None or moved is None or (scaled.op, moved.op) != ("Mul", "Add"):
        return None
    w, b = (next((each for each in user.inputs if r.constant(each) is not None), "") for user in (scaled, moved))
    if not w or not b:
        return None
    tensors = {"weight": take_bias(r, w, channels), "bias": take_bias(r, b, channels)}
    made = r.builder.same("group_norm", x, {"eps": eps, "groups": groups}, tensors)
    r.taken.update(map(id, (norm, back, scaled)))
    r.give_as(node.outputs[0], moved)
    return made


NORMS: Mapping[str, Read] = {
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _instance_norm,
    "LRN": _lrn,
    "ReduceMean": _reduce_places("avg", np.mean),
    "ReduceMax": _reduce_places("max", np.max),
}
