"""Joins, cuts and changes of form, from torch's operators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import fx

from ._capture_values import CHW, Translation, Value, input_size, scope_of, shape_of_node, source_of
from ._graph import Operation


class Forms(Translation):
    """A method for each operator, by its name."""

    # ---- joins ----

    def _on_add(self, node: fx.Node, _x: Value | None, a: Mapping[str, Any]) -> Value:
        return self._join(node, a, "add")

    def _on_sub(self, node: fx.Node, _x: Value | None, a: Mapping[str, Any]) -> Value:
        if isinstance(a["other"], int | float):
            return self._join(node, {**a, "other": -a["other"] * a.get("alpha", 1), "alpha": 1}, "add")
        return self._join(node, {**a, "alpha": -a.get("alpha", 1)}, "add")

    def _on_mul(self, node: fx.Node, _x: Value | None, a: Mapping[str, Any]) -> Value:
        return self._join(node, a, "multiply")

    def _on_div(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        other = a["other"]
        if x is None or not isinstance(other, int | float) or a.get("rounding_mode"):
            return self.opaque(node, "only a division by a number has a form here")
        return self._factor(node, x, 1 / other)

    def _factor(self, node: fx.Node, x: Value, factor: float) -> Value:
        if factor == 1:
            return x
        return self.add(node, "scale", (x.operation,), self.shape_of(x), {"factor": float(factor)}, axes=x.axes)

    def _join(self, node: fx.Node, a: Mapping[str, Any], kind: str) -> Value:
        one, other = a["self"], a["other"]
        x, y = self.value_of(one), self.value_of(other)
        if x is None and y is not None:
            one, other, x, y = other, one, y, x
        if x is None or x.groups or (y and y.groups):
            return self.opaque(node, "its input is no map of the image")
        if a.get("alpha", 1) != 1:
            if y is None:
                return self.opaque(node, "a weighed sum with a number has no form here")
            y = self._factor(node, y, a["alpha"])
        if y is not None:
            if x.axes != y.axes:
                return self.opaque(node, "it joins maps whose axes are in different orders")
            shape = tuple(map(max, self.shape_of(x), self.shape_of(y)))
            return self.add(node, kind, (x.operation, y.operation), shape, axes=x.axes)
        if isinstance(other, int | float):
            if kind == "multiply":
                return self._factor(node, x, other)
            return x if other == 0 else self.opaque(node, f"adding the number {other:g} has no form here")
        key = self.key_of(other)
        channels = self.shape_of(x)[0]
        if key is not None:
            shape = tuple(other.meta["val"].shape)  # as it is laid over the map, the last axes together
            at = x.axes.index(0) - len(x.axes)
            count = self.tensors[key].numel()
            if count == 1 or (count == channels and len(shape) >= -at and shape[at] == channels):
                role, settings = ("weight", {}) if kind == "multiply" else ("bias", {"factor": 1.0})
                return self.add(node, "scale", (x.operation,), self.shape_of(x), settings, {role: key}, axes=x.axes)
        what = "multiplying by" if kind == "multiply" else "adding"
        return self.opaque(node, f"{what} this tensor has no form here")

    def _on_cat(self, node: fx.Node, _x: Value | None, a: Mapping[str, Any]) -> Value:
        values = [self.value_of(each) for each in a["tensors"]]
        if not all(values):
            return self.opaque(node, "one of its inputs is no map of the image")
        known = [each for each in values if each]
        axes = known[0].axes
        axis = a.get("dim", 0) % (len(axes) + 1)
        if any(each.axes != axes or each.groups for each in known) or axis == 0 or axes[axis - 1] != 0:
            return self.opaque(node, "only a concatenation of channels has a form here")
        if len(known) == 1:
            return known[0]
        shapes = [self.shape_of(each) for each in known]
        shape = (sum(each[0] for each in shapes), *shapes[0][1:])
        return self.add(node, "concat", tuple(each.operation for each in known), shape, axes=axes)

    def _cuts(self, node: fx.Node, x: Value | None, dim: int, sizes: Iterator[int] | list[int]) -> Any:
        if x is None or x.groups or dim == 0 or x.axes[(dim % (len(x.axes) + 1)) - 1] != 0:
            return self.opaque(node, "only a split of channels has a form here")
        parts, start = [], 0
        for number, size in enumerate(sizes):
            parts.append(self._cut(node, x, start, start + size, number))
            start += size
        return parts

    def _cut(self, node: fx.Node, x: Value, start: int, stop: int, number: int) -> Value:
        channels, *size = self.shape_of(x)
        if (start, stop) == (0, channels):
            return x
        name = f"{node.name}_part{number}"
        made = Operation(
            name=name, kind="slice", inputs=(x.operation,), shape=(stop - start, *size),
            settings={"start": start, "stop": stop}, scope=scope_of(node), source=source_of(node),
        )  # fmt: skip
        self.operations.append(made)
        return Value(name, x.axes)

    def _on_chunk(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Any:
        if x is None:
            return self.opaque(node, "its input is no map of the image")
        channels, count = self.shape_of(x)[0], a["chunks"]
        size = -(-channels // count)
        return self._cuts(node, x, a.get("dim", 0), [min(size, channels - at) for at in range(0, channels, size)])

    def _on_split(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Any:
        if x is None:
            return self.opaque(node, "its input is no map of the image")
        size = a.get("split_size", a.get("split_sizes"))
        channels = self.shape_of(x)[0]
        sizes = [min(size, channels - at) for at in range(0, channels, size)] if isinstance(size, int) else list(size)
        return self._cuts(node, x, a.get("dim", 0), sizes)

    _on_split_with_sizes = _on_split

    def _on_slice(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Any:
        dim, start, end, step = a.get("dim", 0), a.get("start") or 0, a.get("end"), a.get("step", 1)
        whole = input_size(node, dim)
        end = whole if end is None else min(end, whole)
        start, end = (each + whole if each < 0 else each for each in (start, end))
        if x is not None and (start, end, step) == (0, whole, 1):
            return x
        if x is None or x.groups or step != 1 or dim == 0 or x.axes[(dim % (len(x.axes) + 1)) - 1] != 0:
            return self.opaque(node, "only a cut of channels has a form here")
        return self._cut(node, x, start, end, 0)

    # ---- form ----

    def _on_pad(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        value, sides = a.get("value") or 0.0, list(a["pad"])
        if x is None or x.axes != CHW or x.groups or a.get("mode", "constant") != "constant" or len(sides) > 4:
            return self.opaque(node, "only padding of height and width by a number has a form here")
        left, right, top, bottom = (*sides, 0, 0)[:4]
        if not any((left, right, top, bottom)):
            return x
        settings = {"padding": ((top, bottom), (left, right)), "value": float(value)}
        return self.add(node, "pad", (x.operation,), shape_of_node(node), settings)

    _on_constant_pad_nd = _on_pad

    def _on_permute(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        order = [each % (len(a["dims"])) for each in a["dims"]]
        if x is None or x.groups or order[0] != 0 or len(order) != len(x.axes) + 1:
            return self.opaque(node, "this order of axes has no form here")
        return Value(x.operation, tuple(x.axes[each - 1] for each in order[1:]))

    def _on_transpose(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        if x is None:
            return self.opaque(node, "its input is no map of the image")
        rank = 5 if x.groups else len(x.axes) + 1
        one, other = sorted((a["dim0"] % rank, a["dim1"] % rank))
        if x.groups:
            if (one, other) == (1, 2):
                return Value(x.operation, x.axes, -x.groups)
            return self.opaque(node, "this order of axes has no form here")
        if one == 0:
            return self.opaque(node, "it moves the batch")
        axes = list(x.axes)
        axes[one - 1], axes[other - 1] = axes[other - 1], axes[one - 1]
        return Value(x.operation, tuple(axes))

    def _on_view(self, node: fx.Node, x: Value | None, _a: Mapping[str, Any]) -> Value:
        shape = shape_of_node(node)
        if x is None:
            return self.opaque(node, "its input is no map of the image")
        whole = self.shape_of(x)
        if x.groups < 0 and shape == whole:
            settings = {"groups": -x.groups}
            return self.add(node, "channel_shuffle", (x.operation,), whole, settings)
        if x.groups:
            return self.opaque(node, "this form has no form here")
        if x.axes == CHW and len(shape) == 4 and shape[0] * shape[1] == whole[0] and shape[2:] == whole[1:]:
            return Value(x.operation, CHW, shape[0])
        if tuple(whole[axis] for axis in x.axes) == shape:
            return x
        if len(shape) == 1 and len(whole) == 3 and (x.axes == CHW or whole[1:] == (1, 1)):
            return self.add(node, "flatten", (x.operation,), shape)
        if len(whole) == 1 and shape == (whole[0], 1, 1):
            return self.add(node, "reshape", (x.operation,), shape, {"shape": shape})
        return self.opaque(node, "this form has no form here")

    _on_reshape = _on_flatten = _on_squeeze = _on_unsqueeze = _on__unsafe_view = _on_view

    def _on_expand(self, node: fx.Node, x: Value | None, _a: Mapping[str, Any]) -> Value:
        return x if x else self.opaque(node, "its input is no map of the image")  # joins repeat what is of size 1

    def _on_channel_shuffle(self, node: fx.Node, x: Value | None, a: Mapping[str, Any]) -> Value:
        if x is None or x.axes != CHW or x.groups:
            return self.opaque(node, "its input is no map of the image")
        return self.add(node, "channel_shuffle", (x.operation,), shape_of_node(node), {"groups": a["groups"]})
