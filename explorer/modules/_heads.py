"""Classifiers and auxiliary heads that differ from the network's: rebuilt where the file says all of them, else told.

A classifier is often exchanged to train on other classes: by a linear layer of another name, by one behind a dropout,
by several. What stands between linear layers is not in a file, so it is assumed and told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from ..architecture import Architecture, Linear, edit, walk
from ._match import Match, fits_shape, network_shapes, quote_names
from ._stored import StoredTensor

Naming = Callable[[str], str]
"""From our names of weights to the file's, without the prefix."""
_Tensors = dict[str, Any]


def fit_classifiers(match: Match, tensors: _Tensors, naming: Naming) -> None:
    """Take linear layers that stand in the file where the network has its classifiers, whatever they are called.

    Args:
        match: Is changed: what it found and lacks, what is unexpected, its architecture.
        tensors: Of the file, by its names.
        naming: How the file names the network's weights.
    """
    regions = _find_regions(match, naming)
    for path in edit.classifiers(match.architecture):
        head = next((each for each in regions if path.startswith(f"{each}/")), None)
        if _weight(match.architecture, path) in match.found or not _is_linear(match.architecture, path):
            continue
        if head:
            inside = {key: tensors[key] for key in match.unexpected if key.startswith(regions[head])}
        else:
            others = tuple(regions.values())
            inside = {key: tensors[key] for key in match.unexpected if not key.startswith(others)}
            if not inside and match.prefix:  # the trunk in one part of a module, its head in another
                inside = {key: tensors[key] for key in match.beside if isinstance(tensors[key], StoredTensor)}
        theirs = naming(f"{_dotted(path)}.linear.weight").removesuffix(".weight")
        if inside and (layers := _find_layers(match, theirs, inside)):
            _take_layers(match, path, theirs, layers)


def take_classes(match: Match) -> None:
    """As many outputs of the classifiers as the file has, where nothing else about them differs."""
    own = network_shapes(match.architecture)
    for path in edit.classifiers(match.architecture):
        name = _weight(match.architecture, path)
        given = match.found.get(name)
        if not isinstance(given, StoredTensor) or not given.shape or given.shape == own[name]:
            continue
        (before, *weights), (classes, *given_weights) = own[name], given.shape
        if given_weights != weights or classes < 1:
            continue
        try:
            match.architecture = edit.set_classes(match.architecture, classes, path)
        except ValueError:  # beyond the limits of an architecture; the shape is told to be wrong
            continue
        inside = any(path.startswith(f"{head}/") for head in _heads(match.architecture))
        what = f"the scores of the head {path.rpartition('/')[0]!r}" if inside else "the classes"
        match.conversions.append(f"{what} are {classes:,}, as in the file, not {before:,}")


def leave_out_heads(match: Match, naming: Naming) -> None:
    """Auxiliary heads of which the file has nothing, or others than the network's: they run in training only."""
    shapes = network_shapes(match.architecture)
    absent: list[str] = []
    other: list[str] = []
    for path, region in _find_regions(match, naming).items():
        under = [name for name in shapes if name.startswith(f"{_dotted(path)}.")]
        has = [name for name in under if name in match.found]
        beside = [key for key in match.unexpected if key.startswith(region)]
        lacks = [name for name in under if name in match.missing]
        fits = all(fits_shape(name, match.found[name], shapes[name]) for name in has)
        if not under or not (lacks or beside or not fits):
            continue
        (other if has or beside else absent).append(path)
        match.missing = [name for name in match.missing if name not in lacks]
        match.unexpected = [key for key in match.unexpected if key not in beside]
        match.found = {name: given for name, given in match.found.items() if name not in has}
        match.architecture = edit.remove(match.architecture, path)
    if absent:
        plural = "s" if len(absent) > 1 else ""
        match.conversions.append(
            f"the auxiliary head{plural} {quote_names(absent, 4)} left out: the file does not have "
            f"{'them' if plural else 'it'}, and only training uses {'them' if plural else 'it'}"
        )
    if other:
        match.notes.append(
            f"What the file has of {quote_names(other, 4)} does not fit the network's auxiliary "
            f"head{'s' if len(other) > 1 else ''} and was left out; only training uses it"
        )


# ---- the layers of a classifier -------------------------------------------------------------------------------------


def _find_layers(match: Match, theirs: str, inside: _Tensors) -> dict[str, _Tensors]:
    """The linear layers among tensors, each as its weight and bias; {} with ``match.reason`` if there are others."""
    layers: dict[str, _Tensors] = {}
    for key, value in inside.items():
        layer, _, word = key.rpartition(".")
        layers.setdefault(layer, {})[word] = value
    for layer, parts in layers.items():
        weight = parts.get("weight")
        matrix = isinstance(weight, StoredTensor) and len(weight.shape) == 2
        if not matrix or parts.keys() - {"weight", "bias"}:
            name = layer.removeprefix(match.prefix)
            match.reason = (
                f"{name!r}, where the network has its classifier {theirs!r}, is no linear layer; classifiers here are "
                f"linear layers alone, so train such a one on the features, or merge a batch norm into it"
            )
            return {}
    return layers


def _take_layers(match: Match, path: str, theirs: str, layers: dict[str, _Tensors]) -> None:
    """Linear layers of the file in place of those that the network lacks at the end of its trunk or of a head."""
    chain = _missing_chain(match, path)
    features = network_shapes(match.architecture)[f"{_dotted(chain[0])}.linear.weight"][1]
    order = _find_order(match, layers, features)
    if not order:
        return
    shown = [layer.removeprefix(match.prefix) for layer in order]
    if len(order) == len(chain):
        taken = f"the classifier {theirs!r}: if an activation stands beside it, the file does not say so"
        if len(order) > 1:
            taken = f"the linear layers {quote_names(chain, 4)}, in this order"
        match.conversions.append(f"{quote_names(shown, 4)} taken as {taken}")
    elif len(chain) == 1:
        try:
            chain = _insert_layers(match, path, [layers[layer] for layer in order[:-1]])
        except ValueError:  # beyond the limits of an architecture
            return
        match.notes.append(
            f"The file has {len(order)} linear layers ({quote_names(shown, 4)}) as its classifier, and so the network "
            f"got them; ReLU between them is assumed, since a file does not say what stands there: if it is something "
            f"else, build that head on the Design page and open the weights with that network"
        )
    else:
        return
    for layer, ours in zip(order, chain, strict=True):
        for word, tensor in layers[layer].items():
            match.found[f"{_dotted(ours)}.linear.{word}"] = tensor
            (match.unexpected if f"{layer}.{word}" in match.unexpected else match.beside).remove(f"{layer}.{word}")
    names = network_shapes(match.architecture)
    match.missing = [name for name in match.missing if name in names and name not in match.found]
    for ours in chain:
        _take_bias(match, ours)


def _missing_chain(match: Match, path: str) -> list[str]:
    """The linear layers up to a classifier that the file lacks, with nothing but dropout and activations between."""
    parent, _, name = path.rpartition("/")
    chain: list[str] = []
    nodes = list(edit.find(match.architecture, parent).nodes)
    for node in reversed(nodes[: [each.name for each in nodes].index(name) + 1]):
        inner = f"{parent}/{node.name}" if parent else node.name
        if isinstance(node, Linear) and f"{_dotted(inner)}.linear.weight" not in match.found:
            chain.insert(0, inner)
        elif node.op not in ("dropout", "activation"):
            break
    return chain


def _insert_layers(match: Match, path: str, hidden: Sequence[_Tensors]) -> list[str]:
    """Put linear layers with ReLU before a classifier. Returns the paths of all, in their order."""
    parent, _, name = path.rpartition("/")
    chain = []
    for number, parts in enumerate(hidden, 1):
        names = [node.name for node in edit.find(match.architecture, parent).nodes]
        node = Linear(
            name=edit.free_name(f"{name}_hidden{number}", set(names)), out_features=parts["weight"].shape[0],
            bias="bias" in parts, activation="relu",
        )  # fmt: skip
        match.architecture = edit.insert(match.architecture, parent, node, names.index(name))
        chain.append(f"{parent}/{node.name}" if parent else node.name)
    return [*chain, path]


def _take_bias(match: Match, path: str) -> None:
    """A layer that was taken has a bias or none, as the file has it."""
    name = f"{_dotted(path)}.linear.bias"
    node = edit.find(match.architecture, path)
    has_bias = name in match.found
    if has_bias != node.bias:
        match.architecture = edit.replace(match.architecture, path, bias=has_bias)
        match.missing = [each for each in match.missing if each != name]
        match.conversions.append(f"{path!r} has {'a' if has_bias else 'no'} bias, as in the file")


def _find_order(match: Match, layers: dict[str, _Tensors], features: int) -> list[str]:
    """The order in which layers follow one another; [] if there is none, or sizes and names leave several.

    The order of the file says nothing: safetensors has none.
    """
    by_name = sorted(layers, key=_by_number)
    shapes = [layers[layer]["weight"].shape for layer in by_name]
    if all(re.search(r"\d", layer.removeprefix(match.prefix)) for layer in by_name):
        return by_name if _follow(by_name, layers, features) else []
    if len(set(shapes)) < len(shapes):
        match.reason = f"the order of its linear layers {quote_names(by_name, 4)} cannot be told; number them"
        return []
    chain: list[str] = []
    while len(chain) < len(by_name):
        fitting = [layer for layer in by_name if layer not in chain and layers[layer]["weight"].shape[1] == features]
        if len(fitting) != 1:
            return []
        chain += fitting
        features = layers[fitting[0]]["weight"].shape[0]
    return chain


def _follow(order: Sequence[str], layers: dict[str, _Tensors], features: int) -> bool:
    """Whether each layer takes what the one before it gives."""
    shapes = [layers[layer]["weight"].shape for layer in order]
    return shapes[0][1] == features and all(after[1] == before[0] for before, after in pairwise(shapes))


def _by_number(layer: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", layer)]


def _find_regions(match: Match, naming: Naming) -> dict[str, str]:
    """Each auxiliary head, and how the names of its weights begin in the file."""
    names = network_shapes(match.architecture)
    regions = {}
    for path in _heads(match.architecture):
        first = next((name for name in names if name.startswith(f"{_dotted(path)}.")), f"{_dotted(path)}.")
        regions[path] = f"{match.prefix}{naming(first).partition('.')[0]}."
    return regions


def _heads(architecture: Architecture) -> list[str]:
    return [path for path, node in walk(architecture) if node.op == "auxiliary"]


def _is_linear(architecture: Architecture, path: str) -> bool:
    return isinstance(edit.find(architecture, path), Linear)


def _weight(architecture: Architecture, path: str) -> str:
    """Name of the weight of a classifier, a linear layer or a convolution."""
    return f"{_dotted(path)}.{'linear' if _is_linear(architecture, path) else 'conv'}.weight"


def _dotted(path: str) -> str:
    return path.replace("/", ".")
