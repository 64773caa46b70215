"""Lessons of the course notes as data: a layer's operations counted, a 1×1 by hand, and a 1×1 for a linear head."""

from __future__ import annotations

import random
from collections.abc import Sequence as Items
from dataclasses import dataclass

from ..analysis import analyze
from ..architecture import Architecture, Conv, Flatten, GlobalPool, Linear, Node, Sequence, edit, walk
from ..text import format_count, format_number

MAX_HEAD_CHANNELS = 32
MAX_HEAD_SIZE = 24


@dataclass(frozen=True, kw_only=True)
class LayerCount:
    """The operations of one layer, with its numbers written out."""

    path: str
    """Of the layer."""
    weights: int
    """Weights, no biases."""
    macs: int
    """Multiply-adds for one image, no biases."""
    weights_equation: str
    """'weights = 192 · 128 · 3 · 3 = 221,184'."""
    macs_equation: str
    """'MACs = 192 · 128 · 3 · 3 · 28 · 28 = 173,408,256'."""
    note: str
    """What is to be said of stride or groups; '' for nothing."""


def list_counted(architecture: Architecture) -> tuple[str, ...]:
    """List the layers whose operations can be counted by the formula: convolutions and linear layers.

    Args:
        architecture: The network.

    Returns:
        Their paths in execution order.
    """
    return tuple(path for path, node in walk(architecture) if isinstance(node, Conv | Linear))


def count_layer(architecture: Architecture, path: str) -> LayerCount:
    """Count a layer's operations as the course notes do: input channels · output channels · kernel · places.

    Args:
        architecture: The network.
        path: Path of a convolution or linear layer.

    Returns:
        The equations with the layer's numbers; their results equal those of ``analysis.analyze``.

    Raises:
        ArchitectureError: There is no node at ``path``, or the layers do not fit together.
        ValueError: The node is no convolution and no linear layer.
    """
    node = edit.find(architecture, path)
    if not isinstance(node, Conv | Linear):
        raise ValueError(
            f"{path or 'the trunk'} is a {node.op}; operations are counted of convolutions and linear layers"
        )
    layer = analyze(architecture).by_path[path]
    coming, leaving = layer.input_shape, layer.output_shape
    notes = []
    if isinstance(node, Linear):
        factors, places = [coming[0], leaving[0]], []
    else:
        groups = coming[0] if node.groups == "depthwise" else node.groups
        factors, places = [coming[0] // groups, leaving[0], *node.geometry.kernel], [*leaving[1:]]
        if groups > 1:
            notes.append(f"each output reads {coming[0] // groups} of {coming[0]} channels, for {groups} groups")
        if coming[1:] != leaving[1:]:
            notes.append(
                f"the places are those of the output, {leaving[1]} · {leaving[2]}; the notes' formula has those of the "
                f"input, {coming[1]} · {coming[2]}, which are as many only at stride 1 with padding"
            )
    weights = layer.weight_params
    return LayerCount(
        path=path,
        weights=weights,
        macs=layer.macs,
        weights_equation=f"weights = {_product(factors)} = {format_count(weights)}",
        macs_equation=f"MACs = {_product([*factors, *places])} = {format_count(layer.macs)}",
        note="; ".join(notes),
    )


def _product(factors: Items[int]) -> str:
    return " · ".join(map(format_count, factors))


@dataclass(frozen=True, kw_only=True)
class Mixing:
    """What a 1×1 convolution of one output channel makes of some maps, place by place."""

    sums: tuple[float, ...]
    """Before the activation."""
    outputs: tuple[float, ...]
    """Behind a ReLU."""
    equations: tuple[str, ...]
    """'0.5 · 1 + (−0.5) · 2 = −0.5, ReLU 0' of each place."""


def mix_channels(maps: Items[Items[float]], weights: Items[float], bias: float = 0.0) -> Mixing:
    """Compute a 1×1 convolution with one output channel by hand, and its ReLU.

    >>> mix_channels([[1.0], [2.0]], [0.5, -0.5]).equations
    ('0.5 · 1 + (−0.5) · 2 = −0.5, ReLU 0',)

    Args:
        maps: The places of each input channel, in any order that is the same for all.
        weights: One for each channel.
        bias: Added at each place.

    Returns:
        Sums, outputs and equations of each place.

    Raises:
        ValueError: The numbers of maps and weights differ, or the maps are not of one size.

    Source: Lin et al. 2014, "Network In Network", section 3; the numbers are those of the course notes 7.4.
    """
    if len(maps) != len(weights) or len({len(each) for each in maps}) != 1:
        raise ValueError(f"{len(maps)} maps need as many weights (there are {len(weights)}), and all one size")
    sums, equations = [], []
    for values in zip(*maps, strict=True):
        total = sum(weight * value for weight, value in zip(weights, values, strict=True)) + bias
        terms = [f"{_signed(weight)} · {_signed(value)}" for weight, value in zip(weights, values, strict=True)]
        if bias:
            terms.append(_signed(bias))
        sums.append(total)
        equations.append(f"{' + '.join(terms)} = {format_number(total)}, ReLU {format_number(max(0.0, total))}")
    outputs = tuple(max(0.0, total) for total in sums)
    return Mixing(sums=tuple(sums), outputs=outputs, equations=tuple(equations))


def _signed(value: float) -> str:
    text = format_number(value)
    return f"({text})" if value < 0 else text


@dataclass(frozen=True, kw_only=True)
class Head:
    """One way from maps to scores."""

    label: str
    """Its layers in order."""
    architecture: Architecture
    """The head as a network, for maps of the size that it was made for."""
    params: int
    """Parameters."""
    macs: int | None
    """MACs on maps of the other size; None where they do not fit."""
    problem: str
    """Why maps of the other size do not fit; '' where they do."""
    scores: tuple[float, ...]
    """What it gives for the example; () where there is none."""


def compare_heads(channels: int, classes: int, made_for: int, size: int, seed: int = 0) -> tuple[Head, ...]:
    """Compare linear heads with a 1×1 convolution in their place, on maps of another size than they were made for.

    The pooled linear layer and the pooled 1×1 have the same weights and the same example: random maps of the size.

    Args:
        channels: Channels of the maps that come in, up to 32.
        classes: Scores that go out.
        made_for: Side of the maps that the heads were made for, 8 to 24.
        size: Side of the maps that they are given.
        seed: Of the example's maps and weights.

    Returns:
        A flattened linear head, a pooled linear head, and a 1×1 with global pooling, in this order.

    Raises:
        ValueError: A number is outside its bounds.

    Source: Lin et al. 2014, "Network In Network", section 3.2.
    """
    for name, number, low, high in (
        ("channels", channels, 1, MAX_HEAD_CHANNELS), ("classes", classes, 2, 100),
        ("made_for", made_for, 8, MAX_HEAD_SIZE), ("size", size, 8, MAX_HEAD_SIZE),
    ):  # fmt: skip
        if not low <= number <= high:
            raise ValueError(f"{name} (={number}) must be from {low} to {high}")
    linear = Linear(name="scores", out_features=classes)
    pool, flatten = GlobalPool(name="pool"), Flatten(name="flatten")
    ways: tuple[tuple[str, tuple[Node, ...]], ...] = (
        ("flatten, linear", (flatten, linear)),
        ("global pooling, linear", (pool, flatten, linear)),
        ("1×1, global pooling", (Conv(name="scores", out_channels=classes, activation="none"), pool, flatten)),
    )
    pooled, mapped = _run_example(channels, classes, size, seed)
    scores = {"global pooling, linear": pooled, "1×1, global pooling": mapped}
    found = []
    for label, nodes in ways:
        network = Architecture(
            name=label, input_shape=(channels, made_for, made_for), trunk=Sequence(name="trunk", children=nodes)
        )
        params = analyze(network).params
        other = edit.replace(network, "", input_shape=(channels, size, size))
        now = analyze(other)
        # A linear layer takes what it is given when it is made; trained weights do not fit another number.
        problem = "" if now.params == params else _misfit(channels, made_for, size)
        found.append(
            Head(
                label=label, architecture=network, params=params, macs=None if problem else now.macs, problem=problem,
                scores=scores.get(label, ()),
            )
        )  # fmt: skip
    return tuple(found)


def _misfit(channels: int, made_for: int, size: int) -> str:
    return (
        f"its weights expect {format_count(channels * made_for * made_for)} numbers, maps of {size} × {size} give "
        f"{format_count(channels * size * size)}"
    )


def _run_example(channels: int, classes: int, size: int, seed: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Scores of the pooled linear layer, and of the pooled 1×1, with the same weights on the same maps."""
    random_ = random.Random(seed)
    maps = [[random_.gauss(0, 1) for _ in range(size * size)] for _ in range(channels)]
    weights = [[random_.gauss(0, channels**-0.5) for _ in range(channels)] for _ in range(classes)]
    biases = [random_.gauss(0, 0.1) for _ in range(classes)]
    means = [sum(each) / len(each) for each in maps]
    pooled, mapped = [], []
    for row, bias in zip(weights, biases, strict=True):
        pooled.append(sum(weight * mean for weight, mean in zip(row, means, strict=True)) + bias)
        at_places = [
            sum(weight * value for weight, value in zip(row, values, strict=True)) + bias
            for values in zip(*maps, strict=True)
        ]
        mapped.append(sum(at_places) / len(at_places))
    return tuple(pooled), tuple(mapped)
