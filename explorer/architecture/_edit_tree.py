"""Edits of any node by its path; what ``edit`` offers, part one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import pydantic

from ..text import quote
from . import _limits as limits
from ._architecture import Architecture
from ._node_base import NodeBase
from ._nodes import NODE_KINDS, Parallel, Residual
from ._problems import ArchitectureError, Problem
from ._read_json import problems_of
from ._value import copy_without_checks

_SHOWN = 30
_Made = TypeVar("_Made")


def find(architecture: Architecture, path: str) -> Any:
    """Find the node at a path.

    Args:
        architecture: The network.
        path: Path of the node; '' is the trunk.

    Returns:
        The node.

    Raises:
        ArchitectureError: There is none; the message names the nearest parent and its children.
    """
    node: Any = architecture.trunk
    done: list[str] = []
    for name in path.split("/") if path else ():
        for child in node.nodes:
            if child.name == name:
                node = child
                break
        else:
            known = [child.name for child in node.nodes]
            held = ", ".join(known[:_SHOWN]) + (f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else "")
            where = "/".join(done)
            raise refuse(where, f"there is no {quote(name)} in {where or 'the trunk'}; it holds {held or 'nothing'}")
        done.append(name)
    return node


def find_inside(architecture: Architecture, path: str) -> Any:
    """The node at ``path``, which may not be the trunk itself."""
    if not path:
        raise refuse("", "name a node inside the network; the trunk itself is not edited this way")
    return find(architecture, path)


def find_run(architecture: Architecture, path: str, count: int = 1) -> tuple[Any, ...]:
    """Find a run: a node and the neighbours behind it.

    Args:
        architecture: The network.
        path: Path of the first node; not the trunk.
        count: How many nodes.

    Returns:
        The nodes in order.

    Raises:
        ArchitectureError: The path is not valid, there are not as many nodes, or they are branches side by side.
    """
    node = find_inside(architecture, path)
    parent = path.rpartition("/")[0]
    container = find(architecture, parent)
    at = [child.name for child in container.nodes].index(node.name)
    run: tuple[Any, ...] = container.nodes[at : at + count]
    if count < 1 or len(run) < count:
        raise refuse(path, f"there are no {count} nodes from here on; {parent or 'the trunk'} has {len(run)}")
    if count > 1 and isinstance(container, Parallel):
        raise refuse(parent, "branches stand side by side and are no run; take one of them, or the whole block")
    return run


def refuse(path: str, message: str) -> ArchitectureError:
    return ArchitectureError([Problem(path=path, message=message)])


def validate(make: Callable[[], _Made], data: object, path: str) -> _Made:
    try:
        return make()
    except pydantic.ValidationError as error:
        kind = NODE_KINDS.get(data.get("op", "")) if isinstance(data, dict) else None
        raise ArchitectureError(problems_of(error, data, kind or Architecture, path)) from None
    except ValueError as error:
        raise refuse(path, str(error)) from None


def _rebuild(architecture: Architecture, path: str, node: NodeBase, *, check: bool) -> Architecture:
    """``architecture`` with ``node`` at ``path``; ``check`` validates containers anew.

    Without ``check`` only the tuples along the path are new: changing a number inside a node cannot break a rule of its
    parents, and a ribbon asks for hundreds of such values.
    """
    chain = [architecture.trunk]
    names = path.split("/")
    for name in names[:-1]:
        chain.append(next(child for child in chain[-1].nodes if child.name == name))
    for depth in range(len(chain) - 1, -1, -1):
        parent, name = chain[depth], names[depth]
        nodes = tuple([node if child.name == name else child for child in parent.nodes])
        where = "/".join(names[:depth])
        if check:
            node = validate(partial(parent.with_nodes, nodes), None, where)
        else:
            field = parent.child_field or ""
            node = copy_without_checks(parent, **{field: nodes[0] if field == "body" else nodes})
    return _with_trunk(architecture, node, check=check)


def _with_trunk(architecture: Architecture, trunk: Any, *, check: bool = True) -> Architecture:
    if not check:
        return copy_without_checks(architecture, trunk=trunk)
    fields = {name: getattr(architecture, name) for name in Architecture.model_fields}
    return validate(lambda: Architecture(**{**fields, "trunk": trunk}), None, "")


def replace(architecture: Architecture, path: str, **fields: Any) -> Architecture:
    """Change fields of one node.

    >>> wider = replace(architecture, "inception_3a/branch_3x3/conv", out_channels=96)

    Args:
        architecture: What is edited; it stays as it is.
        path: The node; '' is the architecture itself, with its name, input_shape and notes.
        fields: New values of the node's fields.

    Returns:
        A new architecture that shares all other nodes with the old one.

    Raises:
        ArchitectureError: The path, a field or a value is not valid. That layers do not fit together is no error here.
    """
    if not path:
        values = {name: getattr(architecture, name) for name in Architecture.model_fields}
        data = {**values, **fields}
        return validate(lambda: Architecture(**data), data, "")
    node = find(architecture, path)
    values = {name: getattr(node, name) for name in type(node).model_fields}
    unknown = [name for name in fields if name not in values]
    if unknown:
        raise refuse(path, f"a {node.op} has no {quote(unknown[0])}; it has {', '.join(values)}")
    data = {**values, **fields}
    changed = validate(lambda: type(node)(**data), data, path)
    structural = "name" in fields or node.child_field in fields
    return _rebuild(architecture, path, changed, check=structural)


def put(architecture: Architecture, path: str, node: NodeBase) -> Architecture:
    """Put a node in the place of another one; it may have another kind and name.

    Args:
        architecture: What is edited; it stays as it is.
        path: Path of the node that is replaced; not the trunk.
        node: The new node.

    Returns:
        A new architecture that shares all other nodes with the old one.

    Raises:
        ArchitectureError: The path is not valid, a sibling has the name, or the network becomes too large.
    """
    old = find_inside(architecture, path)
    # Under the old name it breaks no rule of its parents; how many nodes there are is the architecture's own rule.
    same = node.name == old.name and node.extent == old.extent
    return _rebuild(architecture, path, node, check=not same)


def remove(architecture: Architecture, path: str, count: int = 1) -> Architecture:
    """Take a node away, or a run of neighbours.

    Args:
        architecture: What is edited; it stays as it is.
        path: Path of the first node; not the trunk.
        count: How many nodes.

    Returns:
        A new architecture that shares all other nodes with the old one.

    Raises:
        ArchitectureError: The path is not valid, there are not as many nodes, or the node is the last branch of a block
            or the body of a residual.
    """
    find_run(architecture, path, count)
    parent, _, name = path.rpartition("/")
    container = find(architecture, parent)
    if isinstance(container, Residual):
        raise refuse(path, "the body of a residual cannot be removed; remove or unwrap the residual instead")
    if isinstance(container, Parallel) and len(container.branches) == 1:
        raise refuse(path, "a block needs at least one branch; remove or unwrap the block instead")
    at = [child.name for child in container.nodes].index(name)
    return set_children(architecture, parent, container, [*container.nodes[:at], *container.nodes[at + count :]])


def insert(architecture: Architecture, parent: str, node: NodeBase, index: int | None = None) -> Architecture:
    """Add a node to a sequence or to parallel branches.

    Args:
        architecture: What is edited; it stays as it is.
        parent: Path of the container; '' is the trunk.
        node: The new child; it gets a number where a sibling has its name.
        index: Place among the children, the last by default.

    Returns:
        A new architecture that shares all other nodes with the old one.

    Raises:
        ArchitectureError: ``parent`` holds no list of nodes, or it or the network has as many as are allowed.
    """
    container = find(architecture, parent)
    if not container.child_field or isinstance(container, Residual):
        raise refuse(parent, f"a {container.op} does not hold a list of nodes")
    nodes = list(container.nodes)
    if isinstance(container, Parallel) and len(nodes) >= limits.MAX_BRANCHES:
        raise refuse(parent, f"a block has at most {limits.MAX_BRANCHES} branches, and this one has {len(nodes)}")
    named = with_name(node, free_name(node.name, {child.name for child in nodes}))
    nodes.insert(len(nodes) if index is None else index, named)
    return set_children(architecture, parent, container, nodes)


def set_children(architecture: Architecture, path: str, container: Any, nodes: list[NodeBase]) -> Architecture:
    changed = validate(lambda: container.with_nodes(tuple(nodes)), None, path)
    return _rebuild(architecture, path, changed, check=True) if path else _with_trunk(architecture, changed)


def with_name(node: Any, name: str) -> Any:
    if node.name == name:
        return node
    return copy_without_checks(node, name=name)


def free_name(name: str, taken: set[str]) -> str:
    """Find a name that is not taken, by putting a number behind it.

    Args:
        name: The name that is wanted.
        taken: Names of the siblings.

    Returns:
        ``name``, or with _2, _3 ... behind it the first that is not taken.
    """
    if name not in taken:
        return name
    stem, _, number = name.rpartition("_")
    stem = stem if number.isdigit() and stem else name
    return next(
        candidate
        for n in range(2, limits.MAX_NODES + 2)
        if (candidate := f"{stem[: limits.MAX_NAME - 5]}_{n}") not in taken
    )


def duplicate(architecture: Architecture, path: str, count: int = 1) -> Architecture:
    """Add a copy of a node, or of a run of neighbours, right behind it.

    Args:
        architecture: What is edited; it stays as it is.
        path: Path of the first node; not the trunk.
        count: How many nodes.

    Returns:
        A new architecture; the copies have a number behind their names.

    Raises:
        ArchitectureError: The path is not valid, there are not as many nodes, or the parent or the network has as many
            as are allowed.
    """
    run = find_run(architecture, path, count)
    parent = path.rpartition("/")[0]
    at = [child.name for child in find(architecture, parent).nodes].index(run[0].name) + count
    for index, node in enumerate(run):
        architecture = insert(architecture, parent, node, at + index)
    return architecture


def move(architecture: Architecture, path: str, by: int, count: int = 1) -> Architecture:
    """Move a node, or a run of neighbours, among its siblings; it stops at the ends.

    Args:
        architecture: What is edited; it stays as it is.
        path: Path of the first node; not the trunk.
        by: Places towards the end; negative towards the beginning.
        count: How many nodes.

    Returns:
        A new architecture that shares all nodes with the old one.

    Raises:
        ArchitectureError: The path is not valid, or there are not as many nodes.
    """
    run = find_run(architecture, path, count)
    parent = path.rpartition("/")[0]
    container = find(architecture, parent)
    old = [child.name for child in container.nodes].index(run[0].name)
    others = [*container.nodes[:old], *container.nodes[old + count :]]
    at = max(0, min(len(others), old + by))
    return set_children(architecture, parent, container, [*others[:at], *run, *others[at:]])


def rename(architecture: Architecture, path: str, name: str) -> Architecture:
    """Give a node another name.

    Args:
        architecture: What is edited; it stays as it is.
        path: Path of the node; '' is the architecture itself.
        name: The new name.

    Returns:
        A new architecture that shares all other nodes with the old one.

    Raises:
        ArchitectureError: The path or the name is not valid, or a sibling has the name.
    """
    return replace(architecture, path, name=name)


def transform(architecture: Architecture, change: Callable[[str, Any], Any], below: str = "") -> Architecture:
    """Change many layers at once.

    Args:
        architecture: What is edited; it stays as it is.
        change: Called as ``change(path, leaf)`` for every leaf; gives the new leaf, or the same, which stays shared.
        below: Path of the container in which leaves change; '' is the trunk.

    Returns:
        A new architecture that shares all unchanged nodes with the old one.

    Raises:
        ArchitectureError: The path is not valid, or a new leaf breaks a rule.
    """

    def visit(node: Any, path: str) -> Any:
        if not node.nodes and not node.child_field:
            return validate(lambda: change(path, node), None, path)
        nodes = tuple(visit(child, f"{path}/{child.name}" if path else child.name) for child in node.nodes)
        unchanged = all(a is b for a, b in zip(nodes, node.nodes, strict=True))
        return node if unchanged else node.with_nodes(nodes)

    changed = visit(find(architecture, below), below)
    return _rebuild(architecture, below, changed, check=True) if below else _with_trunk(architecture, changed)


def with_fields(node: Any, **fields: Any) -> Any:
    """Copy a node with other fields, validated.

    Args:
        node: Any node.
        fields: New values of its fields.

    Returns:
        The copy; the node itself where nothing would change.

    Raises:
        pydantic.ValidationError: A value is not valid.
    """
    values = {name: getattr(node, name) for name in type(node).model_fields}
    return node if {**values, **fields} == values else type(node)(**{**values, **fields})
