"""What can be done with the chosen nodes as a whole, and what is chosen after it was done."""

from __future__ import annotations

from typing import Any

from ..architecture import Architecture, ArchitectureError, Auxiliary, Parallel, Residual, Sequence, edit, walk
from ._commands import Command

_ADDING = ("insert", "paste", "add_branch", "duplicate", "relocate", "wrap", "unwrap")
"""Commands behind which that is chosen what was not there before."""


def describe_selection(architecture: Architecture, path: str, count: int = 1) -> dict[str, Any] | None:
    """Describe what can be done with a node, or with a run of neighbours, as a whole.

    Args:
        architecture: The network.
        path: Path of the first node; '' for none.
        count: How many nodes.

    Returns:
        Plain data: the paths, the name, what holds the node, its copy as text, and for each verb its command, None
        where it cannot be done. None where nothing is chosen.

    Raises:
        ArchitectureError: There are no such nodes.
    """
    if not path:
        return None
    run = edit.find_run(architecture, path, count)
    parent, _, name = path.rpartition("/")
    container = edit.find(architecture, parent)
    names = [child.name for child in container.nodes]
    at = names.index(name)
    prefix = f"{parent}/" if parent else ""
    parts = path.split("/")
    alone = isinstance(container, Residual) or (isinstance(container, Parallel) and len(names) == 1)
    chosen: Command = {"path": path, "count": count}

    def verb(do: str, able: bool = True, **more: Any) -> Command | None:
        return {"do": do, **chosen, **more} if able else None

    return {
        "path": path,
        "count": count,
        "paths": [f"{prefix}{node.name}" for node in run],
        "name": name if count == 1 else "",
        "around": [{"path": "/".join(parts[:depth]), "name": parts[depth - 1]} for depth in range(1, len(parts))],
        "side_by_side": isinstance(container, Parallel),
        "text": edit.copy(architecture, path, count),
        "earlier": verb("move", at > 0, by=-1),
        "later": verb("move", at + count < len(names), by=1),
        "duplicate": verb("duplicate", not isinstance(container, Residual)),
        "remove": verb("remove", not alone),
        "wrap": verb("wrap"),
        "unwrap": {"do": "unwrap", "path": path} if count == 1 and _can_unwrap(run[0], container) else None,
    }


def _can_unwrap(node: Any, container: Any) -> bool:
    if isinstance(node, Parallel):
        return len(node.branches) == 1
    if isinstance(node, Sequence | Auxiliary):
        return not isinstance(container, Parallel | Residual) or len(node.children) == 1
    return bool(node.child_field)


def find_run_between(architecture: Architecture, path: str, other: str) -> tuple[str, int]:
    """Find the run from one node to another.

    Args:
        architecture: The network.
        path: Path of the one node.
        other: Path of the other.

    Returns:
        (path of the first, number of nodes); the other alone where the two are no neighbours in one sequence.

    Raises:
        ArchitectureError: There is no such node.
    """
    for each in (path, other):
        edit.find_run(architecture, each)
    parent, _, name = path.rpartition("/")
    if parent != other.rpartition("/")[0] or not isinstance(edit.find(architecture, parent), Sequence | Auxiliary):
        return other, 1
    names = [child.name for child in edit.find(architecture, parent).nodes]
    first, last = sorted((names.index(name), names.index(other.rpartition("/")[2])))
    return "/".join(part for part in (parent, names[first]) if part), last - first + 1


def follow_selection(
    before: Architecture, after: Architecture, command: Command, path: str, count: int = 1
) -> tuple[str, int]:
    """Find what is chosen after a command: what was added or moved, the neighbour of what was removed, else the same.

    Args:
        before: The network before the command.
        after: The network after it.
        command: The command; it was carried out.
        path: Path of the first node that was chosen before, '' for none.
        count: How many were chosen.

    Returns:
        (path of the first node, number of nodes); '' where the network has no nodes.
    """
    verb = command["do"]
    if verb == "rename":
        parent, _, _ = str(command["path"]).rpartition("/")
        renamed = "/".join(part for part in (parent, str(command["value"]).strip()) if part)
        if path == command["path"] or path.startswith(f"{command['path']}/"):
            path = renamed + path[len(str(command["path"])) :]
    if verb in ("wrap", "unwrap") and _nearest(after, str(command["path"])) == command["path"]:
        return str(command["path"]), 1
    if verb in _ADDING:
        added = _added(before, after, command)
        return (added[0], len(added)) if added else (_nearest(after, str(command["path"])), 1)
    if verb == "remove":
        removed = {each for each, _ in walk(before)} - {each for each, _ in walk(after)}
        if path in removed:
            return _neighbour(before, after, str(command["path"])), 1
    found = _nearest(after, path)
    return found, count if found == path else 1


def _added(before: Architecture, after: Architecture, command: Command) -> list[str]:
    """Paths of what was added, neighbours in one container."""
    known = {each for each, _ in walk(before)}
    added = [each for each, _ in walk(after) if each not in known]
    parent = added[0].rpartition("/")[0] if added else ""
    added = [each for each in added if each.rpartition("/")[0] == parent]
    # A layer that was alone in its lane is now part of a sequence of its name: it is not new.
    lane = command.get("target", command.get("path")) == parent
    if lane and command.get("place") in ("before", "after") and edit.find(before, parent).op != "sequence":
        return added[:-1] if command["place"] == "before" else added[1:]
    return added


def _neighbour(before: Architecture, after: Architecture, path: str) -> str:
    """What stands where a node stood, else what stood before it, else what held it."""
    parent, _, name = path.rpartition("/")
    at = [child.name for child in edit.find(before, parent).nodes].index(name)
    left = [child.name for child in edit.find(after, parent).nodes]
    return "/".join(part for part in (parent, left[min(at, len(left) - 1)] if left else "") if part)


def _nearest(architecture: Architecture, path: str) -> str:
    """The path, or the nearest one above it that there is."""
    while path:
        try:
            edit.find(architecture, path)
        except ArchitectureError:
            path = path.rpartition("/")[0]
        else:
            return path
    return ""
