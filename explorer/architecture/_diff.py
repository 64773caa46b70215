"""What changed between two architectures, by path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..text import format_setting
from ._architecture import Architecture, walk
from ._node_base import NodeBase


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference. For ``changed``, ``field`` went from ``before`` to ``after``."""

    path: str
    """Path of the node; '' for the network itself."""
    kind: Literal["added", "removed", "changed"]
    """What happened to the node."""
    field: str = ""
    """Name of the changed field; 'order' where children changed places."""
    before: Any = None
    """Value of the field before; the op of a removed node."""
    after: Any = None
    """Value of the field after; the op of an added node."""

    def __str__(self) -> str:
        if self.kind == "changed":
            where = self.path or "network"
            return f"{where}: {self.field} {format_setting(self.before)} → {format_setting(self.after)}"
        return f"{self.path}: {self.kind} {self.after or self.before}"


def settings_of(node: NodeBase) -> dict[str, Any]:
    """Collect the fields of a node except its name and its children.

    Args:
        node: Any node.

    Returns:
        Values by field name, ``op`` included.
    """
    return {name: getattr(node, name) for name in type(node).model_fields if name not in (node.child_field, "name")}


def diff(before: Architecture, after: Architecture) -> list[Change]:
    """Find what changed between two architectures, node by node.

    A container that was added or removed is one change; what is inside it is not listed again. Notes and provenance
    are not part of the network and are not compared.

    Args:
        before: The earlier architecture.
        after: The later one.

    Returns:
        Changes by path, in the order of ``after``, removals last; [] for equal networks.
    """
    changes = [
        Change(path="", kind="changed", field=field, before=getattr(before, field), after=getattr(after, field))
        for field in ("name", "input_shape")
        if getattr(before, field) != getattr(after, field)
    ]
    old, new = dict(walk(before)), dict(walk(after))
    for path, node in new.items():
        if path not in old:
            if path.rpartition("/")[0] not in new or path.rpartition("/")[0] in old:
                changes.append(Change(path=path, kind="added", after=node.op))
            continue
        was = old[path]
        if was is node:
            continue
        if type(was) is not type(node):
            changes.append(Change(path=path, kind="changed", field="op", before=was.op, after=node.op))
            continue
        a, b = settings_of(was), settings_of(node)
        changes += [
            Change(path=path, kind="changed", field=field, before=a[field], after=b[field])
            for field in a
            if a[field] != b[field]
        ]
    for path, node in old.items():
        parent = path.rpartition("/")[0]
        if path not in new and (parent not in old or parent in new):
            changes.append(Change(path=path, kind="removed", before=node.op))
    # Order among siblings matters only in a sequence, but a reader wants to see it anywhere.
    for path, node in [("", after.trunk), *new.items()]:
        earlier: NodeBase | None = before.trunk if path == "" else old.get(path)
        if earlier is None or earlier is node or not node.nodes or type(earlier) is not type(node):
            continue
        kept = [child.name for child in node.nodes if child.name in {other.name for other in earlier.nodes}]
        order = [child.name for child in earlier.nodes if child.name in {other.name for other in node.nodes}]
        if kept != order:
            changes.append(
                Change(path=path, kind="changed", field="order", before=", ".join(order), after=", ".join(kept))
            )
    return changes
