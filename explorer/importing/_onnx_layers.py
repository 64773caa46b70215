"""ONNX's convolutions, linear layers and pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._building import NO_CHANNEL_CONV, NoForm, Value
from ._onnx import OnnxReader, Read, Result
from ._onnx_file import Node
from ._onnx_settings import take_bias


def _window(node: Node, kernel: Sequence[int], size: Sequence[int]) -> dict[str, Any]:
    """Kernel, stride, dilation and padding of a convolution or pooling."""
    s = node.settings
    stride, dilation = tuple(s.get("strides") or (1, 1)), tuple(s.get("dilations") or (1, 1))
    pads = tuple(s.get("pads") or (0, 0, 0, 0))
    if not len(kernel) == len(stride) == len(dilation) == 2 or len(pads) != 4:
        raise NoForm("only windows of two dimensions have a form here")
    if min(*kernel, *stride, *dilation) < 1 or min(pads) < 0:
        raise NoForm("its kernel, steps or padding are none that a window can have")
    sides = ((pads[0], pads[2]), (pads[1], pads[3]))
    auto = s.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        found = []
        for n, k, t, d in zip(size, kernel, stride, dilation, strict=True):
            all_of_it = max(0, (ceil(n / t) - 1) * t + d * (k - 1) + 1 - n)
            small, large = all_of_it // 2, all_of_it - all_of_it // 2
            found.append((small, large) if auto == "SAME_UPPER" else (large, small))
        sides = (found[0], found[1])
    elif auto == "VALID":
        sides = ((0, 0), (0, 0))
    elif auto != "NOTSET":
        raise NoForm(f"auto_pad {auto!r} has no form here")
    return {"kernel_size": tuple(kernel), "stride": stride, "padding": sides, "dilation": dilation}


def _count_windows(settings: Mapping[str, Any], size: Sequence[int], *, up: bool = False) -> tuple[int, int]:
    """Rows and columns of the result; ``up``: a last window may hang over, unless it begins behind the map."""
    found = []
    for n, k, t, (first, last), d in zip(
        size, settings["kernel_size"], settings["stride"], settings["padding"], settings["dilation"], strict=True
    ):
        room = n + first + last - d * (k - 1) - 1
        if room < 0 and not up:
            raise NoForm(f"its window is larger than the map of {'×'.join(map(str, size))}")
        count = (-(-room // t) if up else room // t) + 1
        if up and (count - 1) * t >= n + first:
            count -= 1
        if count < 1:
            raise NoForm(f"its window is larger than the map of {'×'.join(map(str, size))}")
        found.append(count)
    return found[0], found[1]


def _conv(r: OnnxReader, node: Node) -> Value:
    weight = r.constant(node.inputs[1])
    if weight is None:
        raise NoForm("its weights are computed from the image")
    if weight.ndim == 3:
        return _channel_conv(r, node, weight)
    x = r.builder.is_map(r.value(node.inputs[0]))
    if weight.ndim != 4:
        raise NoForm("only convolutions of two dimensions have a form here")
    channels, *size = r.builder.shape_of(x)
    groups = int(node.settings.get("group", 1))
    outputs, inner, *kernel = weight.shape
    if groups < 1 or inner * groups != channels or outputs % groups or outputs < 1:
        raise NoForm(f"weights of {'×'.join(map(str, weight.shape))} do not fit {channels} channels")
    if tuple(node.settings.get("kernel_shape") or kernel) != tuple(kernel):
        raise NoForm("its kernel_shape is not that of its weights")
    settings = {**_window(node, kernel, size), "groups": groups}
    tensors = {"weight": r.keep(node.inputs[1], weight)}
    if len(node.inputs) > 2 and node.inputs[2]:
        tensors["bias"] = take_bias(r, node.inputs[2], outputs)
    else:
        _look_for_bias(r, node, tensors, outputs, behind=(1, 1))
    shape = (outputs, *_count_windows(settings, size))
    return r.builder.add("conv", (x,), shape, settings, tensors)


def _channel_conv(r: OnnxReader, node: Node, weight: NDArray[Any]) -> Value:
    s, kernel = node.settings, weight.shape[2]
    pads = tuple(s.get("pads") or (0, 0))
    plain = s.get("auto_pad", "NOTSET") == "NOTSET" and all(
        tuple(s.get(key) or (1,)) == (1,) for key in ("strides", "dilations")
    )
    biases = [r.constant(each) for each in node.inputs[2:] if each]
    has_bias = any(each is None or each.any() for each in biases)
    if weight.shape[:2] != (1, 1) or not plain or pads != (kernel // 2,) * 2 or has_bias:
        raise NoForm(NO_CHANNEL_CONV)
    return r.builder.channel_conv(r.value(node.inputs[0]), kernel, pads[0], {"weight": r.keep(node.inputs[1], weight)})


def _look_for_bias(
    r: OnnxReader, node: Node, tensors: dict[str, str], outputs: int, behind: tuple[int, ...]
) -> None:
    """An addition of a number for each channel, right behind a layer without bias, is its bias."""
    add = r.only_user(node.outputs[0])
    if add is None or add.op != "Add":
        return
    other = next((each for each in add.inputs if each != node.outputs[0]), "")
    numbers = r.constant(other)
    if numbers is None or numbers.size != outputs or numbers.ndim > len(behind) + 2 - (not behind):
        return
    if numbers.shape[numbers.ndim - 1 - len(behind) :] != (outputs, *behind):
        return
    tensors["bias"] = take_bias(r, other, outputs)
    r.give_as(node.outputs[0], add)


def _gemm(r: OnnxReader, node: Node) -> Value:
    x, s = r.value(node.inputs[0]), node.settings
    weight = r.constant(node.inputs[1])
    if weight is None or weight.ndim != 2 or s.get("transA", 0):
        raise NoForm("only a product with constant weights has a form here")
    return _linear(r, node, x, weight, bool(s.get("transB", 0)), s.get("alpha", 1.0), s.get("beta", 1.0))


def _matmul(r: OnnxReader, node: Node) -> Value:
    weight = r.constant(node.inputs[1])
    if weight is None or weight.ndim != 2:
        raise NoForm("only a product with constant weights behind has a form here")
    return _linear(r, node, r.value(node.inputs[0]), weight, False, 1.0, 1.0)


def _linear(
    r: OnnxReader, node: Node, x: Value, weight: NDArray[Any], turned: bool, alpha: float, beta: float
) -> Value:
    """``turned``: the weights lie as torch has them, outputs first."""
    rows = weight if turned else weight.T
    outputs, inputs = rows.shape
    if r.builder.sizes_of(x)[-1:] != (inputs,):
        raise NoForm(f"weights for {inputs} features do not fit its input")
    key = node.inputs[1]
    if not turned or alpha != 1:
        key, rows = f"{key} (turned)", np.ascontiguousarray(rows) * rows.dtype.type(alpha)
    tensors = {"weight": r.keep(key, rows)}
    if len(node.inputs) > 2 and node.inputs[2]:
        tensors["bias"] = take_bias(r, node.inputs[2], outputs, beta)
    else:
        _look_for_bias(r, node, tensors, outputs, behind=())
    return r.builder.linear(x, outputs, tensors)


def _window_pool(r: OnnxReader, node: Node) -> tuple[Value, tuple[int, ...], dict[str, Any]]:
    """(map, shape of the result, settings) of a pooling with a window."""
    x = r.builder.is_map(r.value(node.inputs[0]))
    channels, *size = r.builder.shape_of(x)
    settings = _window(node, node.settings["kernel_shape"], size)
    if settings["dilation"] != (1, 1):
        raise NoForm("a dilated pooling has no form here")
    up = bool(node.settings.get("ceil_mode", 0))
    shape = (channels, *_count_windows(settings, size, up=up))
    del settings["dilation"]
    return x, shape, {**settings, "ceil_mode": up}


def _max_pool(r: OnnxReader, node: Node) -> list[Result]:
    x, shape, settings = _window_pool(r, node)
    return [r.builder.add("max_pool", (x,), shape, settings)]


def _average_pool(r: OnnxReader, node: Node) -> Value:
    x, shape, settings = _window_pool(r, node)
    counts = bool(node.settings.get("count_include_pad", 0)) or not any(map(any, settings["padding"]))
    return r.builder.add("avg_pool", (x,), shape, {**settings, "count_include_pad": counts})


def _global_pool(kind: str) -> Read:
    def read(r: OnnxReader, node: Node) -> Value:
        x = r.builder.is_map(r.value(node.inputs[0]))
        return r.builder.pool_places(x, (2, 3), kind, keep=True)

    return read


LAYERS: Mapping[str, Read] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_pool("avg"),
    "GlobalMaxPool": _global_pool("max"),
}
