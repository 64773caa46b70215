"""Edits of runs: one node, or neighbours in one container; what ``edit`` offers, part three."""

from __future__ import annotations

from typing import Any, Literal, get_args

from ..text import quote
from . import _limits as limits
from ._architecture import Architecture, walk
from ._edit_tree import (
    find,
    find_inside,
    find_run,
    free_name,
    put,
    refuse,
    remove,
    set_children,
    validate,
    with_name,
)
from ._json import nodes_from_json, nodes_to_json
from ._node_base import NodeBase
from ._nodes import Auxiliary, Conv, Parallel, Residual, Sequence

Place = Literal["before", "after", "inside"]
"""Where nodes are inserted: beside a node, or as the last children of a container."""
WrapKind = Literal["residual", "parallel", "sequence"]
"""What a run can be wrapped in."""

_WRAPPED = {"residual": ("residual", "body"), "parallel": ("split", "branch_1"), "sequence": ("group", "")}
"""For each kind the name of the container around several nodes, and of what it holds."""


def insert_at(architecture: Architecture, place: Place, path: str, nodes: tuple[NodeBase, ...]) -> Architecture:
    """Insert nodes, one after another, beside a node or inside a container.

    Beside a node that is alone in its lane (a branch, or the body of a residual) the lane becomes a sequence of both.
    Inside a parallel they become one more branch.

    Args:
        architecture: What is edited; it stays as it is.
        place: 'before' or 'after' the node at ``path``, or 'inside' it, as its last children.
        path: Path of the node; '' is the trunk, in which one can only insert 'inside'.
        nodes: The new nodes, one at least; each gets a number where a sibling has its name.

    Returns:
        A new architecture that shares all other nodes with the old one.

    Raises:
        ArchitectureError: ``path`` names no such place, or the container or the network has as many nodes as are
            allowed.
    """
    if place not in get_args(Place):
        raise refuse(path, f"a place (={quote(place)}) is one of {', '.join(get_args(Place))}")
    if place == "inside":
        container = find(architecture, path)
        if not container.child_field or isinstance(container, Residual):
            raise refuse(path, f"a {container.op} does not hold a list of nodes; insert before or after it")
        return _splice(architecture, path, nodes, len(container.nodes), 0)
    node = find_inside(architecture, path)
    parent = path.rpartition("/")[0]
    container = find(architecture, parent)
    index = 1 if place == "after" else 0
    if isinstance(container, Parallel | Residual):
        if not isinstance(node, Sequence):
            inner = with_name(node, "branches" if isinstance(node, Parallel) else "first")
            architecture = put(architecture, path, Sequence(name=node.name, children=(inner,)))
        else:
            index *= len(node.children)
        return _splice(architecture, path, nodes, index, 0)
    at = [child.name for child in container.nodes].index(node.name)
    return _splice(architecture, parent, nodes, at + index, 0)


def _splice(
    architecture: Architecture, path: str, nodes: tuple[NodeBase, ...], index: int, replaced: int
) -> Architecture:
    """Put ``nodes`` among the children of a container, in the place of ``replaced`` of them."""
    container = find(architecture, path)
    before, after = container.nodes[:index], container.nodes[index + replaced :]
    if isinstance(container, Parallel):
        if len(before) + len(after) >= limits.MAX_BRANCHES:
            raise refuse(path, f"a block has at most {limits.MAX_BRANCHES} branches, and this one has as many")
        nodes = (_as_lane(nodes, nodes[0].name if len(nodes) == 1 else "branch"),)
    taken = {child.name for child in (*before, *after)}
    named = []
    for node in nodes:
        name = free_name(node.name, taken)
        taken.add(name)
        named.append(with_name(node, name))
    return set_children(architecture, path, container, [*before, *named, *after])


def _as_lane(nodes: tuple[Any, ...], name: str) -> Any:
    """What stands in a lane: one node, or a sequence of several."""
    return with_name(nodes[0], name) if len(nodes) == 1 else Sequence(name=name, children=nodes)


def relocate(architecture: Architecture, path: str, place: Place, target: str, count: int = 1) -> Architecture:
    """Move a run of nodes to another place, of the same or of another container.

    Args:
        architecture: What is edited; it stays as it is.
        path: Path of the first node; not the trunk.
        place: 'before' or 'after' the node at ``target``, or 'inside' it.
        target: Path of a node outside the run.
        count: How many nodes are moved.

    Returns:
        A new architecture. Moved nodes keep their names where no new sibling has them.

    Raises:
        ArchitectureError: A path or the place is not valid, the target lies in the run, or nothing would be left of a
            block or a residual.
    """
    run = find_run(architecture, path, count)
    find(architecture, target)
    parent = path.rpartition("/")[0]
    prefix = f"{parent}/" if parent else ""
    paths = [f"{prefix}{node.name}" for node in run]
    if target in paths and place != "inside":
        return architecture  # beside itself: where it is
    if any(target == each or target.startswith(f"{each}/") for each in paths):
        raise refuse(path, "a node cannot be moved into itself")
    return insert_at(remove(architecture, path, count), place, target, run)


def wrap(architecture: Architecture, path: str, kind: WrapKind, count: int = 1) -> Architecture:
    """Wrap a run in a residual, in a split of one branch, or in a sequence. ``unwrap`` undoes it.

    Args:
        architecture: What is edited; it stays as it is.
        path: Path of the first node; not the trunk.
        kind: 'residual' (with an identity as its shortcut), 'parallel' or 'sequence'.
        count: How many nodes are wrapped.

    Returns:
        A new architecture. The container has the name of the one node that it holds.

    Raises:
        ArchitectureError: The path or the kind is not valid, there are not as many nodes, they are branches side by
            side, or containers would be nested too deep.
    """
    if kind not in _WRAPPED:
        raise refuse(path, f"nothing is wrapped in a {quote(kind)}; known: {', '.join(_WRAPPED)}")
    run = find_run(architecture, path, count)
    several, inner = _WRAPPED[kind]
    parent, _, name = path.rpartition("/")
    container = find(architecture, parent)
    at = [child.name for child in container.nodes].index(name)
    siblings = {child.name for child in (*container.nodes[:at], *container.nodes[at + count :])}
    title = run[0].name if count == 1 else free_name(several, siblings)
    # A sequence is held as the only child of another: what a residual or a split holds is its sequence's children.
    held = with_name(run[0], inner) if count == 1 and not isinstance(run[0], Sequence) else None
    chain = Sequence(name=inner or title, children=run)
    wrapped: NodeBase = chain
    if kind == "residual":
        fields: Any = {"name": title, "body": held or chain, **norm_of_first_conv(chain)}
        wrapped = validate(lambda: Residual(**fields), fields, path)
    elif kind == "parallel":
        wrapped = Parallel(name=title, branches=(held or chain,))
    if isinstance(container, Residual):
        return put(architecture, path, wrapped)
    return set_children(
        architecture, parent, container, [*container.nodes[:at], wrapped, *container.nodes[at + count :]]
    )


def norm_of_first_conv(node: Any) -> dict[str, Any]:
    """The norm of the first convolution at or below a node, as fields of a residual around it: its projection's."""
    first = next((each for each in (node, *(inner for _, inner in walk(node))) if isinstance(each, Conv)), None)
    return {} if first is None else {name: getattr(first, name) for name in ("norm", "norm_eps", "norm_groups")}


def unwrap(architecture: Architecture, path: str) -> Architecture:
    """Put what a container holds in its place: the body of a residual, the only branch of a split, the layers of a
    sequence or of an auxiliary head.

    Args:
        architecture: What is edited; it stays as it is.
        path: Path of the container; not the trunk.

    Returns:
        A new architecture that shares all other nodes with the old one.

    Raises:
        ArchitectureError: The path is not valid, the node holds nothing, it has several branches, or it is a chain that
            is a branch or a body itself.
    """
    node = find_inside(architecture, path)
    parent = path.rpartition("/")[0]
    container = find(architecture, parent)
    lane = isinstance(container, Parallel | Residual)
    if not node.child_field:
        raise refuse(path, f"a {node.op} holds nothing that could take its place; choose what holds it")
    if isinstance(node, Parallel) and len(node.branches) > 1:
        many = len(node.branches)
        raise refuse(path, f"it has {many} branches, and one can take its place; remove the others first")
    if lane and isinstance(node, Sequence | Auxiliary) and len(node.children) != 1:
        raise refuse(path, f"its {len(node.children)} layers are one lane; unwrap {parent} instead")
    inner = node if isinstance(node, Sequence | Auxiliary) else node.nodes[0]
    held = inner.nodes if isinstance(inner, Sequence | Auxiliary) else (with_name(inner, node.name),)
    if lane:
        return put(architecture, path, _as_lane(held, node.name))
    at = [child.name for child in container.nodes].index(node.name)
    return _splice(architecture, parent, held, at, 1)


def copy(architecture: Architecture, path: str, count: int = 1) -> str:
    """Write a run of nodes as text, to be pasted into this or another network.

    Args:
        architecture: The network.
        path: Path of the first node; not the trunk.
        count: How many nodes.

    Returns:
        JSON.

    Raises:
        ArchitectureError: The path is not valid, or there are not as many nodes.
    """
    return nodes_to_json(find_run(architecture, path, count))


def paste(architecture: Architecture, place: Place, path: str, text: str) -> Architecture:
    """Insert what ``copy`` wrote.

    Args:
        architecture: What is edited; it stays as it is.
        place: 'before' or 'after' the node at ``path``, or 'inside' it.
        path: Path of the node; '' is the trunk.
        text: From ``copy``, or JSON of one node or of a network, of which the layers are inserted. It may come from a
            stranger.

    Returns:
        A new architecture. Its layers need not fit together.

    Raises:
        ArchitectureError: The text is something else, or the place is not valid.
    """
    nodes = nodes_from_json(text)
    if not nodes:
        raise refuse("", "the text holds no layers; copy a layer or a block first")
    return insert_at(architecture, place, path, nodes)
