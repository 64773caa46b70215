"""What each kind of node is in ONNX: one function a kind, as ``modules.MAKERS`` has one for torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from .. import architecture as arch
from ..analysis import Analysis, Layer, projection_stride
from ..text import quote

OPSET = 17
"""Of 2022: the newest that common runtimes all read; layer normalisation is an operator of it, GELU not yet."""


class GraphWriter:
    """Writes operators one by one. Values are named after the nodes that give them."""

    def __init__(self, analysis: Analysis, weights: Mapping[str, NDArray[Any]]) -> None:
        self.analysis = analysis
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: dict[str, onnx.TensorProto] = {}
        self._names: dict[str, int] = {}

    def add(self, operator: str, path: str, *inputs: str, **settings: Any) -> str:
        """Write one operator.

        Args:
            operator: Its name in ONNX.
            path: Of the node that it belongs to; the first operator of a node has the node's own name.
            inputs: Names of values.
            settings: Its attributes.

        Returns:
            The name of its result.
        """
        name = self._unique(path)
        self.nodes.append(helper.make_node(operator, list(inputs), [f"{name}:out"], name=name, **settings))
        return f"{name}:out"

    def weight(self, path: str, part: str) -> str:
        """Keep a tensor of the state dict, under its own name, and give that name; '' where there is none."""
        name = f"{path.replace('/', '.')}.{part}"
        if name not in self.weights:
            return ""
        if name not in self.tensors:
            self.tensors[name] = numpy_helper.from_array(np.ascontiguousarray(self.weights[name]), name)
        return name

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """Keep numbers that are no weights, equal ones once, and give their name."""
        array = np.asarray(values, dtype)
        digest = hashlib.sha256(array.tobytes()).hexdigest()[:16]
        name = f"constant:{array.dtype}:{'x'.join(map(str, array.shape))}:{digest}"
        if name not in self.tensors:
            self.tensors[name] = numpy_helper.from_array(array, name)
        return name

    def layer(self, path: str) -> Layer:
        """The row that the analysis has of a node."""
        return self.analysis.by_path[path]

    def reshape(self, path: str, x: str, *shape: int) -> str:
        """Give the numbers of each image another shape."""
        return self.add("Reshape", path, x, self.constant((0, *shape), np.int64))

    def node(self, node: Any, path: str, x: str) -> str:
        """Write a node and all that it holds; gives the name of its result.

        Raises:
            ValueError: Its kind is not in ``WRITERS``.
        """
        write = WRITERS.get(node.op)
        if write is None:
            raise ValueError(
                f"{quote(path)} is of the kind {quote(node.op)}, which has no row in WRITERS of "
                "explorer/export/_onnx_writers.py: add one, or leave the node out"
            )
        return write(self, node, path, x)

    def _unique(self, path: str) -> str:
        count = self._names[path] = self._names.get(path, 0) + 1
        return path if count == 1 else f"{path}:{count}"


Write = Callable[[GraphWriter, Any, str, str], str]


def write_activation(w: GraphWriter, kind: str, path: str, x: str) -> str:
    """Write an element-wise function by the name that nodes give it.

    Raises:
        ValueError: It has no form here.
    """
    if kind == "none":
        return x
    if kind in _FUNCTIONS:
        operator, settings = _FUNCTIONS[kind]
        return w.add(operator, path, x, **settings)
    if kind == "relu6":
        return w.add("Clip", path, x, w.constant(0.0), w.constant(6.0))
    if kind == "silu":
        return w.add("Mul", path, x, w.add("Sigmoid", path, x))
    if kind == "mish":
        return w.add("Mul", path, x, w.add("Tanh", path, w.add("Softplus", path, x)))
    if kind == "gelu":
        share = w.add("Erf", path, w.add("Mul", path, x, w.constant(2**-0.5)))
    elif kind == "gelu_tanh":  # Hendrycks & Gimpel 2016, section 2
        cube = w.add("Mul", path, w.add("Mul", path, x, x), x)
        inner = w.add("Add", path, x, w.add("Mul", path, cube, w.constant(0.044715)))
        share = w.add("Tanh", path, w.add("Mul", path, inner, w.constant((2 / np.pi) ** 0.5)))
    else:
        raise ValueError(f"{quote(path)} has the activation {quote(kind)}, which has no form in ONNX yet")
    half = w.add("Mul", path, x, w.constant(0.5))
    return w.add("Mul", path, half, w.add("Add", path, share, w.constant(1.0)))


_FUNCTIONS: dict[str, tuple[str, dict[str, float]]] = {
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.01}),
    "elu": ("Elu", {"alpha": 1.0}),
    "hard_swish": ("HardSwish", {}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
}


def _write_norm(
    w: GraphWriter, kind: str, path: str, weights: str, x: str, shape: tuple[int, ...], groups: int, eps: float
) -> str:
    """A normalisation of maps of a shape, whose tensors are below the path ``weights``."""
    scale, shift = w.weight(weights, "weight"), w.weight(weights, "bias")
    if kind == "batch":
        mean, variance = w.weight(weights, "running_mean"), w.weight(weights, "running_var")
        return w.add("BatchNormalization", path, x, scale, shift, mean, variance, epsilon=eps)
    if kind == "layer":
        last = w.add("Transpose", path, x, perm=[0, 2, 3, 1])
        last = w.add("LayerNormalization", path, last, scale, shift, axis=-1, epsilon=eps)
        return w.add("Transpose", path, last, perm=[0, 3, 1, 2])
    # Each group's numbers in a row are one channel, whose places are normalised; as torch's own exporter writes it.
    rows = w.reshape(path, x, groups, -1)
    ones, zeros = w.constant(np.ones(groups)), w.constant(np.zeros(groups))
    rows = w.add("InstanceNormalization", path, rows, ones, zeros, epsilon=eps)
    return _write_affine(w, path, w.reshape(path, rows, *shape), scale, shift, shape)


def _write_affine(w: GraphWriter, path: str, x: str, scale: str, shift: str, shape: tuple[int, ...]) -> str:
    """A factor and perhaps a summand for each channel, or one for all."""
    each = w.constant((-1, *(1,) * (len(shape) - 1)), np.int64)
    x = w.add("Mul", path, x, w.add("Reshape", path, scale, each))
    return w.add("Add", path, x, w.add("Reshape", path, shift, each)) if shift else x


def _write_conv(w: GraphWriter, node: arch.Conv, path: str, x: str) -> str:
    layer = w.layer(path)
    g = node.geometry_on(layer.input_shape[1:])
    groups = layer.input_shape[0] if node.groups == "depthwise" else node.groups
    y = _write_convolution(w, g, groups, path, f"{path}/conv", x)
    y = _write_norm_behind(w, node, path, y, layer.output_shape)
    return write_activation(w, node.activation, path, y)


def _write_convolution(w: GraphWriter, g: arch.Geometry, groups: int, path: str, weights: str, x: str) -> str:
    inputs = [x, w.weight(weights, "weight"), w.weight(weights, "bias")]
    return w.add(
        "Conv", path, *[each for each in inputs if each], kernel_shape=g.kernel, strides=g.stride,
        dilations=g.dilation, pads=[*g.pad, *g.pad_end], group=groups,
    )  # fmt: skip


def _write_norm_behind(w: GraphWriter, node: Any, path: str, x: str, shape: tuple[int, ...]) -> str:
    if node.norm == "none":
        return x
    part = "bn" if node.norm == "batch" else "norm"
    return _write_norm(w, node.norm, path, f"{path}/{part}", x, shape, node.norm_groups, node.norm_eps)


def _write_pool(w: GraphWriter, node: arch.Pool, path: str, x: str) -> str:
    layer = w.layer(path)
    size, outputs = layer.input_shape[1:], layer.output_shape[1:]
    g = node.geometry_on(size)
    # Where the last window ends, and no rounding of sizes: exporters and runtimes disagree on windows that hang over.
    ends = [(n - 1) * s + k - size[axis] - g.pad[axis]
            for axis, (n, s, k) in enumerate(zip(outputs, g.stride, g.kernel, strict=True))]  # fmt: skip
    window = {"kernel_shape": g.kernel, "strides": g.stride, "pads": [*g.pad, *(max(0, end) for end in ends)]}
    if node.kind == "max":
        return w.add("MaxPool", path, x, **window)
    if not node.count_include_pad:
        return w.add("AveragePool", path, x, count_include_pad=0, **window)
    y = w.add("AveragePool", path, x, count_include_pad=1, **window)
    # torch divides by what of a window lies on the map or its padding; what hangs over is not counted.
    shares = [_counted(k, s, n, end - pad_end)
              for k, s, n, end, pad_end in zip(g.kernel, g.stride, outputs, ends, g.pad_end, strict=True)]  # fmt: skip
    if all((share == 1).all() for share in shares):
        return y
    return w.add("Div", path, y, w.constant(np.multiply.outer(*shares)[None, None]))


def _counted(kernel: int, stride: int, outputs: int, over: int) -> NDArray[np.float64]:
    """For each window of an axis the share of it that is counted, where the last one hangs over by ``over``."""
    hangs = over - stride * np.arange(outputs)[::-1]
    return 1 - np.maximum(0, hangs) / kernel


def _write_global_pool(w: GraphWriter, node: arch.GlobalPool, path: str, x: str) -> str:
    layer, size = w.layer(path), arch.pair(node.output_size)
    if size == (1, 1):
        return w.add("GlobalMaxPool" if node.kind == "max" else "GlobalAveragePool", path, x)
    inputs = layer.input_shape[1:]
    if all(n % out == 0 for n, out in zip(inputs, size, strict=True)):
        kernel = [n // out for n, out in zip(inputs, size, strict=True)]
        return w.add("MaxPool" if node.kind == "max" else "AveragePool", path, x, kernel_shape=kernel, strides=kernel)
    for axis, (n, out) in enumerate(zip(inputs, size, strict=True)):  # windows of unequal size, one axis at a time
        windows = [(i * n // out, -(-(i + 1) * n // out)) for i in range(out)]
        if node.kind == "avg":
            mean = np.zeros((n, out))
            for i, (first, last) in enumerate(windows):
                mean[first:last, i] = 1 / (last - first)
            # (H', H) · (H, W), then (H, W) · (W, W')
            x = w.add("MatMul", path, *((w.constant(mean.T), x) if axis == 0 else (x, w.constant(mean))))
        else:
            peaks = [
                w.add("ReduceMax", path, _write_cut(w, path, x, 2 + axis, *window), axes=[2 + axis], keepdims=1)
                for window in windows
            ]
            x = w.add("Concat", path, *peaks, axis=2 + axis)
    return x


def _write_cut(w: GraphWriter, path: str, x: str, axis: int, start: int, stop: int) -> str:
    first, last, along = (w.constant([each], np.int64) for each in (start, stop, axis))
    return w.add("Slice", path, x, first, last, along)


def _write_linear(w: GraphWriter, node: arch.Linear, path: str, x: str) -> str:
    inputs = [x, w.weight(f"{path}/linear", "weight"), w.weight(f"{path}/linear", "bias")]
    y = w.add("Gemm", path, *[each for each in inputs if each], transB=1)
    return write_activation(w, node.activation, path, y)


def _write_lrn(w: GraphWriter, node: arch.LocalResponseNorm, path: str, x: str) -> str:
    if node.size % 2:
        return w.add("LRN", path, x, size=node.size, alpha=node.alpha, beta=node.beta, bias=node.k)
    # An even window reaches one channel further back in torch and one further on in ONNX.
    channels, *size = w.layer(path).input_shape
    squares = w.reshape(path, w.add("Mul", path, x, x), 1, channels, -1)
    mean = w.add(
        "AveragePool", path, squares, kernel_shape=[node.size, 1], strides=[1, 1],
        pads=[node.size // 2, 0, node.size // 2 - 1, 0], count_include_pad=1,
    )  # fmt: skip
    weighed = w.add("Mul", path, w.reshape(path, mean, channels, *size), w.constant(node.alpha))
    base = w.add("Add", path, weighed, w.constant(node.k))
    return w.add("Div", path, x, w.add("Pow", path, base, w.constant(node.beta)))


def _write_norm_node(w: GraphWriter, node: arch.Norm, path: str, x: str) -> str:
    return _write_norm(w, node.kind, path, path, x, w.layer(path).input_shape, node.groups, node.eps)


def _write_scale(w: GraphWriter, node: arch.Scale, path: str, x: str) -> str:
    shape = w.layer(path).input_shape
    factor = w.constant([node.init]) if node.kind == "fixed" else w.weight(path, "weight")
    return _write_affine(w, path, x, factor, w.weight(path, "bias"), shape)


def _write_slice(w: GraphWriter, node: arch.Slice, path: str, x: str) -> str:
    return _write_cut(w, path, x, 1, node.start, node.start + w.layer(path).output_shape[0])


def _write_shuffle(w: GraphWriter, node: arch.ChannelShuffle, path: str, x: str) -> str:
    channels, *size = w.layer(path).input_shape
    if not 1 < node.groups < channels:
        return x
    split = w.reshape(path, x, node.groups, channels // node.groups, *size)
    return w.reshape(path, w.add("Transpose", path, split, perm=[0, 2, 1, 3, 4]), channels, *size)


def _write_attention(w: GraphWriter, node: arch.Attention, path: str, x: str) -> str:
    if node.kind == "eca":
        channels = w.layer(path).input_shape[0]
        kernel = node.channel_kernel_of(channels)
        means = w.reshape(path, w.add("GlobalAveragePool", path, x), 1, channels)
        weight, pads = w.weight(f"{path}/conv", "weight"), [kernel // 2] * 2
        mixed = w.add("Conv", path, means, weight, kernel_shape=[kernel], pads=pads)
        return w.add("Mul", path, x, w.reshape(path, w.add("Sigmoid", path, mixed), channels, 1, 1))

    def read(pooled: str) -> str:
        hidden = w.add("Relu", path, _write_convolution(w, arch.POINTWISE, 1, path, f"{path}/reduce", pooled))
        return _write_convolution(w, arch.POINTWISE, 1, path, f"{path}/expand", hidden)

    weights = read(w.add("GlobalAveragePool", path, x))
    if node.kind == "cbam":
        weights = w.add("Add", path, weights, read(w.add("GlobalMaxPool", path, x)))
    x = w.add("Mul", path, x, w.add("Sigmoid", path, weights))
    if node.kind == "se":
        return x
    planes = [w.add(each, path, x, axes=[1], keepdims=1) for each in ("ReduceMean", "ReduceMax")]
    kernel, pad = node.spatial_kernel, node.spatial_kernel // 2
    g = arch.Geometry((kernel, kernel), (1, 1), (1, 1), (pad, pad), (pad, pad))
    places = _write_convolution(w, g, 1, path, f"{path}/spatial", w.add("Concat", path, *planes, axis=1))
    return w.add("Mul", path, x, w.add("Sigmoid", path, places))


def _write_children(w: GraphWriter, nodes: Sequence[Any], path: str, x: str) -> str:
    for node in nodes:
        x = w.node(node, f"{path}/{node.name}", x)
    return x


def _write_parallel(w: GraphWriter, node: arch.Parallel, path: str, x: str) -> str:
    outputs = [w.node(branch, f"{path}/{branch.name}", x) for branch in node.branches]
    if len(outputs) == 1:
        return outputs[0]
    if node.fuse == "concat":
        return w.add("Concat", path, *outputs, axis=1)
    return reduce(lambda a, b: w.add("Add" if node.fuse == "add" else "Mul", path, a, b), outputs)


def _write_residual(w: GraphWriter, node: arch.Residual, path: str, x: str) -> str:
    y = w.node(node.body, f"{path}/{node.body.name}", x)
    if node.scale != 1:
        y = w.add("Mul", path, y, w.constant(node.scale))
    if node.shortcut == "projection":
        layer, at = w.layer(path), f"{path}/shortcut"
        step = projection_stride(list(layer.input_shape[1:]), list(layer.output_shape[1:]))
        x = _write_convolution(w, arch.POINTWISE._replace(stride=step), 1, at, f"{at}/conv", x)
        x = _write_norm_behind(w, node, at, x, layer.output_shape)
    return write_activation(w, node.activation, path, w.add("Add", path, x, y))


WRITERS: dict[str, Write] = {
    "conv": _write_conv,
    "pool": _write_pool,
    "global_pool": _write_global_pool,
    "flatten": lambda w, _node, path, x: w.add("Flatten", path, x, axis=1),
    "linear": _write_linear,
    "dropout": lambda _w, _node, _path, x: x,
    "local_response_norm": _write_lrn,
    "norm": _write_norm_node,
    "scale": _write_scale,
    "slice": _write_slice,
    "channel_shuffle": _write_shuffle,
    "activation": lambda w, node, path, x: write_activation(w, node.kind, path, x),
    "attention": _write_attention,
    "sequence": lambda w, node, path, x: _write_children(w, node.children, path, x),
    "parallel": _write_parallel,
    "residual": _write_residual,
    "auxiliary": lambda _w, _node, _path, x: x,  # runs in training only
}
"""For each op the function that writes it: ``write(writer, node, path, name of the input)`` → name of the result."""
