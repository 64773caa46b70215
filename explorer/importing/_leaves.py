"""One or several operations → a node without branches, with the tensors that it takes over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from pydantic import ValidationError

from .. import architecture as arch
from ._graph import Graph, Operation
from ._problem import DoesNotFit

NORMS = {"batch_norm": "batch", "layer_norm": "layer", "group_norm": "group"}
"""The kinds of operations that are norms, by the algebra's names."""


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One or several operations that are one node."""

    operations: tuple[Operation, ...]
    scope: tuple[str, ...]
    kind: str
    """What it is called where the model has no name for it."""
    make: Callable[[str], Any]
    tensors: Mapping[str, str] = field(default_factory=dict)
    """For each name of its state dict, below its path, the model's key."""


class LeafMaker:
    """Makes leaves of a graph's operations. It raises ``DoesNotFit`` where one has no form, or is beyond a limit."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.by_name = {each.name: each for each in graph.operations}
        self.inside: dict[tuple[str, ...], list[str]] = defaultdict(list)
        """For each module the operations in it."""
        for each in graph.operations:
            for depth in range(1, len(each.scope) + 1):
                self.inside[each.scope[:depth]].append(each.name)

    def shape_of(self, name: str) -> tuple[int, ...]:
        return self.graph.input_shape if name == Graph.INPUT else self.by_name[name].shape

    def _name_scope(self, operations: Sequence[Operation]) -> tuple[str, ...]:
        """Where a fused layer has its name from: the module that holds just these operations, else the first one's."""
        first = operations[0].scope
        common = common_scope(operations)
        names = {each.name for each in operations}
        return common if common and names.issuperset(self.inside[common]) else first

    def conv(self, operation: Operation, norm: Operation | None, act: Operation | None) -> Leaf:
        """A convolution with the norm and the activation behind it."""
        s, tensors = operation.settings, dict(operation.tensors)
        inputs = self.shape_of(operation.inputs[0])
        fields: dict[str, Any] = {
            "out_channels": operation.shape[0], "kernel_size": _size(s["kernel_size"]), "stride": _size(s["stride"]),
            "dilation": _size(s["dilation"]), "padding": _padding(s, inputs[1:]),
            "groups": "depthwise" if 1 < s["groups"] == inputs[0] else s["groups"],
            "activation": act.settings["function"] if act else "none",
        }  # fmt: skip
        taken = {f"conv.{role}": key for role, key in tensors.items()}
        if norm is not None:
            kind = NORMS[norm.kind]
            fields |= {"norm": kind, "norm_eps": norm.settings["eps"]}
            if kind == "group":
                fields["norm_groups"] = norm.settings["groups"]
            taken |= {f"{'bn' if kind == 'batch' else 'norm'}.{role}": key for role, key in norm.tensors.items()}
        if ("bias" in tensors) != (fields.get("norm") != "batch"):
            fields["bias"] = "bias" in tensors
        parts = tuple(each for each in (operation, norm, act) if each)
        return self._made(arch.Conv, fields, parts, "conv", taken)

    def linear(self, operation: Operation, act: Operation | None) -> Leaf:
        """A linear layer with the activation behind it."""
        fields: dict[str, Any] = {
            "out_features": operation.shape[0], "bias": "bias" in operation.tensors,
            "activation": act.settings["function"] if act else "none",
        }  # fmt: skip
        taken = {f"linear.{role}": key for role, key in operation.tensors.items()}
        return self._made(arch.Linear, fields, tuple(each for each in (operation, act) if each), "fc", taken)

    def _made(
        self, kind: Any, fields: Mapping[str, Any], parts: tuple[Operation, ...], name: str, tensors: Mapping[str, str]
    ) -> Leaf:
        def make(named: str) -> Any:
            try:
                return kind(name=named, **fields)
            except ValidationError as error:
                first = error.errors()[0]
                place = ".".join(map(str, first["loc"]))
                raise DoesNotFit(parts[0].name, f"{place} {first['msg'].removeprefix('Value error, ')}") from None

        return Leaf(operations=parts, scope=self._name_scope(parts), kind=name, make=make, tensors=tensors)

    def other(self, operation: Operation) -> Leaf:
        """An operation that is a node by itself."""
        kind, s = operation.kind, operation.settings

        def made(node: Any, name: str, tensors: Mapping[str, str] | None = None, **fields: Any) -> Leaf:
            return self._made(node, fields, (operation,), name, tensors or {})

        if kind in NORMS:
            of_groups: dict[str, Any] = {"groups": s["groups"]} if kind == "group_norm" else {}
            return made(arch.Norm, "norm", operation.tensors, kind=NORMS[kind], eps=s["eps"], **of_groups)
        if kind in ("max_pool", "avg_pool"):
            fields: dict[str, Any] = {"ceil_mode": True} if s.get("ceil_mode") else {}
            if not s.get("count_include_pad", True):
                fields["count_include_pad"] = False
            return made(
                arch.Pool, kind, kind="max" if kind == "max_pool" else "avg", kernel_size=_size(s["kernel_size"]),
                stride=_size(s["stride"]), padding=_padding(s, self.shape_of(operation.inputs[0])[1:], pool=True),
                **fields,
            )  # fmt: skip
        if kind == "adaptive_pool":
            return made(arch.GlobalPool, "pool", kind=s["kind"], output_size=_size(s.get("output_size", (1, 1))))
        if kind == "channel_attention":
            usual = arch.Attention(name="usual", kind="eca").channel_kernel_of(operation.shape[0])
            kernel = "auto" if s["kernel"] == usual else s["kernel"]
            taken = {"conv.weight": operation.tensors["weight"]}
            return made(arch.Attention, "attention", taken, kind="eca", channel_kernel=kernel)
        if kind == "activation":
            return made(arch.Activation, s["function"], kind=s["function"])
        if kind == "dropout":
            return made(arch.Dropout, "dropout", p=s["p"])
        if kind == "flatten":
            return made(arch.Flatten, "flatten")
        if kind == "local_response_norm":
            return made(arch.LocalResponseNorm, "lrn", size=s["size"], alpha=s["alpha"], beta=s["beta"], k=s["k"])
        if kind == "channel_shuffle":
            return made(arch.ChannelShuffle, "shuffle", groups=s["groups"])
        if kind == "slice":
            stop = "end" if s["stop"] == self.shape_of(operation.inputs[0])[0] else s["stop"]
            return made(arch.Slice, "slice", start=s["start"], stop=stop)
        if kind == "scale":
            weight, bias = (operation.tensors.get(role) for role in ("weight", "bias"))
            if weight is None:  # the last of a residual block's body is the block's own
                if bias and self.graph.tensors[bias].numel() < operation.shape[0]:
                    raise DoesNotFit(operation.name, "adding one learned number to all channels has no form here")
                name = "scale" if bias else "factor"
                return made(arch.Scale, name, operation.tensors, kind="fixed", init=s["factor"], bias=bias is not None)
            single = self.graph.tensors[weight].numel() < operation.shape[0]
            return made(
                arch.Scale, "scale", operation.tensors, kind="single" if single else "channel", bias=bias is not None
            )
        reasons = {
            "pad": "padding that no convolution or pooling takes over",
            "reshape": "this form has no form here",
            "permute": "this order of axes has no form here",
            "channel_conv": "a convolution over channels that is no efficient channel attention has no form here",
        }
        raise DoesNotFit(operation.name, str(s.get("reason") or reasons.get(kind, "this operator has no form here")))


def common_scope(operations: Sequence[Operation]) -> tuple[str, ...]:
    """The innermost module that holds all of them."""
    first = operations[0].scope
    count = len(first)
    for each in operations[1:]:
        same = takewhile(lambda pair: pair[0] == pair[1], zip(first, each.scope, strict=False))
        count = min(count, sum(1 for _ in same))
    return first[:count]


def _size(pair: Sequence[int]) -> Any:
    return pair[0] if pair[0] == pair[1] else tuple(pair)


def _padding(settings: Mapping[str, Any], size: Sequence[int], *, pool: bool = False) -> Any:
    """Padding as a field has it: 'same' where it is that, TensorFlow's where only that explains it, else numbers."""
    (top, bottom), (left, right) = settings["padding"]
    kernel, stride = settings["kernel_size"], settings["stride"]
    dilation = settings.get("dilation", (1, 1))
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    sides = ((top, bottom), (left, right))
    same = tuple((r // 2, r - r // 2) for r in reach)
    even = top == bottom and left == right
    if sides == same and (even or (not pool and tuple(stride) == (1, 1))):
        return "same"
    if even:
        return _size((top, left))
    if sides == tuple(arch.tf_same(n, r, s) for n, r, s in zip(size, reach, stride, strict=True)):
        return "tf_same"
    return sides
