"""Layers with weights, activations, norms and pools, from torch's operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import fx

from ._capture_values import (
    CHW,
    Translation,
    Value,
    base_name,
    named_arguments,
    pair,
    shape_of_node,
    window_of,
)
from ._graph import POINTWISE

ACTIVATIONS = {
    "relu": "relu", "relu6": "relu6", "silu": "silu", "mish": "mish", "hardswish": "hard_swish", "sigmoid": "sigmoid",
    "hardsigmoid": "hard_sigmoid", "tanh": "tanh",
}  # fmt: skip
"""Our names of torch's element-wise functions without settings."""
_FORMS = ("view", "reshape", "view_as", "reshape_as")


class Layers(Translation):
    """A method for each operator, by its name."""

    def activate(self, node: fx.Node, x: Value | None, function: str) -> Value:
        if x is None or x.groups:
            return self.opaque(node, "its input is no map of the image")
        return self.add(node, "activation", (x.operation,), self.shape_of(x), {"function": function}, axes=x.axes)

    def _on_hardtanh(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        low, high = a.get("min_val", -1), a.get("max_val", 1)
        if (low, high) == (0, 6):
            return self.activate(node, x, "relu6")
        return self.opaque(node, f"clipping to {low} … {high} has no form here")

    def _on_clamp(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        limits: dict[tuple[Any, Any], str] = {(0, 6): "relu6", (0, None): "relu"}
        known = limits.get((a.get("min"), a.get("max")))
        return self.activate(node, x, known) if known else self.opaque(node, "this clipping has no form here")

    def _on_leaky_relu(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        slope = a.get("negative_slope", 0.01)
        if abs(slope - 0.01) > 1e-9:
            return self.opaque(node, f"a slope of {slope:g} has no form here, only 0.01")
        return self.activate(node, x, "leaky_relu")

    def _on_elu(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        if (a.get("alpha", 1), a.get("scale", 1), a.get("input_scale", 1)) != (1, 1, 1):
            return self.opaque(node, "only ELU with alpha 1 has a form here")
        return self.activate(node, x, "elu")

    def _on_gelu(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        return self.activate(node, x, "gelu_tanh" if a.get("approximate") == "tanh" else "gelu")

    def _on_dropout(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Any:
        if x is None or not a.get("p") or not 0 < a["p"] < 1 or x.groups:
            return x
        return self.add(node, "dropout", (x.operation,), self.shape_of(x), {"p": float(a["p"])}, axes=x.axes)

    _on_feature_dropout = _on_dropout

    def _on_conv2d(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        tensors = self.roles(weight=a["weight"], bias=a.get("bias"))
        if x is None or x.axes != CHW or x.groups:
            return self.opaque(node, "its input is no map of the image")
        if tensors is None:
            return self.opaque(node, "its weights are computed, not stored")
        kernel = tuple(int(each) for each in a["weight"].meta["val"].shape[2:])
        stride, dilation = pair(a.get("stride", 1)), pair(a.get("dilation", 1))
        padding = a.get("padding", 0)
        if isinstance(padding, str):
            reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
            sides = [(r // 2, r - r // 2) if padding == "same" else (0, 0) for r in reach]
        else:
            sides = [(each, each) for each in pair(padding)]
        settings = {
            "kernel_size": kernel, "stride": stride, "padding": tuple(sides), "dilation": dilation,
            "groups": a.get("groups", 1),
        }  # fmt: skip
        gain = self._find_gain(a["weight"])
        if gain is None:
            return self.add(node, "conv", (x.operation,), shape_of_node(node), settings, tensors)
        # A gain of each filter, within its weight: behind the convolution it is one of each channel.
        key, weight = gain
        y = self.add(node, "conv", (x.operation,), shape_of_node(node), settings, {"weight": weight})
        scaled = {"weight": key} | ({"bias": tensors["bias"]} if "bias" in tensors else {})
        return self.add(node, "scale", (y.operation,), shape_of_node(node), {}, scaled)

    def _find_gain(self, node: fx.Node) -> tuple[str, str] | None:
        """The parameter that scales the filters of a standardised weight, and that weight without it: keys."""
        if not self.tensors[self.keys[node.name]].dim() or node.name not in self.computed:
            return None
        last = node
        while base_name(last) in _FORMS and isinstance(last.args[0], fx.Node):
            last = last.args[0]
        if base_name(last) != "batch_norm":
            return None
        factor = named_arguments(last).get("weight")
        while isinstance(factor, fx.Node) and base_name(factor) in (*_FORMS, "mul"):
            factor = factor.args[0]
        key = self.key_of(factor)
        if key is None or not isinstance(factor, fx.Node) or key in self.origins:
            return None
        weight = self.evaluate(node, {factor.name: torch.ones_like(self.tensors[key])})
        keys = self.origins[self.keys[node.name]] - {key}
        return key, self.keep(f"{node.name} without its gain", weight, sorted(keys))

    def _on_linear(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        tensors = self.roles(weight=a["weight"], bias=a.get("bias"))
        if x is None or x.groups:
            return self.opaque(node, "its input is no map of the image")
        if tensors is None:
            return self.opaque(node, "its weights are computed, not stored")
        if len(x.axes) == 1:
            return self.add(node, "linear", (x.operation,), shape_of_node(node), {}, tensors)
        if x.axes[-1] != 0:
            return self.opaque(node, "it mixes the places of a map")
        # Over the channels of each place: a 1×1 convolution.
        outputs = self.tensors[tensors["weight"]].shape[0]
        size = self.shape_of(x)[1:]
        return self.add(node, "conv", (x.operation,), (outputs, *size), POINTWISE, tensors, axes=x.axes)

    def _on_batch_norm(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        tensors = self.roles(
            weight=a.get("weight"), bias=a.get("bias"), running_mean=a.get("running_mean"),
            running_var=a.get("running_var"),
        )  # fmt: skip
        if x is None or x.groups or x.axes[0] != 0:
            return self.opaque(node, "its input is no map of the image")
        if not tensors or len(tensors) < 4:
            return self.opaque(node, "a batch norm without scale, shift or statistics has no form here")
        return self.add(node, "batch_norm", (x.operation,), self.shape_of(x), {"eps": a["eps"]}, tensors)

    def _on_layer_norm(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        tensors = self.roles(weight=a.get("weight"), bias=a.get("bias"))
        if x is None or x.groups or len(a["normalized_shape"]) != 1 or x.axes[-1] != 0:
            return self.opaque(node, "only layer norm over the channels of each place has a form here")
        if not tensors or len(tensors) < 2:
            return self.opaque(node, "a layer norm without scale or shift has no form here")
        return self.add(
            node, "layer_norm", (x.operation,), self.shape_of(x), {"eps": a.get("eps", 1e-5)}, tensors, axes=x.axes
        )

    def _on_group_norm(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        tensors = self.roles(weight=a.get("weight"), bias=a.get("bias"))
        if x is None or x.groups or x.axes != CHW:
            return self.opaque(node, "its input is no map of the image")
        if not tensors or len(tensors) < 2:
            return self.opaque(node, "a group norm without scale or shift has no form here")
        settings = {"eps": a.get("eps", 1e-5), "groups": a["num_groups"]}
        return self.add(node, "group_norm", (x.operation,), self.shape_of(x), settings, tensors)

    def _on_max_pool2d(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        if x is None or x.axes != CHW or x.groups:
            return self.opaque(node, "its input is no map of the image")
        if pair(a.get("dilation", 1)) != (1, 1):
            return self.opaque(node, "a dilated pooling has no form here")
        return self.add(node, "max_pool", (x.operation,), shape_of_node(node), window_of(a))

    def _on_avg_pool2d(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        if x is None or x.axes != CHW or x.groups:
            return self.opaque(node, "its input is no map of the image")
        if a.get("divisor_override") is not None:
            return self.opaque(node, "an average with a divisor of its own has no form here")
        settings = {**window_of(a), "count_include_pad": a.get("count_include_pad", True)}
        return self.add(node, "avg_pool", (x.operation,), shape_of_node(node), settings)

    def _adaptive(self, node: fx.Node, x: Value | None, kind: str) -> Value:
        if x is None or x.axes != CHW or x.groups:
            return self.opaque(node, "its input is no map of the image")
        size = shape_of_node(node)[1:]
        return self.add(node, "adaptive_pool", (x.operation,), shape_of_node(node), {"kind": kind, "output_size": size})

    def _on_adaptive_avg_pool2d(self, node: fx.Node, x: Value | None, _a: Mapping[str, Any]) -> Value:
        return self._adaptive(node, x, "avg")

    def _on_adaptive_max_pool2d(self, node: fx.Node, x: Value | None, _a: Mapping[str, Any]) -> Any:
        value = self._adaptive(node, x, "max")
        return [value, None]

    def _over_places(self, node: fx.Node, x: Value | None, a: Mapping[str, Any], kind: str) -> Value:
        """The mean or maximum over height and width."""
        axes = a.get("dim")
        axes = [axes] if isinstance(axes, int) else axes
        if x is None or x.groups or len(x.axes) != 3 or not axes:
            return self.opaque(node, "only the mean or maximum over all places has a form here")
        reduced = {x.axes[(each % 4) - 1] for each in axes if each % 4}
        if reduced != {1, 2} or len(axes) != 2:
            return self.opaque(node, "only the mean or maximum over all places has a form here")
        channels = self.shape_of(x)[0]
        pooled = self.add(
            node, "adaptive_pool", (x.operation,), (channels, 1, 1), {"kind": kind, "output_size": (1, 1)}, axes=x.axes
        )
        if a.get("keepdim"):
            return pooled
        return self.add(node, "flatten", (pooled.operation,), (channels,))

    def _on_mean(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        return self._over_places(node, x, a, "avg")

    def _on_amax(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        return self._over_places(node, x, a, "max")
