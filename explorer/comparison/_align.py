"""Which node of one network is which of another, and the networks between the two.

Siblings are matched by name; what is left over, in order, by likeness (Needleman & Wunsch 1970): a renamed layer
is not a removed and an added one. A match is a ``Pair``; the differences are ``NodeChange``s with a bit each, and
``Pair.render`` gives the node with any subset of them applied. Names cost nothing, so the networks in between carry the
later network's names, and a dash before those of nodes that only the earlier one has.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import pydantic

from ..architecture import ArchitectureError, Problem, edit, settings_of, walk
from ..text import format_setting

ChangeKind = Literal["added", "removed", "changed", "replaced", "wrapped", "unwrapped", "moved", "renamed"]
_ALIGNED = 4_096
"""Pairs of leftover siblings that are compared; beyond that they count as removed and added."""


@dataclass(frozen=True, kw_only=True)
class NodeChange:
    """One difference. For ``changed``, ``field`` went from ``before`` to ``after``."""

    kind: ChangeKind
    """What happened to the node."""
    path: str
    """In the later network; of a removed node, its place there if it were kept. '' is the network itself."""
    field: str = ""
    """Name of the changed field."""
    before: Any = None
    """Its value before; what the node was where it was removed, replaced, renamed or moved."""
    after: Any = None
    """Its value after; what the node is now."""

    def __str__(self) -> str:
        where = self.path or "network"
        if self.kind == "changed":
            return f"{where}: {self.field} {format_setting(self.before)} → {format_setting(self.after)}"
        if self.kind in ("added", "removed"):
            return f"{where}: {self.kind} {self.after or self.before}"
        if self.kind == "renamed":
            return f"{where}: renamed from {self.before}"
        if self.kind == "moved":
            return f"{where}: moved from place {self.before} to {self.after}"
        return f"{where}: {self.before} {self.kind} {'by' if self.kind == 'replaced' else 'in'} {self.after}"


def rename(node: Any, name: str) -> Any:
    """The same node under another name, unchecked."""
    return node if node.name == name else edit.copy_without_checks(node, name=name)


@dataclass
class ChangeRecord:
    """The changes found so far, in path order; the place of each is its bit."""

    changes: list[NodeChange] = field(default_factory=list)

    def add(self, **facts: Any) -> int:
        """Note a change and return its bit."""
        self.changes.append(NodeChange(**facts))
        return 1 << (len(self.changes) - 1)


class _Move(NamedTuple):
    """A change among the children of a container."""

    bit: int
    what: Literal["add", "move", "remove"]
    entry: Any
    """The pair that moves, or the node that comes or goes."""
    anchor: Pair | None
    """The last child before its new place that stays where it is; None if it comes first."""


@dataclass
class Pair:
    """A node of the earlier network, under the later one's name, and the node of the later network that it became."""

    old: Any
    new: Any
    mask: int = 0
    """Bits of all changes in it."""
    swap: int = 0
    """Bit of the change that puts the new node in the old one's place as a whole; 0 if the node itself is kept."""
    fields: dict[str, int] = field(default_factory=dict)
    """Bits by changed field."""
    order: list[_Move] = field(default_factory=list)
    """Changes among the children, in the later network's order."""
    start: list[Any] = field(default_factory=list)
    """The earlier children: pairs, and nodes that will be removed."""
    _last: tuple[int, Any] = (0, None)

    def render(self, applied: int) -> Any:
        """The node with these changes applied. Raises ArchitectureError where its fields contradict."""
        now = applied & self.mask
        if not now:
            return self.old
        if now == self.mask:
            return self.new
        if self._last[0] != now:
            self._last = (now, self._between(now))
        return self._last[1]

    def _between(self, now: int) -> Any:
        if self.swap:
            return self.new if now & self.swap else self.old
        values = {name: getattr(self.new, name) for name, bit in self.fields.items() if bit & now}
        if not self.new.child_field:
            try:
                return edit.with_fields(self.old, **values)
            except pydantic.ValidationError as error:
                raise ArchitectureError([Problem(path="", message=str(error))]) from None
        nodes = [each.render(now) if isinstance(each, Pair) else each for each in self._children(now)]
        if self.new.op == "parallel" and not nodes:  # its old branches gone, the new ones not yet come
            raise ArchitectureError([Problem(path="", message="a block needs at least one branch")])
        values[self.new.child_field] = nodes[0] if self.new.child_field == "body" else tuple(nodes)
        return edit.copy_without_checks(self.old, **values)

    def _children(self, now: int) -> list[Any]:
        """The entries in the order that the applied changes give. All applied is the later network's order."""
        gone = {id(step.entry) for step in self.order if step.bit & now and step.what != "add"}
        behind: dict[int, list[Any]] = {}
        for step in self.order:
            if step.bit & now and step.what != "remove":
                behind.setdefault(id(step.anchor), []).append(step.entry)
        entries = behind.get(id(None), [])
        for entry in self.start:
            entries += [entry] if id(entry) not in gone else []
            entries += behind.get(id(entry), [])
        return entries


def align(old: Any, new: Any, path: str, record: ChangeRecord) -> Pair:
    """Match two nodes at a path of the later network, and note what differs between them."""
    if old.op != new.op:
        bit = record.add(kind=_exchange(old, new), path=path, before=old.op, after=new.op)
        return Pair(old=rename(old, new.name), new=new, mask=bit, swap=bit)
    pair = Pair(old=old, new=new)
    if old is new:
        return pair
    was, now = settings_of(old), settings_of(new)
    for name in was:
        if was[name] != now[name]:
            pair.fields[name] = record.add(kind="changed", path=path, field=name, before=was[name], after=now[name])
            pair.mask |= pair.fields[name]
    if not old.child_field:
        pair.old = rename(old, new.name)
        return pair
    _align_children(pair, path, record)
    nodes = tuple(each.old if isinstance(each, Pair) else each for each in pair.start)
    children = nodes[0] if old.child_field == "body" else nodes
    pair.old = edit.copy_without_checks(old, name=new.name, **{old.child_field: children})
    return pair


def _align_children(pair: Pair, path: str, record: ChangeRecord) -> None:
    old, new = pair.old.nodes, pair.new.nodes
    partner = _matches(old, new)  # place in new → place in old
    stay = _longest_rise([partner[place] for place in sorted(partner)])
    kept = set(partner.values())
    gone = [place for place in range(len(old)) if place not in kept]
    entries: dict[int, Any] = {place: rename(old[place], f"-{old[place].name}") for place in gone}

    anchor: Pair | None = None

    def remove(place: int) -> None:
        was = f"{path}/{old[place].name}" if path else old[place].name
        note(record.add(kind="removed", path=was, before=old[place].op), "remove", entries[place])

    def note(bit: int, what: Literal["add", "move", "remove"], entry: Any) -> None:
        pair.order.append(_Move(bit, what, entry, anchor))
        pair.mask |= bit

    for place, node in enumerate(new):
        below = f"{path}/{node.name}" if path else node.name
        mine = partner.get(place)
        if mine is None:
            note(record.add(kind="added", path=below, after=node.op), "add", node)
            continue
        while gone and mine in stay and gone[0] < mine:
            remove(gone.pop(0))
        if old[mine].name != node.name:
            record.add(kind="renamed", path=below, before=old[mine].name, after=node.name)
        moved = None if mine in stay else record.add(kind="moved", path=below, before=mine + 1, after=place + 1)
        inner = align(old[mine], node, below, record)
        pair.mask |= inner.mask
        entries[mine] = inner
        if moved is None:
            anchor = inner
        else:
            note(moved, "move", inner)
    for place in gone:
        remove(place)
    pair.start = [entries[place] for place in range(len(old))]


def _matches(old: tuple[Any, ...], new: tuple[Any, ...]) -> dict[int, int]:
    """For places in ``new`` the place in ``old`` of the node that it was: by name, then by likeness in order."""
    if len(old) == len(new) == 1:  # one became the other, whatever it is called now; a residual has no other choice
        return {0: 0}
    by_name = {node.name: place for place, node in enumerate(old)}
    found = {place: by_name[node.name] for place, node in enumerate(new) if node.name in by_name}
    taken = set(found.values())
    rows = [place for place in range(len(old)) if place not in taken]
    columns = [place for place in range(len(new)) if place not in found]
    if not rows or not columns or len(rows) * len(columns) > _ALIGNED:
        return found
    best = [[0.0] * (len(columns) + 1) for _ in range(len(rows) + 1)]
    alike = [[_likeness(old[row], new[column]) for column in columns] for row in rows]
    for i in range(len(rows)):
        for j in range(len(columns)):
            best[i + 1][j + 1] = max(best[i][j + 1], best[i + 1][j], best[i][j] + alike[i][j])
    i, j = len(rows), len(columns)
    while i and j:
        if alike[i - 1][j - 1] and best[i][j] == best[i - 1][j - 1] + alike[i - 1][j - 1]:
            i, j = i - 1, j - 1
            found[columns[j]] = rows[i]
        elif best[i][j] == best[i - 1][j]:
            i -= 1
        else:
            j -= 1
    return found


def _likeness(a: Any, b: Any) -> float:
    """0 for nodes of different kinds, up to 3 for equal ones."""
    if a.op != b.op:
        return 0.0
    was, now = settings_of(a), settings_of(b)
    share = sum(was[name] == now[name] for name in was) / len(was) if was else 1.0
    if not a.nodes or not b.nodes:
        return 1 + share + (not a.nodes and not b.nodes)
    inside, others = set(a.nodes), set(b.nodes)
    return 1 + share + len(inside & others) / len(inside | others)


def _longest_rise(numbers: list[int]) -> set[int]:
    """The most numbers that stand in rising order: those that did not move."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, number in enumerate(numbers):
        place = bisect_left(tails, number)
        before.append(ends[place - 1] if place else -1)
        if place == len(tails):
            tails.append(number)
            ends.append(index)
        else:
            tails[place], ends[place] = number, index
    kept = set()
    index = ends[-1] if ends else -1
    while index >= 0:
        kept.add(numbers[index])
        index = before[index]
    return kept


def _exchange(old: Any, new: Any) -> ChangeKind:
    """Whether one of two nodes of different kinds is the other with something around it."""
    # By hash: every node knows its own, so that nothing is compared in depth.
    if any(node.op == old.op and hash(rename(node, old.name)) == hash(old) for _, node in walk(new)):
        return "wrapped"
    if any(node.op == new.op and hash(rename(node, new.name)) == hash(new) for _, node in walk(old)):
        return "unwrapped"
    return "replaced"
