"""Names in sources: which torch keeps for itself, what a chain of named layers looks like, what a class is called."""

from __future__ import annotations

import re
from functools import cache

from ._code import Argument, Call, Code, call, is_plain_name, name_class
from ._source_tree import Place


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
    if names == [str(index) for index in range(len(names))] and (len(names) > 1 or layers[0].comment):
        return Call("nn.Sequential(", tuple(Argument(each.value, "", each.comment) for each in layers))
    if all(map(is_plain_name, names)):
        plain = tuple(Argument(each.value, name, each.comment) for name, each in zip(names, layers, strict=True))
        return call("nn.Sequential", Call("OrderedDict(", plain))
    return call("nn.Sequential", call("OrderedDict", Call("{", layers, "}")))


def name_block(places: list[Place]) -> str:
    """Find the name of a class: what the nodes' names begin with, or what the block is.

    Args:
        places: The blocks that are of that class.

    Returns:
        A name; others may have it, too.
    """
    names = sorted({place.node.name for place in places})
    first, last = names[0], names[-1]
    shared = next((index for index, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    stem = first[:shared] if len(names) == 1 or len(places) == 1 else first[:shared].rstrip("_")
    usual = stem.lower() in ("", "body", "branch", "block", "children", "conv", "layer") or not stem[:1].isalpha()
    if len(re.sub("[^A-Za-z]", "", stem)) > 1 and not usual:
        return name_class(stem) or "Block"
    node = places[0].node
    if node.op == "parallel":
        return {"concat": "Branches", "add": "AddedBranches", "multiply": "Gate"}[node.fuse]
    if node.op == "sequence":
        return "Layers"
    windows = [each.geometry.kernel for each in node.body.nodes if each.op == "conv"]
    if len(windows) == len(node.body.nodes) == 3 and windows[0] == windows[2] == (1, 1) != windows[1]:
        return "Bottleneck"
    return "BasicBlock" if len(windows) == len(node.body.nodes) == 2 else "ResidualBlock"


@cache
def reserved_names() -> frozenset[str]:
    """Names that torch keeps for itself: a part of a module cannot have them in the usual way."""
    from torch import nn

    return frozenset(dir(nn.Sequential()))
