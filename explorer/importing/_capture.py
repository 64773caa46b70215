"""A module of the user's own process → Graph, through torch.export.

The module's Python is run once, on tensors without memory. This is for code that the user runs anyway, never for a
stranger's.
"""

from __future__ import annotations

import copy
import logging
import operator
import threading
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn

from ._building import NO_MAP, NoForm, Value
from ._capture_forms import JOINS, Forms
from ._capture_layers import ACTIVATIONS, Layers
from ._capture_values import base_name, named_arguments
from ._graph import Graph
from ._problem import ImportingError

logger = logging.getLogger(__name__)

_BATCH = 2
"""Images in the capture: one would be taken for an axis to drop."""
_UNCHANGED = (
    "contiguous", "clone", "alias", "detach", "to", "_to_copy", "lift_fresh_copy", "positive", "type_as",
    "expand", "expand_as",  # joins repeat what is of size 1
)  # fmt: skip
_VIEWS = ("view", "reshape", "unsqueeze", "squeeze", "_unsafe_view", "flatten", "expand")


_ALONE = threading.Lock()
"""torch.export keeps what it is doing for the whole process."""


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
    return translate(program, module, input_shape, name)


def translate(
    program: torch.export.ExportedProgram, module: nn.Module, input_shape: tuple[int, int, int], name: str
) -> Graph:
    """The graph of a captured program; its tensors are the module's own."""
    return _Translator(program, module, input_shape).run(name)


def _export(module: nn.Module, input_shape: tuple[int, int, int]) -> torch.export.ExportedProgram:
    failures = []
    for device in ("meta", "cpu"):  # some code asks its tensors for numbers, which those without memory do not have
        other = copy_on(module, device)
        image = torch.zeros(_BATCH, *input_shape, device=device, dtype=dtype_of(module))
        with _ALONE, warnings.catch_warnings(), torch.no_grad():
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


class _Translator(Layers, Forms):
    """From torch's operators to ours, one after another."""

    def run(self, name: str) -> Graph:
        images = list(self.program.graph_signature.user_inputs)
        if len(images) != 1:
            raise ImportingError(f"the model takes {len(images)} inputs; only one, a batch of images, can be imported")
        output = ""
        for node in self.program.graph.nodes:
            if node.op == "placeholder" and node.name == images[0]:
                self.values[node.name] = Value(Graph.INPUT)
            elif node.op == "call_function":
                self.come_to(node)
                try:
                    self.values[node.name] = self._translate(node)
                except NoForm as error:
                    self.values[node.name] = self.opaque(node, str(error))
            elif node.op == "output":
                results = _flat(node.args[0])
                if len(results) != 1:
                    raise ImportingError(f"the model gives {len(results)} tensors; only one can be imported")
                value = self.value_of(results[0])
                output = (self.plain(value) if value else self.opaque(node, NO_MAP)).operation
        channels, height, width = self.input_shape
        return Graph(
            name=name, input_shape=(channels, height, width), operations=tuple(self.operations.values()), output=output,
            tensors=self.tensors, origins=self.origins,
        )  # fmt: skip

    def _translate(self, node: fx.Node) -> Any:
        """What a node is: a value, a list of values, or None where it is no map."""
        if node.target is operator.getitem:
            return None if self.fold(node) else self._pick(*node.args)
        base, arguments = base_name(node), named_arguments(node)
        if base in ("_assert_tensor_metadata", "sym_size"):
            return None
        given = arguments.get("self", arguments.get("input"))
        x = self.value_of(given)
        if base in _VIEWS and x is None and (key := self.key_of(given)):
            self.fold(node)
            self.keys[node.name] = key  # still that parameter, in another form: layer scale is laid over maps so
            return None
        if base not in _UNCHANGED and self.fold(node):
            return None
        handler: Callable[..., Any] | None = getattr(self, f"_on_{base}", None)
        if handler is None and base not in (*_UNCHANGED, *ACTIVATIONS):
            raise NoForm("this operator has no form here")
        if x is None and base not in JOINS:
            raise NoForm(NO_MAP)
        if handler is not None:
            return handler(node, x, arguments)
        assert x is not None
        return x if base in _UNCHANGED else self.activate(x, ACTIVATIONS[base])

    def _pick(self, source: Any, index: Any) -> Any:
        parts = self.values.get(source.name) if isinstance(source, fx.Node) else None
        if isinstance(parts, list) and isinstance(index, int):
            return parts[index]
        raise NoForm("its input is no list")


def _flat(results: Any) -> list[Any]:
    if isinstance(results, list | tuple):
        return [each for part in results for each in _flat(part)]
    return [results]
