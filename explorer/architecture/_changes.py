"""A change as a value, its words, and what was gathered becoming changes: what goes here and comes there has moved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..text import format_setting
from ._labels import field_label
from ._matching import Census

ChangeKind = Literal[
    "added", "removed", "changed", "replaced", "wrapped", "unwrapped", "moved", "renamed", "rewritten"
]  # fmt: skip
NAMES_ONLY = ("renamed", "rewritten")
"""Kinds of changes after which the network computes what it did before."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference between two networks. For ``changed``, ``field`` went from ``before`` to ``after``."""

    path: str
    """In the later network; of a removed node, its place there if it were kept. '' is the network itself."""
    kind: ChangeKind
    """What happened to the node; 'rewritten' is a setting of one meaning, as padding 1 and 'same'."""
    op: str = ""
    """What kind of node it is, or was where it was removed or replaced; '' is the network itself."""
    field: str = ""
    """Name of the changed field; 'shortcut' or 'attention' where that was put around a node or taken away."""
    before: Any = None
    """Its value before; what the node was where it was removed, replaced or renamed. Of a node that moved its place
    among its siblings, counted from 1, or its path where it was in another container."""
    after: Any = None
    """Its value after; what the node is now; of one that moved, its place or its path."""
    edited: bool = False
    """Whether a container that moved to another one was changed within, too."""

    def __str__(self) -> str:
        where = self.path or "network"
        if self.field:
            same = ", which is the same" if self.kind == "rewritten" else ""
            return f"{where}: {self.setting}{same}"
        if self.kind == "renamed":
            return f"{where}: renamed from {self.before}"
        if self.kind == "moved":
            way = self.before if self.moved_elsewhere else f"place {self.before} to {self.after}"
            return f"{where}: moved from {way}{', and changed within' if self.edited else ''}"
        before, after = (str(kind or "").replace("_", " ") for kind in (self.before, self.after))
        if self.kind in ("added", "removed"):
            return f"{where}: {self.kind} {after or before}"
        return f"{where}: {before} {self.kind} {'by' if self.kind == 'replaced' else 'in'} {after}"

    @property
    def moved_elsewhere(self) -> bool:
        """Whether the node moved from one container to another."""
        return self.kind == "moved" and isinstance(self.before, str)

    @property
    def setting(self) -> str:
        """'kernel 5 → 3' of a changed field; '' of any other change."""
        if not self.field:
            return ""
        before, after = map(format_setting, (self.before, self.after))
        return f"{field_label(self.field, self.op)} {before} → {after}"


class Record:
    """The changes found so far, in path order; the place of each is its bit."""

    def __init__(self, census: Census) -> None:
        self.census = census
        self._changes: list[Change] = []
        self._gone: dict[int, Any] = {}
        self._come: dict[int, Any] = {}

    def add(self, **facts: Any) -> int:
        """Note a change and return its bit."""
        self._changes.append(Change(**facts))
        return 1 << (len(self._changes) - 1)

    def remove(self, path: str, node: Any) -> int:
        """Note that a node goes, and return its bit."""
        self._gone[len(self._changes)] = node
        return self.add(kind="removed", path=path, op=node.op, before=node.op)

    def insert(self, path: str, node: Any) -> int:
        """Note that a node comes, and return its bit."""
        self._come[len(self._changes)] = node
        return self.add(kind="added", path=path, op=node.op, after=node.op)

    def join_moves(self) -> tuple[tuple[Change, ...], tuple[int, ...]]:
        """Make one change of each two in which a node goes in one container and comes in another: an equal one, or a
        container of the same name and kind that was changed within.

        Returns:
            The changes, and the bits that each of them stands for.
        """
        moves = self._find_moves()
        taken = set(moves.values())
        changes, bits = [], []
        for place, change in enumerate(self._changes):
            if place in moves:
                before = self._changes[moves[place]].path
                edited = self._gone[moves[place]].structure != self._come[place].structure
                change = replace(change, kind="moved", before=before, after=change.path, edited=edited)
            if place not in taken:
                changes.append(change)
                bits.append(1 << place | (1 << moves[place] if place in moves else 0))
        return tuple(changes), tuple(bits)

    def _find_moves(self) -> dict[int, int]:
        """For places of nodes that come those where an equal one goes, which has the same name if there is one; else
        for a container one of its name and kind that shares a child with it."""
        keys: tuple[Callable[[Any], Any], ...] = (
            lambda node: (node.name, node.structure),
            lambda node: node.structure,
            lambda node: (node.name, node.op) if node.nodes else None,
        )
        moves: dict[int, int] = {}
        left = dict(self._gone)
        for key in keys:
            there: dict[Any, list[int]] = {}
            for place, node in left.items():
                there.setdefault(key(node), []).append(place)
            there.pop(None, None)
            for place, node in self._come.items():
                if place not in moves and there.get(key(node)) and _is_alike(left[there[key(node)][0]], node):
                    moves[place] = there[key(node)].pop(0)
                    del left[moves[place]]
        return moves


def _is_alike(old: Any, new: Any) -> bool:
    """Whether one is the other, or has a child of it."""
    inside = {child.structure for child in old.nodes}
    return old.structure == new.structure or any(child.structure in inside for child in new.nodes)
