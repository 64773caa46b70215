"""Backbone, neck and head of a network: which nodes of the trunk make maps, which prepare scores, which give them."""

from __future__ import annotations

from typing import Any, Literal

from ..architecture import Architecture, edit, walk
from ._readings import Analysis

Role = Literal["backbone", "neck", "head"]

ROLES: dict[Role, str] = {
    "backbone": "makes the maps: up to the last layer that reads more than one place of them",
    "neck": "what lies between: turns the last maps into what the head reads",
    "head": "gives the scores: the linear layers at the end, or the last 1×1 convolution and its pooling",
}
"""The parts, each with the rule by which it is told; auxiliary classifiers are heads, too."""

_BEHIND = {"linear", "dropout", "activation", "norm"}
"""What may stand among the linear layers of a head."""


def find_roles(architecture: Architecture, analysis: Analysis) -> dict[str, Role]:
    """Find backbone, neck and head by structure.

    The head begins at the first of the linear layers that end the network, or at its last convolution where a global
    pooling ends it. The backbone ends with the last layer before that whose window is larger than one place. A node
    that holds layers of several parts belongs to the first of backbone, head and neck that it has.

    Args:
        architecture: The network.
        analysis: Its analysis, from ``analyze``.

    Returns:
        The part of each column by its path; all is backbone where the network ends in maps.
    """
    columns = edit.columns(architecture)
    leaves = [
        (path, leaf)
        for path, node in columns.items()
        if node.op != "auxiliary"
        for leaf in ([each for _, each in walk(node, path) if not each.child_field] or [node])
    ]
    shape = analysis.output_shape
    first = len(leaves) if len(shape) == 3 and shape[1:] != (1, 1) else _begin_head([leaf for _, leaf in leaves])
    last = max((place for place, (_, leaf) in enumerate(leaves[:first]) if _reads_places(leaf)), default=-1)
    if first == len(leaves):
        last = first
    found: dict[str, Role] = {}
    order: tuple[Role, ...] = ("backbone", "head", "neck")
    for place, (name, _) in enumerate(leaves):
        role: Role = "backbone" if place <= last else "head" if place >= first else "neck"
        found[name] = min(role, found.get(name, role), key=order.index)
    return {path: found.get(path, "head") for path in columns}


def _begin_head(leaves: list[Any]) -> int:
    """Place of the head's first layer."""
    scorer = max((place for place, leaf in enumerate(leaves) if leaf.op in ("conv", "linear")), default=len(leaves))
    if scorer == len(leaves) or leaves[scorer].op == "conv":
        return scorer
    first = scorer
    for place in range(scorer, -1, -1):
        if leaves[place].op not in _BEHIND:
            break
        if leaves[place].op == "linear":
            first = place
    return first


def _reads_places(leaf: Any) -> bool:
    if leaf.op in ("conv", "pool"):
        return bool(leaf.geometry.kernel != (1, 1) or leaf.geometry.stride != (1, 1))
    return bool(leaf.op == "attention")
