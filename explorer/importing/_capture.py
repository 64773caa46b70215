"""A module of the user's own process → Graph, through torch.export.

The module's Python is run once, on tensors without memory. This is for code that the user runs anyway, never for a
stranger's.
"""

from __future__ import annotations

import copy
import logging
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from ..text import quote
from ._graph import COMPUTED, POINTWISE, Graph, Operation
from ._problem import ImportingError

logger = logging.getLogger(__name__)

_BATCH = 2
"""Images in the capture: one would be taken for an axis to drop."""
_CHW = (0, 1, 2)

_ACTIVATIONS = {
    "relu": "relu", "relu6": "relu6", "silu": "silu", "mish": "mish", "hardswish": "hard_swish", "sigmoid": "sigmoid",
    "hardsigmoid": "hard_sigmoid", "tanh": "tanh",
}  # fmt: skip
_UNCHANGED = (
    "contiguous", "clone", "alias", "detach", "to", "_to_copy", "lift_fresh_copy", "positive", "type_as", "expand_as",
)  # fmt: skip


_VIEWS = ("view", "reshape", "unsqueeze", "squeeze", "_unsafe_view", "flatten", "expand")


@dataclass(frozen=True)
class _Value:
    """A tensor of the captured graph: the result of an operation, perhaps with its axes in another order."""

    operation: str
    axes: tuple[int, ...] = _CHW
    """For each axis of the tensor, the batch left out, which axis of the operation's result it is."""
    groups: int = 0
    """Of a view (groups, channels of a group, height, width); negative once those two are exchanged."""


def capture(module: nn.Module, input_shape: tuple[int, int, int], name: str) -> Graph:
    """Capture what a module computes in evaluation.

    Args:
        module: It stays as it is: a copy without memory is captured.
        input_shape: Channels, height and width of an image.
        name: Of the graph.

    Returns:
        The graph; its tensors are the module's own.

    Raises:
        ImportingError: The module cannot be captured, or has not one image in and one tensor out.
    """
    program = _export(module, input_shape)
    translation = _Translation(program, module, input_shape)
    return translation.run(name)


def _export(module: nn.Module, input_shape: tuple[int, int, int]) -> torch.export.ExportedProgram:
    failures = []
    for device in ("meta", "cpu"):  # some code asks its tensors for numbers, which those without memory do not have
        other = copy_on(module, device)
        image = torch.zeros(_BATCH, *input_shape, device=device, dtype=dtype_of(module))
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            try:
                return torch.export.export(other, (image,), strict=False)
            except Exception as error:
                logger.debug("capture on %s failed", device, exc_info=True)
                failures.append(error)
    told = " ".join(str(failures[-1]).split())[:200] or type(failures[-1]).__name__
    raise ImportingError(
        f"{type(module).__name__} cannot be captured on images of {'×'.join(map(str, input_shape))}: {told}; give the "
        "input shape that it takes, and code whose path does not depend on the numbers in its tensors"
    )


def dtype_of(module: nn.Module) -> torch.dtype:
    """The precision that a module computes in."""
    return next((each.dtype for each in module.parameters() if each.is_floating_point()), torch.float32)


def copy_on(module: nn.Module, device: str) -> nn.Module:
    """A copy in evaluation whose tensors are elsewhere; memory is taken on a device that has some."""
    memo: dict[int, Any] = {}
    for tensor in (*module.parameters(), *module.buffers()):
        other = tensor.detach().to(device)
        memo[id(tensor)] = nn.Parameter(other, requires_grad=False) if isinstance(tensor, nn.Parameter) else other
    copied: nn.Module = copy.deepcopy(module, memo).eval()
    for each in copied.modules():
        each._forward_hooks.clear()  # they look on; what they keep is the user's
    return copied


class _Translation:
    """From torch's operators to ours, one after another."""

    def __init__(self, program: torch.export.ExportedProgram, module: nn.Module, input_shape: tuple[int, ...]) -> None:
        self.program = program
        self.input_shape = input_shape
        self.tensors: dict[str, Tensor] = dict(module.state_dict(keep_vars=False))
        signature = program.graph_signature
        self.keys: dict[str, str] = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        self.constants: dict[str, Any] = {
            name: program.constants[key] for name, key in signature.inputs_to_lifted_tensor_constants.items()
        }
        for name, key in self.keys.items():  # buffers that are not kept in the state dict
            if key not in self.tensors and key in program.constants:
                self.constants[name] = program.constants[key]
        self.values: dict[str, Any] = {}
        self.computed: dict[str, Any] = {}
        self.operations: list[Operation] = []

    def run(self, name: str) -> Graph:
        images = list(self.program.graph_signature.user_inputs)
        if len(images) != 1:
            raise ImportingError(f"the model takes {len(images)} inputs; only one, a batch of images, can be imported")
        output = ""
        for node in self.program.graph.nodes:
            if node.op == "placeholder" and node.name == images[0]:
                self.values[node.name] = _Value(Graph.INPUT)
            elif node.op == "call_function":
                self.values[node.name] = self._translate(node)
            elif node.op == "output":
                results = _flat(node.args[0])
                if len(results) != 1:
                    raise ImportingError(f"the model gives {len(results)} tensors; only one can be imported")
                output = self._plain(results[0], node)
        channels, height, width = self.input_shape
        return Graph(
            name=name, input_shape=(channels, height, width), operations=tuple(self.operations), output=output,
            tensors=self.tensors,
        )  # fmt: skip

    # ---- values ----

    def _value(self, node: Any) -> _Value | None:
        found = self.values.get(node.name) if isinstance(node, fx.Node) else None
        return found if isinstance(found, _Value) else None

    def _plain(self, node: fx.Node, user: fx.Node) -> str:
        """The operation whose result a tensor is, with its axes in our order."""
        value = self._value(node)
        if value is None:
            return self._opaque(user, f"its input {quote(str(node))} is no map of the image").operation
        if value.groups or value.axes != tuple(range(len(value.axes))):
            shape = _shape(node)
            return self._add(node, "permute", (value.operation,), shape, {"order": value.axes}).operation
        return value.operation

    def _add(
        self,
        node: fx.Node,
        kind: str,
        inputs: tuple[str, ...],
        shape: tuple[int, ...],
        settings: Mapping[str, Any] | None = None,
        tensors: Mapping[str, str] | None = None,
        axes: tuple[int, ...] | None = None,
    ) -> _Value:
        name = node.name if not any(each.name == node.name for each in self.operations[-3:]) else f"{node.name}_after"
        made = Operation(
            name=name, kind=kind, inputs=inputs, shape=shape, settings=settings or {}, tensors=tensors or {},
            scope=_scope(node), source=_source(node),
        )  # fmt: skip
        self.operations.append(made)
        return _Value(name, tuple(range(len(shape))) if axes is None else axes)

    def _opaque(self, node: fx.Node, reason: str) -> _Value:
        inputs = tuple(value.operation for each in node.all_input_nodes if (value := self._value(each)))
        return self._add(node, "opaque", inputs, _shape(node), {"reason": reason})

    def _key(self, node: Any) -> str | None:
        """The state-dict key of an argument that is a parameter or buffer."""
        if not isinstance(node, fx.Node):
            return None
        key = self.keys.get(node.name)
        return key if key in self.tensors else None

    def _roles(self, **arguments: Any) -> dict[str, str] | None:
        """Tensors by role; None where one is computed."""
        found = {}
        for role, node in arguments.items():
            if node is None:
                continue
            key = self._key(node)
            if key is None:
                return None
            found[role] = key
        return found

    def _fold(self, node: fx.Node) -> bool:
        """Compute what depends on nothing but the model's own tensors; whether it was that."""
        if not node.all_input_nodes or any(self._known(each) is None for each in node.all_input_nodes):
            return False
        arguments = fx.node.map_arg((node.args, dict(node.kwargs)), self._known)
        with torch.no_grad():
            result = node.target(*arguments[0], **arguments[1])  # type: ignore[operator]
        self.computed[node.name] = result
        if isinstance(result, Tensor):
            key = f"{COMPUTED}{node.name}"
            self.tensors[key] = result
            self.keys[node.name] = key
        return True

    def _known(self, node: fx.Node) -> Any:
        if node.name in self.computed:
            return self.computed[node.name]
        key = self._key(node)
        return self.tensors[key] if key else self.constants.get(node.name)

    # ---- operators ----

    def _translate(self, node: fx.Node) -> Any:
        if node.target is operator.getitem and self._fold(node):
            return None
        if node.target is operator.getitem:
            source, index = node.args
            parts = self.values.get(source.name) if isinstance(source, fx.Node) else None
            if isinstance(parts, list) and isinstance(index, int):
                return parts[index]
            return self._opaque(node, "its input is no list")
        name = _source(node).split(".")[1] if "." in _source(node) else _source(node)
        base = name.rstrip("_") if not name.startswith("_") else name
        arguments = _named_arguments(node)
        x = self._value(arguments.get("self", arguments.get("input")))
        if base in _UNCHANGED:
            return x if x else self._opaque(node, "its input is no map of the image")
        if base in ("_assert_tensor_metadata", "sym_size"):
            return None
        if base in _VIEWS and x is None and (key := self._key(arguments.get("self", arguments.get("input")))):
            self._fold(node)
            self.keys[node.name] = key  # still that parameter, in another form: layer scale is laid over maps so
            return None
        if self._fold(node):
            return None
        handler: Callable[..., Any] | None = getattr(self, f"_on_{base}", None)
        if base in _ACTIVATIONS:
            return self._activation(node, x, _ACTIVATIONS[base])
        if handler is None:
            return self._opaque(node, "this operator has no form here")
        return handler(node, x, arguments)

    def _activation(self, node: fx.Node, x: _Value | None, function: str) -> _Value:
        if x is None or x.groups:
            return self._opaque(node, "its input is no map of the image")
        return self._add(node, "activation", (x.operation,), self._shape_of(x), {"function": function}, axes=x.axes)

    def _shape_of(self, value: _Value) -> tuple[int, ...]:
        if value.operation == Graph.INPUT:
            return tuple(self.input_shape)
        return next(each.shape for each in reversed(self.operations) if each.name == value.operation)

    def _on_hardtanh(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        low, high = a.get("min_val", -1), a.get("max_val", 1)
        if (low, high) == (0, 6):
            return self._activation(node, x, "relu6")
        return self._opaque(node, f"clipping to {low} … {high} has no form here")

    def _on_clamp(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        limits: dict[tuple[Any, Any], str] = {(0, 6): "relu6", (0, None): "relu"}
        known = limits.get((a.get("min"), a.get("max")))
        return self._activation(node, x, known) if known else self._opaque(node, "this clipping has no form here")

    def _on_leaky_relu(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        slope = a.get("negative_slope", 0.01)
        if abs(slope - 0.01) > 1e-9:
            return self._opaque(node, f"a slope of {slope:g} has no form here, only 0.01")
        return self._activation(node, x, "leaky_relu")

    def _on_elu(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        if (a.get("alpha", 1), a.get("scale", 1), a.get("input_scale", 1)) != (1, 1, 1):
            return self._opaque(node, "only ELU with alpha 1 has a form here")
        return self._activation(node, x, "elu")

    def _on_gelu(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        return self._activation(node, x, "gelu_tanh" if a.get("approximate") == "tanh" else "gelu")

    def _on_dropout(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> Any:
        if x is None or not a.get("p") or not 0 < a["p"] < 1 or x.groups:
            return x
        return self._add(node, "dropout", (x.operation,), self._shape_of(x), {"p": float(a["p"])}, axes=x.axes)

    _on_feature_dropout = _on_dropout

    def _on_conv2d(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        tensors = self._roles(weight=a["weight"], bias=a.get("bias"))
        if x is None or x.axes != _CHW or x.groups:
            return self._opaque(node, "its input is no map of the image")
        if tensors is None:
            return self._opaque(node, "its weights are computed, not stored")
        kernel = tuple(int(each) for each in a["weight"].meta["val"].shape[2:])
        stride, dilation = _pair(a.get("stride", 1)), _pair(a.get("dilation", 1))
        padding = a.get("padding", 0)
        if isinstance(padding, str):
            reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
            sides = [(r // 2, r - r // 2) if padding == "same" else (0, 0) for r in reach]
        else:
            sides = [(each, each) for each in _pair(padding)]
        settings = {
            "kernel_size": kernel, "stride": stride, "padding": tuple(sides), "dilation": dilation,
            "groups": a.get("groups", 1),
        }  # fmt: skip
        return self._add(node, "conv", (x.operation,), _shape(node), settings, tensors)

    def _on_linear(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        tensors = self._roles(weight=a["weight"], bias=a.get("bias"))
        if x is None or x.groups:
            return self._opaque(node, "its input is no map of the image")
        if tensors is None:
            return self._opaque(node, "its weights are computed, not stored")
        if len(x.axes) == 1:
            return self._add(node, "linear", (x.operation,), _shape(node), {}, tensors)
        if x.axes[-1] != 0:
            return self._opaque(node, "it mixes the places of a map")
        # Over the channels of each place: a 1×1 convolution.
        outputs = self.tensors[tensors["weight"]].shape[0]
        size = self._shape_of(x)[1:]
        return self._add(node, "conv", (x.operation,), (outputs, *size), POINTWISE, tensors, axes=x.axes)

    def _on_batch_norm(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        tensors = self._roles(
            weight=a.get("weight"), bias=a.get("bias"), running_mean=a.get("running_mean"),
            running_var=a.get("running_var"),
        )  # fmt: skip
        if x is None or x.groups or x.axes[0] != 0:
            return self._opaque(node, "its input is no map of the image")
        if not tensors or len(tensors) < 4:
            return self._opaque(node, "a batch norm without scale, shift or statistics has no form here")
        return self._add(node, "batch_norm", (x.operation,), self._shape_of(x), {"eps": a["eps"]}, tensors)

    def _on_layer_norm(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        tensors = self._roles(weight=a.get("weight"), bias=a.get("bias"))
        if x is None or x.groups or len(a["normalized_shape"]) != 1 or x.axes[-1] != 0:
            return self._opaque(node, "only layer norm over the channels of each place has a form here")
        if not tensors or len(tensors) < 2:
            return self._opaque(node, "a layer norm without scale or shift has no form here")
        return self._add(
            node, "layer_norm", (x.operation,), self._shape_of(x), {"eps": a.get("eps", 1e-5)}, tensors, axes=x.axes
        )

    def _on_group_norm(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        tensors = self._roles(weight=a.get("weight"), bias=a.get("bias"))
        if x is None or x.groups or x.axes != _CHW:
            return self._opaque(node, "its input is no map of the image")
        if not tensors or len(tensors) < 2:
            return self._opaque(node, "a group norm without scale or shift has no form here")
        settings = {"eps": a.get("eps", 1e-5), "groups": a["num_groups"]}
        return self._add(node, "group_norm", (x.operation,), self._shape_of(x), settings, tensors)

    def _on_max_pool2d(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        if x is None or x.axes != _CHW or x.groups:
            return self._opaque(node, "its input is no map of the image")
        if _pair(a.get("dilation", 1)) != (1, 1):
            return self._opaque(node, "a dilated pooling has no form here")
        return self._add(node, "max_pool", (x.operation,), _shape(node), _window(a))

    def _on_avg_pool2d(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        if x is None or x.axes != _CHW or x.groups:
            return self._opaque(node, "its input is no map of the image")
        if a.get("divisor_override") is not None:
            return self._opaque(node, "an average with a divisor of its own has no form here")
        settings = {**_window(a), "count_include_pad": a.get("count_include_pad", True)}
        return self._add(node, "avg_pool", (x.operation,), _shape(node), settings)

    def _adaptive(self, node: fx.Node, x: _Value | None, kind: str) -> _Value:
        if x is None or x.axes != _CHW or x.groups:
            return self._opaque(node, "its input is no map of the image")
        size = _shape(node)[1:]
        return self._add(node, "adaptive_pool", (x.operation,), _shape(node), {"kind": kind, "output_size": size})

    def _on_adaptive_avg_pool2d(self, node: fx.Node, x: _Value | None, _a: Mapping[str, Any]) -> _Value:
        return self._adaptive(node, x, "avg")

    def _on_adaptive_max_pool2d(self, node: fx.Node, x: _Value | None, _a: Mapping[str, Any]) -> Any:
        value = self._adaptive(node, x, "max")
        return [value, None]

    def _over_places(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any], kind: str) -> _Value:
        """The mean or maximum over height and width."""
        axes = a.get("dim")
        axes = [axes] if isinstance(axes, int) else axes
        if x is None or x.groups or len(x.axes) != 3 or not axes:
            return self._opaque(node, "only the mean or maximum over all places has a form here")
        reduced = {x.axes[(each % 4) - 1] for each in axes if each % 4}
        if reduced != {1, 2} or len(axes) != 2:
            return self._opaque(node, "only the mean or maximum over all places has a form here")
        channels = self._shape_of(x)[0]
        pooled = self._add(
            node, "adaptive_pool", (x.operation,), (channels, 1, 1), {"kind": kind, "output_size": (1, 1)}, axes=x.axes
        )
        if a.get("keepdim"):
            return pooled
        return self._add(node, "flatten", (pooled.operation,), (channels,))

    def _on_mean(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        return self._over_places(node, x, a, "avg")

    def _on_amax(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        return self._over_places(node, x, a, "max")

    # ---- joins ----

    def _on_add(self, node: fx.Node, _x: _Value | None, a: Mapping[str, Any]) -> _Value:
        return self._join(node, a, "add")

    def _on_mul(self, node: fx.Node, _x: _Value | None, a: Mapping[str, Any]) -> _Value:
        return self._join(node, a, "multiply")

    def _on_div(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        other = a["other"]
        if x is None or not isinstance(other, int | float) or a.get("rounding_mode"):
            return self._opaque(node, "only a division by a number has a form here")
        return self._factor(node, x, 1 / other)

    def _factor(self, node: fx.Node, x: _Value, factor: float) -> _Value:
        if factor == 1:
            return x
        return self._add(node, "scale", (x.operation,), self._shape_of(x), {"factor": float(factor)}, axes=x.axes)

    def _join(self, node: fx.Node, a: Mapping[str, Any], kind: str) -> _Value:
        one, other = a["self"], a["other"]
        x, y = self._value(one), self._value(other)
        if x is None and y is not None:
            one, other, x, y = other, one, y, x
        if x is None or x.groups or (y and y.groups):
            return self._opaque(node, "its input is no map of the image")
        if a.get("alpha", 1) != 1:
            if y is None:
                return self._opaque(node, "a weighed sum with a number has no form here")
            y = self._factor(node, y, a["alpha"])
        if y is not None:
            if x.axes != y.axes:
                return self._opaque(node, "it joins maps whose axes are in different orders")
            shape = tuple(map(max, self._shape_of(x), self._shape_of(y)))
            return self._add(node, kind, (x.operation, y.operation), shape, axes=x.axes)
        if isinstance(other, int | float):
            if kind == "multiply":
                return self._factor(node, x, other)
            return x if other == 0 else self._opaque(node, f"adding the number {other:g} has no form here")
        key = self._key(other)
        channels = self._shape_of(x)[0]
        if key is not None and kind == "multiply":
            shape = tuple(other.meta["val"].shape)  # as it is laid over the map, the last axes together
            at = x.axes.index(0) - len(x.axes)
            if self.tensors[key].numel() == channels and len(shape) >= -at and shape[at] == channels:
                return self._add(
                    node, "scale", (x.operation,), self._shape_of(x), {}, {"weight": key}, axes=x.axes
                )
        what = "multiplying by" if kind == "multiply" else "adding"
        return self._opaque(node, f"{what} this tensor has no form here")

    def _on_cat(self, node: fx.Node, _x: _Value | None, a: Mapping[str, Any]) -> _Value:
        values = [self._value(each) for each in a["tensors"]]
        if not all(values):
            return self._opaque(node, "one of its inputs is no map of the image")
        known = [each for each in values if each]
        axes = known[0].axes
        axis = a.get("dim", 0) % (len(axes) + 1)
        if any(each.axes != axes or each.groups for each in known) or axis == 0 or axes[axis - 1] != 0:
            return self._opaque(node, "only a concatenation of channels has a form here")
        if len(known) == 1:
            return known[0]
        shapes = [self._shape_of(each) for each in known]
        shape = (sum(each[0] for each in shapes), *shapes[0][1:])
        return self._add(node, "concat", tuple(each.operation for each in known), shape, axes=axes)

    def _cuts(self, node: fx.Node, x: _Value | None, dim: int, sizes: Iterator[int] | list[int]) -> Any:
        if x is None or x.groups or dim == 0 or x.axes[(dim % (len(x.axes) + 1)) - 1] != 0:
            return self._opaque(node, "only a split of channels has a form here")
        parts, start = [], 0
        for number, size in enumerate(sizes):
            parts.append(self._cut(node, x, start, start + size, number))
            start += size
        return parts

    def _cut(self, node: fx.Node, x: _Value, start: int, stop: int, number: int) -> _Value:
        channels, *size = self._shape_of(x)
        if (start, stop) == (0, channels):
            return x
        name = f"{node.name}_part{number}"
        made = Operation(
            name=name, kind="slice", inputs=(x.operation,), shape=(stop - start, *size),
            settings={"start": start, "stop": stop}, scope=_scope(node), source=_source(node),
        )  # fmt: skip
        self.operations.append(made)
        return _Value(name, x.axes)

    def _on_chunk(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> Any:
        if x is None:
            return self._opaque(node, "its input is no map of the image")
        channels, count = self._shape_of(x)[0], a["chunks"]
        size = -(-channels // count)
        return self._cuts(node, x, a.get("dim", 0), [min(size, channels - at) for at in range(0, channels, size)])

    def _on_split(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> Any:
        if x is None:
            return self._opaque(node, "its input is no map of the image")
        size = a.get("split_size", a.get("split_sizes"))
        channels = self._shape_of(x)[0]
        sizes = [min(size, channels - at) for at in range(0, channels, size)] if isinstance(size, int) else list(size)
        return self._cuts(node, x, a.get("dim", 0), sizes)

    _on_split_with_sizes = _on_split

    def _on_slice(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> Any:
        dim, start, end, step = a.get("dim", 0), a.get("start") or 0, a.get("end"), a.get("step", 1)
        whole = _input_size(node, dim)
        end = whole if end is None else min(end, whole)
        start, end = (each + whole if each < 0 else each for each in (start, end))
        if x is not None and (start, end, step) == (0, whole, 1):
            return x
        if x is None or x.groups or step != 1 or dim == 0 or x.axes[(dim % (len(x.axes) + 1)) - 1] != 0:
            return self._opaque(node, "only a cut of channels has a form here")
        return self._cut(node, x, start, end, 0)

    # ---- form ----

    def _on_pad(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        value, sides = a.get("value") or 0.0, list(a["pad"])
        if x is None or x.axes != _CHW or x.groups or a.get("mode", "constant") != "constant" or len(sides) > 4:
            return self._opaque(node, "only padding of height and width by a number has a form here")
        left, right, top, bottom = (*sides, 0, 0)[:4]
        if not any((left, right, top, bottom)):
            return x
        settings = {"padding": ((top, bottom), (left, right)), "value": float(value)}
        return self._add(node, "pad", (x.operation,), _shape(node), settings)

    _on_constant_pad_nd = _on_pad

    def _on_permute(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        order = [each % (len(a["dims"])) for each in a["dims"]]
        if x is None or x.groups or order[0] != 0 or len(order) != len(x.axes) + 1:
            return self._opaque(node, "this order of axes has no form here")
        return _Value(x.operation, tuple(x.axes[each - 1] for each in order[1:]))

    def _on_transpose(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        if x is None:
            return self._opaque(node, "its input is no map of the image")
        rank = 5 if x.groups else len(x.axes) + 1
        one, other = sorted((a["dim0"] % rank, a["dim1"] % rank))
        if x.groups:
            if (one, other) == (1, 2):
                return _Value(x.operation, x.axes, -x.groups)
            return self._opaque(node, "this order of axes has no form here")
        if one == 0:
            return self._opaque(node, "it moves the batch")
        axes = list(x.axes)
        axes[one - 1], axes[other - 1] = axes[other - 1], axes[one - 1]
        return _Value(x.operation, tuple(axes))

    def _on_view(self, node: fx.Node, x: _Value | None, _a: Mapping[str, Any]) -> _Value:
        shape = _shape(node)
        if x is None:
            return self._opaque(node, "its input is no map of the image")
        whole = self._shape_of(x)
        if x.groups < 0 and shape == whole:
            settings = {"groups": -x.groups}
            return self._add(node, "channel_shuffle", (x.operation,), whole, settings)
        if x.groups:
            return self._opaque(node, "this form has no form here")
        if x.axes == _CHW and len(shape) == 4 and shape[0] * shape[1] == whole[0] and shape[2:] == whole[1:]:
            return _Value(x.operation, _CHW, shape[0])
        if tuple(whole[axis] for axis in x.axes) == shape:
            return x
        if len(shape) == 1 and len(whole) == 3 and (x.axes == _CHW or whole[1:] == (1, 1)):
            return self._add(node, "flatten", (x.operation,), shape)
        if len(whole) == 1 and shape == (whole[0], 1, 1):
            return self._add(node, "reshape", (x.operation,), shape, {"shape": shape})
        return self._opaque(node, "this form has no form here")

    _on_reshape = _on_flatten = _on_squeeze = _on_unsqueeze = _on__unsafe_view = _on_view

    def _on_expand(self, node: fx.Node, x: _Value | None, _a: Mapping[str, Any]) -> _Value:
        return x if x else self._opaque(node, "its input is no map of the image")  # joins repeat what is of size 1

    def _on_channel_shuffle(self, node: fx.Node, x: _Value | None, a: Mapping[str, Any]) -> _Value:
        if x is None or x.axes != _CHW or x.groups:
            return self._opaque(node, "its input is no map of the image")
        return self._add(node, "channel_shuffle", (x.operation,), _shape(node), {"groups": a["groups"]})


def _flat(results: Any) -> list[Any]:
    if isinstance(results, list | tuple):
        return [each for part in results for each in _flat(part)]
    return [results]


def _named_arguments(node: fx.Node) -> dict[str, Any]:
    """Arguments by the names that the operator's schema gives them."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return dict(node.kwargs)
    names = [each.name for each in schema.arguments]
    return {**dict(zip(names, node.args, strict=False)), **node.kwargs}


def _source(node: fx.Node) -> str:
    return str(node.target)


def _scope(node: fx.Node) -> tuple[str, ...]:
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path = stack[-1][0] if stack else ""
    return tuple(part.partition("@")[0] for part in path.split(".") if part)


def _shape(node: fx.Node) -> tuple[int, ...]:
    value = node.meta.get("val")
    if isinstance(value, list | tuple):
        value = value[0]
    return tuple(int(each) for each in value.shape[1:]) if isinstance(value, Tensor) else ()


def _input_size(node: fx.Node, dim: int) -> int:
    value = node.args[0].meta["val"]  # type: ignore[union-attr]
    return int(value.shape[dim])


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    return (value[0], value[0]) if len(value) == 1 else (value[0], value[1])


def _window(a: Mapping[str, Any]) -> dict[str, Any]:
    kernel = _pair(a["kernel_size"])
    top, left = _pair(a.get("padding", 0))
    return {
        "kernel_size": kernel, "stride": _pair(a.get("stride") or kernel), "padding": ((top, top), (left, left)),
        "ceil_mode": bool(a.get("ceil_mode", False)),
    }  # fmt: skip
