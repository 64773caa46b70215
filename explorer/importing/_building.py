"""Operations of a graph written one after another, with an account of how their results' axes lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from ._graph import POINTWISE, Graph, Operation

CHW = (0, 1, 2)
NO_CHANNEL_CONV = "only a convolution over channels that keeps their number, without bias, has a form here"
NO_MAP = "its input is no map of the image"


@dataclass(frozen=True)
class Value:
    """A tensor: the result of an operation, perhaps with its axes in another order."""

    operation: str
    axes: tuple[int, ...] = CHW
    """For each axis of the tensor, the batch left out, which axis of the operation's result it is."""
    groups: int = 0
    """Of a view (groups, channels of a group, height, width); negative once those two are exchanged."""


class NoForm(Exception):
    """An operator has no form here; the message is the reason, one phrase."""


class GraphBuilder:
    """Writes a graph. Its methods raise ``NoForm`` where there is no operation for what is asked."""

    def __init__(self, input_shape: tuple[int, ...]) -> None:
        self.input_shape = input_shape
        self.operations: dict[str, Operation] = {}
        self.place: tuple[str, tuple[str, ...], str] = ("", (), "")
        """Name, modules and operator of what is being written."""

    def at(self, name: str, scope: tuple[str, ...], source: str) -> None:
        """Say where the operations that follow come from."""
        self.place = (name, scope, source)

    def add(
        self,
        kind: str,
        inputs: Sequence[Value],
        shape: tuple[int, ...],
        settings: Mapping[str, Any] | None = None,
        tensors: Mapping[str, str] | None = None,
        axes: tuple[int, ...] | None = None,
    ) -> Value:
        """Write one operation, under the name that was said or, where that is taken, that with a number."""
        said, scope, source = self.place
        name, count = said, 1
        while name in self.operations or name == Graph.INPUT:
            count += 1
            name = f"{said}:{count}"
        self.operations[name] = Operation(
            name=name, kind=kind, inputs=tuple(each.operation for each in inputs), shape=shape,
            settings=settings or {}, tensors=tensors or {}, scope=scope, source=source,
        )  # fmt: skip
        return Value(name, tuple(range(len(shape))) if axes is None else axes)

    def shape_of(self, value: Value) -> tuple[int, ...]:
        """The shape of the operation's own result, whatever the order of the value's axes."""
        return self.input_shape if value.operation == Graph.INPUT else self.operations[value.operation].shape

    def sizes_of(self, value: Value) -> tuple[int, ...]:
        """The shape of a value as it lies, without the batch."""
        whole = self.shape_of(value)
        if value.groups:
            groups = abs(value.groups)
            split = (groups, whole[0] // groups)
            return (*(split if value.groups > 0 else split[::-1]), *whole[1:])
        return tuple(whole[axis] for axis in value.axes)

    def plain(self, value: Value) -> Value:
        """A value whose axes lie as its operation has them."""
        if value.groups or value.axes != tuple(range(len(value.axes))):
            return self.add("permute", (value,), self.sizes_of(value), {"order": value.axes})
        return value

    def is_map(self, value: Value) -> Value:
        """A map of channels, height and width, in this order."""
        if value.groups or value.axes != CHW:
            raise NoForm(NO_MAP)
        return value

    def same(self, kind: str, x: Value, settings: Mapping[str, Any], tensors: Mapping[str, str] | None = None) -> Value:
        """An operation that changes no shape and minds no order of axes."""
        if x.groups:
            raise NoForm(NO_MAP)
        return self.add(kind, (x,), self.shape_of(x), settings, tensors, x.axes)

    def scale(self, x: Value, factor: float) -> Value:
        """A map times a number."""
        return x if factor == 1 else self.same("scale", x, {"factor": float(factor)})

    def linear(self, x: Value, outputs: int, tensors: Mapping[str, str]) -> Value:
        """Over the features of a vector, or the channels of each place: a 1×1 convolution."""
        if x.groups:
            raise NoForm(NO_MAP)
        if len(x.axes) == 1:
            return self.add("linear", (x,), (outputs,), {}, tensors)
        if x.axes[-1:] != (0,):
            raise NoForm("it mixes the places of a map")
        return self.add("conv", (x,), (outputs, *self.shape_of(x)[1:]), POINTWISE, tensors, x.axes)

    def pool_places(self, x: Value, axes: Sequence[int], kind: str, *, keep: bool) -> Value:
        """The mean or maximum over height and width; ``axes`` count the batch."""
        reduced = {x.axes[each % (len(x.axes) + 1) - 1] for each in axes if each % (len(x.axes) + 1)}
        if x.groups or len(x.axes) != 3 or reduced != {1, 2} or len(axes) != 2:
            raise NoForm("only the mean or maximum over all places has a form here")
        channels = self.shape_of(x)[0]
        settings = {"kind": kind, "output_size": (1, 1)}
        pooled = self.add("adaptive_pool", (x,), (channels, 1, 1), settings, axes=x.axes)
        return pooled if keep else self.add("flatten", (pooled,), (channels,))

    def join(self, kind: str, x: Value, y: Value) -> Value:
        """The sum or product of two maps, one of which may be laid over the other."""
        if x.groups or y.groups:
            raise NoForm(NO_MAP)
        if x.axes != y.axes:
            raise NoForm("it joins maps whose axes are in different orders")
        one, other = self.shape_of(x), self.shape_of(y)
        if len(one) != len(other) or any(a != b and 1 not in (a, b) for a, b in zip(one, other, strict=True)):
            raise NoForm(f"it joins maps of {_times(one)} and {_times(other)}")
        return self.add(kind, (x, y), tuple(map(max, one, other)), axes=x.axes)

    def concat(self, values: Sequence[Value], axis: int) -> Value:
        """Maps behind one another along an axis, which must be that of the channels; the batch is axis 0."""
        axes = values[0].axes
        axis %= len(axes) + 1
        if any(each.axes != axes or each.groups for each in values) or axis == 0 or axes[axis - 1] != 0:
            raise NoForm("only a concatenation of channels has a form here")
        shapes = [self.shape_of(each) for each in values]
        if any(each[1:] != shapes[0][1:] for each in shapes):
            raise NoForm(f"it joins maps of {' and '.join(map(_times, shapes))}")
        if len(values) == 1:
            return values[0]
        return self.add("concat", values, (sum(each[0] for each in shapes), *shapes[0][1:]), axes=axes)

    def cut(self, x: Value, axis: int, start: int, stop: int) -> Value:
        """Some of the channels; the batch is axis 0."""
        sizes = self.sizes_of(x)
        axis %= len(sizes) + 1
        whole = sizes[axis - 1] if axis else 0
        if (start, stop) == (0, whole):
            return x
        if x.groups or axis == 0 or x.axes[axis - 1] != 0 or not 0 <= start < stop <= whole:
            raise NoForm("only a cut of channels has a form here")
        shape = (stop - start, *self.shape_of(x)[1:])
        return self.add("slice", (x,), shape, {"start": start, "stop": stop}, axes=x.axes)

    def pad(self, x: Value, sides: tuple[tuple[int, int], tuple[int, int]], value: float) -> Value:
        """A map with so many rows before and behind it, and columns, of a number."""
        channels, height, width = self.shape_of(self.is_map(x))
        if min(map(min, sides)) < 0:
            raise NoForm("padding below 0, which cuts, has no form here")
        if not any(map(any, sides)):
            return x
        shape = (channels, height + sum(sides[0]), width + sum(sides[1]))
        return self.add("pad", (x,), shape, {"padding": sides, "value": float(value)})

    def lies_by_channel(self, x: Value, count: int, shape: Sequence[int]) -> bool:
        """Whether so many numbers, in a tensor of this shape that is laid over a map, are one for each channel."""
        if x.groups or 0 not in x.axes:
            raise NoForm(NO_MAP)
        channels, at = self.shape_of(x)[0], x.axes.index(0) - len(x.axes)
        return count == channels and -at <= len(shape) <= len(x.axes) + 1 and shape[at] == channels

    def permute(self, x: Value, order: Sequence[int]) -> Value:
        """Axes in another order; the batch is axis 0 and stays first."""
        if x.groups:
            if tuple(order) == (0, 2, 1, 3, 4):
                return Value(x.operation, x.axes, -x.groups)
            raise NoForm("this order of axes has no form here")
        if len(order) != len(x.axes) + 1 or sorted(order) != list(range(len(order))) or order[0] != 0:
            raise NoForm("this order of axes has no form here")
        return Value(x.operation, tuple(x.axes[each - 1] for each in order[1:]))

    def channel_conv(self, x: Value, kernel: int, padding: int, tensors: Mapping[str, str]) -> Value:
        """A convolution over a row of channels that keeps their number."""
        shape = self.sizes_of(x)
        if len(shape) != 2 or shape[0] != 1 or kernel != 2 * padding + 1 or "bias" in tensors:
            raise NoForm(NO_CHANNEL_CONV)
        if self.shape_of(x) != shape:  # a column turned: its numbers lie as they are
            x = self.add("reshape", (x,), shape, {"shape": shape})
        return self.add("channel_conv", (x,), shape, {"kernel": kernel}, tensors)

    def view(self, x: Value, shape: tuple[int, ...]) -> Value:
        """The same numbers in another form, without the batch."""
        whole = self.shape_of(x)
        if prod(shape) != prod(whole):
            raise NoForm("it mixes the images of a batch")
        if x.groups:
            if x.groups < 0 and shape == whole:
                return self.add("channel_shuffle", (x,), whole, {"groups": -x.groups})
            if x.groups > 0 and shape == whole:
                return Value(x.operation)
            raise NoForm("this form has no form here")
        if x.axes == CHW and len(shape) == 4 and shape[0] * shape[1] == whole[0] and shape[2:] == whole[1:]:
            return Value(x.operation, CHW, shape[0])
        if self.sizes_of(x) == shape:
            return x
        if len(shape) == 1 and len(whole) == 3 and (x.axes == CHW or whole[1:] == (1, 1)):
            return self.add("flatten", (x,), shape)
        if _is_row(whole, shape):
            return self.add("reshape", (x,), shape, {"shape": shape})
        raise NoForm("this form has no form here")


def _is_row(whole: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether a vector, a row or column of channels or a map of 1×1 becomes another of these."""
    count = prod(whole)
    forms = ((count,), (1, count), (count, 1), (count, 1, 1))
    return whole in forms and shape in forms


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))
