"""Joins, cuts and changes of form, from torch's operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from torch import fx

from ._building import NO_MAP, NoForm, Value
from ._capture_values import Translation, input_size, shape_of_node

JOINS = ("add", "sub", "mul", "cat")
"""Operators of which any input may be the map."""


class Forms(Translation):
    """A method for each operator, by its name: of a node, the map that it reads, and its arguments."""

    # ---- joins ----

    def _on_add(self, _node: fx.Node, _x: Value | None, a: Mapping[str, Any]) -> Value:
        return self._join(a, "add")

    def _on_sub(self, _node: fx.Node, _x: Value | None, a: Mapping[str, Any]) -> Value:
        if isinstance(a["other"], int | float):
            return self._join({**a, "other": -a["other"] * a.get("alpha", 1), "alpha": 1}, "add")
        return self._join({**a, "alpha": -a.get("alpha", 1)}, "add")

    def _on_mul(self, _node: fx.Node, _x: Value | None, a: Mapping[str, Any]) -> Value:
        return self._join(a, "multiply")

    def _on_div(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        other = a["other"]
        if not isinstance(other, int | float) or a.get("rounding_mode"):
            raise NoForm("only a division by a number has a form here")
        return self.scale(x, 1 / other)

    def _join(self, a: Mapping[str, Any], kind: str) -> Value:
        one, other = a["self"], a["other"]
        x, y = self.value_of(one), self.value_of(other)
        if x is None:
            other, x, y = one, y, x
        if x is None:
            raise NoForm(NO_MAP)
        alpha = a.get("alpha", 1)
        if y is not None:
            return self.join(kind, x, self.scale(y, alpha))
        if alpha != 1:
            raise NoForm("a weighed sum with a number has no form here")
        if isinstance(other, int | float):
            if kind == "multiply":
                return self.scale(x, other)
            if other == 0:
                return x
            raise NoForm(f"adding the number {other:g} has no form here")
        key = self.key_of(other)
        if key is not None:
            count = self.tensors[key].numel()
            if count == 1 or self.lies_by_channel(x, count, other.meta["val"].shape):
                role, settings = ("weight", {}) if kind == "multiply" else ("bias", {"factor": 1.0})
                return self.same("scale", x, settings, {role: key})
        raise NoForm(f"{'multiplying by' if kind == 'multiply' else 'adding'} this tensor has no form here")

    def _on_cat(self, _node: fx.Node, _x: Value | None, a: Mapping[str, Any]) -> Value:
        values = [self.value_of(each) for each in a["tensors"]]
        known = [each for each in values if each]
        if len(known) < len(values):
            raise NoForm("one of its inputs is no map of the image")
        return self.concat(known, a.get("dim", 0))

    # ---- cuts ----

    def _on_split(self, node: fx.Node, x: Value, a: Mapping[str, Any]) -> list[Value]:
        return self._cut_all(node, x, a, a.get("split_size", a.get("split_sizes")))

    _on_split_with_sizes = _on_split

    def _on_chunk(self, node: fx.Node, x: Value, a: Mapping[str, Any]) -> list[Value]:
        return self._cut_all(node, x, a, -(-input_size(node, a.get("dim", 0)) // a["chunks"]))

    def _cut_all(self, node: fx.Node, x: Value, a: Mapping[str, Any], size: int | Sequence[int]) -> list[Value]:
        dim = a.get("dim", 0)
        whole = input_size(node, dim)
        sizes = [min(size, whole - at) for at in range(0, whole, size)] if isinstance(size, int) else size
        return [self.cut(x, dim, end - each, end) for each, end in zip(sizes, accumulate(sizes), strict=True)]

    def _on_slice(self, node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        dim = a.get("dim", 0)
        whole = input_size(node, dim)
        start, stop, step = slice(a.get("start"), a.get("end"), a.get("step", 1)).indices(whole)
        if step != 1:
            raise NoForm("a cut with steps has no form here")
        return x if (start, stop) == (0, whole) else self.cut(x, dim, start, stop)

    # ---- form ----

    def _on_pad(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        sides = list(a["pad"])
        if a.get("mode", "constant") != "constant" or len(sides) > 4:
            raise NoForm("only padding of height and width by a number has a form here")
        left, right, top, bottom = (*sides, 0, 0)[:4]
        return self.pad(x, ((top, bottom), (left, right)), a.get("value") or 0.0)

    _on_constant_pad_nd = _on_pad

    def _on_permute(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        return self.permute(x, [each % len(a["dims"]) for each in a["dims"]])

    def _on_transpose(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        order = list(range(len(self.sizes_of(x)) + 1))
        one, other = a["dim0"], a["dim1"]
        order[one], order[other] = order[other], order[one]
        return self.permute(x, order)

    def _on_view(self, node: fx.Node, x: Value, _a: Mapping[str, Any]) -> Value:
        return self.view(x, shape_of_node(node))

    _on_reshape = _on_flatten = _on_squeeze = _on_unsqueeze = _on__unsafe_view = _on_view

    def _on_channel_shuffle(self, _node: fx.Node, x: Value, a: Mapping[str, Any]) -> Value:
        return self.same("channel_shuffle", self.is_map(x), {"groups": a["groups"]})
