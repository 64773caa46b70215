"""Names in sources: which torch keeps for itself, what a chain of named layers looks like, what a class is called."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from ._code import Argument, Call, Code, call, is_plain_name, name_class
from ._source_tree import Place

_USUAL = (
    "", "block", "blocks", "body", "branch", "branches", "children", "conv", "features", "layer", "layers", "net",
    "stage", "stages",
)  # fmt: skip
"""Names of nodes that say nothing of what they are."""


def write_chain(names: list[str], layers: tuple[Argument, ...]) -> Code:
    """Write layers one after another, under their names.

    Args:
        names: Of the layers.
        layers: Their code, each named by a text of Python.

    Returns:
        nn.Sequential where it takes these names, else a class of ours.
    """
    if not names:
        return "nn.Sequential()"
    if set(names) & reserved_names():
        return call("Chain", Call("{", layers, "}"))
    if are_numbers(names):
        return Call("nn.Sequential(", tuple(Argument(each.value, "", each.comment) for each in layers))
    if all(map(is_plain_name, names)):
        plain = tuple(Argument(each.value, name, each.comment) for name, each in zip(names, layers, strict=True))
        return call("nn.Sequential", Call("OrderedDict(", plain))
    return call("nn.Sequential", call("OrderedDict", Call("{", layers, "}")))


def are_numbers(names: list[str]) -> bool:
    """Whether they are the names that nn.Sequential gives."""
    return bool(names) and names == [str(index) for index in range(len(names))]


def name_block(places: list[Place]) -> tuple[str, ...]:
    """Find names for a class: what its nodes' names begin with, or what it is, perhaps behind the name of its parent.

    Args:
        places: The blocks that are of that class.

    Returns:
        Names, the best one first; other classes may have them, too.
    """
    paths = [place.path.split("/") for place in places]
    own, *parents = [_find_stem({path[-level] for path in paths}) for level in range(1, min(map(len, paths)) + 1)]
    parent = next((stem for stem in parents if stem), "")
    kind = own or _name_kind(places[0].node)
    if own or places[0].node.op == "residual" or not parent:
        return kind, f"{parent}{kind}"
    return f"{parent}{kind}", kind


def _find_stem(names: set[str]) -> str:
    """What names begin with, as the name of a class; '' where it says nothing."""
    first, last = min(names), max(names)
    shared = next((index for index, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    stem = first if len(names) == 1 else first[:shared].rstrip("_")
    if stem.lower() in _USUAL or not stem[:1].isalpha() or len(re.sub("[^A-Za-z0-9]", "", stem)) < 2:
        return ""
    return stem.upper() if len(stem) == 2 else name_class(stem)  # as SE and C3


def _name_kind(node: Any) -> str:
    """What a block is, by what it is made of."""
    if node.op == "parallel":
        return {"concat": "Branches", "add": "AddedBranches", "multiply": "Gate"}[node.fuse]
    inner = node
    while len(inner.nodes) == 1:
        inner = inner.nodes[0]
    convs = [each for each in inner.nodes if each.op == "conv"]
    narrow = [each.geometry.kernel == (1, 1) for each in convs]
    if narrow == [True, False, True] and convs[1].groups == "depthwise":
        return "InvertedResidual" if node.op == "residual" else "InvertedBottleneck"
    if node.op == "sequence":
        is_separable = narrow == [False, True] and convs[0].groups == "depthwise"
        return "SeparableConv" if is_separable else "Block"
    if narrow == [True, False, True]:
        return "Bottleneck"
    return "BasicBlock" if len(convs) == len(inner.nodes) == 2 else "ResidualBlock"


@cache
def reserved_names() -> frozenset[str]:
    """Names that torch keeps for itself: a part of a module cannot have them in the usual way."""
    from torch import nn

    return frozenset(dir(nn.Sequential()))
