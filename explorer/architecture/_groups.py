"""Equal changes of several nodes, told as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ._changes import Change
from ._labels import count_nodes, node_label

_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class ChangeGroup:
    """One change, or several that did the same to different nodes."""

    changes: tuple[Change, ...]
    """In path order, at least one."""

    @property
    def headline(self) -> str:
        """'batch norm added to 57 convolutions', without their names; of a single change all of it."""
        first, count = self.changes[0], len(self.changes)
        if count == 1:
            return str(first)
        if first.kind == "renamed":
            return f"{count:,} renamed"
        nodes = count_nodes(first.op, count)
        if first.field == "norm" and "none" in (first.before, first.after):
            added = first.before == "none"
            return f"{first.after if added else first.before} norm {'added to' if added else 'removed from'} {nodes}"
        if first.field:
            same = ", which is the same" if first.kind == "rewritten" else ""
            return f"{first.setting} {'in' if first.kind in ('changed', 'rewritten') else 'at'} {nodes}{same}"
        if first.kind in ("added", "removed"):
            return f"{nodes} {first.kind}"
        return f"{nodes} {first.kind} {'by' if first.kind == 'replaced' else 'in'} {node_label(first.after)}"

    def __str__(self) -> str:
        if len(self.changes) == 1:
            return self.headline
        names = ", ".join(change.path for change in self.changes[:_NAMED])
        more = len(self.changes) - _NAMED
        return f"{self.headline}: {names}" + (f" and {more:,} more" if more > 0 else "")


def key_of(change: Change) -> tuple[Any, ...]:
    """What two changes have in common that did the same; a move is like no other."""
    if change.kind == "renamed" and change.path:
        return ("renamed",)
    if change.kind == "moved":
        return ("moved", change.path)
    return change.kind, change.op, change.field, change.before, change.after


def group_changes(changes: Iterable[Change]) -> list[ChangeGroup]:
    """Gather the changes that did the same to different nodes.

    >>> from explorer import catalog
    >>> from explorer.architecture import diff
    >>> found = diff(catalog.get("inception-block"), catalog.get("inception-block-bn"))
    >>> print(group_changes(found)[1])
    batch norm added to 6 convolutions: inception/branch_1x1, inception/branch_3x3/reduce, inception/branch_3x3/conv and 3 more

    Args:
        changes: What ``diff`` gives.

    Returns:
        Groups in the order of their first changes; every change is in one.
    """  # noqa: E501
    groups: dict[tuple[Any, ...], list[Change]] = {}
    for change in changes:
        groups.setdefault(key_of(change), []).append(change)
    return [ChangeGroup(changes=tuple(group)) for group in groups.values()]
