"""A network as other programs give it: operations on tensors, in the field's words, before it is a tree.

Every reader (a module captured by torch, an ONNX file) writes this form; the steps behind it do not know where a graph
came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

KINDS: Mapping[str, tuple[str, ...]] = {
    "conv": ("kernel_size", "stride", "padding", "dilation", "groups"),  # each (rows, columns); padding two pairs
    "linear": (),
    "batch_norm": ("eps",),
    "layer_norm": ("eps",),  # over the channels of each place
    "group_norm": ("eps", "groups"),
    "local_response_norm": ("size", "alpha", "beta", "k"),
    "activation": ("function",),  # by the names of explorer.architecture
    "max_pool": ("kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "avg_pool": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"),
    "adaptive_pool": ("kind", "output_size"),  # "avg" or "max"
    "add": (),  # of two or more maps, broadcast as in torch
    "multiply": (),
    "scale": ("factor",),  # by a tensor "weight", for each channel or one for all, else by a number; plus a "bias"
    "concat": (),  # of channels
    "slice": ("start", "stop"),  # of channels
    "channel_shuffle": ("groups",),
    "channel_conv": ("kernel",),  # of a row of channels, 1 × channels, with zeros at its ends
    "channel_attention": ("kernel",),  # of a map: its channels weighed by the sigmoid of such a one of their means
    "flatten": (),
    "dropout": ("p",),
    "pad": ("padding", "value"),  # two pairs
    "reshape": ("shape",),  # without the batch
    "permute": ("order",),  # without the batch, which stays first
    "opaque": (),  # anything else; ``source`` names it
}
"""The kinds of operations and their settings. Tensors are "weight", "bias", "running_mean", "running_var"."""

COMPUTED = "computed: "
"""Begins the key of a tensor that the model computes from its parameters."""
POINTWISE: Mapping[str, Any] = {
    "kernel_size": (1, 1), "stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1,
}  # fmt: skip
"""Settings of a 1×1 convolution."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operator of a network. It has one result."""

    name: str
    """Unique in the graph."""
    kind: str
    """One of ``KINDS``."""
    inputs: tuple[str, ...]
    """The operations whose results it reads, or ``Graph.INPUT``."""
    shape: tuple[int, ...]
    """Of its result, without the batch."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, str] = field(default_factory=dict)
    """For each role ("weight" …) the key of a tensor in ``Graph.tensors``."""
    scope: tuple[str, ...] = ()
    """The modules in which it was called, the outermost first, by their own names ("layer1", "0", "conv1")."""
    source: str
    """The operator in the words of where it came from, for messages: "aten.roll.default", "Conv"."""


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Operations in an order in which they can be computed."""

    INPUT = "input"
    """The name by which operations read the image."""

    name: str
    input_shape: tuple[int, int, int]
    """Channels, height and width."""
    operations: tuple[Operation, ...]
    output: str
    """The operation whose result is the model's answer."""
    tensors: Mapping[str, Tensor] = field(repr=False)
    """Parameters and buffers by the model's own keys."""
    origins: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """For each tensor that is computed the keys of those that it is computed from."""
