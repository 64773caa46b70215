"""What a captured graph's tensors are while it is translated, and the bookkeeping of the translation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from ._building import GraphBuilder, NoForm, Value
from ._graph import COMPUTED


class Translation(GraphBuilder):
    """What each value of torch's graph is among our operations; the handlers of operators are built on it."""

    def __init__(self, program: torch.export.ExportedProgram, module: nn.Module, input_shape: tuple[int, ...]) -> None:
        super().__init__(input_shape)
        self.program = program
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
        self.origins: dict[str, frozenset[str]] = {}

    def value_of(self, node: Any) -> Value | None:
        found = self.values.get(node.name) if isinstance(node, fx.Node) else None
        return found if isinstance(found, Value) else None

    def come_to(self, node: fx.Node) -> None:
        """Say that the operations that follow come from a node."""
        self.at(node.name, scope_of(node), source_of(node))

    def opaque(self, node: fx.Node, reason: str) -> Value:
        """Put an operation of no known kind in the place of a node."""
        inputs = [value for each in node.all_input_nodes if (value := self.value_of(each))]
        return self.add("opaque", inputs, shape_of_node(node), {"reason": reason})

    def key_of(self, node: Any) -> str | None:
        """The state-dict key of an argument that is a parameter or buffer."""
        if not isinstance(node, fx.Node):
            return None
        key = self.keys.get(node.name)
        return key if key in self.tensors else None

    def roles(self, **arguments: Any) -> dict[str, str]:
        """Tensors by role, those that are given."""
        found = {}
        for role, node in arguments.items():
            if node is None:
                continue
            key = self.key_of(node)
            if key is None:
                raise NoForm("its weights are computed, not stored")
            found[role] = key
        return found

    def fold(self, node: fx.Node) -> bool:
        """Compute what depends on nothing but the model's own tensors; whether it was that."""
        if not node.all_input_nodes or any(self.known(each) is None for each in node.all_input_nodes):
            return False
        arguments = fx.node.map_arg((node.args, dict(node.kwargs)), self.known)
        with torch.no_grad():
            result = node.target(*arguments[0], **arguments[1])  # type: ignore[operator]
        self.computed[node.name] = result
        if isinstance(result, Tensor):
            keys = [key for each in node.all_input_nodes if (key := self.key_of(each))]
            self.keys[node.name] = self.keep(node.name, result, keys)
        return True

    def keep(self, name: str, tensor: Tensor, keys: Sequence[str]) -> str:
        """Take in a tensor that is computed from others; its key."""
        key = f"{COMPUTED}{name}"
        self.tensors[key] = tensor
        self.origins[key] = frozenset().union(*(self.origins.get(each, {each}) for each in keys))
        return key

    def known(self, node: fx.Node) -> Any:
        if node.name in self.computed:
            return self.computed[node.name]
        key = self.key_of(node)
        return self.tensors[key] if key else self.constants.get(node.name)

    def evaluate(self, node: fx.Node, others: Mapping[str, Tensor]) -> Any:
        """Compute again what is computed from the model's tensors, with others in place of some."""
        if node.name in others:
            return others[node.name]
        if node.name not in self.computed:
            return self.known(node)
        arguments = fx.node.map_arg((node.args, dict(node.kwargs)), lambda each: self.evaluate(each, others))
        with torch.no_grad():
            return node.target(*arguments[0], **arguments[1])  # type: ignore[operator]


def source_of(node: fx.Node) -> str:
    return str(node.target)


def base_name(node: fx.Node) -> str:
    """The operator's name: "relu" of "aten.relu_.default"."""
    parts = source_of(node).split(".")
    name = parts[1] if len(parts) > 1 else parts[0]
    return name if name.startswith("_") else name.rstrip("_")


def named_arguments(node: fx.Node) -> dict[str, Any]:
    """Arguments by the names that the operator's schema gives them."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return dict(node.kwargs)
    names = [each.name for each in schema.arguments]
    return {**dict(zip(names, node.args, strict=False)), **node.kwargs}


def scope_of(node: fx.Node) -> tuple[str, ...]:
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path = stack[-1][0] if stack else ""
    return tuple(part.partition("@")[0] for part in path.split(".") if part)


def shape_of_node(node: fx.Node) -> tuple[int, ...]:
    value = node.meta.get("val")
    if isinstance(value, list | tuple):
        value = value[0]
    return tuple(int(each) for each in value.shape[1:]) if isinstance(value, Tensor) else ()


def input_size(node: fx.Node, dim: int) -> int:
    value = node.args[0].meta["val"]  # type: ignore[union-attr]
    return int(value.shape[dim])
