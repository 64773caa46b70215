"""Layers with weights, activations, norms and pools, from torch's operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import fx

from ._building import NO_CHANNEL_CONV, NO_MAP, NoForm, Value
from ._capture_values import Translation, base_name, named_arguments, shape_of_node

ACTIVATIONS = {
    "relu": "relu", "relu6": "relu6", "silu": "silu", "mish": "mish", "hardswish": "hard_swish", "sigmoid": "sigmoid",
    "hardsigmoid": "hard_sigmoid", "tanh": "tanh",
}  # fmt: skip
"""Our names of torch's element-wise functions without settings."""
_ROW = {"padding": 0, "stride": 1, "dilation": 1}
_FORMS = ("view", "reshape", "view_as", "reshape_as")


class Layers(Translation):
    """A method for each operator, by its name: of a node, the map that it reads, and its arguments."""

    def activate(self, x: Value, function: str) -> Value:
        return self.same("activation", x, {"function": function})

    def _on_hardtanh(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        low, high = a.get("min_val", -1), a.get("max_val", 1)
        if (low, high) != (0, 6):
            raise NoForm(f"clipping to {low} … {high} has no form here")
        return self.activate(x, "relu6")

    def _on_clamp(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        limits: dict[tuple[Any, Any], str] = {(0, 6): "relu6", (0, None): "relu"}
        known = limits.get((a.get("min"), a.get("max")))
        if known is None:
            raise NoForm("this clipping has no form here")
        return self.activate(x, known)

    def _on_leaky_relu(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        slope = a.get("negative_slope", 0.01)
        if abs(slope - 0.01) > 1e-9:
            raise NoForm(f"a slope of {slope:g} has no form here, only 0.01")
        return self.activate(x, "leaky_relu")

    def _on_elu(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        if (a.get("alpha", 1), a.get("scale", 1), a.get("input_scale", 1)) != (1, 1, 1):
            raise NoForm("only ELU with alpha 1 has a form here")
        return self.activate(x, "elu")

    def _on_gelu(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        return self.activate(x, "gelu_tanh" if a.get("approximate") == "tanh" else "gelu")

    def _on_dropout(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        if not a.get("p") or not 0 < a["p"] < 1 or x.groups:
            return x
        return self.same("dropout", x, {"p": float(a["p"])})

    _on_feature_dropout = _on_dropout

    def _on_conv2d(self, node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        x, tensors = self.is_map(x), self.roles(weight=a["weight"], bias=a.get("bias"))
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
        gain = self._find_gain(a["weight"])
        if gain is None:
            return self.add("conv", (x,), shape_of_node(node), settings, tensors)
        # A gain of each filter, within its weight: behind the convolution it is one of each channel.
        key, weight = gain
        y = self.add("conv", (x,), shape_of_node(node), settings, {"weight": weight})
        scaled = {"weight": key} | ({"bias": tensors["bias"]} if "bias" in tensors else {})
        return self.same("scale", y, {}, scaled)

    def _on_conv1d(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        tensors, shape = self.roles(weight=a["weight"], bias=a.get("bias")), tuple(a["weight"].meta["val"].shape)
        padding, stride, dilation = (_pair(a.get(key, usual))[0] for key, usual in _ROW.items())
        if shape[:2] != (1, 1) or (stride, dilation) != (1, 1):
            raise NoForm(NO_CHANNEL_CONV)
        return self.channel_conv(x, int(shape[2]), padding, tensors)

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

    def _on_linear(self, node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        return self.linear(x, shape_of_node(node)[-1], self.roles(weight=a["weight"], bias=a.get("bias")))

    def _on_batch_norm(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        if x.axes[:1] != (0,):
            raise NoForm(NO_MAP)
        roles = ("weight", "bias", "running_mean", "running_var")
        tensors = self.roles(**{role: a.get(role) for role in roles})
        if len(tensors) < len(roles):
            raise NoForm("a batch norm without scale, shift or statistics has no form here")
        return self.same("batch_norm", x, {"eps": a["eps"]}, tensors)

    def _on_layer_norm(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        if len(a["normalized_shape"]) != 1 or x.axes[-1:] != (0,):
            raise NoForm("only layer norm over the channels of each place has a form here")
        tensors = self.roles(weight=a.get("weight"), bias=a.get("bias"))
        if len(tensors) < 2:
            raise NoForm("a layer norm without scale or shift has no form here")
        return self.same("layer_norm", x, {"eps": a.get("eps", 1e-5)}, tensors)

    def _on_group_norm(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        x, tensors = self.is_map(x), self.roles(weight=a.get("weight"), bias=a.get("bias"))
        if len(tensors) < 2:
            raise NoForm("a group norm without scale or shift has no form here")
        return self.same("group_norm", x, {"eps": a.get("eps", 1e-5), "groups": a["num_groups"]}, tensors)

    def _on_max_pool2d(self, node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        if _pair(a.get("dilation", 1)) != (1, 1):
            raise NoForm("a dilated pooling has no form here")
        return self.add("max_pool", (self.is_map(x),), shape_of_node(node), _window_of(a))

    def _on_avg_pool2d(self, node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        if a.get("divisor_override") is not None:
            raise NoForm("an average with a divisor of its own has no form here")
        settings = {**_window_of(a), "count_include_pad": a.get("count_include_pad", True)}
        return self.add("avg_pool", (self.is_map(x),), shape_of_node(node), settings)

    def _adaptive(self, node: fx.Node, x: Value, kind: str) -> Value:
        shape = shape_of_node(node)
        return self.add("adaptive_pool", (self.is_map(x),), shape, {"kind": kind, "output_size": shape[1:]})

    def _on_adaptive_avg_pool2d(self, node: fx.Node, x: Value, _a: Mapping[str, Any]) -> Value:
        return self._adaptive(node, x, "avg")

    def _on_adaptive_max_pool2d(self, node: fx.Node, x: Value, _a: Mapping[str, Any]) -> list[Value | None]:
        return [self._adaptive(node, x, "max"), None]

    def _over_places(self, x: Value, a: Mapping[str, Any], kind: str) -> Value:
        axes = a.get("dim") or ()
        return self.pool_places(x, [axes] if isinstance(axes, int) else axes, kind, keep=a.get("keepdim", False))

    def _on_mean(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        return self._over_places(x, a, "avg")

    def _on_amax(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        return self._over_places(x, a, "max")


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    return (value[0], value[0]) if len(value) == 1 else (value[0], value[1])


def _window_of(a: Mapping[str, Any]) -> dict[str, Any]:
    kernel = _pair(a["kernel_size"])
    top, left = _pair(a.get("padding", 0))
    return {
        "kernel_size": kernel, "stride": _pair(a.get("stride") or kernel), "padding": ((top, top), (left, left)),
        "ceil_mode": bool(a.get("ceil_mode", False)),
    }  # fmt: skip
